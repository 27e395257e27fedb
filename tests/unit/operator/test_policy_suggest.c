/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "../../../broker/operator/policy_suggest.h"

static void
patterns(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"/", "/"},
        {"/v1/models", "/v1/models"},
        {"/v1/models/", "/v1/models/"},
        {"/v1/files/17", "/v1/files/*"},
        {"/v1/files/17/content", "/v1/files/*/content"},
        {"/1/2/3", "/*/*/*"},
        {"/u/0f8fad5b-d9cb-469f-a165-70867728950e", "/u/*"},
        {"/u/0f8fad5bd9cb469f", "/u/*"},
        {"/u/0F8FAD5B", "/u/*"},
        {"/u/deadbeef", "/u/deadbeef"}, // a word may be made of these letters
        {"/u/0f8fad5", "/u/0f8fad5"},
        {"/u/17a", "/u/17a"},
        {"/u/0f8fad5b-d9cb-469f-a165-70867728950", "/u/0f8fad5b-d9cb-469f-a165-70867728950"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        BUFFER_AUTO out;
        buffer_init(&out, 256);
        policy_suggest_pattern(bytes_str(cases[i][0]), &out);
        assert_string_equal(buffer_text(&out), cases[i][1]);
    }
}

static void
add(struct policy_suggest *suggest, const char *user, const char *credential, const char *decision,
    const char *method, const char *host, const char *path, long lifetime)
{
    struct fault fault = {0};
    json_t *record =
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:i, s:s, s:I}", "time",
                  "2026-11-21T18:00:00.000Z", "kind", "decision", "decision", decision, "user",
                  user, "credential", credential, "method", method, "scheme", "https", "host", host,
                  "port", 443, "path", path, "lifetime", (json_int_t)lifetime);
    assert_non_null(record);
    if (policy_suggest_add(suggest, record, &fault) != KH_OK)
        fail_msg("%s", fault.detail);
    json_decref(record);
}

static struct policy *
print_and_read(const struct policy_suggest *suggest, struct buffer *text)
{
    struct policy *policy = NULL;
    struct fault fault = {0};
    size_t passed;
    buffer_init(text, POLICY_TEXT_MAX);
    enum kh_err err = policy_suggest_print(suggest, text, &fault);
    if (err == KH_OK)
        err = policy_read("s", buffer_bytes(text), &policy, &fault);
    if (err == KH_OK)
        err = policy_tests_run(policy, "s", &passed, &fault);
    if (err != KH_OK)
        fail_msg("%s\n%s", fault.detail, buffer_text(text));
    return policy;
}

static void
nothing(void **state)
{
    (void)state;
    struct policy_suggest suggest;
    struct fault fault = {0};
    BUFFER_AUTO text;
    buffer_init(&text, POLICY_TEXT_MAX);
    policy_suggest_init(&suggest, BYTES("alice"));
    add(&suggest, "bob", "openai", "allow", "GET", "a.example", "/", 60);
    add(&suggest, "alice", "openai", "deny", "GET", "a.example", "/", 60);
    assert_int_equal(policy_suggest_print(&suggest, &text, &fault), KH_ERR_NOT_FOUND);
    assert_says(fault, "no allowed request of alice");
    policy_suggest_free(&suggest);
}

static bool
allows(const struct policy *policy, const char *credential, const char *method, const char *host,
       const char *path)
{
    const struct facts facts = {.scheme = BYTES("https"),
                                .port = 443,
                                .user = BYTES("alice"),
                                .credential = bytes_str(credential),
                                .method = bytes_str(method),
                                .host = bytes_str(host),
                                .path = bytes_str(path)};
    const struct policy_request request = {.facts = &facts, .lifetime_s = 60};
    struct policy_verdict verdict;
    policy_judge(policy, &request, &verdict);
    return verdict.allowed == JUDGEMENT_HOLDS;
}

static void
the_narrowest(void **state)
{
    (void)state;
    struct policy_suggest suggest;
    struct buffer text;
    policy_suggest_init(&suggest, BYTES("alice"));
    add(&suggest, "alice", "git", "allow", "GET", "a.example", "/u/1", 60);
    add(&suggest, "alice", "git", "allow", "GET", "a.example", "/u/2", 3600);
    add(&suggest, "alice", "git", "allow", "GET", "a.example", "/it's", 60);
    add(&suggest, "alice", "git", "allow", "POST", "a.example", "/x%20y", 60);
    add(&suggest, "alice", "git", "allow", "PUT", "b.example", "/z", 60);
    add(&suggest, "alice", "pay", "allow", "GET", "c.example", "/", 60);
    struct policy *policy = print_and_read(&suggest, &text);
    assert_int_equal(policy->grant_count, 2);
    assert_int_equal(policy->grant[0].lifetime_s, 3600);
    assert_contains(buffer_text(&text), "# What alice used: 6 allowed requests");
    static const struct {
        const char *credential, *method, *host, *path;
        bool allowed;
    } cases[] = {
        {"git", "GET", "a.example", "/u/99", true}, {"git", "GET", "a.example", "/it's", true},
        {"git", "POST", "a.example", "/x y", true}, {"git", "PUT", "b.example", "/z", true},
        {"pay", "GET", "c.example", "/", true},     {"git", "POST", "a.example", "/u/1", false},
        {"git", "GET", "a.example", "/x y", false}, {"git", "GET", "b.example", "/z", false},
        {"git", "PUT", "a.example", "/z", false},   {"git", "GET", "a.example", "/u/1/x", false},
        {"git", "GET", "c.example", "/", false},    {"pay", "GET", "a.example", "/u/1", false},
        {"pay", "DELETE", "c.example", "/", false}, {"git", "GET", "a.example", "/u", false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        if (allows(policy, cases[i].credential, cases[i].method, cases[i].host, cases[i].path) !=
            cases[i].allowed)
            fail_msg("%s %s%s with %s\n%s", cases[i].method, cases[i].host, cases[i].path,
                     cases[i].credential, buffer_text(&text));
    policy_free(&policy);
    buffer_free(&text);
    policy_suggest_free(&suggest);
}

// More than a caveat can say: what they have in common is said instead.
static void
too_many_paths(void **state)
{
    (void)state;
    struct policy_suggest suggest;
    struct buffer text;
    policy_suggest_init(&suggest, BYTES("alice"));
    for (int i = 0; i < 200; i++) {
        char path[64];
        snprintf(path, sizeof(path), "/v1/things/name-%c%c/part", 'a' + i % 20, 'a' + i / 20);
        add(&suggest, "alice", "git", "allow", "GET", "a.example", path, 60);
    }
    struct policy *policy = print_and_read(&suggest, &text);
    assert_true(allows(policy, "git", "GET", "a.example", "/v1/things/other/part"));
    assert_false(allows(policy, "git", "GET", "a.example", "/v1/others"));
    assert_false(allows(policy, "git", "PUT", "a.example", "/v1/things/name-aa/part"));
    policy_free(&policy);
    buffer_free(&text);
    policy_suggest_free(&suggest);
}

// What a client put into a path is no YAML and no caveat.
static void
hostile_paths(void **state)
{
    (void)state;
    static const char *const paths[] = {
        "/a'%0Agrants", "/%22", "/a,b",  "/or",     "/a%20or%20method",
        "/%23",         "/:",   "/*/**", "/%7B%7D", "/%C3%A4",
    };
    struct policy_suggest suggest;
    struct buffer text;
    policy_suggest_init(&suggest, BYTES("alice"));
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
        add(&suggest, "alice", "git", "allow", "GET", "a.example", paths[i], 60);
    struct policy *policy = print_and_read(&suggest, &text);
    assert_int_equal(policy->grant_count, 1);
    assert_true(allows(policy, "git", "GET", "a.example", "/a or method"));
    policy_free(&policy);
    buffer_free(&text);
    policy_suggest_free(&suggest);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(patterns),      cmocka_unit_test(nothing),
        cmocka_unit_test(the_narrowest), cmocka_unit_test(too_many_paths),
        cmocka_unit_test(hostile_paths),
    };
    return cmocka_run_group_tests_name("policy_suggest", tests, NULL, NULL);
}
