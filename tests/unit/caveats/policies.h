/* SPDX-License-Identifier: Apache-2.0
 *
 * Policies in tests: read, refused, judged.
 */
#ifndef KEYHOLE_TEST_POLICIES_H
#define KEYHOLE_TEST_POLICIES_H

#include "../../../caveats/policy.h"
#include "unit.h"

static inline struct policy *
test_policy(const char *yaml)
{
    struct policy *policy = NULL;
    struct fault fault = {0};
    if (policy_read("p.yaml", bytes_str(yaml), &policy, &fault) != KH_OK)
        FAIL_WITH("%s\n%s", fault.detail, yaml);
    return policy;
}

/* Facts of a request by alice with the credential openai. */
static inline struct facts
policy_facts(const char *method, const char *path)
{
    return (struct facts){
        .scheme = BYTES("https"),
        .host = BYTES("api.openai.com"),
        .port = 443,
        .method = bytes_str(method),
        .path = bytes_str(path),
        .client = BYTES("192.0.2.7"),
        .time = 1780000000,
        .user = BYTES("alice"),
        .credential = BYTES("openai"),
    };
}

/* Judge with the groups that the policy has for the user. */
static inline struct policy_verdict
test_judge(const struct policy *policy, const struct facts *facts, struct policy_request request)
{
    struct bytes group[POLICY_GROUPS_MAX];
    struct facts own = *facts;
    struct policy_verdict verdict;
    memset(&verdict, 0xee, sizeof verdict);
    own.group = group;
    own.group_count = policy_groups_of(policy, own.user, group);
    request.facts = &own;
    policy_judge(policy, &request, &verdict);
    return verdict;
}

static inline void
expect_verdict(const char *what, const struct policy_verdict *got, enum judgement expected)
{
    static const char *const names[] = {"not judged", "holds", "fails", "unknown", "needs body"};
    if (got->allowed != expected)
        FAIL_WITH("%s: %s, expected %s", what, names[got->allowed % 5], names[expected]);
}

#endif
