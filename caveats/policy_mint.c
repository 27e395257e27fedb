/* SPDX-License-Identifier: Apache-2.0 */
/* What may be minted under a policy: a token that no grant could ever cover is not made at all. */

#include "policy.h"

#include "duration.h"

/* What the grants give one user for one credential. */
struct found {
    const struct policy_grant *longest; /* of those that count */
    const struct policy_grant *with_hole;
    bool any, unlimited;
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
find(const struct policy *policy, const struct facts *facts, bool can_fill)
{
    struct found found = {.any = false};
    for (size_t i = 0; i < policy->grant_count; i++) {
        const struct policy_grant *grant = &policy->grant[i];
        bool enforced = grant->mode == POLICY_ENFORCE;
        if (!gives(grant, facts))
            continue;
        if (enforced && grant->hole_count > 0 && !can_fill) {
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

enum kh_err
policy_mint_check(const struct policy *policy, struct bytes user, const struct bytes *credential,
                  size_t count, bool can_fill, struct policy_mint *out, struct fault *fault)
{
    struct bytes group[POLICY_GROUPS_MAX];
    struct facts facts = {.user = user, .group = group};
    struct policy_mint mint = {.lifetime_max_s = 0};
    facts.group_count = policy_groups_of(policy, user, group);
    for (size_t i = 0; policy && i < count; i++) {
        facts.credential = credential[i];
        struct found found = find(policy, &facts, can_fill);
        if (!found.any)
            return refuse(&facts, found.with_hole, fault);
        if (found.unlimited || (mint.limit && found.longest->lifetime_s >= mint.lifetime_max_s))
            continue;
        mint.limit = found.longest;
        mint.lifetime_max_s = found.longest->lifetime_s;
    }
    *out = mint;
    return KH_OK;
}
