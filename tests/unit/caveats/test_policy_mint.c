/* SPDX-License-Identifier: Apache-2.0 */
#include "policies.h"

static const char yaml[] =
    "version: 1\n"
    "groups: {eng: [alice]}\n"
    "grants:\n"
    "- {name: short, to: [group eng], credentials: [openai], lifetime: 1h}\n"
    "- {name: long, to: [user alice], credentials: [openai, github], lifetime: 12h}\n"
    "- {name: github-day, to: [everyone], credentials: [github], lifetime: 1d}\n"
    "- {name: free, to: [everyone], credentials: [wiki]}\n"
    "- {name: keyed, to: [everyone], credentials: [stripe, bank], lifetime: 8h,\n"
    "   holes: [factor = yubikey for 8h]}\n"
    "- {name: bank-trial, to: [user carol], credentials: [bank], lifetime: 1m, mode: warn,\n"
    "   holes: [factor = ssh for 8h]}\n";

static void
table(void **state)
{
    (void)state;
    static const struct {
        const char *user, *credential[3];
        bool can_fill;
        int64_t lifetime_max_s; /* -1: refused */
        const char *says;       /* the grant that limits, or the refusal */
    } cases[] = {
        {"alice", {"openai"}, false, 43200, "long"},
        {"alice", {"openai", "github"}, false, 43200, "long"},
        {"alice", {"github"}, false, 86400, "github-day"},
        {"bob", {"github"}, false, 86400, "github-day"},
        {"bob", {"wiki"}, false, 0, NULL},
        {"bob", {"wiki", "github"}, false, 86400, "github-day"},
        {"bob", {"openai"}, false, -1, "no grant that gives bob the credential openai"},
        {"bob", {"wiki", "openai"}, false, -1, "no grant that gives bob the credential openai"},
        {"bob", {"nothing"}, false, -1, "no grant that gives bob the credential nothing"},
        {"bob", {"stripe"}, false, -1, "grant keyed demands a hole (factor = yubikey for 8h)"},
        {"bob", {"stripe"}, true, 28800, "keyed"},
        {"carol", {"bank"}, false, 0, NULL},
        {"dave", {"bank"}, false, -1, "no discharger"},
    };
    struct policy *policy = test_policy(yaml);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct bytes credential[3];
        struct policy_mint mint = {.lifetime_max_s = -7};
        struct fault fault = {0};
        size_t n = 0;
        for (; cases[i].credential[n]; n++)
            credential[n] = bytes_str(cases[i].credential[n]);
        enum kh_err err = policy_mint_check(policy, bytes_str(cases[i].user), credential, n,
                                            cases[i].can_fill, &mint, &fault);
        if (cases[i].lifetime_max_s < 0) {
            expect_err(cases[i].says, err, KH_ERR_DENIED);
            if (!strstr(fault.detail, cases[i].says))
                FAIL_WITH("expected %s, found %s", cases[i].says, fault.detail);
            assert_int_equal(mint.lifetime_max_s, -7);
            continue;
        }
        expect_err(fault.detail, err, KH_OK);
        assert_int_equal(mint.lifetime_max_s, cases[i].lifetime_max_s);
        if (cases[i].says)
            expect_text("grant", mint.limit->name, cases[i].says);
        else
            assert_null(mint.limit);
    }
    policy_free(&policy);
}

static const char yaml_holes[] =
    "version: 1\n"
    "groups: {eng: [alice]}\n"
    "grants:\n"
    "- {name: read, to: [everyone], credentials: [github], lifetime: 2h}\n"
    "- {name: write, to: [group eng], credentials: [github], lifetime: 1h,\n"
    "   holes: [factor = yubikey for 8h]}\n"
    "- {name: bank, to: [group eng], credentials: [bank], lifetime: 8h,\n"
    "   holes: [user = alice and factor = yubikey for 8h, user = bob and factor = ssh for 15m]}\n"
    "- {name: bank-long, to: [everyone], credentials: [bank], lifetime: 3d,\n"
    "   holes: [verification = pin for 1h]}\n"
    "- {name: free, to: [everyone], credentials: [vault], holes: [factor = yubikey for 480m]}\n"
    "- {name: many, to: [everyone], credentials: [many],\n"
    "   holes: [factor = ssh for 1s, factor = ssh for 2s, factor = ssh for 3s,\n"
    "           factor = ssh for 4s, factor = ssh for 5s, factor = ssh for 6s,\n"
    "           factor = ssh for 7s, factor = ssh for 8s]}\n"
    "- {name: trial, to: [user carol], credentials: [bank], lifetime: 1m, mode: warn,\n"
    "   holes: [factor = ssh for 8h]}\n";

static void
holes(void **state)
{
    (void)state;
    static const struct {
        const char *user, *credential[3];
        bool login;
        int64_t lifetime_max_s; /* -1: refused */
        const char *holes[3];
    } cases[] = {
        /* A grant without a hole is taken where there is one; of a login, one with. */
        {"alice", {"github"}, false, 7200, {NULL}},
        {"alice", {"github"}, true, 3600, {"factor = yubikey for 8h"}},
        {"bob", {"github"}, true, 7200, {NULL}},
        /* The first that covers, and its lifetime. */
        {"alice",
         {"bank"},
         false,
         28800,
         {"user = alice and factor = yubikey for 8h", "user = bob and factor = ssh for 15m"}},
        {"bob", {"bank"}, false, 259200, {"verification = pin for 1h"}},
        {"bob",
         {"bank", "vault"},
         false,
         259200,
         {"verification = pin for 1h", "factor = yubikey for 8h"}},
        {"bob", {"vault"}, false, 0, {"factor = yubikey for 8h"}},
        /* What comes to the same for that user is one hole. */
        {"alice",
         {"bank", "vault"},
         false,
         28800,
         {"user = alice and factor = yubikey for 8h", "user = bob and factor = ssh for 15m"}},
        {"alice",
         {"github", "vault", "bank"},
         true,
         3600,
         {"factor = yubikey for 8h", "user = bob and factor = ssh for 15m"}},
        /* In warn mode a grant demands nothing. */
        {"carol", {"bank"}, false, 0, {NULL}},
        {"bob", {"many", "vault"}, false, -1, {NULL}},
        {"bob", {"nothing"}, true, -1, {NULL}},
    };
    struct policy *policy = test_policy(yaml_holes);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct bytes credential[3];
        struct policy_mint mint = {.lifetime_max_s = -7};
        struct fault fault = {0};
        size_t n = 0, expected = 0;
        for (; n < 3 && cases[i].credential[n]; n++)
            credential[n] = bytes_str(cases[i].credential[n]);
        enum kh_err err = cases[i].login ? policy_mint_login(policy, bytes_str(cases[i].user),
                                                             credential, n, &mint, &fault)
                                         : policy_mint_check(policy, bytes_str(cases[i].user),
                                                             credential, n, true, &mint, &fault);
        if (cases[i].lifetime_max_s < 0) {
            expect_err(fault.detail, err, KH_ERR_DENIED);
            assert_int_equal(mint.lifetime_max_s, -7);
            continue;
        }
        expect_err(fault.detail, err, KH_OK);
        if (mint.lifetime_max_s != cases[i].lifetime_max_s)
            FAIL_WITH("case %zu: lifetime %lld", i, (long long)mint.lifetime_max_s);
        for (; expected < 3 && cases[i].holes[expected]; expected++) {
            if (expected < mint.hole_count)
                expect_text("hole", mint.hole[expected]->text, cases[i].holes[expected]);
        }
        if (mint.hole_count != expected)
            FAIL_WITH("case %zu: %zu holes, expected %zu", i, mint.hole_count, expected);
    }
    policy_free(&policy);
}

static void
no_policy(void **state)
{
    (void)state;
    struct bytes credential = BYTES("anything");
    struct policy_mint mint = {.lifetime_max_s = -7};
    expect_err("no policy",
               policy_mint_check(NULL, BYTES("bob"), &credential, 1, false, &mint, NULL), KH_OK);
    assert_int_equal(mint.lifetime_max_s, 0);
    assert_int_equal(mint.hole_count, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table),
        cmocka_unit_test(holes),
        cmocka_unit_test(no_policy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
