/* SPDX-License-Identifier: Apache-2.0 */
/* Tables: columns that align, lines that never wrap. */
#include "../../../caveats/screen/columns.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const struct table_column column[] = {
    {"name", TABLE_LEFT, 4, true},
    {"count", TABLE_RIGHT, 3, false},
    {"note", TABLE_LEFT, 6, true},
    {0},
};

static char shown[8192];

static const char *
laid_out(const struct screen *screen, const char *indent, const char *const *cells)
{
    static struct table table;
    BUFFER_AUTO out;
    buffer_init(&out, sizeof shown);
    table_init(&table, column);
    for (; *cells != NULL; cells++)
        table_put(&table, strcmp(*cells, "red") == 0 ? STYLE_RED : STYLE_NONE, *cells);
    table_print(&table, screen, indent, &out);
    table_free(&table);
    snprintf(shown, sizeof shown, "%s", buffer_text(&out));
    return shown;
}

static void
test_layout(void **state)
{
    (void)state;
    static const char *const cells[] = {"alpha", "7", "one note", "b", "1000", "", NULL};
    static const char *const bare[] = {"alpha", "", "", NULL};
    struct screen screen = {0};
    assert_string_equal(laid_out(&screen, "", cells), "name   count  note\n"
                                                      "alpha      7  one note\n"
                                                      "b       1000\n");
    assert_string_equal(laid_out(&screen, "  ", bare), "  name\n  alpha\n");
    assert_string_equal(laid_out(&screen, "", cells + 6), "");
}

static void
test_colour_does_not_move_columns(void **state)
{
    (void)state;
    static const char *const cells[] = {"red", "1", "x", "alpha", "2", "y", NULL};
    struct screen screen = {.colour = true};
    assert_string_equal(laid_out(&screen, "", cells),
                        "\x1b[2mname\x1b[0m   \x1b[2mcount\x1b[0m  \x1b[2mnote\x1b[0m\n"
                        "\x1b[31mred\x1b[0m        1  x\n"
                        "alpha      2  y\n");
}

static void
test_no_line_is_wider_than_the_screen(void **state)
{
    (void)state;
    static const char *const cells[] = {
        "a rather long name that is here",
        "123456",
        "and a note that is longer than the name",
        "漢字漢字漢字漢字漢字漢字",
        "1",
        "\x1b[31mhostile\n",
        NULL,
    };
    for (unsigned width = 20; width < 120; width++) {
        struct screen screen = {.terminal = true, .width = width};
        struct bytes rest = bytes_str(laid_out(&screen, "  ", cells)), line;
        while (bytes_cut(&rest, '\n', &line))
            if (columns_of(line) > width)
                fail_msg("%zu columns on a screen of %u: %.*s", columns_of(line), width,
                         BYTES_ARG(line));
        assert_null(strchr(shown, '\x1b'));
        assert_non_null(strstr(shown, "123456")); // it does not shrink
    }
}

static void
test_more_cells_than_there_is_room_for(void **state)
{
    (void)state;
    static struct table table;
    struct screen screen = {0};
    BUFFER_AUTO out;
    buffer_init(&out, TABLE_TEXT_MAX);
    table_init(&table, column);
    for (int i = 0; i < TABLE_CELLS_MAX + 10; i++)
        table_put(&table, STYLE_NONE, "x");
    table_print(&table, &screen, "", &out);
    assert_false(out.failed);
    table_free(&table);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_layout),
        cmocka_unit_test(test_colour_does_not_move_columns),
        cmocka_unit_test(test_no_line_is_wider_than_the_screen),
        cmocka_unit_test(test_more_cells_than_there_is_room_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
