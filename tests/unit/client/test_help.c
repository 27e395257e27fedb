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

// The manual page knows each command and each option, and no other.
static void
test_manual_page(void **state)
{
    (void)state;
    FILE *file = fopen("docs/man/keyhole.1", "r");
    assert_non_null(file); // tests run in the top directory
    char *page = calloc(1, 65536);
    assert_true(fread(page, 1, 65535, file) > 0);
    fclose(file);
    for (const struct command *c = cli_command; c->name != NULL; c++) {
        char text[64];
        snprintf(text, sizeof text, ".It Cm %s\n", c->name);
        assert_contains(page, text);
        for (const struct option_spec *o = c->option; o->id != 0; o++) {
            snprintf(text, sizeof text, "Fl -%s", o->name);
            assert_contains(page, text);
        }
    }
    for (const char *at = page; (at = strstr(at, "Fl -")) != NULL;) {
        at += 4;
        struct bytes name = bytes_of(at, strspn(at, "abcdefghijklmnopqrstuvwxyz-"));
        bool known = bytes_is(name, "help") || bytes_is(name, "version");
        for (const struct command *c = cli_command; c->name != NULL; c++)
            for (const struct option_spec *o = c->option; o->id != 0; o++)
                known = known || bytes_is(name, o->name);
        if (!known)
            fail_msg("the manual has --%.*s, the program has not", BYTES_ARG(name));
    }
    free(page);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unknown_commands),
        cmocka_unit_test(test_program),
        cmocka_unit_test(test_commands),
        cmocka_unit_test(test_manual_page),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
