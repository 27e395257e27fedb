/* SPDX-License-Identifier: Apache-2.0 */
/* docs/CAVEATS.md says what is so: its examples parse, its counter-examples do not, and every
 * attribute and operator is there. Tests run in the top directory. */
#include "../../../caveats/caveat.h"
#include "client_test.h"

static char *page;

static int
read_page(void **state)
{
    (void)state;
    FILE *file = fopen("docs/CAVEATS.md", "r");
    if (file == NULL)
        return -1;
    page = calloc(1, 1 << 18);
    size_t n = fread(page, 1, (1 << 18) - 1, file);
    fclose(file);
    return n > 0 ? 0 : -1;
}

static int
free_page(void **state)
{
    (void)state;
    free(page);
    return 0;
}

// Call `check` for each line in the boxes that begin with ```kind.
static size_t
each_line(const char *kind, void (*check)(struct bytes line))
{
    struct bytes rest = bytes_str(page), line;
    char opening[64];
    bool inside = false;
    size_t count = 0;
    snprintf(opening, sizeof opening, "```%s", kind);
    while (bytes_cut(&rest, '\n', &line)) {
        if (bytes_starts(line, BYTES("```"))) {
            inside = bytes_is(line, opening);
        } else if (inside) {
            check(line);
            count++;
        }
    }
    return count;
}

static void
must_parse(struct bytes line)
{
    struct fault fault = {.err = KH_OK};
    struct caveat *caveat = NULL, *again = NULL;
    if (caveat_parse(line, &caveat, &fault) != KH_OK)
        fail_msg("%.*s: %s", BYTES_ARG(line), fault.detail);
    BUFFER_AUTO text;
    buffer_init(&text, CAVEAT_TEXT_MAX);
    caveat_print(caveat, &text);
    assert_ok(caveat_parse(buffer_bytes(&text), &again, &fault));
    caveat_free(&caveat);
    caveat_free(&again);
}

static void
must_not_parse(struct bytes line)
{
    struct fault fault = {.err = KH_OK};
    struct caveat *caveat = NULL;
    if (caveat_parse(line, &caveat, &fault) == KH_OK)
        fail_msg("the page says that this is refused: %.*s", BYTES_ARG(line));
}

static void
test_counter_examples(void **state)
{
    (void)state;
    assert_true(each_line("caveat-refused", must_not_parse) >= 10);
}

static void
test_examples(void **state)
{
    (void)state;
    assert_true(each_line("caveat", must_parse) >= 40);
}

static void
test_every_attribute_is_described(void **state)
{
    (void)state;
    for (int i = ATTRIBUTE_UNSET + 1; i < ATTRIBUTE_COUNT; i++) {
        const struct attribute_info *info = attribute_info((enum attribute)i);
        char row[64];
        snprintf(row, sizeof row, "\n| `%s%s` |", info->text, info->keyed ? "[name]" : "");
        assert_contains(page, row);
    }
}

static void
test_every_operator_is_described(void **state)
{
    (void)state;
    static const char *const operator_text[] = {"=", "!=", "in", "not in", "~",       "!~",
                                                "<", "<=", ">",  ">=",     "present", "absent"};
    for (size_t i = 0; i < sizeof operator_text / sizeof operator_text[0]; i++) {
        char text[32];
        snprintf(text, sizeof text, "`%s`", operator_text[i]);
        assert_contains(page, text);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counter_examples),
        cmocka_unit_test(test_examples),
        cmocka_unit_test(test_every_attribute_is_described),
        cmocka_unit_test(test_every_operator_is_described),
    };
    return cmocka_run_group_tests(tests, read_page, free_page);
}
