/* SPDX-License-Identifier: Apache-2.0 */
#include "opened.h"

#define ADD(more)                                                                                  \
    "{\"command\": \"credential.add\", \"name\": \"x\", \"secret\": \"" FIXTURE_SECRET "\"" more "}"

static void
refusals(void **state)
{
    struct audit_head before, after;

    (void)state;
    audit_position(authority.audit, &before);
    fixture_refused(&authority, ADD(""), "usage", "hosts:");
    fixture_refused(&authority, ADD(", \"preset\": \"opneai\""), "unknown", "did you mean openai?");
    fixture_refused(&authority, ADD(", \"hosts\": [\"a b\"]"), "syntax", "hosts:");
    fixture_refused(&authority, ADD(", \"hosts\": [\"a.example\"], \"ports\": [0]"), "out-of-range",
                    "ports:");
    fixture_refused(&authority, ADD(", \"hosts\": [\"a.example\"], \"ports\": [-1]"),
                    "out-of-range", "ports:");
    fixture_refused(&authority, ADD(", \"hosts\": [\"a.example\"], \"foreign\": \"maybe\""),
                    "unknown", "foreign:");
    fixture_refused(&authority, ADD(", \"hosts\": [\"a.example\"], \"plain\": true"), "usage",
                    "plain:");
    fixture_refused(&authority,
                    "{\"command\": \"credential.add\", \"name\": \"x\", \"secret\": \"\", "
                    "\"preset\": \"openai\"}",
                    "usage", "empty");
    fixture_refused(&authority, "{\"command\": \"credential.show\", \"name\": \"x\"}", "not-found",
                    "no credential x");
    fixture_refused(&authority, "{\"command\": \"credential.remove\", \"name\": \"x\"}",
                    "not-found", "no credential x");
    fixture_refused(&authority, "{\"command\": \"credential.disable\", \"name\": \"\"}",
                    "not-found", "of that name");
    assert_int_equal(authority.credentials.count, 0);
    audit_position(authority.audit, &after);
    assert_int_equal(before.seq, after.seq);
    assert_nowhere(FIXTURE_SECRET);
}

static const char *
text(const json_t *object, const char *name)
{
    const char *value = json_string_value(json_object_get(object, name));
    return value ? value : "";
}

static void
assert_list(const json_t *object, const char *name, const char *expected)
{
    char *list = json_dumps(json_object_get(object, name), JSON_COMPACT);
    assert_non_null(list);
    assert_string_equal(list, expected);
    free(list);
}

static void
everything_is_shown_but_the_secret(void **state)
{
    json_t *result = fixture_do(
        &authority, ADD(", \"hosts\": [\"A.example\", \"*.b.example\"], \"ports\": [8443, 443], "
                        "\"slots\": [\"header:X-Key\", \"query:key\"], \"inject\": \"header:X-Key: "
                        "{secret}\", \"resolve\": [\"a.example:8443:127.0.0.1:1\"], "
                        "\"allow_networks\": [\"127.0.0.0/8\"], \"scrub\": false, \"foreign\": "
                        "\"pass\", \"path_exceptions\": [\"semicolon\"]"));
    json_t *c = json_object_get(result, "credential");

    (void)state;
    assert_string_equal(text(c, "name"), "x");
    assert_true(json_is_null(json_object_get(c, "preset")));
    assert_list(c, "hosts", "[\"a.example\",\"*.b.example\"]");
    assert_list(c, "ports", "[8443,443]");
    assert_list(c, "slots", "[\"header:x-key\",\"query:key\"]");
    assert_list(c, "resolve", "[\"a.example:8443:127.0.0.1:1\"]");
    assert_list(c, "allow_networks", "[\"127.0.0.0/8\"]");
    assert_list(c, "path_exceptions", "[\"semicolon\"]");
    assert_list(c, "environment", "[]");
    assert_string_equal(text(c, "inject"), "header:X-Key: {secret}");
    assert_string_equal(text(c, "foreign"), "pass");
    assert_true(json_is_false(json_object_get(c, "scrub")));
    assert_true(json_is_false(json_object_get(c, "plain")));
    assert_true(json_is_true(json_object_get(c, "enabled")));
    assert_string_equal(text(c, "base_url_path"), "/~x");
    char now[CLOCK_TEXT_SIZE];
    clock_print_s(FIXTURE_NOW, now);
    assert_string_equal(text(c, "created_at"), now);
    assert_true(json_is_null(json_object_get(c, "rotated_at")));

    json_t *shown = fixture_do(&authority, "{\"command\": \"credential.show\", \"name\": \"x\"}");
    assert_true(json_equal(c, shown));
    json_t *list = fixture_do(&authority, "{\"command\": \"credential.list\"}");
    assert_true(json_equal(json_array_get(json_object_get(list, "credentials"), 0), shown));
    char *all = json_dumps(list, 0);
    assert_null(strstr(all, FIXTURE_SECRET));
    free(all);
    json_decref(result);
    json_decref(shown);
    json_decref(list);

    // The same after a restart.
    shown = fixture_do(&authority, "{\"command\": \"credential.show\", \"name\": \"x\"}");
    authority_close(&authority);
    fixture_open(&authority);
    json_t *again = fixture_do(&authority, "{\"command\": \"credential.show\", \"name\": \"x\"}");
    assert_true(json_equal(shown, again));
    json_decref(shown);
    json_decref(again);
    assert_nowhere(FIXTURE_SECRET);
}

static void
environment_of_a_preset(void **state)
{
    json_t *result = fixture_do(&authority, ADD(", \"preset\": \"openai\""));

    (void)state;
    assert_list(json_object_get(result, "credential"), "environment",
                "[\"OPENAI_API_KEY={token}\",\"OPENAI_BASE_URL={broker}/~x/v1\"]");
    json_decref(result);
}

static void
added_once(void **state)
{
    (void)state;
    json_decref(fixture_do(&authority, ADD(", \"preset\": \"openai\"")));
    fixture_refused(&authority, ADD(", \"preset\": \"github\""), "exists", "rotate");
    assert_int_equal(authority.credentials.count, 1);
}

static void
rotated(void **state)
{
    json_decref(fixture_do(&authority, ADD(", \"preset\": \"openai\"")));
    const struct credential *credential = authority.credentials.item[0];

    (void)state;
    fixture_refused(&authority,
                    "{\"command\": \"credential.rotate\", \"name\": \"x\", \"secret\": \"a\\nb\"}",
                    "syntax", "control");
    assert_true(bytes_is(secret_bytes(credential->secret), FIXTURE_SECRET));
    authority.clock.manual_ms += 5000;
    json_t *result = fixture_do(&authority, "{\"command\": \"credential.rotate\", \"name\": "
                                            "\"x\", \"secret\": \"ROTATED-canary-secret\"}");
    char now[CLOCK_TEXT_SIZE];
    clock_print_s(FIXTURE_NOW + 5, now);
    assert_string_equal(text(json_object_get(result, "credential"), "rotated_at"), now);
    assert_true(bytes_is(secret_bytes(credential->secret), "ROTATED-canary-secret"));
    json_decref(result);
    authority_close(&authority);
    fixture_open(&authority);
    assert_true(
        bytes_is(secret_bytes(authority.credentials.item[0]->secret), "ROTATED-canary-secret"));
    assert_nowhere("ROTATED-canary-secret");
    assert_nowhere(FIXTURE_SECRET);
}

static void
disabled_and_enabled(void **state)
{
    json_decref(fixture_do(&authority, ADD(", \"preset\": \"openai\"")));

    (void)state;
    json_t *result =
        fixture_do(&authority, "{\"command\": \"credential.disable\", \"name\": \"x\"}");
    assert_true(json_is_false(json_object_get(json_object_get(result, "credential"), "enabled")));
    json_decref(result);
    authority_close(&authority);
    fixture_open(&authority);
    assert_false(authority.credentials.item[0]->row.enabled);
    json_decref(fixture_do(&authority, "{\"command\": \"credential.enable\", \"name\": \"x\"}"));
    assert_true(authority.credentials.item[0]->route.enabled);
}

// The sealed bytes are gone from the database and its log as well.
static void
removed_without_a_trace(void **state)
{
    struct buffer db, wal;
    struct store_credential *row;

    (void)state;
    json_decref(fixture_do(&authority, ADD(", \"hosts\": [\"trace-canary.example\"]")));
    row = &authority.credentials.item[0]->row;
    uint8_t id[8];
    for (int i = 0; i < 8; i++)
        id[i] = (uint8_t)((uint64_t)row->id >> (56 - 8 * i));
    (void)fixture_read(fixture_path("state/keyholed.db"), &db);
    (void)fixture_read(fixture_path("state/keyholed.db-wal"), &wal);
    assert_true(bytes_find(buffer_bytes(&db), BYTES("trace-canary")) < db.n ||
                bytes_find(buffer_bytes(&wal), BYTES("trace-canary")) < wal.n);
    buffer_free(&db);
    buffer_free(&wal);
    json_t *result =
        fixture_do(&authority, "{\"command\": \"credential.remove\", \"name\": \"x\"}");
    assert_string_equal(text(result, "name"), "x");
    json_decref(result);
    assert_int_equal(authority.credentials.count, 0);
    assert_nowhere("trace-canary.example");
    (void)fixture_read(fixture_path("state/keyholed.db"), &db);
    assert_true(bytes_find(buffer_bytes(&db), bytes_of(id, 8)) == db.n);
    buffer_free(&db);
    fixture_refused(&authority, "{\"command\": \"credential.show\", \"name\": \"x\"}", "not-found",
                    "no credential x");
}

static void
every_change_is_recorded(void **state)
{
    static const char *const commands[] = {"credential.add", "credential.rotate",
                                           "credential.disable", "credential.enable",
                                           "credential.remove"};
    struct buffer log;
    struct bytes rest, line;
    size_t i = 0;

    (void)state;
    json_decref(fixture_do(&authority, ADD(", \"preset\": \"openai\"")));
    json_decref(fixture_do(&authority, "{\"command\": \"credential.rotate\", \"name\": \"x\", "
                                       "\"secret\": \"new\"}"));
    json_decref(fixture_do(&authority, "{\"command\": \"credential.disable\", \"name\": \"x\"}"));
    json_decref(fixture_do(&authority, "{\"command\": \"credential.enable\", \"name\": \"x\"}"));
    json_decref(fixture_do(&authority, "{\"command\": \"credential.list\"}"));
    json_decref(fixture_do(&authority, "{\"command\": \"credential.remove\", \"name\": \"x\"}"));
    rest = fixture_read(fixture_path("state/audit.log"), &log);
    while (bytes_cut(&rest, '\n', &line)) {
        char needle[128];
        if (bytes_find(line, BYTES("\"kind\":\"admin\"")) == line.n)
            continue;
        assert_true(i < 5);
        snprintf(needle, sizeof needle, "\"command\":\"%s\",\"subject\":\"x\"", commands[i++]);
        assert_true(bytes_find(line, bytes_str(needle)) < line.n);
    }
    assert_int_equal(i, 5);
    buffer_free(&log);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(refusals, opened, opened_end),
        cmocka_unit_test_setup_teardown(everything_is_shown_but_the_secret, opened, opened_end),
        cmocka_unit_test_setup_teardown(environment_of_a_preset, opened, opened_end),
        cmocka_unit_test_setup_teardown(added_once, opened, opened_end),
        cmocka_unit_test_setup_teardown(rotated, opened, opened_end),
        cmocka_unit_test_setup_teardown(disabled_and_enabled, opened, opened_end),
        cmocka_unit_test_setup_teardown(removed_without_a_trace, opened, opened_end),
        cmocka_unit_test_setup_teardown(every_change_is_recorded, opened, opened_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
