/* SPDX-License-Identifier: Apache-2.0 */
#include "policies.h"

#define RULES                                                                                      \
    "version: 1\n"                                                                                 \
    "groups: {eng: [alice]}\n"                                                                     \
    "grants:\n"                                                                                    \
    "- {name: chat, to: [group eng], credentials: [openai], lifetime: 12h,\n"                      \
    "   caveats: ['path ~ /v1/chat/** or query[a] = 1', 'header[x] absent or header[x] = y']}\n"   \
    "- {name: keyed, to: [user bob], credentials: [openai], holes: [factor = yubikey for 8h]}\n"   \
    "- {name: office, to: [user carol], credentials: [openai],\n"                                  \
    "   caveats: [client in 10.0.0.0/8, 'time < 2026-06-01T00:00:00Z']}\n"                         \
    "forbid:\n"                                                                                    \
    "- {name: no-deletes, when: [method = DELETE]}\n"                                              \
    "tests:\n"
#define CHAT  "request: POST https://api.openai.com/v1/chat/x"
#define ALICE "user: alice, credential: openai"

static void
table(void **state)
{
    (void)state;
    static const struct {
        const char *test;
        bool passes;
        const char *got;
    } cases[] = {
        {CHAT ", " ALICE ", expect: allow", true, "allow, by grant chat"},
        {CHAT ", " ALICE ", expect: allow chat", true, "allow, by grant chat"},
        {CHAT ", " ALICE ", expect: allow keyed", false, "allow, by grant chat"},
        {CHAT ", " ALICE ", expect: deny", false, "allow, by grant chat"},
        {CHAT ", " ALICE ", expect: allow, lifetime: 12h", true, "allow, by grant chat"},
        {CHAT ", " ALICE ", expect: deny chat, lifetime: 13h", true,
         "deny, no-grant: chat: the token lives longer than 12h"},
        {CHAT ", " ALICE ", expect: deny, headers: ['X: z']", true, "deny, no-grant: chat: header"},
        {CHAT ", " ALICE ", expect: allow, headers: ['X: y']", true, "allow"},
        {"request: GET https://a.example/?a=1, " ALICE ", expect: allow", true, "allow"},
        {"request: GET https://a.example/, " ALICE ", expect: deny no-grant", true, "deny"},
        {"request: GET https://a.example/, " ALICE ", expect: deny forbidden", false, "deny"},
        {"request: GET https://a.example/, " ALICE ", expect: allow", false,
         "deny, no-grant: chat: path ~ /v1/chat/**"},
        {"request: DELETE https://a.example/, " ALICE ", expect: deny no-deletes", true,
         "deny, forbidden: no-deletes: method = DELETE"},
        {"request: DELETE https://a.example/, " ALICE ", expect: deny forbidden", true, "deny"},
        {"request: DELETE https://a.example/, " ALICE ", expect: deny chat", false, "deny"},
        {CHAT ", user: bob, credential: openai, expect: deny keyed", true, "deny, no-grant: keyed"},
        {CHAT ", user: bob, credential: openai, expect: allow, holes: [factor = yubikey for 8h]",
         true, "allow"},
        {CHAT ", user: carol, credential: openai, expect: deny", true, "office: client"},
        {CHAT ", user: carol, credential: openai, expect: allow, client: 10.1.2.3", true, "allow"},
        {CHAT ", user: carol, credential: openai, expect: deny, client: 10.1.2.3, "
              "time: '2026-06-01T00:00:00Z'",
         true, "office: time"},
        {CHAT ", user: dave, credential: openai, expect: deny", true,
         "no grant gives dave the credential openai"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char yaml[2048];
        BUFFER_AUTO got;
        buffer_init(&got, 4096);
        snprintf(yaml, sizeof yaml, RULES "- {%s}\n", cases[i].test);
        struct policy *policy = test_policy(yaml);
        bool passes = policy_test_run(policy, &policy->test[0], &got);
        if (passes != cases[i].passes || !strstr(buffer_text(&got), cases[i].got))
            FAIL_WITH("%s: %s, got %s", cases[i].test, passes ? "passed" : "failed",
                      buffer_text(&got));
        policy_free(&policy);
    }
}

static void
all(void **state)
{
    (void)state;
    struct policy *policy =
        test_policy(RULES "- {" CHAT ", " ALICE ", expect: allow}\n"
                          "- {" CHAT ", user: dave, credential: openai, expect: allow}\n"
                          "- {" CHAT ", " ALICE ", expect: deny}\n");
    struct fault fault = {0};
    size_t passed = 7;
    expect_err("two fail", policy_tests_run(policy, "p.yaml", &passed, &fault), KH_ERR_CONFIG);
    assert_int_equal(passed, 1);
    assert_string_equal(fault.detail,
                        "p.yaml:13: test 2: expected allow, got deny, no-grant: no grant gives "
                        "dave the credential openai");
    policy_free(&policy);
    policy = test_policy(RULES "- {" CHAT ", " ALICE ", expect: allow}\n");
    expect_err("fine", policy_tests_run(policy, "p.yaml", &passed, &fault), KH_OK);
    assert_int_equal(passed, 1);
    policy_free(&policy);
    policy = test_policy("version: 1\n");
    expect_err("none", policy_tests_run(policy, "p.yaml", &passed, &fault), KH_OK);
    assert_int_equal(passed, 0);
    policy_free(&policy);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table),
        cmocka_unit_test(all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
