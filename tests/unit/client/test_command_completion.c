/* SPDX-License-Identifier: Apache-2.0 */
/* keyhole completion: that every command and option of the tables is in each script. */
#include "client_test.h"

static void
test_refusals(void **state)
{
    (void)state;
    struct test_run run = test_run("completion");
    assert_status(run, CLI_USAGE);
    assert_contains(run.err, "bash, zsh or fish");
    test_run_free(&run);
    run = test_run("completion", "tcsh");
    assert_status(run, CLI_USAGE);
    assert_string_equal(run.out, "");
    test_run_free(&run);
    run = test_run("completion", "bash", "zsh");
    assert_status(run, CLI_USAGE);
    test_run_free(&run);
}

static void
test_every_option(void **state)
{
    (void)state;
    static const struct {
        const char *shell, *before, *behind, *option;
    } cases[] = {{"bash", "'", "') options='", "--"},
                 {"zsh", "    '", "')\n", "--"},
                 {"fish", "-a ", " -d", "-l "}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct test_run run = test_run("completion", cases[i].shell);
        assert_status(run, CLI_DONE);
        for (const struct command *c = cli_command; c->name != NULL; c++) {
            char text[96];
            snprintf(text, sizeof text, "%s%s%s", cases[i].before, c->name, cases[i].behind);
            assert_contains(run.out, text);
            for (const struct option_spec *o = c->option; o->id != 0; o++) {
                snprintf(text, sizeof text, "%s%s", cases[i].option, o->name);
                assert_contains(run.out, text);
            }
        }
        test_run_free(&run);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_every_option),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
