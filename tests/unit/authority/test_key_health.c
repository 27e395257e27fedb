/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include "../../../broker/authority/key_health.h"

static void
only_401_counts_and_only_2xx_clears(void **state)
{
    static const unsigned neither[] = {0, 100, 301, 400, 403, 404, 407, 429, 500, 502, 599};
    struct key_health health = {0};

    (void)state;
    for (size_t i = 0; i < sizeof neither / sizeof neither[0]; i++) {
        assert_false(key_health_note(&health, neither[i], 1000));
        assert_int_equal(health.refused, 0);
    }
    assert_true(key_health_note(&health, 401, 1000));
    (void)key_health_note(&health, 401, 1010);
    for (size_t i = 0; i < sizeof neither / sizeof neither[0]; i++)
        assert_false(key_health_note(&health, neither[i], 1020));
    assert_int_equal(health.refused, 2);
    assert_int_equal(health.since, 1000);
    assert_int_equal(health.last, 1010);
    assert_false(key_health_note(&health, 204, 1030));
    assert_int_equal(health.refused, 0);
    (void)key_health_note(&health, 401, 1040);
    assert_int_equal(health.since, 1040);
}

static void
a_warning_a_minute(void **state)
{
    struct key_health health = {0};

    (void)state;
    assert_true(key_health_note(&health, 401, 1000));
    assert_false(key_health_note(&health, 401, 1059));
    assert_false(key_health_note(&health, 200, 1059)); // not even when it came and went
    assert_false(key_health_note(&health, 401, 1059));
    assert_true(key_health_note(&health, 401, 1060));
    assert_true(key_health_note(&health, 401, 500)); // a clock that was set back
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_401_counts_and_only_2xx_clears),
        cmocka_unit_test(a_warning_a_minute),
    };
    return cmocka_run_group_tests_name("key_health", tests, NULL, NULL);
}
