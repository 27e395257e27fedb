/* SPDX-License-Identifier: Apache-2.0 */
/* The program as a whole: commands, streams, exit statuses. */
#include "client_test.h"

static void
refused(const char *const *argument, const char *expected)
{
    struct test_run run = test_run_with("", argument);
    assert_status(run, CLI_USAGE);
    assert_string_equal(run.out, "");
    assert_contains(run.err, expected);
    test_run_free(&run);
}
#define REFUSED(expected, ...) refused((const char *const[]){__VA_ARGS__ NULL}, expected)

static void
test_refusals(void **state)
{
    (void)state;
    REFUSED("Usage: keyhole COMMAND", );
    REFUSED("did you mean 'attenuate'?", "atenuate", );
    REFUSED("there is no command", "", );
    REFUSED("a command comes first", "--json", "inspect", );
    REFUSED("did you mean 'revoke'?", "help", "revok", );
    REFUSED("keyhole inspect: there is no option --jsno; did you mean --json?\nSee keyhole inspect "
            "--help",
            "inspect", "--jsno", );
    REFUSED("one TOKEN at most", "inspect", "a", "b", );
}

// A token where a command belongs is not repeated on the terminal.
static void
test_token_as_command(void **state)
{
    (void)state;
    char *token = test_mint(NULL);
    struct test_run run = test_run(token);
    assert_status(run, CLI_USAGE);
    assert_contains(run.err, "a command comes first");
    assert_lacks(run.err, "kh1_");
    test_run_free(&run);
    free(token);
}

static void
test_help_and_version(void **state)
{
    (void)state;
    static const char *const row[][3] = {
        {"--help", NULL},
        {"-h", NULL},
        {"help", NULL},
        {"help", "inspect", NULL},
        {"inspect", "--help", NULL},
        {"--version", NULL},
    };
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        struct test_run run = test_run_with("", row[i]);
        assert_status(run, CLI_DONE);
        assert_string_equal(run.err, "");
        assert_contains(run.out, "keyhole");
        test_run_free(&run);
    }
    struct test_run run = test_run("--version");
    assert_string_equal(run.out, "keyhole " KEYHOLE_VERSION "\n");
    test_run_free(&run);
}

// --help wins over what would be wrong otherwise, and needs no token.
static void
test_help_first(void **state)
{
    (void)state;
    struct test_run run = test_run("convert", "--help", "a", "b");
    assert_status(run, CLI_DONE);
    assert_contains(run.out, "--to FORMAT");
    test_run_free(&run);
}

static void
test_full_disk(void **state)
{
    (void)state;
    char program[] = "keyhole", command[] = "inspect";
    char *token = test_mint(NULL);
    char *argv[] = {program, command, token, NULL};
    char *said = NULL;
    size_t n;
    FILE *out = fopen("/dev/full", "w"), *err = open_memstream(&said, &n);
    assert_non_null(out);
    assert_int_equal(keyhole_main(3, argv, stdin, out, err), CLI_FAILED);
    fclose(out);
    fclose(err);
    assert_contains(said, "writing the result failed: No space left on device");
    free(said);
    free(token);
}

static void
test_messages_are_escaped(void **state)
{
    (void)state;
    char *said = NULL;
    size_t n;
    struct cli cli = {.err = open_memstream(&said, &n), .command = "x"};
    cli_say(&cli, "a %s b\n c", "\x1b[31m");
    fclose(cli.err);
    assert_string_equal(said, "keyhole x: a \\x1b[31m b\n c\n");
    free(said);
}

static void
test_colour(void **state)
{
    (void)state;
    struct cli cli = {.out = tmpfile()};
    struct screen screen;
    struct fault fault;
    assert_int_equal(cli_look(&cli, NULL, &screen, &fault), KH_OK);
    assert_false(screen.colour); // no terminal
    assert_int_equal(cli_look(&cli, "always", &screen, &fault), KH_OK);
    assert_true(screen.colour);
    assert_int_equal(cli_look(&cli, "sometimes", &screen, &fault), KH_ERR_USAGE);
    assert_non_null(strstr(fault.detail, "--color"));
    fclose(cli.out);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_refusals, test_clear_environment),
        cmocka_unit_test_setup(test_token_as_command, test_clear_environment),
        cmocka_unit_test_setup(test_help_and_version, test_clear_environment),
        cmocka_unit_test_setup(test_help_first, test_clear_environment),
        cmocka_unit_test_setup(test_full_disk, test_clear_environment),
        cmocka_unit_test(test_messages_are_escaped),
        cmocka_unit_test(test_colour),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
