/* SPDX-License-Identifier: Apache-2.0 */
#include "opened.h"

static int64_t
number(const json_t *object, const char *name)
{
    assert_true(json_is_integer(json_object_get(object, name)));
    return json_integer_value(json_object_get(object, name));
}

static void
status(void **state)
{
    fixture_add_openai(&authority);
    free(fixture_mint(&authority, ""));
    json_decref(fixture_do(&authority, "{\"command\": \"revoke\", \"user\": \"bob\"}"));
    authority.allowed = 5;
    authority.denied = 6;
    buffer_put_str(&authority.listeners, "http=127.0.0.1:1\nunix=/x");
    authority.process[0] = (struct authority_process){
        .role = ROLE_PROXY, .index = 1, .pid = 77, .restarts = 2, .running = true};
    snprintf(authority.process[0].note, sizeof authority.process[0].note, "signal 11");
    authority.process_count = 1;
    authority.dischargers = (struct message_dischargers){
        .discharger = {{.name = "local", .url = "http://localhost:8438", .public_key = {9}},
                       {.name = "b", .url = "https://b.example", .public_key = {8}}},
        .count = 2};
    json_t *result = fixture_do(&authority, "{\"command\": \"status\"}");

    (void)state;
    assert_string_equal(json_string_value(json_object_get(result, "version")), KEYHOLE_VERSION);
    assert_int_equal(json_string_length(json_object_get(result, "started_at")), 20);
    assert_int_equal(json_array_size(json_object_get(result, "listeners")), 2);
    assert_int_equal(number(result, "credentials"), 1);
    assert_int_equal(number(result, "tokens_minted"), 1);
    assert_int_equal(number(result, "revocations"), 1);
    assert_int_equal(number(result, "keys"), 1);
    assert_int_equal(number(json_object_get(result, "decisions"), "allow"), 5);
    assert_int_equal(number(json_object_get(result, "decisions"), "deny"), 6);
    json_t *audit = json_object_get(result, "audit");
    assert_int_equal(number(audit, "seq"), 4);
    assert_int_equal(json_string_length(json_object_get(audit, "hash")), 64);
    assert_non_null(strstr(json_string_value(json_object_get(audit, "file")), "/audit.log"));
    json_t *dischargers = json_object_get(result, "dischargers");
    assert_int_equal(json_array_size(dischargers), 2);
    json_t *local = json_array_get(dischargers, 0);
    assert_string_equal(json_string_value(json_object_get(local, "name")), "local");
    assert_string_equal(json_string_value(json_object_get(local, "url")), "http://localhost:8438");
    assert_string_equal(json_string_value(json_object_get(local, "public_key")),
                        "kd1_CQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
    json_t *processes = json_object_get(result, "processes");
    json_t *proxy = json_array_get(processes, json_array_size(processes) - 1);
    assert_string_equal(json_string_value(json_object_get(proxy, "role")), "proxy");
    assert_int_equal(number(proxy, "index"), 1);
    assert_int_equal(number(proxy, "pid"), 77);
    assert_int_equal(number(proxy, "restarts"), 2);
    assert_true(json_is_true(json_object_get(proxy, "running")));
    assert_string_equal(json_string_value(json_object_get(proxy, "note")), "signal 11");
    json_decref(result);
}

static void
keys(void **state)
{
    json_t *result;

    (void)state;
    fixture_refused(&authority, "{\"command\": \"key.retire\", \"id\": 0}", "not-found", "key");
    fixture_refused(&authority, "{\"command\": \"key.retire\", \"id\": 4294967296}", "not-found",
                    "key");
    fixture_refused(&authority, "{\"command\": \"key.retire\", \"id\": 7}", "not-found", "7");
    fixture_refused(&authority, "{\"command\": \"key.retire\", \"id\": 1}", "denied", "rotate");
    result = fixture_do(&authority, "{\"command\": \"key.rotate\"}");
    assert_int_equal(number(result, "id"), 2);
    json_decref(result);
    result = fixture_do(&authority, "{\"command\": \"key.retire\", \"id\": 1}");
    assert_int_equal(number(result, "id"), 1);
    json_decref(result);
    fixture_refused(&authority, "{\"command\": \"key.retire\", \"id\": 1}", "not-found", "1");
    for (int i = 0; i < 2; i++) {
        result = fixture_do(&authority, "{\"command\": \"key.list\"}");
        json_t *list = json_object_get(result, "keys");
        assert_int_equal(json_array_size(list), 2);
        json_t *one = json_array_get(list, 0), *two = json_array_get(list, 1);
        assert_int_equal(number(one, "id"), 1);
        assert_true(json_is_false(json_object_get(one, "active")));
        assert_int_equal(json_string_length(json_object_get(one, "retired_at")), 20);
        assert_int_equal(number(two, "id"), 2);
        assert_true(json_is_true(json_object_get(two, "active")));
        assert_null(json_object_get(two, "retired_at"));
        json_decref(result);
        authority_close(&authority);
        fixture_open(&authority);
    }
}

static void
local_ca_and_audit_head(void **state)
{
    json_t *result = fixture_do(&authority, "{\"command\": \"ca.show\"}");
    struct buffer pem;
    struct audit_head head;

    (void)state;
    struct bytes file = fixture_read(fixture_path("state/ca.pem"), &pem);
    assert_true(bytes_is(file, json_string_value(json_object_get(result, "pem"))));
    assert_int_equal(json_string_length(json_object_get(result, "sha256")), 64);
    assert_int_equal(json_string_length(json_object_get(result, "expires_at")), 20);
    buffer_free(&pem);
    json_decref(result);
    result = fixture_do(&authority, "{\"command\": \"audit.head\"}");
    audit_position(authority.audit, &head);
    assert_int_equal(number(result, "seq"), head.seq);
    assert_string_equal(json_string_value(json_object_get(result, "hash")), head.hash);
    json_decref(result);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(status, opened, opened_end),
        cmocka_unit_test_setup_teardown(keys, opened, opened_end),
        cmocka_unit_test_setup_teardown(local_ca_and_audit_head, opened, opened_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
