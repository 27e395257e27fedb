/* SPDX-License-Identifier: Apache-2.0 */
/* Environment variables to be set and unset. */
#include "../../../client/variables.h"
#include "client_test.h"

static void
test_names(void **state)
{
    (void)state;
    static const char *const good[] = {"A", "_", "a1", "OPENAI_API_KEY", "npm_config_cafile"};
    static const char *const bad[] = {"", "1A", "A-B", "A=B", "A B", "\xc3\xa4", "A\n"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        if (!variables_is_name(bytes_str(good[i])))
            fail_msg("'%s' is a name", good[i]);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (variables_is_name(bytes_str(bad[i])))
            fail_msg("'%s' is no name", bad[i]);
    assert_false(variables_is_name(bytes_of("A\0B", 3)));
}

static void
test_set_again_and_unset(void **state)
{
    (void)state;
    struct variables variables = {.count = 0};
    assert_null(variables_find(&variables, "A"));
    variables_set(&variables, "A", "1");
    variables_set(&variables, "B", NULL);
    variables_set(&variables, "A", "2");
    variables_set(&variables, "B", "");
    assert_false(variables.failed);
    assert_int_equal(variables.count, 2);
    assert_string_equal(variables_find(&variables, "A")->value, "2");
    assert_string_equal(variables_find(&variables, "B")->value, "");
    variables_set(&variables, "A", NULL);
    assert_null(variables_find(&variables, "A")->value);
    variables_free(&variables);
    assert_int_equal(variables.count, 0);
}

static void
test_applied_to_an_environment(void **state)
{
    (void)state;
    char *const outside[] = {(char[]){"PATH=/bin"},
                             (char[]){"A=old"},
                             (char[]){"A=twice"},
                             (char[]){"AB=kept"},
                             (char[]){"GONE=x"},
                             (char[]){"odd"},
                             NULL};
    static const char *const expected[] = {"PATH=/bin", "AB=kept", "odd", "A=new", "E=", NULL};
    struct variables variables = {.count = 0};
    variables_set(&variables, "A", "new");
    variables_set(&variables, "GONE", NULL);
    variables_set(&variables, "E", "");
    char **environment = variables_apply(&variables, outside);
    assert_non_null(environment);
    for (size_t i = 0; expected[i] != NULL || environment[i] != NULL; i++) {
        assert_non_null(expected[i]);
        assert_non_null(environment[i]);
        assert_string_equal(environment[i], expected[i]);
    }
    variables_free_environment(environment, outside);
    assert_string_equal(outside[1], "A=old");
    variables.failed = true;
    assert_null(variables_apply(&variables, outside));
    variables_free(&variables);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_set_again_and_unset),
        cmocka_unit_test(test_applied_to_an_environment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
