/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Covers: caveats/policy.c caveats/policy_read.c caveats/policy_rules.c caveats/policy_judge.c
 * caveats/policy_mint.c caveats/policy_test.c caveats/policy_changes.c
 * caveats/yaml_text.c caveats/yaml_text_read.c
 *
 * A policy is read whole or not at all, with a place when not; it judges the same twice; it changes
 * nothing against itself; whom no grant covers is denied, and a forbid that matches denies.
 *
 * Input: a policy file.
 */

#include "../../../caveats/policy.h"
#include "../fuzz.h"

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed);

static const char *const words[] = {
    "groups:",
    "  eng: [alice, bob]",
    "grants:",
    "  - name: g",
    "    to: [group eng, user alice, everyone]",
    "    credentials: [openai, github]",
    "    caveats: ['method in GET, POST', 'path ~ /v1/**']",
    "    lifetime: 8h",
    "    holes: ['user = alice and factor = yubikey for 8h']",
    "    mode: warn",
    "version: 1",
    "forbid:",
    "  - name: f",
    "    when: ['method = DELETE']",
    "tests:",
    "  - request: GET https://api.openai.com/v1/models",
    "    user: alice",
    "    credential: openai",
    "    expect: allow",
    "    expect: deny forbidden",
    "    body: '{\"a\":1}'",
    NULL,
};

size_t
LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed)
{
    return fuzz_mutate_lines(data, size, max, seed, words);
}

static void
judge(const struct policy *policy, const char *user, const char *method)
{
    static struct policy_verdict verdict, again;
    struct bytes group[POLICY_GROUPS_MAX];
    struct facts facts = {
        .scheme = BYTES("https"),
        .host = BYTES("api.openai.com"),
        .port = 443,
        .method = bytes_str(method),
        .path = BYTES("/v1/models"),
        .client = BYTES("192.0.2.7"),
        .time = 1780000000,
        .user = bytes_str(user),
        .credential = BYTES("openai"),
        .group = group,
    };
    facts.group_count = policy_groups_of(policy, facts.user, group);
    const struct policy_request request = {.facts = &facts, .lifetime_s = 3600};
    BUFFER_AUTO text = {0};

    policy_judge(policy, &request, &verdict);
    policy_judge(policy, &request, &again);
    FUZZ_CHECK(verdict.allowed == again.allowed && verdict.reason == again.reason);
    FUZZ_CHECK(verdict.grant == again.grant && verdict.forbid == again.forbid);
    if (verdict.allowed == JUDGEMENT_HOLDS) {
        FUZZ_CHECK(verdict.grant || verdict.warning_count > 0);
        FUZZ_CHECK(verdict.forbid == NULL);
    }
    if (verdict.allowed == JUDGEMENT_FAILS)
        FUZZ_CHECK(verdict.reason == KH_REASON_NO_GRANT || verdict.reason == KH_REASON_FORBIDDEN);
    for (size_t i = 0; i < policy->forbid_count; i++) {
        struct policy_forbid_trace trace;
        policy_forbid_judge(&policy->forbid[i], &request, &trace);
        if (trace.whole == JUDGEMENT_HOLDS && policy->forbid[i].mode == POLICY_ENFORCE)
            FUZZ_CHECK(verdict.allowed == JUDGEMENT_FAILS);
    }
    if (policy->grant_count == 0)
        FUZZ_CHECK(verdict.allowed != JUDGEMENT_HOLDS);
    (void)policy_next_change(policy, &verdict, facts.time);
    buffer_init(&text, 1 << 16);
    policy_verdict_print(&verdict, &facts, &text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct policy *policy = NULL, *again = NULL;
    struct fault fault = {0};
    struct bytes text = bytes_of(data, size), credential = BYTES("openai");
    struct policy_mint mint;
    size_t passed = 0;
    BUFFER_AUTO changes = {0};

    if (policy_read("p", text, &policy, &fault) != KH_OK) {
        FUZZ_CHECK(policy == NULL && fault.detail[0] != '\0');
        return 0;
    }
    judge(policy, "alice", "GET");
    judge(policy, "mallory", "DELETE");
    (void)!policy_mint_check(policy, BYTES("alice"), &credential, 1, true, &mint, &fault);
    (void)!policy_mint_login(policy, BYTES("alice"), &credential, 1, &mint, &fault);
    if (policy_tests_run(policy, "p", &passed, &fault) == KH_OK)
        FUZZ_CHECK(passed == policy->test_count);
    buffer_init(&changes, 1 << 20);
    FUZZ_CHECK(policy_read("p", text, &again, &fault) == KH_OK);
    policy_print_changes(policy, again, &changes);
    FUZZ_CHECK(changes.n == 0);
    policy_print_changes(NULL, policy, &changes);
    policy_free(&policy);
    policy_free(&again);
    return 0;
}
