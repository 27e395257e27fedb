/* SPDX-License-Identifier: Apache-2.0 */
/* An inspection for programs: the members are a contract. */
#include "../../../client/inspect.h"
#include "client_test.h"

#include <jansson.h>

static json_t *
described(const struct token *token, int64_t now)
{
    struct fault fault = {.err = KH_OK};
    struct inspection *in = NULL;
    json_error_t error;
    BUFFER_AUTO out;
    buffer_init(&out, 1 << 20);
    assert_ok(inspect_token(token, now, &in, &fault));
    assert_ok(inspect_print_json(in, &out, &fault));
    inspection_free(&in);
    for (size_t i = 0; i < out.n; i++)
        assert_true(out.p[i] < 0x7f); // nothing that a terminal would obey
    assert_int_equal(out.p[out.n - 1], '\n');
    json_t *object = json_loadb((const char *)out.p, out.n, JSON_REJECT_DUPLICATES, &error);
    if (object == NULL)
        fail_msg("%s in:\n%s", error.text, buffer_text(&out));
    return object;
}

static void
assert_text(const json_t *object, const char *member, const char *expected)
{
    const char *text = json_string_value(json_object_get(object, member));
    if (text == NULL)
        fail_msg("there is no %s", member);
    else
        assert_string_equal(text, expected);
}

static void
assert_number(const json_t *object, const char *member, json_int_t expected)
{
    assert_true(json_is_integer(json_object_get(object, member)));
    assert_int_equal(json_integer_value(json_object_get(object, member)), expected);
}

static void
test_foreign_and_hostile(void **state)
{
    (void)state;
    static const struct test_caveat caveat[] = {
        {"a\xff\x1b", NULL}, {"b\xe2\x80\xae", NULL}, {NULL, NULL}};
    BUFFER_AUTO raw;
    buffer_init(&raw, TOKEN_TEXT_MAX);
    test_put_macaroon(&raw, BYTES("http://x"), BYTES("some id"), caveat);
    struct token *token = test_scan_raw(&raw);
    json_t *object = described(token, TEST_NOW);
    assert_true(json_is_false(json_object_get(object, "verified")));
    assert_true(json_is_false(json_object_get(object, "keyhole")));
    assert_true(json_is_null(json_object_get(object, "ends_at")));
    assert_null(json_object_get(object, "user"));
    assert_text(object, "identifier", "c29tZSBpZA");
    assert_text(object, "location", "http://x");
    assert_number(object, "unreadable", 2);
    assert_text(json_array_get(json_object_get(object, "caveats"), 1), "text", "b\xe2\x80\xae");
    const json_t *first = json_array_get(json_object_get(object, "caveats"), 0);
    assert_text(first, "kind", "unreadable");
    assert_text(first, "text", "a\\xff\\x1b");
    assert_true(json_is_string(json_object_get(first, "problem")));
    json_decref(object);
    token_free(&token);
}

static void
test_members(void **state)
{
    (void)state;
    struct token *token = test_token_with_holes();
    json_t *object = described(token, TEST_NOW);
    assert_true(json_is_false(json_object_get(object, "verified")));
    assert_true(json_is_true(json_object_get(object, "keyhole")));
    assert_text(object, "user", "alice");
    const json_t *credentials = json_object_get(object, "credentials");
    assert_int_equal(json_array_size(credentials), 2);
    assert_string_equal(json_string_value(json_array_get(credentials, 1)), "github");
    assert_text(object, "issued_at", "2026-11-18T11:06:40Z");
    assert_text(object, "expires_at", "2026-11-18T23:06:40Z");
    assert_text(object, "ends_at", "2026-11-18T11:30:00Z");
    assert_true(json_is_false(json_object_get(object, "ended")));
    assert_text(object, "token_id", "30313233343536373839616263646500");
    assert_number(object, "key_id", TEST_KEY_ID);
    assert_number(object, "minted_caveats", 2);
    assert_int_equal(json_string_length(json_object_get(object, "lineage")), 32);
    assert_text(object, "location", "http://127.0.0.1:8437");
    assert_text(object, "prefix", "");
    assert_number(object, "holes", 2);
    assert_number(object, "holes_open", 1);
    assert_number(object, "unreadable", 1);
    const json_t *labels = json_object_get(object, "labels");
    assert_int_equal(json_array_size(labels), 2); // of the token, not of its discharges
    assert_string_equal(json_string_value(json_array_get(labels, 1)), "agent 2");
    // The mint, its label, and a holder: what each put in, and what ends it all.
    const json_t *steps = json_object_get(object, "steps");
    assert_int_equal(json_array_size(steps), 3);
    assert_text(json_array_get(steps, 0), "origin", "minted");
    assert_null(json_object_get(json_array_get(steps, 0), "label"));
    assert_number(json_array_get(steps, 0), "conditions", 1);
    assert_text(json_array_get(steps, 1), "origin", "minted");
    const json_t *holder = json_array_get(steps, 2);
    assert_text(holder, "origin", "holder");
    assert_text(holder, "label", "agent 2");
    assert_number(holder, "first", 2);
    assert_number(holder, "count", 6);
    assert_number(holder, "holes", 2);
    assert_number(holder, "holes_open", 1);
    assert_text(holder, "ends_at", "2026-11-18T11:30:00Z");
    assert_number(object, "ends_by", 3);
    const json_t *discharge = json_array_get(json_object_get(object, "discharges"), 0);
    assert_number(discharge, "index", 1);
    assert_number(discharge, "fills_hole_of", 0);
    json_decref(object);
    token_free(&token);
}

static void
test_caveats(void **state)
{
    (void)state;
    struct token *token = test_token_with_holes();
    json_t *object = described(token, TEST_EXPIRES);
    const json_t *caveats = json_object_get(object, "caveats");
    assert_int_equal(json_array_size(caveats), 11);
    const json_t *method = json_array_get(caveats, 0);
    assert_text(method, "kind", "condition");
    assert_text(method, "origin", "minted");
    assert_text(method, "text", "method in GET, POST");
    assert_text(method, "words", "the method is GET or POST");
    assert_true(json_is_false(json_object_get(method, "past")));
    const json_t *label = json_array_get(caveats, 2);
    assert_text(label, "kind", "label");
    assert_text(label, "origin", "holder");
    assert_text(label, "value", "agent 2");
    assert_true(json_is_true(json_object_get(json_array_get(caveats, 3), "past")));
    const json_t *filled = json_array_get(caveats, 5);
    assert_text(filled, "kind", "hole");
    assert_text(filled, "ticket", "dGlja2V0LTE");
    assert_text(filled, "location", "https://discharger.example");
    assert_text(filled, "demand", "user = alice and factor = yubikey for 8h");
    assert_true(json_is_true(json_object_get(filled, "filled")));
    assert_number(filled, "discharge", 1);
    assert_text(filled, "by", "factor yubikey");
    assert_text(filled, "until", "2026-11-18T19:00:00Z");
    assert_text(filled, "parent", "00112233445566778899aabbccddeeff");
    assert_null(json_object_get(filled, "text"));
    const json_t *open = json_array_get(caveats, 6);
    assert_true(json_is_false(json_object_get(open, "filled")));
    assert_null(json_object_get(open, "discharge"));
    assert_null(json_object_get(open, "by"));
    assert_null(json_object_get(open, "until"));
    assert_null(json_object_get(open, "parent"));
    assert_null(json_object_get(open, "demand"));
    const json_t *parent = json_array_get(caveats, 10);
    assert_text(parent, "kind", "parent");
    assert_text(parent, "origin", "discharger");
    assert_number(parent, "macaroon", 1);
    assert_number(parent, "index", 2);
    assert_true(json_is_true(json_object_get(object, "ended")));
    json_decref(object);
    token_free(&token);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_foreign_and_hostile),
        cmocka_unit_test(test_members),
        cmocka_unit_test(test_caveats),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
