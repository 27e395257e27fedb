/* SPDX-License-Identifier: Apache-2.0 */
/* Help from the tables. */
#include "../../../client/help.h"
#include "client_test.h"

static void
test_unknown_commands(void **state)
{
    (void)state;
    struct fault fault;
    assert_null(help_find(BYTES("")));
    assert_null(help_find(BYTES("inspec")));
    assert_int_equal(help_unknown(BYTES("inspec"), &fault), KH_ERR_USAGE);
    assert_contains(fault.detail, "did you mean 'inspect'?");
    assert_int_equal(help_unknown(BYTES("\x1b[2J"), &fault), KH_ERR_USAGE);
    assert_contains(fault.detail, "'\\x1b[2J'; see keyhole --help");
}

static void
test_program(void **state)
{
    (void)state;
    BUFFER_AUTO out;
    buffer_init(&out, 65536);
    help_put_program(&out);
    for (const struct command *c = cli_command; c->name != NULL; c++)
        assert_contains(buffer_text(&out), c->name);
    assert_contains(buffer_text(&out), "KEYHOLE_TOKEN");
}

// Every command says all of its options, in lines that fit a terminal, and gives an example.
static void
test_commands(void **state)
{
    (void)state;
    for (const struct command *c = cli_command; c->name != NULL; c++) {
        BUFFER_AUTO out;
        buffer_init(&out, 65536);
        help_put_command(c, &out);
        for (const struct option_spec *o = c->option; o->id != 0; o++) {
            char name[64];
            snprintf(name, sizeof name, "\n  --%s", o->name);
            assert_contains(buffer_text(&out), name);
        }
        assert_contains(buffer_text(&out), "\n  --help");
        char example[64];
        snprintf(example, sizeof example, "keyhole %s ", c->name);
        assert_contains(c->examples, example);
        struct bytes rest = buffer_bytes(&out), line;
        while (bytes_cut(&rest, '\n', &line))
            if (line.n > 100)
                fail_msg("too wide: %.*s", BYTES_ARG(line));
    }
}

static char *
read_page(const char *name)
{
    char path[96];
    snprintf(path, sizeof path, "docs/man/%s.1", name);
    FILE *file = fopen(path, "r"); // tests run in the top directory
    if (file == NULL)
        fail_msg("there is no %s", path);
    char *page = calloc(1, 65536);
    assert_true(fread(page, 1, 65535, file) > 0);
    fclose(file);
    return page;
}

// Whether one of the options in the text is this one: "Fl -name", or one more behind a comma.
static bool
page_has_option(const char *page, const char *name)
{
    char text[64];
    snprintf(text, sizeof text, " -%s", name);
    for (const char *at = page; (at = strstr(at, text)) != NULL; at++) {
        char next = at[strlen(text)];
        if (next == ' ' || next == '\n')
            return true;
    }
    return false;
}

// Each command has a page, which knows each of its options and no other.
static void
test_manual_pages(void **state)
{
    (void)state;
    char *overview = read_page("keyhole");
    for (const struct command *c = cli_command; c->name != NULL; c++) {
        char text[64];
        snprintf(text, sizeof text, ".It Cm %s\n", c->name);
        assert_contains(overview, text);
        snprintf(text, sizeof text, ".Xr keyhole-%s 1 ", c->name);
        assert_contains(overview, text);
        snprintf(text, sizeof text, "keyhole-%s", c->name);
        char *page = read_page(text);
        for (const struct option_spec *o = c->option; o->id != 0; o++)
            if (!page_has_option(page, o->name))
                fail_msg("%s(1) does not have --%s", text, o->name);
        for (const char *at = page; (at = strstr(at, "Fl -")) != NULL;) {
            // Of others it may speak, but not list them.
            bool own = at - page >= 4 && strncmp(at - 4, ".It ", 4) == 0;
            at += 4;
            struct bytes name = bytes_of(at, strspn(at, "abcdefghijklmnopqrstuvwxyz0123456789-"));
            bool known = bytes_is(name, "help");
            for (const struct command *k = own ? c : cli_command; !known && k->name != NULL; k++) {
                for (const struct option_spec *o = k->option; o->id != 0; o++)
                    known = known || bytes_is(name, o->name);
                if (own)
                    break;
            }
            if (!known)
                fail_msg("%s(1) has --%.*s, the program has not", text, BYTES_ARG(name));
        }
        free(page);
    }
    free(overview);
}

// What help calls the manual is there.
static void
test_help_names_the_page(void **state)
{
    (void)state;
    for (const struct command *c = cli_command; c->name != NULL; c++) {
        char text[64];
        BUFFER_AUTO out;
        buffer_init(&out, 16384);
        help_put_command(c, &out);
        snprintf(text, sizeof text, "\nManual: keyhole-%s(1)\n", c->name);
        assert_contains(buffer_text(&out), text);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unknown_commands),
        cmocka_unit_test(test_program),
        cmocka_unit_test(test_commands),
        cmocka_unit_test(test_manual_pages),
        cmocka_unit_test(test_help_names_the_page),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
