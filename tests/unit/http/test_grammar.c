/* SPDX-License-Identifier: Apache-2.0 */
/* The small grammars, each with what it must refuse first. */

#include "http_test.h"

#include "../../../broker/http/grammar.h"

struct row {
    bool (*is)(struct bytes text);
    struct bytes text;
    bool want;
};

static const struct row rows[] = {
    {grammar_is_token, TEXT(""), false},
    {grammar_is_token, TEXT("a b"), false},
    {grammar_is_token, TEXT("a:"), false},
    {grammar_is_token, TEXT("a\0"), false},
    {grammar_is_token, TEXT("a\xc3\xa4"), false},
    {grammar_is_token, TEXT("!#$%&'*+-.^_`|~09azAZ"), true},
    {grammar_is_field_value, TEXT("a\rb"), false},
    {grammar_is_field_value, TEXT("a\nb"), false},
    {grammar_is_field_value, TEXT("a\0b"), false},
    {grammar_is_field_value, TEXT("a\x7f"), false},
    {grammar_is_field_value, TEXT(""), true},
    {grammar_is_field_value, TEXT("a\tb \xff"), true},
    {grammar_is_method, TEXT(""), false},
    {grammar_is_method, TEXT("get"), false},
    {grammar_is_method, TEXT("1GET"), false},
    {grammar_is_method, TEXT("-GET"), false},
    {grammar_is_method, TEXT("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"), false},
    {grammar_is_method, TEXT("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"), true},
    {grammar_is_method, TEXT("M-SEARCH1"), true},
    {grammar_is_path, TEXT(""), false},
    {grammar_is_path, TEXT("a"), false},
    {grammar_is_path, TEXT("/a?b"), false},
    {grammar_is_path, TEXT("/a#b"), false},
    {grammar_is_path, TEXT("/a b"), false},
    {grammar_is_path, TEXT("/a\\b"), false},
    {grammar_is_path, TEXT("/[a]"), false},
    {grammar_is_path, TEXT("/a%"), false},
    {grammar_is_path, TEXT("/a%4"), false},
    {grammar_is_path, TEXT("/a%4g"), false},
    {grammar_is_path, TEXT("/\xc3\xa4"), false},
    {grammar_is_path, TEXT("/a%4aA-._~!$&'()*+,;=:@/"), true},
    {grammar_is_query, TEXT("a#b"), false},
    {grammar_is_query, TEXT("a|b"), false},
    {grammar_is_query, TEXT("\"a\""), false},
    {grammar_is_query, TEXT("{a}"), false},
    {grammar_is_query, TEXT("%g0"), false},
    {grammar_is_query, TEXT(""), true},
    {grammar_is_query, TEXT("a[b]=c&d=/?%20"), true},
    {grammar_is_authority, TEXT(""), false},
    {grammar_is_authority, TEXT("a..b"), false},
    {grammar_is_authority, TEXT(".a"), false},
    {grammar_is_authority, TEXT("a."), false},
    {grammar_is_authority, TEXT("-a"), false},
    {grammar_is_authority, TEXT("a-"), false},
    {grammar_is_authority, TEXT("_a"), false},
    {grammar_is_authority, TEXT("a:"), false},
    {grammar_is_authority, TEXT("a:0"), false},
    {grammar_is_authority, TEXT("a:65536"), false},
    {grammar_is_authority, TEXT("a:000080"), false},
    {grammar_is_authority, TEXT("a:8o"), false},
    {grammar_is_authority, TEXT("a:80:80"), false},
    {grammar_is_authority, TEXT(":80"), false},
    {grammar_is_authority, TEXT("u@a"), false},
    {grammar_is_authority, TEXT("a%41"), false},
    {grammar_is_authority, TEXT("a b"), false},
    {grammar_is_authority, TEXT("a,b"), false},
    {grammar_is_authority, TEXT("[]"), false},
    {grammar_is_authority, TEXT("[::1"), false},
    {grammar_is_authority, TEXT("[::1]x"), false},
    {grammar_is_authority, TEXT("[::g]"), false},
    {grammar_is_authority, TEXT("[fe80::1%25eth0]"), false},
    {grammar_is_authority, TEXT("[::1]:"), false},
    {grammar_is_authority, TEXT("::1"), false},
    {grammar_is_authority, TEXT("a"), true},
    {grammar_is_authority, TEXT("a_b-c.D1:65535"), true},
    {grammar_is_authority, TEXT("127.0.0.1:1"), true},
    {grammar_is_authority, TEXT("[::ffff:1.2.3.4]:443"), true},
    {grammar_has_port, TEXT("a"), false},
    {grammar_has_port, TEXT("[::1]"), false},
    {grammar_has_port, TEXT("a:1"), true},
    {grammar_has_port, TEXT("[::1]:1"), true},
    {grammar_is_chunk_extension, TEXT("a"), false},
    {grammar_is_chunk_extension, TEXT(" ;a"), false},
    {grammar_is_chunk_extension, TEXT(";"), false},
    {grammar_is_chunk_extension, TEXT("; a"), false},
    {grammar_is_chunk_extension, TEXT(";a="), false},
    {grammar_is_chunk_extension, TEXT(";a =b"), false},
    {grammar_is_chunk_extension, TEXT(";a=\""), false},
    {grammar_is_chunk_extension, TEXT(";a=\"\\"), false},
    {grammar_is_chunk_extension, TEXT(";a=\"\\\""), false},
    {grammar_is_chunk_extension, TEXT(";a=\"b\"c"), false},
    {grammar_is_chunk_extension, TEXT(";a=\"\x01\""), false},
    {grammar_is_chunk_extension, TEXT(";a=\"\xff\""), false},
    {grammar_is_chunk_extension, TEXT(""), true},
    {grammar_is_chunk_extension, TEXT(";a"), true},
    {grammar_is_chunk_extension, TEXT(";a=b;c=\"d\\\" ;\t\";e"), true},
};

static void
test_texts(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct bytes text = exact_copy(rows[i].text);

        if (rows[i].is(text) != rows[i].want) {
            print_text(rows[i].want ? "refused" : "accepted", text);
            fail_msg("row %zu", i);
        }
        exact_free(text);
    }
}

static void
test_every_byte(void **state)
{
    static const char token[] = "!#$%&'*+-.^_`|~", path[] = "-._~!$&'()*+,;=:@/";

    (void)state;
    for (unsigned c = 0; c < 256; c++) {
        uint8_t text[] = {'/', (uint8_t)c};
        bool alnum = (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
        bool visible = c > 0x20 && c < 0x7f;

        assert_int_equal(grammar_is_token(bytes_of(text + 1, 1)),
                         alnum || (visible && strchr(token, (int)c) != NULL));
        assert_int_equal(grammar_is_path(bytes_of(text, 2)),
                         alnum || (visible && strchr(path, (int)c) != NULL));
        assert_int_equal(grammar_is_query(bytes_of(text + 1, 1)),
                         alnum || (visible && strchr("-._~!$&'()*+,;=:@/?[]", (int)c) != NULL));
        assert_int_equal(grammar_is_control(text[1]), c != '\t' && (c < 0x20 || c == 0x7f));
    }
}

static void
test_content_length(void **state)
{
    static const struct bytes refused[] = {
        TEXT(""),   TEXT("-1"),  TEXT("+1"),   TEXT("01"),  TEXT("00"),
        TEXT("1 "), TEXT("1,1"), TEXT("5, 5"), TEXT("0x1"), TEXT("1000000000000000000"),
        TEXT("1."), TEXT("1\0"),
    };
    uint64_t n = 7;

    (void)state;
    for (size_t i = 0; i < COUNT(refused); i++)
        assert_false(grammar_content_length(refused[i], &n));
    assert_int_equal(n, 7);
    assert_true(grammar_content_length(BYTES("0"), &n));
    assert_int_equal(n, 0);
    assert_true(grammar_content_length(BYTES("999999999999999999"), &n));
    assert_true(n == UINT64_C(999999999999999999));
}

static void
test_chunk_size(void **state)
{
    static const struct bytes refused[] = {
        TEXT(""),   TEXT("-1"), TEXT("0x1"), TEXT("g"),
        TEXT(" 1"), TEXT("1 "), TEXT("1_0"), TEXT("1111111111111111"),
    };
    uint64_t n = 7;

    (void)state;
    for (size_t i = 0; i < COUNT(refused); i++)
        assert_false(grammar_chunk_size(refused[i], &n));
    assert_int_equal(n, 7);
    assert_true(grammar_chunk_size(BYTES("000000000000000"), &n));
    assert_int_equal(n, 0);
    assert_true(grammar_chunk_size(BYTES("1aF"), &n));
    assert_int_equal(n, 0x1af);
    assert_true(grammar_chunk_size(BYTES("fffffffffffffff"), &n));
    assert_true(n == UINT64_C(0xfffffffffffffff));
}

/* A control character is seen wherever it stands among others. */
static void
test_text(void **state)
{
    uint8_t text[40];

    (void)state;
    for (unsigned c = 0; c < 256; c++) {
        bool control = (c < 0x20 && c != '\t') || c == 0x7f;

        for (size_t at = 0; at < sizeof text; at++) {
            for (size_t i = 0; i < sizeof text; i++)
                text[i] = "a \tz\x80\xff~!"[i % 8];
            text[at] = (uint8_t)c;
            assert_int_equal(grammar_is_field_value(bytes_of(text, sizeof text)), !control);
            assert_true(grammar_is_field_value(bytes_of(text, at)));
        }
    }
    assert_true(grammar_is_field_value(BYTES_EMPTY));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts),      cmocka_unit_test(test_text),
        cmocka_unit_test(test_every_byte), cmocka_unit_test(test_content_length),
        cmocka_unit_test(test_chunk_size),
    };
    return cmocka_run_group_tests_name("http/grammar", tests, NULL, NULL);
}
