/* SPDX-License-Identifier: Apache-2.0 */
#include "policies.h"

static const char basic[] = "version: 1\n"
                            "groups: {eng: [alice, bob]}\n"
                            "grants:\n"
                            "- name: chat\n"
                            "  to: [group eng]\n"
                            "  credentials: [openai]\n"
                            "  caveats: ['method in GET, POST', 'path ~ /v1/chat/**']\n"
                            "- name: carol-models\n"
                            "  to: [user carol]\n"
                            "  credentials: [openai, anthropic]\n"
                            "  caveats: [path = /v1/models]\n"
                            "- name: wiki\n"
                            "  to: [everyone]\n"
                            "  credentials: [wiki]\n"
                            "forbid:\n"
                            "- name: no-deletes\n"
                            "  when: [credential = openai, method = DELETE]\n"
                            "- name: not-in-2027\n"
                            "  when: ['time >= 2027-01-01T00:00:00Z']\n";

static void
expect_detail(const struct policy_verdict *verdict, const struct facts *facts, const char *text)
{
    BUFFER_AUTO out;
    buffer_init(&out, 4096);
    policy_verdict_print(verdict, facts, &out);
    expect_text("detail", buffer_bytes(&out), text);
}

static void
no_policy(void **state)
{
    (void)state;
    struct facts facts = policy_facts("GET", "/");
    struct policy_verdict v = test_judge(NULL, &facts, (struct policy_request){0});
    expect_verdict("no policy", &v, JUDGEMENT_HOLDS);
    assert_null(v.grant);
    assert_int_equal(v.warning_count, 0);
    assert_int_equal(policy_next_change(NULL, &v, 0), INT64_MAX);
    assert_false(policy_forbids(NULL, &(struct policy_request){.facts = &facts}, &v));
}

static void
nothing_granted_is_denied(void **state)
{
    (void)state;
    struct policy *policy = test_policy("version: 1\n");
    struct facts facts = policy_facts("GET", "/");
    struct policy_verdict v = test_judge(policy, &facts, (struct policy_request){0});
    expect_verdict("empty policy", &v, JUDGEMENT_FAILS);
    assert_int_equal(v.reason, KH_REASON_NO_GRANT);
    expect_detail(&v, &facts, "no grant gives alice the credential openai");
    policy_free(&policy);
}

static void
table(void **state)
{
    (void)state;
    static const struct {
        const char *user, *credential, *method, *path;
        enum judgement allowed;
        const char *detail; /* of a denial, else the grant */
    } cases[] = {
        {"alice", "openai", "POST", "/v1/chat/completions", JUDGEMENT_HOLDS, "chat"},
        {"bob", "openai", "GET", "/v1/chat/x", JUDGEMENT_HOLDS, "chat"},
        {"carol", "openai", "GET", "/v1/models", JUDGEMENT_HOLDS, "carol-models"},
        {"carol", "anthropic", "GET", "/v1/models", JUDGEMENT_HOLDS, "carol-models"},
        {"dave", "wiki", "DELETE", "/x", JUDGEMENT_HOLDS, "wiki"},
        {"alice", "openai", "PUT", "/v1/chat/x", JUDGEMENT_FAILS, "chat: method in GET, POST"},
        {"alice", "openai", "GET", "/v1/models", JUDGEMENT_FAILS, "chat: path ~ /v1/chat/**"},
        {"carol", "openai", "GET", "/v1/chat/x", JUDGEMENT_FAILS,
         "carol-models: path = /v1/models"},
        {"dave", "openai", "GET", "/v1/chat/x", JUDGEMENT_FAILS,
         "no grant gives dave the credential openai"},
        {"alice", "anthropic", "GET", "/v1/models", JUDGEMENT_FAILS,
         "no grant gives alice the credential anthropic"},
        {"", "wiki", "GET", "/", JUDGEMENT_FAILS, "no grant gives  the credential wiki"},
        {"alice", "", "GET", "/v1/chat/x", JUDGEMENT_FAILS, "no grant gives alice the credential "},
        {"alice", "openai", "DELETE", "/v1/chat/x", JUDGEMENT_FAILS,
         "no-deletes: credential = openai; method = DELETE"},
        {"dave", "openai", "DELETE", "/v1/chat/x", JUDGEMENT_FAILS,
         "no-deletes: credential = openai; method = DELETE"},
    };
    struct policy *policy = test_policy(basic);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct facts facts = policy_facts(cases[i].method, cases[i].path);
        facts.user = bytes_str(cases[i].user);
        facts.credential = bytes_str(cases[i].credential);
        struct policy_verdict v = test_judge(policy, &facts, (struct policy_request){0});
        expect_verdict(cases[i].detail, &v, cases[i].allowed);
        if (cases[i].allowed == JUDGEMENT_HOLDS)
            expect_text("grant", v.grant->name, cases[i].detail);
        else
            expect_detail(&v, &facts, cases[i].detail);
    }
    policy_free(&policy);
}

static void
traces(void **state)
{
    (void)state;
    struct policy *policy = test_policy(basic);
    struct facts facts = policy_facts("DELETE", "/v1/chat/x");
    struct policy_verdict v = test_judge(policy, &facts, (struct policy_request){0});
    assert_int_equal(v.reason, KH_REASON_FORBIDDEN);
    expect_text("forbid", v.forbid->name, "no-deletes");
    expect_text("nearest", v.grant->name, "chat");

    struct bytes group = BYTES("eng");
    struct policy_grant_trace g;
    facts.group = &group;
    facts.group_count = 1;
    const struct policy_request request = {.facts = &facts};
    policy_grant_judge(&policy->grant[0], &request, &g);
    assert_true(g.principal && g.credential);
    assert_int_equal(g.caveat[0], JUDGEMENT_FAILS);
    assert_int_equal(g.caveat[1], JUDGEMENT_HOLDS);
    assert_int_equal(g.lifetime, JUDGEMENT_NOT_JUDGED);
    assert_int_equal(g.failures, 1);
    policy_grant_judge(&policy->grant[1], &request, &g);
    assert_false(g.principal);
    assert_true(g.credential);
    assert_int_equal(g.whole, JUDGEMENT_NOT_JUDGED);
    assert_int_equal(g.caveat[0], JUDGEMENT_NOT_JUDGED);
    policy_free(&policy);
}

static void
nearest_grant(void **state)
{
    (void)state;
    struct policy *policy = test_policy(
        "version: 1\n"
        "grants:\n"
        "- {name: far, to: [everyone], credentials: [openai],\n"
        "   caveats: [method = GET, path = /x, host = a.example]}\n"
        "- {name: near, to: [user alice], credentials: [openai], caveats: [method = GET]}\n"
        "- {name: as-near, to: [user alice], credentials: [openai], caveats: [method = PUT]}\n");
    struct facts facts = policy_facts("POST", "/v1");
    struct policy_verdict v = test_judge(policy, &facts, (struct policy_request){0});
    expect_detail(&v, &facts, "near: method = GET");
    policy_free(&policy);
}

static void
lifetimes(void **state)
{
    (void)state;
    struct policy *policy =
        test_policy("version: 1\ngrants:\n"
                    "- {name: g, to: [everyone], credentials: [openai], lifetime: 12h}\n");
    struct facts facts = policy_facts("GET", "/");
    static const struct {
        int64_t lifetime;
        enum judgement allowed;
    } cases[] = {{1, JUDGEMENT_HOLDS},
                 {43200, JUDGEMENT_HOLDS},
                 {43201, JUDGEMENT_FAILS},
                 {INT64_MAX, JUDGEMENT_FAILS},
                 {-1, JUDGEMENT_UNKNOWN}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct policy_verdict v =
            test_judge(policy, &facts, (struct policy_request){.lifetime_s = cases[i].lifetime});
        expect_verdict("lifetime", &v, cases[i].allowed);
        if (cases[i].allowed == JUDGEMENT_FAILS)
            expect_detail(&v, &facts, "g: the token lives longer than 12h");
    }
    policy_free(&policy);
}

static void
holes(void **state)
{
    (void)state;
    struct policy *policy =
        test_policy("version: 1\ngrants:\n"
                    "- name: g\n  to: [everyone]\n  credentials: [openai]\n"
                    "  holes: [factor = yubikey for 8h, user = bob and factor = ssh for 1h]\n");
    static const struct {
        const char *hole[3];
        enum judgement allowed;
    } cases[] = {
        {{"factor = yubikey for 8h", "user = bob and factor = ssh for 1h"}, JUDGEMENT_HOLDS},
        {{"user = bob and factor = ssh for 1h", "user = alice and factor = yubikey for 8h"},
         JUDGEMENT_HOLDS},
        {{"factor = yubikey for 8h"}, JUDGEMENT_FAILS},
        {{"user = bob and factor = yubikey for 8h", "user = bob and factor = ssh for 1h"},
         JUDGEMENT_FAILS},
        {{"factor = yubikey for 9h", "user = bob and factor = ssh for 1h"}, JUDGEMENT_FAILS},
        {{"factor = yubikey for 8h", "user = alice and factor = ssh for 1h"}, JUDGEMENT_FAILS},
        {{NULL}, JUDGEMENT_FAILS},
    };
    struct facts facts = policy_facts("GET", "/");
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct bytes hole[3];
        size_t n = 0;
        for (; cases[i].hole[n]; n++)
            hole[n] = bytes_str(cases[i].hole[n]);
        struct policy_verdict v =
            test_judge(policy, &facts, (struct policy_request){.hole = hole, .hole_count = n});
        expect_verdict(cases[i].hole[0] ? cases[i].hole[0] : "none", &v, cases[i].allowed);
        if (n == 0)
            expect_detail(&v, &facts, "g: factor = yubikey for 8h");
        v = test_judge(
            policy, &facts,
            (struct policy_request){.hole = hole, .hole_count = n, .holes_hidden = true});
        expect_verdict("not known", &v,
                       cases[i].allowed == JUDGEMENT_HOLDS ? JUDGEMENT_HOLDS : JUDGEMENT_UNKNOWN);
    }
    policy_free(&policy);
}

static void
expect_warning(const struct policy_verdict *v, const char *text)
{
    BUFFER_AUTO out;
    buffer_init(&out, 256);
    assert_int_equal(v->warning_count, 1);
    policy_warning_print(&v->warning[0], &out);
    expect_text("warning", buffer_bytes(&out), text);
}

static void
warnings(void **state)
{
    (void)state;
    struct policy *policy = test_policy(
        "version: 1\n"
        "grants:\n"
        "- {name: trial, to: [user alice], credentials: [openai], caveats: [method = GET],\n"
        "   lifetime: 1h, mode: warn}\n"
        "- {name: real, to: [user alice], credentials: [openai], caveats: [method = PUT]}\n"
        "forbid:\n"
        "- {name: soft, when: [path = /soft], mode: warn}\n"
        "- {name: hard, when: [path = /hard]}\n");
    const struct policy_request request = {.lifetime_s = 60};
    struct facts facts = policy_facts("GET", "/");
    struct policy_verdict v = test_judge(policy, &facts, request);
    expect_verdict("covered", &v, JUDGEMENT_HOLDS);
    assert_int_equal(v.warning_count, 0);

    facts = policy_facts("POST", "/");
    v = test_judge(policy, &facts, request);
    expect_verdict("the trial would have denied", &v, JUDGEMENT_HOLDS);
    expect_warning(&v, "grant trial");

    facts = policy_facts("PUT", "/");
    v = test_judge(policy, &facts, request);
    expect_verdict("covered by another", &v, JUDGEMENT_HOLDS);
    assert_int_equal(v.warning_count, 0);

    facts = policy_facts("GET", "/soft");
    v = test_judge(policy, &facts, request);
    expect_verdict("a soft forbid", &v, JUDGEMENT_HOLDS);
    expect_warning(&v, "forbid soft");

    facts = policy_facts("GET", "/hard");
    v = test_judge(policy, &facts, request);
    expect_verdict("a hard forbid", &v, JUDGEMENT_FAILS);

    facts.user = BYTES("bob");
    facts.path = BYTES("/");
    v = test_judge(policy, &facts, request);
    expect_verdict("a trial grants nothing to others", &v, JUDGEMENT_FAILS);
    policy_free(&policy);
}

static bool
query_is_hidden(void *context, const struct predicate *predicate)
{
    (void)context;
    return predicate->attribute == ATTRIBUTE_QUERY;
}

static void
hidden_values(void **state)
{
    (void)state;
    static const struct {
        const char *grant, *forbid, *path;
        enum judgement allowed;
    } cases[] = {
        {"query[a] = 1", "path = /f", "/", JUDGEMENT_UNKNOWN},
        {"query[a] = 1 or path = /", "path = /f", "/", JUDGEMENT_HOLDS},
        {"query[a] = 1 or path = /x", "path = /f", "/", JUDGEMENT_UNKNOWN},
        {"query[a] absent", "path = /f", "/", JUDGEMENT_UNKNOWN},
        {"path = /", "query[a] = 1", "/", JUDGEMENT_UNKNOWN},
        {"path = /x", "query[a] = 1", "/", JUDGEMENT_FAILS},
        {"query[a] = 1", "path = /", "/", JUDGEMENT_FAILS},
        {"path = /", "path = /x", "/", JUDGEMENT_HOLDS},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char yaml[512];
        snprintf(yaml, sizeof yaml,
                 "version: 1\ngrants:\n- name: g\n  to: [everyone]\n  credentials: [openai]\n"
                 "  caveats:\n  - %s\nforbid:\n- name: f\n  when:\n  - %s\n",
                 cases[i].grant, cases[i].forbid);
        struct policy *policy = test_policy(yaml);
        struct facts facts = policy_facts("GET", cases[i].path);
        struct policy_verdict v =
            test_judge(policy, &facts, (struct policy_request){.hidden = query_is_hidden});
        expect_verdict(yaml, &v, cases[i].allowed);
        policy_free(&policy);
    }
}

/* A body is asked for only where it decides, or where a warning depends on it. */
static void
needs_body(void **state)
{
    (void)state;
    static const struct {
        const char *rules;
        enum judgement unread, empty;
        bool wants;
    } cases[] = {
        {"grants: [{name: g, to: [everyone], credentials: [openai], caveats: ['body[/m] = a']}]",
         JUDGEMENT_NEEDS_BODY, JUDGEMENT_FAILS, false},
        {"grants: [{name: g, to: [user bob], credentials: [openai], caveats: ['body[/m] = a']}]",
         JUDGEMENT_FAILS, JUDGEMENT_FAILS, false},
        {"grants: [{name: g, to: [everyone], credentials: [openai],\n"
         "  caveats: ['body[/m] = a', method = PUT]}]",
         JUDGEMENT_FAILS, JUDGEMENT_FAILS, false},
        {"grants: [{name: g, to: [everyone], credentials: [openai], caveats: ['body[/m] = a']},\n"
         "  {name: h, to: [everyone], credentials: [openai]}]",
         JUDGEMENT_HOLDS, JUDGEMENT_HOLDS, false},
        {"grants: [{name: g, to: [everyone], credentials: [openai], caveats: ['body[/m] = a'],\n"
         "  mode: warn}]",
         JUDGEMENT_HOLDS, JUDGEMENT_HOLDS, true},
        {"grants: [{name: h, to: [everyone], credentials: [openai]}]\n"
         "forbid: [{name: f, when: ['body[/m] = a']}]",
         JUDGEMENT_NEEDS_BODY, JUDGEMENT_HOLDS, true},
        {"grants: [{name: h, to: [everyone], credentials: [openai]}]\n"
         "forbid: [{name: f, when: ['body[/m] = a', method = PUT]}]",
         JUDGEMENT_HOLDS, JUDGEMENT_HOLDS, false},
        {"grants: [{name: h, to: [everyone], credentials: [openai]}]\n"
         "forbid: [{name: f, when: ['body[/m] = a'], mode: warn}]",
         JUDGEMENT_HOLDS, JUDGEMENT_HOLDS, true},
        {"grants: []\nforbid: [{name: f, when: ['body[/m] = a']}]", JUDGEMENT_FAILS,
         JUDGEMENT_FAILS, true},
        {"grants: [{name: h, to: [everyone], credentials: [openai]}]\n"
         "forbid: [{name: f, when: ['body[/m] = a']}, {name: e, when: [method = GET]}]",
         JUDGEMENT_FAILS, JUDGEMENT_FAILS, true},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char text[1024];
        snprintf(text, sizeof text, "version: 1\n%s\n", cases[i].rules);
        struct policy *policy = test_policy(text);
        struct facts facts = policy_facts("GET", "/");
        struct policy_verdict v = test_judge(policy, &facts, (struct policy_request){0});
        expect_verdict(text, &v, cases[i].unread);
        assert_int_equal(v.wants_body, cases[i].wants);
        facts.body = (struct facts_body){.has_size = true, .has_sha256 = true, .is_read = true};
        v = test_judge(policy, &facts, (struct policy_request){0});
        expect_verdict(text, &v, cases[i].empty);
        assert_false(v.wants_body);
        policy_free(&policy);
    }
}

static void
forbids_alone(void **state)
{
    (void)state;
    struct policy *policy = test_policy(basic);
    struct facts facts = policy_facts("DELETE", "/");
    struct policy_verdict v;
    facts.user = BYTES_EMPTY;
    assert_true(policy_forbids(policy, &(struct policy_request){.facts = &facts}, &v));
    expect_text("forbid", v.forbid->name, "no-deletes");
    facts.method = BYTES("GET");
    assert_false(policy_forbids(policy, &(struct policy_request){.facts = &facts}, &v));
    policy_free(&policy);
}

static void
next_change(void **state)
{
    (void)state;
    struct policy *policy = test_policy(basic);
    struct facts facts = policy_facts("GET", "/v1/chat/x");
    struct policy_verdict v = test_judge(policy, &facts, (struct policy_request){0});
    assert_int_equal(policy_next_change(policy, &v, facts.time), 1798761600);
    assert_int_equal(policy_next_change(policy, &v, 1798761600), INT64_MAX);
    policy_free(&policy);
    policy = test_policy("version: 1\ngrants:\n- {name: g, to: [everyone], credentials: [openai],\n"
                         "   caveats: ['time < 2026-12-01T00:00:00Z']}\n");
    v = test_judge(policy, &facts, (struct policy_request){0});
    assert_int_equal(policy_next_change(policy, &v, facts.time), 1796083200);
    policy_free(&policy);
}

static void
count_caveat(void *context, const struct caveat *caveat)
{
    (void)caveat;
    ++*(size_t *)context;
}

static void
looked_at(void **state)
{
    (void)state;
    struct policy *policy = test_policy(basic);
    struct facts facts = policy_facts("GET", "/");
    struct bytes group = BYTES("eng");
    size_t count = 0;
    facts.group = &group;
    facts.group_count = 1;
    const struct policy_request request = {.facts = &facts};
    policy_each_caveat(policy, &request, count_caveat, &count);
    assert_int_equal(count, 3 + 2);
    policy_each_caveat(NULL, &request, count_caveat, &count);
    assert_int_equal(count, 3 + 2);
    policy_free(&policy);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_policy),     cmocka_unit_test(nothing_granted_is_denied),
        cmocka_unit_test(table),         cmocka_unit_test(traces),
        cmocka_unit_test(nearest_grant), cmocka_unit_test(lifetimes),
        cmocka_unit_test(holes),         cmocka_unit_test(warnings),
        cmocka_unit_test(hidden_values), cmocka_unit_test(forbids_alone),
        cmocka_unit_test(next_change),   cmocka_unit_test(looked_at),
        cmocka_unit_test(needs_body),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
