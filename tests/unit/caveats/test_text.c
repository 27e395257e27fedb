/* SPDX-License-Identifier: Apache-2.0 */
/* Escaping for people. */
#include "../../../caveats/text.h"
#include "unit.h"

static void
assert_safe(const char *text, size_t n, const char *expected)
{
    BUFFER_AUTO out;
    buffer_init(&out, 4096);
    text_put_safe(&out, bytes_of(text, n));
    assert_string_equal(buffer_text(&out), expected);
}
#define assert_shown(text, expected) assert_safe(text, sizeof(text) - 1, expected)

static void
test_hostile_text_is_escaped(void **state)
{
    (void)state;
    assert_shown("\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m");
    assert_shown("a\nb\r\tc\x7f", "a\\x0ab\\x0d\\x09c\\x7f");
    assert_shown("a\0b", "a\\x00b");
    assert_shown("\xff\xfe", "\\xff\\xfe");
    assert_shown("\xc3", "\\xc3");                   // a character that ends early
    assert_shown("\xe2\x82", "\\xe2\\x82");          // likewise
    assert_shown("\xc0\xaf", "\\xc0\\xaf");          // an overlong form
    assert_shown("\xed\xa0\x80", "\\xed\\xa0\\x80"); // a surrogate
    assert_shown("\xc2\x9b"
                 "31m",
                 "\\u{9b}31m"); // CSI in one byte of Latin-1
    assert_shown("user\xe2\x80\xae"
                 "ecila",
                 "user\\u{202e}ecila"); // right to left from here
    assert_shown("a\xe2\x80\x8b"
                 "b",
                 "a\\u{200b}b"); // no width
    assert_shown("\xf3\xa0\x80\x81", "\\u{e0001}");
}

static void
test_plain_text_stays(void **state)
{
    (void)state;
    assert_shown("", "");
    assert_shown("path ~ /v1/* \\ \"x\"", "path ~ /v1/* \\ \"x\"");
    assert_shown("Zürich 日本 😀", "Zürich 日本 😀");
}

static void
test_messages_keep_newlines(void **state)
{
    (void)state;
    BUFFER_AUTO out;
    buffer_init(&out, 4096);
    text_put_message(&out, BYTES("a\nb\x1b"));
    assert_string_equal(buffer_text(&out), "a\nb\\x1b");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hostile_text_is_escaped),
        cmocka_unit_test(test_plain_text_stays),
        cmocka_unit_test(test_messages_keep_newlines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
