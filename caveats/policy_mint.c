/* SPDX-License-Identifier: Apache-2.0 */
/* What may be minted under a policy: a token that no grant could ever cover is not made at all. */

#include "policy.h"

#include "duration.h"
#include "hole.h"

/* Which grants count. */
enum preference {
    MINT_NO_HOLES, /* those without a hole alone */
    MINT_RATHER_NO_HOLES,
    MINT_RATHER_HOLES,
};

/* What the grants give one user for one credential. */
struct found {
    const struct policy_grant *longest;   /* of those without a hole */
    const struct policy_grant *with_hole; /* the first */
    bool any, unlimited;                  /* without a hole */
};

static bool
gives(const struct policy_grant *grant, const struct facts *facts)
{
    const struct policy_request request = {.facts = facts};
    struct policy_grant_trace trace;
    policy_grant_judge(grant, &request, &trace);
    return trace.principal && trace.credential;
}

static struct found
find(const struct policy *policy, const struct facts *facts)
{
    struct found found = {.any = false};
    for (size_t i = 0; i < policy->grant_count; i++) {
        const struct policy_grant *grant = &policy->grant[i];
        bool enforced = grant->mode == POLICY_ENFORCE;
        if (!gives(grant, facts))
            continue;
        if (enforced && grant->hole_count > 0) {
            if (!found.with_hole)
                found.with_hole = grant;
            continue;
        }
        found.any = true;
        if (grant->lifetime_s == 0 || !enforced)
            found.unlimited = true;
        else if (!found.longest || grant->lifetime_s > found.longest->lifetime_s)
            found.longest = grant;
    }
    return found;
}

static enum kh_err
refuse(const struct facts *facts, const struct policy_grant *with_hole, struct fault *fault)
{
    if (with_hole)
        return fault_set(fault, KH_ERR_DENIED,
                         "grant %.*s demands a hole (%.*s), and this broker has no discharger that "
                         "could fill it",
                         BYTES_ARG(with_hole->name), BYTES_ARG(with_hole->hole[0].text));
    return fault_set(fault, KH_ERR_DENIED,
                     "the policy has no grant that gives %.*s the credential %.*s",
                     BYTES_ARG(facts->user), BYTES_ARG(facts->credential));
}

static void
limit(struct policy_mint *mint, const struct policy_grant *grant)
{
    if (grant->lifetime_s == 0 || (mint->limit && grant->lifetime_s >= mint->lifetime_max_s))
        return;
    mint->limit = grant;
    mint->lifetime_max_s = grant->lifetime_s;
}

/* Two demands that come to the same for that user are one hole. */
static bool
is_demanded(const struct policy_mint *mint, const struct policy_hole *hole, struct bytes user)
{
    BUFFER_AUTO wanted;
    buffer_init(&wanted, HOLE_TEXT_MAX + 256);
    hole_print_for_user(hole->text, hole->names_user, user, &wanted);
    bool found = false;
    for (size_t i = 0; !found && i < mint->hole_count; i++) {
        BUFFER_AUTO there;
        buffer_init(&there, HOLE_TEXT_MAX + 256);
        hole_print_for_user(mint->hole[i]->text, mint->hole[i]->names_user, user, &there);
        found = bytes_equal(buffer_bytes(&there), buffer_bytes(&wanted));
    }
    return found;
}

static enum kh_err
demand(struct policy_mint *mint, const struct policy_grant *grant, struct bytes user,
       struct fault *fault)
{
    for (size_t i = 0; i < grant->hole_count; i++) {
        if (is_demanded(mint, &grant->hole[i], user))
            continue;
        if (mint->hole_count == POLICY_HOLES_MAX)
            return fault_set(fault, KH_ERR_DENIED,
                             "the grants for these credentials demand more than the %d holes that "
                             "a token can have: ask for a token for each",
                             POLICY_HOLES_MAX);
        mint->hole[mint->hole_count++] = &grant->hole[i];
    }
    limit(mint, grant);
    return KH_OK;
}

static enum kh_err
check(const struct policy *policy, struct bytes user, const struct bytes *credential, size_t count,
      enum preference preference, struct policy_mint *out, struct fault *fault)
{
    struct bytes group[POLICY_GROUPS_MAX];
    struct facts facts = {.user = user, .group = group};
    struct policy_mint mint = {.lifetime_max_s = 0};
    enum kh_err err = KH_OK;
    facts.group_count = policy_groups_of(policy, user, group);
    for (size_t i = 0; policy && !err && i < count; i++) {
        facts.credential = credential[i];
        struct found found = find(policy, &facts);
        bool takes_hole = found.with_hole && preference != MINT_NO_HOLES &&
                          (!found.any || preference == MINT_RATHER_HOLES);
        if (takes_hole)
            err = demand(&mint, found.with_hole, user, fault);
        else if (!found.any)
            err = refuse(&facts, found.with_hole, fault);
        else if (!found.unlimited)
            limit(&mint, found.longest);
    }
    if (!err)
        *out = mint;
    return err;
}

enum kh_err
policy_mint_check(const struct policy *policy, struct bytes user, const struct bytes *credential,
                  size_t count, bool can_fill, struct policy_mint *out, struct fault *fault)
{
    return check(policy, user, credential, count, can_fill ? MINT_RATHER_NO_HOLES : MINT_NO_HOLES,
                 out, fault);
}

enum kh_err
policy_mint_login(const struct policy *policy, struct bytes user, const struct bytes *credential,
                  size_t count, struct policy_mint *out, struct fault *fault)
{
    return check(policy, user, credential, count, MINT_RATHER_HOLES, out, fault);
}
