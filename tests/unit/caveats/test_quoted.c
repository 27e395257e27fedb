/* SPDX-License-Identifier: Apache-2.0 */
#include "../../../caveats/quoted.h"
#include "unit.h"

static void
unclean_text(void **state)
{
    (void)state;
    static const struct bytes bad[] = {
        BYTES("a\0b"),         BYTES("a\nb"),         BYTES("a\tb"),
        BYTES("a\x7f"),        BYTES("\x1b[2J"),      BYTES("a\xc2\x85"), /* NEL */
        BYTES("\xc2\x9b"),                                                /* CSI in one character */
        BYTES("\xe2\x80\xae"), /* right-to-left override */
        BYTES("\xe2\x81\xa6"), BYTES("\xe2\x80\x8f"), BYTES("\xe2\x80\xa8"), /* line separator */
        BYTES("\xd8\x9c"),     BYTES("\xff"),         BYTES("\xc0\x80"),
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        if (quoted_text_is_clean(bad[i]))
            FAIL_WITH("unclean text %zu was accepted", i);
    }
    assert_true(quoted_text_is_clean(BYTES("user = \"Zo\xc3\xab \xf0\x9f\x98\x80\"")));
    assert_true(quoted_text_is_clean(BYTES("")));
}

static enum kh_err
read_word(struct bytes text, bool is_key, struct buffer *out, size_t *cursor)
{
    size_t n = 0;
    struct fault fault = {0};
    uint8_t *room = buffer_reserve(out, text.n);
    enum kh_err err = quoted_read(text, cursor, is_key, room, &n, &fault);
    if (err == KH_OK)
        buffer_advance(out, n);
    else
        assert_true(strlen(fault.detail) > 10);
    return err;
}

static void
bad_words(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        " a",
        ",",
        "or",
        "or or",
        "\"",
        "\"a",
        "\"a\\",
        "\"a\\\"",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\\u12g4\"",
        "\"\\u0000\"",
        "\"\\ud800\"",
        "\"\\ud800x\"",
        "\"\\ud800\\n\"",
        "\"\\ud800\\u0041\"",
        "\"\\ud800\\ud800\"",
        "\"\\udc00\"",
        "\"\\ud83d\\ude0\"",
        "\xc3\xa4",
        "\"\\U0041\"",
        "\"\\0\"",
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        BUFFER_AUTO out;
        buffer_init(&out, 100);
        size_t cursor = 0;
        expect_err(bad[i], read_word(bytes_str(bad[i]), false, &out, &cursor), KH_ERR_SYNTAX);
        assert_int_equal(cursor, 0);
    }
    BUFFER_AUTO out;
    buffer_init(&out, 100);
    size_t cursor = 99;
    expect_err("past the end", read_word(BYTES("abc"), false, &out, &cursor), KH_ERR_SYNTAX);
}

static void
words_and_their_canonical_form(void **state)
{
    (void)state;
    static const struct {
        const char *text, *word, *canonical;
        bool is_key;
    } cases[] = {
        {"abc", "abc", "abc", false},
        {"a=b[0]{}'\\;:/?#~", "a=b[0]{}'\\;:/?#~", "a=b[0]{}'\\;:/?#~", false},
        {"orb", "orb", "orb", false},
        {"\"or\"", "or", "\"or\"", false},
        {"or", "or", "or", true},
        {"\"\"", "", "\"\"", false},
        {"\"abc\"", "abc", "abc", false},
        {"\"a b\"", "a b", "\"a b\"", false},
        {"\"a,b\"", "a,b", "\"a,b\"", false},
        {"\"a]b\"", "a]b", "\"a]b\"", true},
        {"\"a]b\"", "a]b", "a]b", false},
        {"\"\\\"\\\\\\/\"", "\"\\/", "\"\\\"\\\\/\"", false},
        {"\"\\b\\f\\n\\r\\t\"", "\b\f\n\r\t", "\"\\b\\f\\n\\r\\t\"", false},
        {"\"\\u001B\\u007f\"", "\x1b\x7f", "\"\\u001b\\u007f\"", false},
        {"\"\\u00e4\\u20AC\\ud83d\\ude00\"", "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80",
         "\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\"", false},
        {"\"\\u202e\"", "\xe2\x80\xae", "\"\\u202e\"", false},
        {"\"\\udbff\\udfff\"", "\xf4\x8f\xbf\xbf", "\"\xf4\x8f\xbf\xbf\"", false},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        BUFFER_AUTO word;
        BUFFER_AUTO canonical;
        buffer_init(&word, 100);
        buffer_init(&canonical, 100);
        size_t cursor = 0;
        expect_err(cases[i].text,
                   read_word(bytes_str(cases[i].text), cases[i].is_key, &word, &cursor), KH_OK);
        assert_int_equal(cursor, strlen(cases[i].text));
        expect_text(cases[i].text, buffer_bytes(&word), cases[i].word);
        quoted_print(buffer_bytes(&word), cases[i].is_key, &canonical);
        expect_text(cases[i].text, buffer_bytes(&canonical), cases[i].canonical);
    }
}

static void
words_end_where_they_must(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t start, end;
        bool is_key;
    } cases[] = {
        {"a b", 0, 1, false},       {"a,b", 0, 1, false}, {"a\"b", 0, 1, false},
        {"a]b", 0, 3, false},       {"a]b", 0, 1, true},  {"x\"a\"b", 1, 4, false},
        {"a\xc3\xa4", 0, 1, false},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        BUFFER_AUTO out;
        buffer_init(&out, 100);
        size_t cursor = cases[i].start;
        expect_err(cases[i].text,
                   read_word(bytes_str(cases[i].text), cases[i].is_key, &out, &cursor), KH_OK);
        assert_int_equal(cursor, cases[i].end);
    }
}

static void
strings_keep_their_quotes(void **state)
{
    (void)state;
    BUFFER_AUTO out;
    buffer_init(&out, 100);
    quoted_print_string(BYTES("true"), &out);
    quoted_print_string(BYTES("a\"\n"), &out);
    expect_text("strings", buffer_bytes(&out), "\"true\"\"a\\\"\\n\"");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unclean_text),
        cmocka_unit_test(bad_words),
        cmocka_unit_test(words_and_their_canonical_form),
        cmocka_unit_test(words_end_where_they_must),
        cmocka_unit_test(strings_keep_their_quotes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
