/* SPDX-License-Identifier: Apache-2.0 */
#include "counters.h"

enum { SLACK = COUNTERS_CLOCK_SLACK_S };

static void
damaged(void **state)
{
    static const char *const wrong[] = {"",      "1",      "1 2",
                                        "1 2 x", "1 2 -3", "99999999999999999999 0 0"};
    struct counter_horizon horizon = {.dropped_s = 7};

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_ok(store_meta_put(store, "counter-horizon", bytes_str(wrong[i]), fault));
        assert_fault(counter_horizon_read(store, &horizon, fault), KH_ERR_DATABASE, "damaged");
        assert_int_equal(horizon.dropped_s, 7);
    }
}

static void
stored(void **state)
{
    struct counter_horizon horizon = {7, 8, 9}, again;

    (void)state;
    assert_ok(counter_horizon_read(store, &again, fault)); // none yet
    assert_int_equal(again.dropped_s + again.swept_s + again.back_s, 0);
    assert_ok(counter_horizon_write(store, &horizon, fault));
    assert_ok(counter_horizon_read(store, &again, fault));
    assert_int_equal(again.dropped_s, 7);
    assert_int_equal(again.swept_s, 8);
    assert_int_equal(again.back_s, 9);
}

// What a sweep may drop is never valid again before the clock is noticed to have gone back.
static void
going_back(void **state)
{
    struct counter_horizon horizon = {0};

    (void)state;
    assert_false(counter_horizon_look(&horizon, 10000));
    assert_false(counter_horizon_is_past(10000 - SLACK + 1, 10000));
    assert_true(counter_horizon_is_past(10000 - SLACK, 10000));
    counter_horizon_sweep(&horizon, 10000);
    assert_false(counter_horizon_covers(&horizon, 100, 10000 - SLACK)); // expired, so what
    // Within the slack nothing that was dropped is valid again.
    assert_false(counter_horizon_look(&horizon, 10000 - SLACK));
    assert_true(counter_horizon_look(&horizon, 5000));
    assert_false(counter_horizon_look(&horizon, 5000)); // told once
    assert_true(counter_horizon_covers(&horizon, 4999, 10000 - SLACK));
    assert_false(counter_horizon_covers(&horizon, 4999, 10000 - SLACK + 1)); // was not dropped
    assert_false(counter_horizon_covers(&horizon, 5000, 10000 - SLACK));     // minted afterwards

    // A sweep after that, and back once more.
    counter_horizon_sweep(&horizon, 6000);
    assert_false(counter_horizon_look(&horizon, 6000));
    assert_true(counter_horizon_look(&horizon, 5200));
    assert_true(counter_horizon_covers(&horizon, 5100, 6000 - SLACK));
    assert_true(counter_horizon_covers(&horizon, 5100, 10000 - SLACK)); // stricter, not weaker
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        counters_test(damaged),
        counters_test(stored),
        counters_test(going_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
