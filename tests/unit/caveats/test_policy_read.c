/* SPDX-License-Identifier: Apache-2.0 */
#include "policies.h"

static void
refused(void **state)
{
    (void)state;
#define GRANT  "version: 1\ngrants:\n- name: g\n  to: [everyone]\n  credentials: [openai]\n"
#define FORBID "version: 1\nforbid:\n- name: f\n"
#define TEST   "version: 1\ntests:\n- request: GET https://a.example/\n  user: a\n  credential: c\n"
    static const struct {
        const char *yaml, *says;
    } cases[] = {
        {"", "p.yaml:1: the policy is empty"},
        {"# nothing\n", "p.yaml:1: the policy is empty"},
        {"version: 1\ngrants: [\n", "p.yaml:2: this is no YAML"},
        {"grants: []\n", "p.yaml:1: version is missing"},
        {"version: 2\n", "p.yaml:1: version: this broker knows version 1, found \"2\""},
        {"version: [1]\n", "p.yaml:1: version: expected a single value"},
        {"version: 1\nallow: []\n", "p.yaml:2: unknown key \"allow\"; expected one of version"},
        {"version: 1\n---\nversion: 1\n", "p.yaml:2: expected one document"},
        {"version: 1\nx: &a 1\ny: *a\n", "p.yaml:"},
        {"- a\n", "p.yaml:1: expected a mapping, found a list"},
        /* groups */
        {"version: 1\ngroups: [a]\n", "p.yaml:2: groups: expected a mapping"},
        {"version: 1\ngroups:\n  eng: alice\n", "p.yaml:3: groups.eng: expected a list"},
        {"version: 1\ngroups:\n  eng: [alice,\n    bob smith]\n",
         "p.yaml:4: groups.eng: expected a user"},
        {"version: 1\ngroups:\n  eng: [[a]]\n", "p.yaml:3: groups.eng: expected a user"},
        {"version: 1\ngroups:\n  eng: [a, b, a]\n", "p.yaml:3: groups.eng: a is given a second"},
        {"version: 1\ngroups:\n  eng: []\n  eng: []\n", "p.yaml:4: groups.eng: given a second"},
        {"version: 1\ngroups:\n  \"e n\": []\n", "p.yaml:3: groups: a group's name is"},
        /* grants */
        {"version: 1\ngrants: {}\n", "p.yaml:2: grants: expected a list"},
        {"version: 1\ngrants:\n- name: g\n", "p.yaml:3: grants[1]: to is missing"},
        {"version: 1\ngrants:\n- name: g h\n  to: [everyone]\n  credentials: [a]\n",
         "p.yaml:3: grants[1].name: expected 1 to 64 letters"},
        {GRANT "- name: g\n  to: [everyone]\n  credentials: [a]\n",
         "p.yaml:6: grants[2].name: there is already a rule of the name g"},
        {"version: 1\ngrants:\n- name: g\n  to: []\n  credentials: [a]\n",
         "p.yaml:4: grants[1].to: a grant is to somebody"},
        {"version: 1\ngrants:\n- name: g\n  to:\n  - user a\n  - alice\n  credentials: [a]\n",
         "p.yaml:6: grants[1].to: expected \"user NAME\", \"group NAME\" or \"everyone\""},
        {"version: 1\ngrants:\n- name: g\n  to: [user]\n  credentials: [a]\n", "p.yaml:4: grants"},
        {"version: 1\ngrants:\n- name: g\n  to: [user a b]\n  credentials: [a]\n", "p.yaml:4: gr"},
        {"version: 1\ngrants:\n- name: g\n  to: [group eng]\n  credentials: [a]\n",
         "p.yaml:4: grants[1].to: there is no group eng"},
        {"version: 1\ngrants:\n- name: g\n  to: [everyone]\n  credentials: []\n",
         "p.yaml:5: grants[1].credentials: a grant is for at least one"},
        {"version: 1\ngrants:\n- name: g\n  to: [everyone]\n  credentials: [\"*\"]\n",
         "p.yaml:5: grants[1].credentials: expected the name"},
        {GRANT "  caveats:\n  - method = GET\n  - methods = GET\n",
         "p.yaml:8: grants[1].caveats: at byte 1: the attribute methods is not known here"},
        {GRANT "  caveats: [method]\n", "p.yaml:6: grants[1].caveats: at byte 7: expected one sp"},
        {GRANT "  caveats: [port = x]\n", "p.yaml:6: grants[1].caveats: at byte 8: not a whole"},
        {GRANT "  caveats: [label = a]\n", "p.yaml:6: grants[1].caveats: label speaks of a token"},
        {GRANT "  caveats: [uses <= 5]\n", "p.yaml:6: grants[1].caveats: uses speaks of a token"},
        {FORBID "  when: [rate <= 5/min]\n", "p.yaml:4: forbid[1].when: rate speaks of a token"},
        {GRANT "  caveats: ['hole = \"a\"']\n", "p.yaml:6: grants[1].caveats: hole speaks of"},
        {GRANT "  caveats: [parent = 00112233445566778899aabbccddeeff]\n", "parent speaks of"},
        {GRANT "  caveats: [\"\"]\n", "p.yaml:6: grants[1].caveats: the caveat is empty"},
        {GRANT "  lifetime: 12\n", "p.yaml:6: grants[1].lifetime: \"12\" is no duration"},
        {GRANT "  lifetime: 0s\n", "p.yaml:6: grants[1].lifetime: the time is too short"},
        {GRANT "  mode: log\n", "p.yaml:6: grants[1].mode: expected enforce or warn"},
        {GRANT "  mode:\n", "p.yaml:6: "},
        {GRANT "  holes: [factor = touchid for 8h]\n", "p.yaml:6: grants[1].holes: at byte 10"},
        {GRANT "  hole: []\n", "p.yaml:6: grants[1]: unknown key \"hole\"; expected one of name"},
        /* forbids */
        {FORBID, "p.yaml:3: forbid[1]: when is missing"},
        {FORBID "  when: []\n", "p.yaml:4: forbid[1].when: without a caveat it would forbid ever"},
        {FORBID "  when: [label = x]\n", "p.yaml:4: forbid[1].when: label speaks of a token"},
        {FORBID "  when: [method = GET]\n  mode: off\n", "p.yaml:5: forbid[1].mode"},
        {GRANT "forbid:\n- {name: g, when: [method = GET]}\n",
         "p.yaml:7: forbid[1].name: there is already a rule of the name g"},
        /* tests */
        {TEST, "p.yaml:3: tests[1]: expect is missing"},
        {TEST "  expect: yes\n", "p.yaml:6: tests[1].expect: expected allow or deny"},
        {TEST "  expect: allowed\n", "p.yaml:6: tests[1].expect: expected allow or deny"},
        {TEST "  expect: deny nobody\n", "p.yaml:6: tests[1].expect: there is no rule of the nam"},
        {TEST "  expect: allow no-grant\n", "p.yaml:6: tests[1].expect: there is no rule of the"},
        {TEST "  expect: allow\n  time: now\n", "p.yaml:7: tests[1].time: expected a time"},
        {TEST "  expect: allow\n  headers: [x]\n", "p.yaml:7: tests[1].headers: a header field"},
        {TEST "  expect: allow\n  holes: [x]\n", "p.yaml:7: tests[1].holes: at byte 1"},
        {TEST "  expect: allow\n  lifetime: x\n", "p.yaml:7: tests[1].lifetime"},
        {"version: 1\ntests:\n- {request: GET /x, user: a, credential: c, expect: allow}\n",
         "p.yaml:3: tests[1].request: expected a URL"},
        {"version: 1\ntests:\n- {request: GET https://a.example/, user: a b, credential: c, "
         "expect: allow}\n",
         "p.yaml:3: tests[1].user: expected a name"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct policy *policy = NULL;
        struct fault fault = {0};
        enum kh_err err = policy_read("p.yaml", bytes_str(cases[i].yaml), &policy, &fault);
        if (err != KH_ERR_CONFIG)
            FAIL_WITH("%s: got %s", cases[i].yaml, kh_err_code(err));
        assert_int_equal(fault.err, KH_ERR_CONFIG);
        assert_null(policy);
        if (strstr(fault.detail, cases[i].says) == NULL)
            FAIL_WITH("%s: expected \"%s\", found \"%s\"", cases[i].yaml, cases[i].says,
                      fault.detail);
    }
}

static void
not_text(void **state)
{
    (void)state;
    struct policy *policy = NULL;
    struct fault fault = {0};
    expect_err("a NUL", policy_read("p", BYTES("version: 1\0x"), &policy, &fault), KH_ERR_CONFIG);
    expect_err("no UTF-8", policy_read("p", BYTES("version: \xff"), &policy, &fault),
               KH_ERR_CONFIG);
    char *big = malloc(POLICY_TEXT_MAX + 1);
    memset(big, '#', POLICY_TEXT_MAX + 1);
    expect_err("too long", policy_read("p", bytes_of(big, POLICY_TEXT_MAX + 1), &policy, &fault),
               KH_ERR_TOO_LONG);
    free(big);
    assert_null(policy);
}

static void
too_many_places(void **state)
{
    (void)state;
    BUFFER_AUTO text;
    struct policy *policy = NULL;
    struct fault fault = {0};
    buffer_init(&text, 65536);
    buffer_put_str(&text, "version: 1\nforbid:\n");
    for (int i = 0; i < POLICY_POINTERS_MAX; i++)
        buffer_printf(&text, "- {name: f%d, when: ['body[/a%d] = 1', 'body[/a0] = 1']}\n", i, i);
    expect_err("as many as can be", policy_read("p", buffer_bytes(&text), &policy, &fault), KH_OK);
    policy_free(&policy);
    buffer_put_str(&text, "- {name: more, when: ['body[/more] = 1']}\n");
    expect_err("one more", policy_read("p", buffer_bytes(&text), &policy, &fault), KH_ERR_CONFIG);
    assert_non_null(strstr(fault.detail, "more than 32 places of a body"));
}

static const char whole[] = "# yaml-language-server: $schema=policy.schema.json\n"
                            "version: 1\n"
                            "groups:\n"
                            "  eng: [bob, alice]\n"
                            "  ops: []\n"
                            "grants:\n"
                            "  - name: eng-openai\n"
                            "    to: [group eng, user carol]\n"
                            "    credentials: [openai, anthropic]\n"
                            "    caveats:\n"
                            "      - method in GET, POST\n"
                            "      - path ~ /v1/chat/** or path = /v1/models\n"
                            "    lifetime: 12h\n"
                            "    holes:\n"
                            "      - factor = \"yubikey\" for 480m\n"
                            "  - name: all\n"
                            "    to: [everyone]\n"
                            "    credentials: [wiki]\n"
                            "    mode: warn\n"
                            "forbid:\n"
                            "  - name: no-deletes\n"
                            "    when: [credential = github, method = DELETE]\n"
                            "tests:\n"
                            "  - request: DELETE https://api.github.com/repos/a/b\n"
                            "    user: alice\n"
                            "    credential: github\n"
                            "    headers: ['accept: x']\n"
                            "    holes: [factor = yubikey for 8h]\n"
                            "    client: 10.0.0.1\n"
                            "    time: 2026-12-01T00:00:00Z\n"
                            "    lifetime: 1h\n"
                            "    expect: deny no-deletes\n";

static void
all_of_it(void **state)
{
    (void)state;
    struct policy *policy = test_policy(whole);
    assert_int_equal(policy->group_count, 2);
    expect_text("sorted", policy->group[0].member[0], "alice");
    assert_int_equal(policy->grant_count, 2);
    const struct policy_grant *g = &policy->grant[0];
    expect_text("name", g->name, "eng-openai");
    assert_int_equal(g->line, 7);
    assert_int_equal(g->to[0].kind, PRINCIPAL_GROUP);
    expect_text("group", g->to[0].name, "eng");
    assert_int_equal(g->to[1].kind, PRINCIPAL_USER);
    expect_text("credential", g->credential[1], "anthropic");
    assert_int_equal(g->caveat_count, 2);
    expect_text("caveat", g->caveat[1].text, "path ~ /v1/chat/** or path = /v1/models");
    assert_int_equal(g->lifetime_s, 43200);
    expect_text("hole", g->hole[0].text, "factor = yubikey for 8h");
    assert_int_equal(g->mode, POLICY_ENFORCE);
    assert_int_equal(policy->grant[1].to[0].kind, PRINCIPAL_EVERYONE);
    assert_int_equal(policy->grant[1].mode, POLICY_WARN);
    assert_int_equal(policy->forbid[0].when_count, 2);
    assert_int_equal(policy->forbid[0].line, 21);
    const struct policy_test *t = &policy->test[0];
    assert_int_equal(t->line, 24);
    assert_false(t->allow);
    expect_text("because", t->because, "no-deletes");
    expect_text("client", t->client, "10.0.0.1");
    assert_int_equal(t->time, 1796083200);
    assert_int_equal(t->lifetime_s, 3600);
    policy_free(&policy);
    assert_null(policy);
    policy_free(&policy);
}

static void
small_ones(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "version: 1\n",
        "version: \"1\"\n",
        "{\"version\": 1, \"grants\": []}",
        "version: 1\ngroups:\n",
        "version: 1\ngroups: {}\ngrants: []\nforbid: []\ntests: []\n",
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct policy *policy = test_policy(cases[i]);
        assert_int_equal(policy->grant_count + policy->forbid_count + policy->group_count, 0);
        policy_free(&policy);
    }
}

/* Whatever is cut off or changed, the reader says so or reads something: it never crashes. */
static void
damaged(void **state)
{
    (void)state;
    struct random r = random_seeded("damaged policies", 3);
    for (int i = 0; i < 3000; i++) {
        char text[sizeof whole];
        struct policy *policy = NULL;
        struct fault fault = {0};
        memcpy(text, whole, sizeof whole);
        size_t n = random_below(&r, 2) ? sizeof whole - 1 : random_below(&r, sizeof whole);
        for (size_t k = random_below(&r, 4); k > 0 && n > 0; k--)
            text[random_below(&r, n)] = (char)random_next(&r);
        if (policy_read("p", bytes_of(text, n), &policy, &fault) != KH_OK)
            assert_true(fault.detail[0] != '\0');
        policy_free(&policy);
    }
}

static void
groups(void **state)
{
    (void)state;
    struct bytes out[POLICY_GROUPS_MAX];
    struct policy *policy =
        test_policy("version: 1\ngroups: {a: [x, y, z, w], b: [y], c: [], d: [z, y]}\n");
    assert_int_equal(policy_groups_of(policy, BYTES("y"), out), 3);
    expect_text("a", out[0], "a");
    expect_text("d", out[2], "d");
    assert_int_equal(policy_groups_of(policy, BYTES("x"), out), 1);
    assert_int_equal(policy_groups_of(policy, BYTES("nobody"), out), 0);
    assert_int_equal(policy_groups_of(policy, BYTES_EMPTY, out), 0);
    assert_int_equal(policy_groups_of(NULL, BYTES("x"), out), 0);
    policy_free(&policy);
}

static void
whether_a_rule_is_on_record(void **state)
{
    (void)state;
#define RULES(grant, forbid)                                                                       \
    "version: 1\ngrants:\n- { name: a, to: [everyone], credentials: [c] }\n"                       \
    "- { name: g, to: [everyone], credentials: [c], caveats: [\"method = GET\", \"" grant          \
    "\"] }\nforbid:\n- { name: f, when: [\"host = a.example\", \"" forbid "\"] }\n"
    static const struct {
        const char *yaml;
        bool on_record;
    } cases[] = {
        {"version: 1\n", false},
        {RULES("path ~ /v1/**", "method = PUT"), false},
        {RULES("query[a] = 1", "method = PUT"), true},
        {RULES("path ~ /v1/**", "header[x-a] present"), true},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct policy *policy = test_policy(cases[i].yaml);
        if (policy->on_record != cases[i].on_record)
            FAIL_WITH("%s: on record: %d", cases[i].yaml, policy->on_record);
        policy_free(&policy);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refused),         cmocka_unit_test(not_text),
        cmocka_unit_test(all_of_it),       cmocka_unit_test(small_ones),
        cmocka_unit_test(damaged),         cmocka_unit_test(groups),
        cmocka_unit_test(too_many_places), cmocka_unit_test(whether_a_rule_is_on_record),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
