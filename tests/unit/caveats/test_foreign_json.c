/* SPDX-License-Identifier: Apache-2.0 */
#include "../../../caveats/foreign.h"
#include "tokens.h"

#define S64 "\"s64\":\"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY\""
#define V64                                                                                        \
    "\"v64\":"                                                                                     \
    "\"bm9uY2Ugbm9uY2Ugbm9uY2Ugbm9uY2UuMDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWYwMTIzNDU2"       \
    "Nzg5YWJjZGVm\""

static void
expect_json(const char *text, enum kh_err expected)
{
    BUFFER_AUTO out;
    struct fault fault = {0};
    buffer_init(&out, TOKEN_TEXT_MAX);
    expect_err(text, foreign_import(bytes_str(text), &out, &fault), expected);
    assert_int_equal(out.n > 0, expected == KH_OK);
}

static void
strict(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "{",
        "[]",
        "{}",
        "[[]]",
        "[1]",
        "{} x",
        "[null]",
        "{\"i\":\"a\"}",
        "{" S64 "}",
        "{\"v\":1,\"i\":\"a\"," S64 "}",
        "{\"v\":\"2\",\"i\":\"a\"," S64 "}",
        "{\"v\":2.0,\"i\":\"a\"," S64 "}",
        "{\"v\":null,\"i\":\"a\"," S64 "}",
        "{\"v\":2,\"i\":\"\"," S64 "}",
        "{\"v\":2,\"i\":1," S64 "}",
        "{\"v\":2,\"i\":\"a\",\"i\":\"a\"," S64 "}",
        "{\"v\":2,\"i\":\"a\",\"i64\":\"YQ\"," S64 "}",
        "{\"v\":2,\"i64\":\"YQ==\"," S64 "}",
        "{\"v\":2,\"i64\":\"YR\"," S64 "}",
        "{\"v\":2,\"i64\":[]," S64 "}",
        "{\"v\":2,\"i\":\"a\"," S64 ",\"x\":1}",
        "{\"v\":2,\"i\":\"a\"," S64 ",\"identifier\":\"a\"}",
        "{\"v\":2,\"i\":\"a\"," S64 ",\"l\":1}",
        "{\"v\":2,\"i\":\"a\"," S64 ",\"l\":null}",
        "{\"v\":2,\"i\":\"a\"," S64 ",\"c\":{}}",
        "{\"v\":2,\"i\":\"a\"," S64 ",\"c\":null}",
        "{\"v\":2,\"i\":\"a\"," S64 ",\"c\":[1]}",
        "{\"v\":2,\"i\":\"a\"," S64 ",\"c\":[{}]}",
        "{\"v\":2,\"i\":\"a\"," S64 ",\"c\":[{\"i\":\"\"}]}",
        "{\"v\":2,\"i\":\"a\"," S64 ",\"c\":[{\"i\":\"a\",\"cid\":\"b\"}]}",
        "{\"v\":2,\"i\":\"a\"," S64 ",\"c\":[{\"i\":\"a\",\"v64\":\"YQ\"}]}",
        "{\"v\":2,\"i\":\"a\"," S64 ",\"c\":[{\"i\":\"a\",\"v\":\"b\"," V64 "}]}",
        "{\"v\":2,\"i\":\"a\"," S64 ",\"c\":[{\"i\":\"a\",\"l\":\"x\"}]}",
        "{\"v\":2,\"i\":\"a\",\"s64\":\"YQ\"}",
        "{\"v\":2,\"i\":\"a\",\"s\":\"short\"}",
        "{\"v\":2,\"i\":\"\\ud800\"," S64 "}",
        "{\"v\":2,\"i\":\"\xff\"," S64 "}",
        "{\"v\":2,\"i\":\"a\",\"l\":\"\\n\"," S64 "}",
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        expect_json(bad[i], KH_ERR_MALFORMED);
    expect_json("[{\"v\":2,\"i\":\"a\"," S64 "},{\"v\":2,\"i\":\"b\"," S64 "}]", KH_ERR_GRAPH);
}

static void
accepted(void **state)
{
    (void)state;
    expect_json("{\"v\":2,\"i\":\"a\"," S64 "}", KH_OK);
    expect_json("{\"i\":\"a\"," S64 "}", KH_OK); /* pymacaroons */
    expect_json("{\"v\":2,\"l\":\"\",\"i64\":\"YQ\",\"c\":[]," S64 "}", KH_OK);
    expect_json("{\"v\":2,\"i\":\"a\\u0000b\"," S64 "}", KH_OK);
    expect_json("{\"v\":2,\"i\":\"a\",\"s\":\"0123456789abcdef0123456789abcdef\"}", KH_OK);
    expect_json("[{\"v\":2,\"i\":\"a\"," S64 ",\"c\":[{\"i\":\"t\"," V64 ",\"l\":\"https://d\"}]},"
                "{\"v\":2,\"i\":\"t\"," S64 "}]",
                KH_OK);
}

static void
bounded(void **state)
{
    (void)state;
    BUFFER_AUTO text;
    buffer_init(&text, FOREIGN_TEXT_MAX);
    buffer_put_str(&text, "{\"v\":2,\"i\":\"a\"," S64 ",\"c\":[");
    for (int i = 0; i <= TOKEN_CAVEATS_MAX; i++)
        buffer_put_str(&text, i ? ",{\"i\":\"c\"}" : "{\"i\":\"c\"}");
    buffer_put_str(&text, "]}");
    expect_json(buffer_text(&text), KH_ERR_MALFORMED);

    buffer_clear(&text);
    for (int i = 0; i < FOREIGN_TEXT_MAX - 1; i++)
        buffer_put_byte(&text, '[');
    expect_json(buffer_text(&text), KH_ERR_MALFORMED);

    buffer_clear(&text);
    buffer_put_str(&text, "[");
    for (int i = 0; i < 2 + TOKEN_DISCHARGES_MAX; i++)
        buffer_put_str(&text,
                       i ? ",{\"v\":2,\"i\":\"a\"," S64 "}" : "{\"v\":2,\"i\":\"a\"," S64 "}");
    buffer_put_str(&text, "]");
    expect_json(buffer_text(&text), KH_ERR_MALFORMED);
}

static void
what_is_written(void **state)
{
    (void)state;
    struct builder b;
    BUFFER_AUTO out;
    builder_start(&b, other_key, BYTES("a\0b"));
    builder_first_party(&b, "user = \"x\\\\y\"");
    memcpy(b.signature, "0123456789abcdef0123456789abcdef", 32);
    struct builder *const one[] = {&b};
    struct buffer text;
    builders_text(one, 1, &text);
    struct token *token = test_scan(buffer_bytes(&text));
    buffer_init(&out, TOKEN_TEXT_MAX);
    expect_err("export", foreign_export(token, FOREIGN_V2_JSON, &out, NULL), KH_OK);
    expect_text("JSON", buffer_bytes(&out),
                "{\"v\":2,\"i64\":\"YQBi\",\"c\":[{\"i\":\"user = \\\"x\\\\\\\\y\\\"\"}]," S64 "}");
    token_free(&token);
    buffer_free(&text);
    builder_end(&b);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strict),
        cmocka_unit_test(accepted),
        cmocka_unit_test(bounded),
        cmocka_unit_test(what_is_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
