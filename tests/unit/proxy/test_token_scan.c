/* SPDX-License-Identifier: Apache-2.0 */
/* Which bodies are OAuth tokens, wherever they are cut. */
#include "unit.h"

#include "../../../broker/proxy/token_scan.h"

#define T "at-0123456789abcdef"

struct row {
    enum token_scan_kind kind;
    const char *text;
    enum token_scan_state state;
};

static enum token_scan_state
scan_cut(enum token_scan_kind kind, struct bytes text, size_t cut)
{
    struct token_scan scan;
    token_scan_init(&scan, kind);
    (void)token_scan_feed(&scan, bytes_slice(text, 0, cut));
    return token_scan_feed(&scan, bytes_from(text, cut));
}

static enum token_scan_state
scan_bytewise(enum token_scan_kind kind, struct bytes text)
{
    enum token_scan_state state = TOKEN_SCAN_OPEN;
    struct token_scan scan;
    token_scan_init(&scan, kind);
    for (size_t i = 0; i < text.n; i++)
        state = token_scan_feed(&scan, bytes_slice(text, i, 1));
    return state;
}

static void
expect(const struct row *row, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct bytes text = bytes_str(row[i].text);
        for (size_t cut = 0; cut <= text.n; cut++) {
            if (scan_cut(row[i].kind, text, cut) != row[i].state)
                fail_msg("cut at %zu: %s", cut, row[i].text);
        }
        if (scan_bytewise(row[i].kind, text) != row[i].state)
            fail_msg("byte by byte: %s", row[i].text);
        if (token_scan_finds(row[i].kind, text) != (row[i].state == TOKEN_SCAN_FOUND))
            fail_msg("at once: %s", row[i].text);
    }
}

static void
test_json(void **state)
{
    static const struct row rows[] = {
        {TOKEN_SCAN_JSON, "", TOKEN_SCAN_OPEN},
        {TOKEN_SCAN_JSON, " \r\n\t", TOKEN_SCAN_OPEN},
        {TOKEN_SCAN_JSON, "{\"access_token\":\"" T "\"}", TOKEN_SCAN_FOUND},
        {TOKEN_SCAN_JSON, " {\n\"a\" : 1 ,\"refresh_token\" : \"x\"", TOKEN_SCAN_FOUND},
        {TOKEN_SCAN_JSON, "{\"a\":{\"b\":[1,{}]},\"id_token\":\"x", TOKEN_SCAN_FOUND},
        {TOKEN_SCAN_JSON, "\xef\xbb\xbf{\"access_token\":\"" T "\"}", TOKEN_SCAN_FOUND},
        {TOKEN_SCAN_JSON, "{\"access\\u005Ftoken\":\"x\"}", TOKEN_SCAN_FOUND},
        {TOKEN_SCAN_JSON, "{\"\\u0061ccess_token\":\"\\u0061\"}", TOKEN_SCAN_FOUND},
        {TOKEN_SCAN_JSON, "{\"a\":\"x\\\"\",\"access_token\":\"x\"}", TOKEN_SCAN_FOUND},
        {TOKEN_SCAN_JSON, "{\"a\":\"\\\\\",\"access_token\":\"x\"}", TOKEN_SCAN_FOUND},
        {TOKEN_SCAN_JSON, "{\"access_token\":null,\"access_token\":\"x\"}", TOKEN_SCAN_FOUND},
        // No JSON, and some reader takes it all the same.
        {TOKEN_SCAN_JSON, "{\"a\":[},\"access_token\":\"x\"}", TOKEN_SCAN_FOUND},
        {TOKEN_SCAN_JSON, "{\"a\":1}\n{\"access_token\":\"x\"}", TOKEN_SCAN_FOUND},
        // None.
        {TOKEN_SCAN_JSON, "{}", TOKEN_SCAN_CLEAR},
        {TOKEN_SCAN_JSON, "{\"access_token\":\"\"}", TOKEN_SCAN_CLEAR},
        {TOKEN_SCAN_JSON, "{\"access_token\":null,\"id_token\":7,\"refresh_token\":{}}",
         TOKEN_SCAN_CLEAR},
        {TOKEN_SCAN_JSON, "{\"a\":{\"access_token\":\"x\"},\"b\":[{\"id_token\":\"x\"}]}",
         TOKEN_SCAN_CLEAR},
        {TOKEN_SCAN_JSON, "[{\"access_token\":\"x\"}]", TOKEN_SCAN_CLEAR},
        {TOKEN_SCAN_JSON, "[\"access_token\",\"x\"]", TOKEN_SCAN_CLEAR},
        {TOKEN_SCAN_JSON, "{\"a\":\"access_token\",\"b\":\"x\"}", TOKEN_SCAN_CLEAR},
        {TOKEN_SCAN_JSON, "{\"a\":\"\\\"access_token\\\":\\\"x\"}", TOKEN_SCAN_CLEAR},
        {TOKEN_SCAN_JSON, "{\"access_token_\":\"x\",\"Access_token\":\"x\",\"token\":\"x\"}",
         TOKEN_SCAN_CLEAR},
        {TOKEN_SCAN_JSON, "{\"access_tokenaccess_token\":\"x\"}", TOKEN_SCAN_CLEAR},
        {TOKEN_SCAN_JSON, "{\"access\\u015ftoken\":\"x\",\"access\\ntoken\":\"x\"}",
         TOKEN_SCAN_CLEAR},
        {TOKEN_SCAN_JSON, "\"access_token\":\"x\"", TOKEN_SCAN_CLEAR},
        {TOKEN_SCAN_JSON, "access_token=x", TOKEN_SCAN_CLEAR},
        {TOKEN_SCAN_JSON, "{\"access_token\":", TOKEN_SCAN_OPEN},
        {TOKEN_SCAN_JSON, "{\"a\":{\"b\":1}", TOKEN_SCAN_OPEN},
        {TOKEN_SCAN_JSON, "}}}]{\"access_token\":1}", TOKEN_SCAN_CLEAR},
    };
    (void)state;
    expect(rows, COUNT(rows));
}

static void
test_forms(void **state)
{
    static const struct row rows[] = {
        {TOKEN_SCAN_FORM, "access_token=gho_x&scope=repo&token_type=bearer", TOKEN_SCAN_FOUND},
        {TOKEN_SCAN_FORM, "scope=a%2Cb&refresh_token=x", TOKEN_SCAN_FOUND},
        {TOKEN_SCAN_FORM, "access%5ftoken=x", TOKEN_SCAN_FOUND},
        {TOKEN_SCAN_FORM, "%61ccess_token=%41", TOKEN_SCAN_FOUND},
        {TOKEN_SCAN_FORM, "{\"access_token\":\"x\"}", TOKEN_SCAN_FOUND},
        {TOKEN_SCAN_FORM, "access_token=&scope=a", TOKEN_SCAN_OPEN},
        {TOKEN_SCAN_FORM, "error=access_token&a=id_token", TOKEN_SCAN_OPEN},
        {TOKEN_SCAN_FORM, "xaccess_token=x", TOKEN_SCAN_OPEN},
        {TOKEN_SCAN_FORM, "access%zztoken=x", TOKEN_SCAN_OPEN},
        {TOKEN_SCAN_TEXT, "access_token=x", TOKEN_SCAN_FOUND},
        {TOKEN_SCAN_TEXT, "\n{\"access_token\":\"x\"}", TOKEN_SCAN_FOUND},
        // It is not waited for, and seen.
        {TOKEN_SCAN_TEXT, "expires=1&access_token=x", TOKEN_SCAN_FOUND},
        {TOKEN_SCAN_TEXT, "hello", TOKEN_SCAN_CLEAR},
        {TOKEN_SCAN_TEXT, "i", TOKEN_SCAN_OPEN},
        {TOKEN_SCAN_TEXT, "id", TOKEN_SCAN_OPEN},
        {TOKEN_SCAN_TEXT, "id=1", TOKEN_SCAN_CLEAR},
        {TOKEN_SCAN_TEXT, "<p>&access_token=x", TOKEN_SCAN_CLEAR},
        {TOKEN_SCAN_TEXT, "a token &access_token=x", TOKEN_SCAN_CLEAR},
    };
    (void)state;
    expect(rows, COUNT(rows));
}

/* A nested object that never ends, and a name that never does, need no more than the state. */
static void
test_hostile(void **state)
{
    struct token_scan scan;
    static uint8_t open[1 << 16], name[1 << 16];
    (void)state;
    memset(open, '[', sizeof open);
    memset(name, 'a', sizeof name);
    token_scan_init(&scan, TOKEN_SCAN_JSON);
    assert_int_equal(token_scan_feed(&scan, BYTES("{\"a\":")), TOKEN_SCAN_OPEN);
    for (int i = 0; i < 64; i++)
        assert_int_equal(token_scan_feed(&scan, bytes_of(open, sizeof open)), TOKEN_SCAN_OPEN);
    memset(open, ']', sizeof open);
    for (int i = 0; i < 64; i++)
        assert_int_equal(token_scan_feed(&scan, bytes_of(open, sizeof open)), TOKEN_SCAN_OPEN);
    assert_int_equal(token_scan_feed(&scan, BYTES(",\"")), TOKEN_SCAN_OPEN);
    for (int i = 0; i < 64; i++)
        assert_int_equal(token_scan_feed(&scan, bytes_of(name, sizeof name)), TOKEN_SCAN_OPEN);
    assert_int_equal(token_scan_feed(&scan, BYTES("\":1,\"id_token\":\"x")), TOKEN_SCAN_FOUND);
    // What is found stays found.
    assert_int_equal(token_scan_feed(&scan, BYTES("\"}")), TOKEN_SCAN_FOUND);
}

static void
test_rubbish(void **state)
{
    static const char alphabet[] = "{}[]\":,\\u0065access_token=&% x";
    uint32_t seed = 1;
    (void)state;
    for (int round = 0; round < 20000; round++) {
        char text[64];
        size_t n = 0;
        for (; n < sizeof text; n++) {
            seed = seed * 1664525 + 1013904223;
            text[n] = alphabet[(seed >> 16) % (sizeof alphabet - 1)];
        }
        enum token_scan_kind kind = (enum token_scan_kind)(round % 3);
        struct bytes bytes = bytes_of(text, n);
        assert_int_equal(scan_cut(kind, bytes, seed % n), scan_bytewise(kind, bytes));
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_hostile),
        cmocka_unit_test(test_rubbish),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
