/* SPDX-License-Identifier: Apache-2.0 */
/* What keyhole-authority is given: all of it, or it is not run. */
#include "support.h"

#include "../../../broker/operator/keeper.h"

static enum operator_exit
run(struct keeper *keeper, struct captured *captured)
{
    json_t *report = NULL;

    capture_begin();
    enum operator_exit status = keeper_run(keeper, &report);
    capture_end(captured);
    assert_null(report);
    return status;
}

static void
what_has_no_room_is_not_left_out(void **state)
{
    struct keeper keeper;
    struct captured captured;

    (void)state;
    keeper_init(&keeper, "backup", "/nowhere");
    while (keeper.count < KEEPER_ARGUMENTS_MAX)
        keeper_add(&keeper, "--x");
    assert_false(keeper.overflow);
    keeper_add_value(&keeper, "--to", "somebody");
    assert_int_equal(keeper.count, KEEPER_ARGUMENTS_MAX);
    assert_null(keeper.argv[KEEPER_ARGUMENTS_MAX]);
    assert_int_equal(run(&keeper, &captured), EXIT_FAILED);
    assert_contains(captured.err, "more than one call can be given");
}

static void
nor_is_a_secret(void **state)
{
    struct keeper keeper;
    struct captured captured;
    BUFFER_AUTO secret;

    (void)state;
    buffer_init_secret(&secret, 64);
    buffer_put_str(&secret, "hunter2");
    keeper_init(&keeper, "restore", "/nowhere");
    for (int i = 0; i < KEEPER_SECRETS_MAX; i++)
        keeper_add_secret(&keeper, "--key-fd", &secret);
    assert_false(keeper.overflow);
    keeper_add_secret(&keeper, "--key-fd", &secret);
    assert_int_equal(keeper.secret_count, KEEPER_SECRETS_MAX);
    assert_int_equal(run(&keeper, &captured), EXIT_FAILED);
}

// Another user of the machine sees arguments.
static void
a_secret_is_a_descriptor_and_never_an_argument(void **state)
{
    struct keeper keeper;
    BUFFER_AUTO secret, none;

    (void)state;
    buffer_init_secret(&secret, 64);
    buffer_init_secret(&none, 64);
    buffer_put_str(&secret, "hunter2");
    keeper_init(&keeper, "restore", "/nowhere");
    size_t before = keeper.count;
    keeper_add_secret(&keeper, "--passphrase-fd", &none);
    assert_int_equal(keeper.count, before);
    keeper_add_secret(&keeper, "--passphrase-fd", &secret);
    assert_int_equal(keeper.count, before + 2);
    assert_string_equal(keeper.argv[before], "--passphrase-fd");
    for (size_t i = 0; i < keeper.count; i++)
        assert_null(strstr(keeper.argv[i], "hunter2"));
}

static void
a_value_that_is_not_there_takes_its_option_along(void **state)
{
    struct keeper keeper;

    (void)state;
    keeper_init(&keeper, "restore", "/nowhere");
    size_t before = keeper.count;
    keeper_add_value(&keeper, "--sha256", NULL);
    assert_int_equal(keeper.count, before);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_has_no_room_is_not_left_out),
        cmocka_unit_test(nor_is_a_secret),
        cmocka_unit_test(a_secret_is_a_descriptor_and_never_an_argument),
        cmocka_unit_test(a_value_that_is_not_there_takes_its_option_along),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
