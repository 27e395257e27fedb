/* SPDX-License-Identifier: Apache-2.0 */
#include "policies.h"

#define BASE                                                                                       \
    "version: 1\ngroups: {eng: [a, b]}\n"                                                          \
    "grants:\n- {name: g, to: [group eng], credentials: [x, y], caveats: [method = GET], "         \
    "lifetime: 1h, holes: [factor = ssh for 1h]}\n"                                                \
    "forbid:\n- {name: f, when: [method = PUT]}\n"

static void
expect_changes(const char *before, const char *after, const char *expected)
{
    struct policy *a = before ? test_policy(before) : NULL, *b = after ? test_policy(after) : NULL;
    BUFFER_AUTO out;
    buffer_init(&out, 4096);
    policy_print_changes(a, b, &out);
    expect_text(after ? after : "none", buffer_bytes(&out), expected);
    policy_free(&a);
    policy_free(&b);
}

static void
rules(void **state)
{
    (void)state;
    expect_changes(NULL, NULL, "");
    expect_changes(BASE, BASE, "");
    expect_changes(NULL, BASE, "group eng: added\ngrant g: added\nforbid f: added\n");
    expect_changes(BASE, NULL,
                   "no policy any more: whatever was minted is granted\n"
                   "group eng: removed\ngrant g: removed\nforbid f: removed\n");
    expect_changes(BASE, "version: 1\ngroups: {eng: [b, a]}\n",
                   "grant g: removed\nforbid f: removed\n");
    /* the order of members is none, and tests are no rules */
    expect_changes(BASE,
                   BASE "tests:\n- {request: GET https://a.example/, user: a, credential: x, "
                        "expect: deny}\n",
                   "");
}

/* Everything that a rule says counts. */
static void
every_part(void **state)
{
    (void)state;
    static const struct {
        const char *from, *to, *expected;
    } cases[] = {
        {"[a, b]", "[a, c]", "group eng: changed\n"},
        {"[a, b]", "[a]", "group eng: changed\n"},
        {"[group eng]", "[everyone]", "grant g: changed\n"},
        {"[group eng]", "[user eng]", "grant g: changed\n"},
        {"[x, y]", "[x, z]", "grant g: changed\n"},
        {"method = GET", "method = PUT", "grant g: changed\n"},
        {"lifetime: 1h", "lifetime: 2h", "grant g: changed\n"},
        {"lifetime: 1h", "lifetime: 60m", ""},
        {"factor = ssh for", "factor = yubikey for", "grant g: changed\n"},
        {"1h, holes", "1h, mode: warn, holes", "grant g: changed\n"},
        {"[method = PUT]", "[method = POST]", "forbid f: changed\n"},
        {"[method = PUT]", "[method = PUT, port = 1]", "forbid f: changed\n"},
        {"[method = PUT]", "[method = PUT], mode: warn", "forbid f: changed\n"},
        {"name: f", "name: h", "forbid f: removed\nforbid h: added\n"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char text[2048];
        static const char base[] = BASE;
        const char *at = strstr(base, cases[i].from);
        assert_non_null(at);
        snprintf(text, sizeof text, "%.*s%s%s", (int)(at - base), base, cases[i].to,
                 at + strlen(cases[i].from));
        expect_changes(BASE, text, cases[i].expected);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rules),
        cmocka_unit_test(every_part),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
