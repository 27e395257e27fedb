/* SPDX-License-Identifier: Apache-2.0 */
#include "counters.h"

static const uint8_t key[TABLE_KEY_SIZE] = "a lineage's own.";

static const struct counter_moment then = {.wall_ms = 1000000, .steady_ms = 500};

static enum kh_err
reject(void *context, const struct store_counter *row, struct fault *unused)
{
    struct counter *counter = NULL;
    struct store_counter changed = *row;
    (void)context;
    (void)unused;
    for (int i = 0; i < 9; i++) {
        static const uint8_t future[16] = {0xff, [15] = 1}, none[16] = {0}, many[16] = {[8] = 1};
        static const uint8_t too_long[65 * 16] = {[15] = 1};
        changed = *row;
        if (i == 0)
            changed.bound = 0;
        else if (i == 1)
            changed.used = changed.bound + 1;
        else if (i == 2)
            changed.used = -1;
        else if (i == 3)
            changed.log = bytes_slice(row->log, 0, 15);
        else if (i == 4)
            changed.log = bytes_of(future, 16);
        else if (i == 5)
            changed.log = bytes_of(none, 16);
        else if (i == 6)
            changed.log = bytes_of(many, 16);
        else if (i == 7)
            changed.log = bytes_of(too_long, sizeof too_long);
        else
            changed.window_s = 0; // with a log
        assert_fault(counter_row_read(&changed, then, &counter, fault), KH_ERR_DATABASE,
                     "cannot be read");
        assert_null(counter);
    }
    assert_ok(counter_row_read(row, then, &counter, fault));
    counter_free(counter);
    return KH_OK;
}

static void
damaged_rows(void **state)
{
    struct counter *counter = counter_new(key, token.token_id, 10, 60, 5000);

    (void)state;
    window_add(counter->window, 400, 2);
    assert_ok(counter_row_write(store, counter, 3, then, fault));
    assert_ok(store_counter_each(store, reject, NULL, fault));
    counter_free(counter);
}

struct reading {
    struct counter_moment now;
    struct counter *counter;
};

static enum kh_err
read_back(void *context, const struct store_counter *row, struct fault *fault)
{
    struct reading *reading = context;
    return counter_row_read(row, reading->now, &reading->counter, fault);
}

static struct counter *
read_at(struct counter_moment moment)
{
    struct reading reading = {.now = moment};
    assert_ok(store_counter_each(store, read_back, &reading, fault));
    assert_non_null(reading.counter);
    return reading.counter;
}

static void
uses_come_back(void **state)
{
    struct counter *counter = counter_new(key, token.token_id, 1000, 0, 5000);

    (void)state;
    counter->used = 100;
    assert_ok(counter_row_write(store, counter, 62, then, fault));
    counter_free(counter);
    counter = read_at(then);
    assert_memory_equal(counter->node.key, key, sizeof key);
    assert_memory_equal(counter->token_id, token.token_id, TOKEN_ID_SIZE);
    assert_int_equal(counter->limit, 1000);
    assert_int_equal(counter->used, 162); // nobody knows how many of the block were given out
    assert_int_equal(counter->reserve, 0);
    assert_int_equal(counter->window_s, 0);
    assert_null(counter->window);
    assert_int_equal(counter->expires_at, 5000);
    counter_free(counter);
}

// Two at an age of 400 ms, one at 100 ms, and a reserve of four, 10 seconds later on another clock.
static void
moments_keep_their_age(void **state)
{
    struct counter *counter = counter_new(key, token.token_id, 10, 60, 5000);

    (void)state;
    window_add(counter->window, 100, 2);
    window_add(counter->window, 400, 1);
    assert_ok(counter_row_write(store, counter, 4, then, fault));
    counter_free(counter);
    counter = read_at((struct counter_moment){.wall_ms = 1010000, .steady_ms = 70000});
    assert_int_equal(counter->window->taken, 7);
    assert_int_equal(counter->window->used, 3);
    assert_int_equal(window_slot_at(counter->window, 0)->last_ms, 59600);
    assert_int_equal(window_slot_at(counter->window, 1)->last_ms, 59900);
    assert_int_equal(window_slot_at(counter->window, 2)->last_ms, 70000);
    assert_int_equal(window_slot_at(counter->window, 2)->count, 4);
    counter_free(counter);
}

static void
a_clock_that_went_back_forgets_nothing(void **state)
{
    struct counter *counter = counter_new(key, token.token_id, 10, 60, 5000);

    (void)state;
    window_add(counter->window, 100, 2);
    window_add(counter->window, 400, 1);
    assert_ok(counter_row_write(store, counter, 0, then, fault));
    counter_free(counter);
    counter = read_at((struct counter_moment){.wall_ms = 5, .steady_ms = 70000});
    assert_int_equal(counter->window->taken, 3);
    for (size_t i = 0; i < counter->window->used; i++)
        assert_int_equal(window_slot_at(counter->window, i)->last_ms, 70000);
    assert_true(window_wait(counter->window, 70000 + 59999) == 0);
    assert_int_equal(counter->window->taken, 3);
    counter_free(counter);
}

// A full ring and a reserve on top of it.
static void
a_full_log_fits(void **state)
{
    struct counter *counter = counter_new(key, token.token_id, 100000, 3600, 5000);

    (void)state;
    for (int i = 0; i < WINDOW_SLOTS_MAX; i++)
        window_add(counter->window, i * counter->window->grain_ms, 7);
    assert_int_equal(counter->window->used, WINDOW_SLOTS_MAX);
    assert_ok(counter_row_write(store, counter, 6250, then, fault));
    counter_free(counter);
    counter = read_at((struct counter_moment){.wall_ms = 1010000, .steady_ms = 70000});
    assert_int_equal(counter->window->taken, 64 * 7 + 6250);
    assert_int_equal(window_slot_at(counter->window, counter->window->used - 1)->last_ms, 70000);
    counter_free(counter);
}

static void
seconds_have_no_row(void **state)
{
    (void)state;
    assert_true(counter_is_stored(0));
    assert_false(counter_is_stored(1));
    assert_true(counter_is_stored(60));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        counters_test(damaged_rows),
        counters_test(uses_come_back),
        counters_test(moments_keep_their_age),
        counters_test(a_clock_that_went_back_forgets_nothing),
        counters_test(a_full_log_fits),
        counters_test(seconds_have_no_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
