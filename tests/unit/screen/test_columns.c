/* SPDX-License-Identifier: Apache-2.0 */
/* Widths, and what is left out of what is too wide. */
#include "../../../caveats/screen/columns.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const struct screen plain = {0}, drawn = {.unicode = true};

static const char *
put(const struct screen *screen, const char *text, size_t width, size_t *taken)
{
    static char shown[512];
    BUFFER_AUTO out;
    buffer_init(&out, sizeof shown);
    *taken = columns_put(&out, screen, bytes_str(text), width);
    snprintf(shown, sizeof shown, "%s", buffer_text(&out));
    return shown;
}

static void
test_what_is_left_out(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t width;
        const char *shown;
    } row[] = {
        {"", 0, ""},
        {"", 5, ""},
        {"abc", 0, "abc"},
        {"abc", 3, "abc"},
        {"abcdef", 5, "ab…ef"},
        {"abcdefg", 6, "ab…efg"},
        {"abcdefg", 2, "…g"},
        {"abcdefg", 1, "…"},
        {"a\nb\x1b[2J", 0, "a\\x0ab\\x1b[2J"},
        {"\xff", 0, "\\xff"},
        {"caf\xc3\xa9 caf\xc3\xa9", 5, "ca…f\xc3\xa9"},
        // Wide characters are not cut in two: a column stays empty.
        {"漢字漢字漢字", 12, "漢字漢字漢字"},
        {"漢字漢字漢字", 6, "漢…字"},
        {"漢字漢字漢字", 5, "漢…字"},
        // What combines goes with what it combines with.
        {"e\xcc\x81"
         "e\xcc\x81"
         "e\xcc\x81"
         "e\xcc\x81",
         3, "e\xcc\x81…e\xcc\x81"},
    };
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        size_t taken = 0;
        const char *shown = put(&drawn, row[i].text, row[i].width, &taken);
        if (strcmp(shown, row[i].shown) != 0)
            fail_msg("row %zu: \"%s\" in %zu columns is \"%s\"", i, row[i].text, row[i].width,
                     shown);
        if (taken != columns_of(bytes_str(shown)))
            fail_msg("row %zu: \"%s\" takes %zu columns, and not %zu", i, shown,
                     columns_of(bytes_str(shown)), taken);
        if (row[i].width > 0 && taken > row[i].width)
            fail_msg("row %zu: \"%s\" is wider than %zu", i, shown, row[i].width);
    }
}

static void
test_columns(void **state)
{
    (void)state;
    size_t taken;
    assert_int_equal(columns_of(BYTES_EMPTY), 0);
    assert_int_equal(columns_of(BYTES("abc")), 3);
    assert_int_equal(columns_of(BYTES("caf\xc3\xa9")), 4);
    assert_int_equal(columns_of(BYTES("漢字")), 4);
    assert_int_equal(columns_of(BYTES("e\xcc\x81")), 1);
    assert_string_equal(put(&plain, "abcdef", 5, &taken), "ab~ef");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_left_out),
        cmocka_unit_test(test_columns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
