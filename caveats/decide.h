/* SPDX-License-Identifier: Apache-2.0
 *
 * The decision. There is one: the proxy, gateways, `explain` and the tests all come here.
 *
 * A request is allowed if and only if the chain verifies, every caveat holds, the organisation's
 * rules cover it, and nothing is revoked. Everything else, every error and every zeroed structure
 * included, is a denial.
 */
#ifndef KEYHOLE_DECIDE_H
#define KEYHOLE_DECIDE_H

#include "body_need.h"
#include "caveat.h"
#include "chain.h"
#include "counter.h"
#include "errors.h"
#include "facts.h"
#include "hole.h"
#include "policy.h"
#include "token.h"

/* What the caveat attribute `credential` is of a request to a host that is passed through. No
 * credential has that name. */
#define PASS_THROUGH_NAME "pass-through"

enum decision_verdict {
    DECISION_DENY = 0,
    DECISION_ALLOW = 0x600d, /* no small number: a stray 1 is no allow */
    /* No allow: nothing denies by what is known, and a caveat has to look at the body, which was
     * not read. Read what details->body_need says, and decide again. Whoever cannot do that
     * denies, for `reason`, which is KH_REASON_BODY_REQUIRED. */
    DECISION_NEED_BODY = 0xb0d7,
};

enum { DECISION_NAME_MAX = 64 };

struct decision {
    enum decision_verdict verdict;
    enum kh_reason reason; /* of a denial */
    bool identified;       /* what follows was authenticated by the chain */
    uint8_t token_id[TOKEN_ID_SIZE];
    uint8_t lineage[LINEAGE_ID_SIZE]; /* of the token as presented */
    int64_t issued_at, expires_at;
    int64_t recheck_at;     /* of an allow: judge again then, at the latest */
    uint32_t retry_after_s; /* of a denial that time will mend; else 0 */
    char user[DECISION_NAME_MAX + 1];
    char credential[DECISION_NAME_MAX + 1]; /* the one that was chosen */
    /* The caveat that failed as written, or what was wrong; printable, never a secret. Last, and
     * not cleared for every request. */
    char detail[CAVEAT_TEXT_MAX + 160];
};

/* As if nothing had been decided yet: a denial. */
void decision_init(struct decision *decision);

/* One credential that may serve the request, in the order of preference. */
struct decision_credential {
    struct bytes name;
    bool enabled;
    bool host_allowed; /* scheme, host and port are within its wall */
    bool slot_allowed; /* the token was found in one of its slots */
    /* What it puts on the request is made from the body, which was not read. */
    bool needs_sha256, needs_content;
};

/* What the decision needs to know of the world. All calls must answer from memory. */
struct decision_world {
    void *context;
    /* The root key of that id; false when unknown or retired. The key is wiped by the caller. */
    bool (*root_key)(void *context, uint32_t key_id, uint8_t key[TOKEN_KEY_SIZE]);
    /* Whether any revocation reaches this token: its id, any of its lineages, its user, the
     * credential, or the time of minting. Asked with an empty credential first, and then with each
     * credential that would serve the request. */
    bool (*revoked)(void *context, const struct token_identity *identity,
                    const struct token_verified *verified, struct bytes credential);
    /* Credentials named in the token that exist, with how they fit the request. False when there
     * is none of that name. */
    bool (*credential)(void *context, struct bytes name, struct decision_credential *out);
    /* Count this request on all of these counters, or on none. With COUNTING_LOOK nothing is
     * counted. False with `refusal` filled in when one of them has no room. NULL: tokens with
     * counters are refused. Asked last, when everything else allows. */
    bool (*take)(void *context, const struct token_identity *identity,
                 const struct counter_demand *demand, size_t count, enum counting counting,
                 struct counter_refusal *refusal);
    /* Make what this credential puts on the request. Asked when all but the counters allows, so
     * that a request for which it cannot be made is no use of the token. False with a reason and a
     * sentence. NULL: there is nothing to make. */
    bool (*prepare)(void *context, struct bytes credential, enum kh_reason *reason, char *detail,
                    size_t cap);
    enum counting counting;
    /* Chains that were verified, kept by whoever owns the root keys; NULL: each is verified. */
    struct chain_cache *chains;
    /* The organisation's rules; NULL: one implicit grant, whatever the operator minted. */
    const struct policy *policy;
    /* A running request: its body is gone, and what only a warning needs is not asked for. */
    bool body_is_gone;
    /* To a host that the operator passes through. No credential is asked for, whichever the token
     * names, and nothing is made: `credential` and `prepare` are not called. The rules that forbid
     * are judged; there is no grant, because the operator's list is one. */
    bool pass_through;
    /* And a request without a token is judged by those rules alone; else it is refused. */
    bool token_optional;
};

struct decision_trace {
    enum judgement caveat[TOKEN_CAVEATS_MAX]; /* in the order of token_verified.condition */
    size_t count; /* of those that are set; 0 before the token was authenticated */
};

/* What the authority keeps of a decision beside its answer: for the audit log and for explain. */
struct decision_details {
    struct chain *chain; /* a reference: chain_release; NULL when there was no text */
    struct decision_trace trace;
    struct body_need body_need; /* of DECISION_NEED_BODY */
    /* What the rules say; zeroed when it did not come to that. Of a request that a caveat refuses
     * too, so that a person sees all that would have to change. Points into world->policy. */
    struct policy_verdict policy;
    const struct bytes *hole; /* of the chain, when the policy was asked */
    size_t hole_count;
};

/* As if nothing had been decided yet. */
void decision_details_init(struct decision_details *details);

/*
 * Judge. `facts->user` and `facts->credential` are filled in here from the token's identifier;
 * `wanted` names the one credential that may be used, or is empty for any of the token's that fits.
 * `*out` is zeroed first. `details` may be NULL; else release details->chain.
 */
void decide(const struct decision_world *world, struct bytes token_text, struct bytes wanted,
            const struct facts *facts, struct decision *out, struct decision_details *details);

/*
 * Whether the token would be taken at all: it verifies, its holes are filled, its time is not over,
 * nothing revokes it, and every caveat is understood. KH_REASON_UNSET: it would. There is no
 * request, so no caveat is judged and nothing is allowed by this: `out->verdict` is a denial.
 * Release details->chain.
 */
KH_MUST_CHECK enum kh_reason decide_token(const struct decision_world *world,
                                          struct bytes token_text, int64_t now,
                                          struct decision *out, struct decision_details *details);

/* "it demands user = alice and factor = yubikey for 8h, filled at https://discharge.example", of
 * the first open hole; nothing when none is open. A holder may have written any of it. */
void decision_hole_print(const struct token *token, struct buffer *out);

#endif
