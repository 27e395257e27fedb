/* SPDX-License-Identifier: Apache-2.0
 *
 * What the steps of a decision share. Nobody else includes this.
 *
 *     decide_token.c   steps that look at the token alone
 *     decide.c         steps that look at the request, and the decision
 */
#ifndef KEYHOLE_DECIDE_INTERNAL_H
#define KEYHOLE_DECIDE_INTERNAL_H

#include "decide.h"

struct judge {
    const struct decision_world *world;
    struct bytes text, wanted;
    struct facts facts; /* as given, with user and credential from the token */
    struct decision *out;
    struct decision_details *details;
    struct chain *chain; /* details->chain */
    bool want_trace, needs_body;
    struct bytes *group; /* room for POLICY_GROUPS_MAX, not cleared */
};

/* Every denial is made by one of these; they return false. */
KH_COLD bool decide_deny(struct judge *j, enum kh_reason reason, const char *detail);
KH_COLD bool decide_deny_fault(struct judge *j, enum kh_reason reason, const struct fault *fault);
/* A holder's text in a log or an answer: printable, and no token in it, not even an older one. */
KH_COLD bool decide_deny_text(struct judge *j, enum kh_reason reason, struct bytes text);

static inline void
decide_trace(struct judge *j, size_t condition, enum judgement judgement)
{
    j->details->trace.caveat[condition] = judgement;
}

static inline bool
decide_is_parent(const struct caveat *caveat)
{
    return caveat->predicate[0].attribute == ATTRIBUTE_PARENT;
}

/* A name that was checked to be one; longer ones are cut. */
static inline void
decide_keep_name(char out[DECISION_NAME_MAX + 1], struct bytes name)
{
    size_t n = name.n < DECISION_NAME_MAX ? name.n : DECISION_NAME_MAX;
    memcpy(out, name.p, n);
    out[n] = '\0';
}

/* Every predicate is a bound on time that has passed: nothing but another token can mend it. */
bool decide_is_over(const struct caveat *caveat, int64_t now);
/* Whether a discharge's parent is in the chain at all; where, token_verify has checked. */
bool decide_parent_holds(struct judge *j, const struct caveat *caveat);
/* With an empty name: the token for all that it is for. */
bool decide_is_revoked(struct judge *j, struct bytes credential);

/* Up to the revocation of the token. False: one of them denied. */
bool decide_token_steps(struct judge *j);
/* Claims of a forger are not to be mistaken for facts. */
void decide_forget_claims(struct judge *j);

#endif
