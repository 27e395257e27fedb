/* SPDX-License-Identifier: Apache-2.0 */
/* keyhole convert, as one runs it. */
#include "client_test.h"

static void
test_refusals(void **state)
{
    (void)state;
    char *token = test_mint(NULL);
    struct test_run run = test_run("convert", token);
    assert_status(run, CLI_USAGE);
    assert_contains(run.err, "--to says which format");
    test_run_free(&run);
    run = test_run("convert", "--to", "v3", token);
    assert_status(run, CLI_USAGE);
    assert_contains(run.err, "keyhole, v1, v2 or json");
    test_run_free(&run);
    run = test_run_input("garbage", "convert", "--to", "v1");
    assert_status(run, CLI_FAILED);
    assert_string_equal(run.out, "");
    test_run_free(&run);
    free(token);
}

static void
test_there_and_back(void **state)
{
    (void)state;
    static const char *const format[] = {"v1", "v2", "json", "keyhole"};
    char *token = test_mint("method = GET", NULL);
    for (size_t i = 0; i < sizeof format / sizeof format[0]; i++) {
        struct test_run there = test_run("convert", "--to", format[i], token);
        assert_status(there, CLI_DONE);
        struct test_run back = test_run_input(there.out, "convert", "--to", "keyhole", "-");
        assert_status(back, CLI_DONE);
        back.out[strlen(back.out) - 1] = '\0';
        assert_string_equal(back.out, token);
        test_run_free(&back);
        // What others wrote can be narrowed and looked at as it is.
        struct test_run narrowed = test_run_input(there.out, "attenuate", "--for", "1m");
        assert_status(narrowed, CLI_DONE);
        assert_int_equal(strncmp(narrowed.out, "kh1_", 4), 0);
        test_run_free(&narrowed);
        struct test_run seen = test_run_input(there.out, "inspect");
        assert_status(seen, CLI_DONE);
        assert_contains(seen.out, "method = GET");
        test_run_free(&seen);
        test_run_free(&there);
    }
    free(token);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_refusals, test_clear_environment),
        cmocka_unit_test_setup(test_there_and_back, test_clear_environment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
