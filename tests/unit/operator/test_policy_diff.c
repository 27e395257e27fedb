/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "../../../broker/operator/policy_diff.h"

static const char yaml[] =
    "version: 1\n"
    "grants:\n"
    "- {name: g, to: [user alice], credentials: [openai], caveats: ['path ~ /a/** or query[q] = "
    "1']}\n"
    "forbid:\n"
    "- {name: f, when: [method = DELETE]}\n";

static void
add(struct policy_diff *diff, const char *decision, const char *user, const char *method,
    const char *path, const char *more)
{
    char text[4096];
    struct fault fault = {0};
    snprintf(
        text, sizeof(text),
        "{\"time\":\"2026-11-21T18:00:0%llu.250Z\",\"kind\":\"decision\",%s,\"user\":\"%s\","
        "\"credential\":\"openai\",\"method\":\"%s\",\"scheme\":\"https\",\"host\":\"h.example\""
        ",\"port\":8443,\"path\":\"%s\",\"lifetime\":60%s}",
        (unsigned long long)diff->judged, decision, user, method, path, more);
    json_t *record = json_loads(text, 0, NULL);
    assert_non_null(record);
    if (policy_diff_add(diff, record, &fault) != KH_OK)
        fail_msg("%s", fault.detail);
    json_decref(record);
}

#define ALLOW   "\"decision\":\"allow\""
#define DENY(r) "\"decision\":\"deny\",\"reason\":\"" r "\""

static void
changes(void **state)
{
    (void)state;
    struct policy *policy = NULL;
    struct policy_diff diff;
    assert_int_equal(policy_read("p", bytes_str(yaml), &policy, NULL), KH_OK);
    policy_diff_init(&diff, policy);
    add(&diff, ALLOW, "alice", "GET", "/a/b", "");                    // as it was
    add(&diff, ALLOW, "bob", "GET", "/a/b", "");                      // denied
    add(&diff, ALLOW, "bob", "GET", "/a/b", "");                      // the same
    add(&diff, ALLOW, "alice", "DELETE", "/a/b", "");                 // denied
    add(&diff, ALLOW, "alice", "GET", "/c", "");                      // cannot tell
    add(&diff, DENY("no-grant"), "alice", "GET", "/a/c", "");         // allowed
    add(&diff, DENY("forbidden"), "alice", "GET", "/a/c", "");        // allowed
    add(&diff, DENY("no-grant"), "bob", "GET", "/a/c", "");           // as it was
    add(&diff, DENY("caveat-failed"), "alice", "GET", "/a/c", "");    // a caveat's doing
    add(&diff, ALLOW, "alice", "GET", "/c", ",\"rejudged\":\"yes\""); // no request
    assert_int_equal(diff.judged, 9);
    json_t *json = policy_diff_json(&diff);
    assert_int_equal(json_integer_value(json_object_get(json, "deny")), 3);
    assert_int_equal(json_integer_value(json_object_get(json, "allow")), 2);
    assert_int_equal(json_integer_value(json_object_get(json, "unknown")), 1);
    const json_t *rows = json_object_get(json, "requests"), *first = json_array_get(rows, 0);
    assert_int_equal(json_array_size(rows), 4);
    assert_string_equal(json_string_value(json_object_get(first, "url")),
                        "https://h.example:8443/a/b");
    assert_string_equal(json_string_value(json_object_get(first, "rule")),
                        "no grant gives bob the credential openai");
    assert_int_equal(json_integer_value(json_object_get(first, "count")), 2);
    assert_string_equal(json_string_value(json_object_get(first, "first")),
                        "2026-11-21T18:00:01.250Z");
    assert_string_equal(json_string_value(json_object_get(first, "last")),
                        "2026-11-21T18:00:02.250Z");
    json_decref(json);

    char out[4096] = "";
    FILE *file = tmpfile();
    policy_diff_show(file, &diff);
    rewind(file);
    out[fread(out, 1, sizeof(out) - 1, file)] = '\0';
    fclose(file);
    assert_contains(out,
                    "3 allowed, and would be denied\n"
                    "       2  GET https://h.example:8443/a/b  bob/openai  no grant gives bob");
    assert_contains(out, "       1  DELETE https://h.example:8443/a/b  alice/openai  f: method");
    assert_contains(out, "2 denied, and would be allowed\n"
                         "       2  GET https://h.example:8443/a/c  alice/openai  g\n");
    assert_contains(out, "1 cannot tell");
    assert_contains(out, "9 requests judged again, 3 would be decided as they were\n");
    policy_diff_free(&diff);
    policy_free(&policy);
}

static void
many_kinds_are_cut(void **state)
{
    (void)state;
    struct policy *policy = NULL;
    struct policy_diff diff;
    assert_int_equal(policy_read("p", BYTES("version: 1\n"), &policy, NULL), KH_OK);
    policy_diff_init(&diff, policy);
    for (int i = 0; i < POLICY_DIFF_ROWS_MAX + 5; i++) {
        char path[32];
        struct fault fault = {0};
        snprintf(path, sizeof(path), "/%d", i);
        json_t *record = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "time",
                                   "2026-11-21T18:00:00.000Z", "kind", "decision", "decision",
                                   "allow", "user", "a", "credential", "c", "path", path);
        assert_int_equal(policy_diff_add(&diff, record, &fault), KH_OK);
        json_decref(record);
    }
    assert_true(diff.cut);
    assert_int_equal(diff.count[POLICY_DIFF_DENY], POLICY_DIFF_ROWS_MAX + 5);
    assert_int_equal(json_object_size(diff.rows), POLICY_DIFF_ROWS_MAX);
    policy_diff_free(&diff);
    policy_free(&policy);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(changes),
        cmocka_unit_test(many_kinds_are_cut),
    };
    return cmocka_run_group_tests_name("policy_diff", tests, NULL, NULL);
}
