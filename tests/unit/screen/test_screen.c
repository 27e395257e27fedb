/* SPDX-License-Identifier: Apache-2.0 */
/* When there is colour, how wide a screen is, and with what it draws. */
#include "../../../caveats/screen/screen.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void
test_who_decides_on_colour(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        struct screen_facts facts;
        enum screen_colour wanted;
        bool colour;
    } row[] = {
        {"a file", {.terminal = false}, SCREEN_AUTO, false},
        {"a terminal", {.terminal = true}, SCREEN_AUTO, true},
        {"a dumb one", {.terminal = true, .term = "dumb"}, SCREEN_AUTO, false},
        {"NO_COLOR", {.terminal = true, .no_color = "1"}, SCREEN_AUTO, false},
        {"NO_COLOR=0 is set, too", {.terminal = true, .no_color = "0"}, SCREEN_AUTO, false},
        {"an empty NO_COLOR", {.terminal = true, .no_color = ""}, SCREEN_AUTO, true},
        {"forced", {.clicolor_force = "1"}, SCREEN_AUTO, true},
        {"forced, on a dumb one", {.clicolor_force = "1", .term = "dumb"}, SCREEN_AUTO, true},
        {"not forced", {.clicolor_force = "0"}, SCREEN_AUTO, false},
        {"an empty force", {.clicolor_force = ""}, SCREEN_AUTO, false},
        {"NO_COLOR over force", {.clicolor_force = "1", .no_color = "1"}, SCREEN_AUTO, false},
        {"always", {.no_color = "1", .term = "dumb"}, SCREEN_ALWAYS, true},
        {"never", {.terminal = true, .clicolor_force = "1"}, SCREEN_NEVER, false},
    };
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        struct screen screen;
        screen_judge(&row[i].facts, row[i].wanted, &screen);
        if (screen.colour != row[i].colour)
            fail_msg("%s: colour is %d", row[i].name, screen.colour);
    }
}

static void
test_width(void **state)
{
    (void)state;
    static const struct {
        struct screen_facts facts;
        unsigned width;
    } row[] = {
        {{.terminal = false, .window = 90, .columns = "70"}, 0},
        {{.terminal = true, .window = 132, .columns = "70"}, 132},
        {{.terminal = true, .columns = "70"}, 70},
        {{.terminal = true, .columns = "-70"}, 80},
        {{.terminal = true, .columns = "99999999999999999999"}, 80},
        {{.terminal = true}, 80},
        {{.terminal = true, .window = 3}, 20},
        {{.terminal = true, .columns = "4000000000"}, 1000},
    };
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        struct screen screen;
        screen_judge(&row[i].facts, SCREEN_AUTO, &screen);
        if (screen.width != row[i].width)
            fail_msg("row %zu: %u columns, and not %u", i, screen.width, row[i].width);
    }
}

static void
test_characters_by_the_locale(void **state)
{
    (void)state;
    static const struct {
        struct screen_facts facts;
        bool unicode;
    } row[] = {
        {{0}, false},
        {{.lang = "C"}, false},
        {{.lang = "de_DE"}, false},
        {{.lang = "de_DE.ISO-8859-1"}, false},
        {{.lang = "C.UTF-8"}, true},
        {{.lang = "de_DE.utf8@euro"}, true},
        {{.lc_ctype = "UTF-8"}, true},
        {{.lc_ctype = "C", .lang = "C.UTF-8"}, false},
        {{.lc_all = "C", .lc_ctype = "C.UTF-8", .lang = "C.UTF-8"}, false},
        {{.lc_all = "", .lc_ctype = "", .lang = "C.UTF-8"}, true},
    };
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        struct screen screen;
        screen_judge(&row[i].facts, SCREEN_AUTO, &screen);
        if (screen.unicode != row[i].unicode)
            fail_msg("row %zu: unicode is %d", i, screen.unicode);
        assert_string_equal(screen_mark(&screen, MARK_LAST), row[i].unicode ? "└─ " : "`- ");
    }
}

static void
test_styles(void **state)
{
    (void)state;
    struct screen screen = {.colour = true};
    assert_string_equal(screen_style(&screen, STYLE_RED), "\x1b[31m");
    assert_string_equal(screen_style(&screen, STYLE_NONE), "\x1b[0m");
    screen.colour = false;
    assert_string_equal(screen_style(&screen, STYLE_RED), "");
    assert_string_equal(screen_style(&screen, STYLE_NONE), "");
}

static void
test_words(void **state)
{
    (void)state;
    enum screen_colour wanted = SCREEN_NEVER;
    assert_false(screen_colour_parse("", &wanted));
    assert_false(screen_colour_parse("Always", &wanted));
    assert_int_equal(wanted, SCREEN_NEVER);
    assert_true(screen_colour_parse("always", &wanted));
    assert_int_equal(wanted, SCREEN_ALWAYS);
    assert_true(screen_colour_parse("auto", &wanted));
    assert_int_equal(wanted, SCREEN_AUTO);
}

static void
test_a_file_is_no_screen(void **state)
{
    (void)state;
    struct screen screen;
    FILE *file = tmpfile();
    assert_non_null(file);
    screen_look(file, SCREEN_AUTO, &screen);
    assert_false(screen.terminal);
    assert_int_equal(screen.width, 0);
    screen_look(file, SCREEN_ALWAYS, &screen);
    assert_true(screen.colour);
    fclose(file);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_who_decides_on_colour),
        cmocka_unit_test(test_width),
        cmocka_unit_test(test_characters_by_the_locale),
        cmocka_unit_test(test_styles),
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_a_file_is_no_screen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
