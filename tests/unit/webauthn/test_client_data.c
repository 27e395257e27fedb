/* SPDX-License-Identifier: Apache-2.0 */
/* Client data: one reading, or none. */
#include "webauthn_test.h"

#include "../../../broker/webauthn/client_data.h"

#define HEAD "{\"type\":\"webauthn.get\",\"challenge\":\"eHl6\",\"origin\":\"https://a.test\""

static const struct {
    const char *what;
    struct bytes text;
    const char *why;
} bad[] = {
    {"nothing", {(const uint8_t *)"", 0}, "JSON object"},
    {"a list", BYTES("[]"), "JSON object"},
    {"a text", BYTES("\"webauthn.get\""), "JSON object"},
    {"no members", BYTES("{}"), "type is missing"},
    {"a byte order mark", BYTES("\xef\xbb\xbf" HEAD "}"), "byte order mark"},
    {"a NUL at the end", BYTES(HEAD "}\0"), "NUL"},
    {"a NUL inside", BYTES(HEAD ",\"a\":\"\0\"}"), "NUL"},
    {"an escaped NUL", BYTES(HEAD ",\"a\":\"\\u0000\"}"), "JSON object"},
    {"not UTF-8", BYTES(HEAD ",\"a\":\"\xc3\x28\"}"), "UTF-8"},
    {"overlong UTF-8", BYTES(HEAD ",\"a\":\"\xc0\xaf\"}"), "UTF-8"},
    {"half a surrogate", BYTES(HEAD ",\"a\":\"\\ud800\"}"), "JSON object"},
    {"something behind", BYTES(HEAD "}x"), "JSON object"},
    {"a second object", BYTES(HEAD "}{}"), "JSON object"},
    {"cut short", BYTES(HEAD), "JSON object"},
    {"a comma too many", BYTES(HEAD ",}"), "JSON object"},
    {"a comment", BYTES(HEAD "/*x*/}"), "JSON object"},
    {"single quotes", BYTES("{'type':'webauthn.get'}"), "JSON object"},
    {"a type twice", BYTES(HEAD ",\"type\":\"webauthn.get\"}"), "twice"},
    {"an origin twice, escaped", BYTES(HEAD ",\"o\\u0072igin\":\"https://b.test\"}"), "twice"},
    {"something else twice", BYTES(HEAD ",\"a\":1,\"a\":1}"), "twice"},
    {"twice further in", BYTES(HEAD ",\"a\":[{\"b\":1,\"b\":1}]}"), "twice"},
    {"no type", BYTES("{\"challenge\":\"eHl6\",\"origin\":\"https://a.test\"}"), "type"},
    {"no challenge", BYTES("{\"type\":\"x\",\"origin\":\"https://a.test\"}"), "challenge"},
    {"no origin", BYTES("{\"type\":\"x\",\"challenge\":\"eHl6\"}"), "origin"},
    {"an origin that is a list",
     BYTES("{\"type\":\"x\",\"challenge\":\"eHl6\",\"origin\":[\"https://a.test\"]}"), "origin"},
    {"a challenge that is a number",
     BYTES("{\"type\":\"x\",\"challenge\":1,\"origin\":\"https://a.test\"}"), "challenge"},
};

static void
test_bad_ones(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct client_data client;
        char why[WHY_MAX] = "";
        if (client_data_read(bad[i].text, &client, why))
            FAIL_WITH("%s: was taken", bad[i].what);
        if (strstr(why, bad[i].why) == NULL)
            FAIL_WITH("%s: expected \"%s\" in: %s", bad[i].what, bad[i].why, why);
        client_data_free(&client);
    }
}

static void
test_good_ones(void **state)
{
    (void)state;
    static const struct {
        struct bytes text;
        bool cross, top;
    } good[] = {
        {BYTES(HEAD "}"), false, false},
        {BYTES(" \t\n" HEAD "}\r\n"), false, false},
        {BYTES(HEAD ",\"crossOrigin\":false}"), false, false},
        {BYTES(HEAD ",\"crossOrigin\":true}"), true, false},
        {BYTES(HEAD ",\"crossOrigin\":0}"), true, false},
        {BYTES(HEAD ",\"crossOrigin\":null}"), true, false},
        {BYTES(HEAD ",\"topOrigin\":null}"), false, true},
        {BYTES(HEAD ",\"extra_keys_may_be_added_here\":\"do not compare\",\"a\":{\"a\":1}}"), false,
         false},
        {BYTES(HEAD ",\"tokenBinding\":{\"status\":\"supported\"}}"), false, false},
    };
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        struct client_data client;
        char why[WHY_MAX] = "";
        if (!client_data_read(good[i].text, &client, why))
            FAIL_WITH("%zu: %s", i, why);
        assert_true(bytes_is(client.type, "webauthn.get"));
        assert_true(bytes_is(client.challenge, "eHl6"));
        assert_true(bytes_is(client.origin, "https://a.test"));
        assert_int_equal(client.cross_origin, good[i].cross);
        assert_int_equal(client.top_origin, good[i].top);
        client_data_free(&client);
    }
}

static void
test_escapes_are_what_they_stand_for(void **state)
{
    (void)state;
    struct client_data client;
    char why[WHY_MAX];
    assert_true(client_data_read(BYTES("{\"t\\u0079pe\":\"x\",\"challenge\":\"eHl6\","
                                       "\"origin\":\"https:\\/\\/a.test\"}"),
                                 &client, why));
    assert_true(bytes_is(client.origin, "https://a.test"));
    client_data_free(&client);
}

static void
test_the_longest(void **state)
{
    (void)state;
    struct buffer text;
    struct client_data client;
    char why[WHY_MAX];
    buffer_init(&text, 2 * CLIENT_DATA_MAX);
    buffer_put_str(&text, HEAD "}");
    while (text.n < CLIENT_DATA_MAX)
        buffer_put_byte(&text, ' ');
    assert_true(client_data_read(buffer_bytes(&text), &client, why));
    client_data_free(&client);
    buffer_put_byte(&text, ' ');
    assert_false(client_data_read(buffer_bytes(&text), &client, why));
    assert_non_null(strstr(why, "longer than 8192"));
    client_data_free(&client);
    // Deeper than any parser should follow, and no crash.
    buffer_clear(&text);
    buffer_put_str(&text, HEAD ",\"a\":");
    while (text.n < CLIENT_DATA_MAX)
        buffer_put_byte(&text, '[');
    assert_false(client_data_read(buffer_bytes(&text), &client, why));
    client_data_free(&client);
    buffer_free(&text);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bad_ones),
        cmocka_unit_test(test_good_ones),
        cmocka_unit_test(test_escapes_are_what_they_stand_for),
        cmocka_unit_test(test_the_longest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
