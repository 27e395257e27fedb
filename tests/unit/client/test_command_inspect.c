/* SPDX-License-Identifier: Apache-2.0 */
/* keyhole inspect, as one runs it. */
#include "client_test.h"

#include <jansson.h>

static void
test_refusals(void **state)
{
    (void)state;
    struct test_run run = test_run("inspect", "--json", "not a token");
    assert_status(run, CLI_FAILED);
    assert_string_equal(run.out, "");
    assert_contains(run.err, "keyhole inspect: ");
    test_run_free(&run);
    run = test_run("inspect", "--yaml");
    assert_status(run, CLI_USAGE);
    test_run_free(&run);
}

static void
test_text_and_json(void **state)
{
    (void)state;
    char *token = test_mint_fresh("method in GET, HEAD", NULL);
    struct test_run run = test_run("inspect", token);
    assert_status(run, CLI_DONE);
    assert_string_equal(run.err, "");
    assert_contains(run.out, "not verified");
    assert_contains(run.out, "the method is GET or HEAD");
    assert_lacks(run.out, "\x1b"); // no terminal, no colour
    assert_lacks(run.out, "kh1_"); // what is shown about a token can be shown around
    test_run_free(&run);

    run = test_run_input(token, "inspect", "--json");
    assert_status(run, CLI_DONE);
    json_t *object = json_loads(run.out, 0, NULL);
    assert_non_null(object);
    assert_string_equal(json_string_value(json_object_get(object, "user")), "alice");
    assert_true(json_is_false(json_object_get(object, "ended")));
    json_decref(object);
    test_run_free(&run);
    free(token);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_refusals, test_clear_environment),
        cmocka_unit_test_setup(test_text_and_json, test_clear_environment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
