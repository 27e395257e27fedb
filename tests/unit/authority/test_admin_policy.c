/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

static struct authority authority;

static int
setup(void **state)
{
    if (fixture_setup(state))
        return -1;
    admin_init();
    fixture_create();
    fixture_open(&authority);
    fixture_add_openai(&authority);
    authority.actor_uid = 1234;
    return 0;
}

static int
teardown(void **state)
{
    authority_close(&authority);
    return fixture_teardown(state);
}

#define ASK(command, more) "{\"command\": \"policy." command "\"" more "}"
#define ALL                "version: 1\\ngrants:\\n- {name: all, to: [everyone], credentials: [openai, githib]}\\n"
#define TESTED                                                                                     \
    ALL "tests:\\n"                                                                                \
        "- {request: GET https://a.example/, user: a, credential: openai, expect: allow all}\\n"
#define FAILING                                                                                    \
    TESTED "- {request: GET https://a.example/, user: a, credential: x, expect: allow}\\n"

static const char *
text(const json_t *object, const char *name)
{
    const char *value = json_string_value(json_object_get(object, name));
    return value ? value : "";
}

static json_int_t
number(const json_t *object, const char *name)
{
    return json_integer_value(json_object_get(object, name));
}

static const char *
item(const json_t *object, const char *name, size_t i)
{
    const char *value = json_string_value(json_array_get(json_object_get(object, name), i));
    return value ? value : "";
}

static void
refusals(void **state)
{
    (void)state;
    fixture_refused(&authority, ASK("apply", ""), "usage", "text is missing");
    fixture_refused(&authority, ASK("apply", ", \"text\": \"\""), "config", "policy:1: the policy");
    fixture_refused(&authority, ASK("apply", ", \"text\": \"\", \"name\": \"a.yaml\""), "config",
                    "a.yaml:1:");
    // A name that a terminal would not take well is not repeated.
    fixture_refused(&authority, ASK("apply", ", \"text\": \"x: 1\", \"name\": \"a\\u001b[2J\""),
                    "config", "policy:1:");
    fixture_refused(&authority, ASK("apply", ", \"text\": \"" FAILING "\""), "config",
                    "policy:6: test 2: expected allow, got deny");
    fixture_refused(&authority, ASK("check", ", \"text\": \"" FAILING "\""), "config", "test 2");
    fixture_refused(&authority, ASK("check", ", \"text\": \"version: 1\\u0000\""), "syntax", "");
    fixture_refused(&authority, ASK("rollback", ", \"version\": 1"), "not-found", "newest is 0");
    fixture_refused(&authority, ASK("rollback", ", \"version\": \"1\""), "wrong-type", "number");
    fixture_refused(&authority, ASK("show", ", \"version\": -1"), "not-found", "-1");
    fixture_refused(&authority, ASK("test", ""), "not-found", "no policy in force");
    fixture_refused(&authority, ASK("aply", ""), "unknown", "did you mean policy.apply?");
    assert_null(authority.policy);
}

static void
check(void **state)
{
    (void)state;
    json_t *result = fixture_do(&authority, ASK("check", ", \"text\": \"" TESTED "\""));
    assert_int_equal(number(result, "grants"), 1);
    assert_int_equal(number(result, "forbids"), 0);
    assert_int_equal(number(result, "tests"), 1);
    assert_string_equal(item(result, "changes", 0), "grant all: added");
    assert_string_equal(item(result, "notes", 0), "all: there is no credential githib");
    json_decref(result);
    assert_null(authority.policy);
}

static void
notes_of_caveats(void **state)
{
    (void)state;
    json_t *result =
        fixture_do(&authority, ASK("check", ", \"text\": \"version: 1\\nforbid:\\n- {name: f, "
                                            "when: ['credential in openai, openia']}\\n"
                                            "- {name: g, when: ['credential ~ op*']}\\n\""));
    assert_int_equal(json_array_size(json_object_get(result, "notes")), 1);
    assert_string_equal(item(result, "notes", 0),
                        "f: there is no credential openia; did you mean openai?");
    json_decref(result);
}

static void
apply_show_list(void **state)
{
    (void)state;
    json_t *result =
        fixture_do(&authority, ASK("apply", ", \"text\": \"" TESTED "\", \"comment\": \"begin\""));
    assert_int_equal(number(result, "version"), 1);
    assert_int_equal(number(result, "passed"), 1);
    assert_string_equal(item(result, "changes", 0), "grant all: added");
    json_decref(result);

    result = fixture_do(&authority, ASK("apply", ", \"text\": \"version: 1\\n\""));
    json_decref(result);
    result = fixture_do(&authority, ASK("rollback", ", \"version\": 1, \"comment\": \"oops\""));
    assert_int_equal(number(result, "version"), 3);
    json_decref(result);
    assert_int_equal(authority.policy->grant_count, 1);

    result = fixture_do(&authority, ASK("list", ""));
    const json_t *versions = json_object_get(result, "versions");
    assert_int_equal(number(result, "active"), 3);
    assert_int_equal(json_array_size(versions), 3);
    const json_t *newest = json_array_get(versions, 0), *first = json_array_get(versions, 2);
    assert_int_equal(number(newest, "version"), 3);
    assert_true(json_is_true(json_object_get(newest, "active")));
    assert_int_equal(number(newest, "restores"), 1);
    assert_int_equal(number(newest, "uid"), 1234);
    assert_string_equal(text(newest, "comment"), "oops");
    assert_null(json_object_get(newest, "text"));
    assert_string_equal(text(first, "comment"), "begin");
    assert_null(json_object_get(first, "restores"));
    assert_true(json_is_false(json_object_get(first, "active")));
    assert_string_equal(text(first, "applied_at"), "2026-10-26T07:33:20Z");
    json_decref(result);

    result = fixture_do(&authority, ASK("show", ""));
    assert_int_equal(number(result, "version"), 3);
    assert_non_null(strstr(text(result, "text"), "name: all"));
    json_decref(result);
    result = fixture_do(&authority, ASK("show", ", \"version\": 2"));
    assert_string_equal(text(result, "text"), "version: 1\n");
    json_decref(result);
    result = fixture_do(&authority, ASK("show", ", \"version\": 0"));
    assert_string_equal(text(result, "text"), "");
    assert_true(json_is_false(json_object_get(result, "active")));
    json_decref(result);
}

static void
tests(void **state)
{
    (void)state;
    json_t *result = fixture_do(&authority, ASK("test", ", \"text\": \"" FAILING "\""));
    const json_t *list = json_object_get(result, "tests"), *second = json_array_get(list, 1);
    assert_int_equal(number(result, "passed"), 1);
    assert_int_equal(number(result, "failed"), 1);
    assert_true(json_is_true(json_object_get(json_array_get(list, 0), "passes")));
    assert_true(json_is_false(json_object_get(second, "passes")));
    assert_int_equal(number(second, "line"), 6);
    assert_string_equal(text(second, "expect"), "allow");
    assert_string_equal(text(second, "got"), "deny, no-grant: no grant gives a the credential x");
    json_decref(result);
    json_decref(fixture_do(&authority, ASK("apply", ", \"text\": \"" TESTED "\"")));
    result = fixture_do(&authority, ASK("test", ""));
    assert_int_equal(number(result, "passed"), 1);
    json_decref(result);
}

#define admin_policy_case(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
    const struct CMUnitTest all[] = {
        admin_policy_case(refusals),
        admin_policy_case(check),
        admin_policy_case(notes_of_caveats),
        admin_policy_case(apply_show_list),
        admin_policy_case(tests),
    };
    return cmocka_run_group_tests(all, NULL, NULL);
}
