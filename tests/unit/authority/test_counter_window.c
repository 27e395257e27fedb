/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include "../../../broker/authority/counter_window.h"

enum { MINUTE = 60000 };

static struct window *
window_of(uint64_t limit, int64_t length_ms)
{
    struct window *window = malloc(window_size(limit));
    assert_non_null(window);
    window_init(window, limit, length_ms);
    return window;
}

static bool
take(struct window *window, int64_t at_ms)
{
    if (window_wait(window, at_ms) > 0)
        return false;
    window_add(window, at_ms, 1);
    return true;
}

static void
edges(void **state)
{
    struct window *window = window_of(2, MINUTE);

    (void)state;
    assert_true(take(window, 1000));
    assert_true(take(window, 31000));
    assert_int_equal(window_wait(window, 31000), 30000);
    assert_int_equal(window_wait(window, 60999), 1);
    assert_false(take(window, 60999));
    assert_true(take(window, 61000)); // the first is over, the second is not
    assert_int_equal(window_wait(window, 61000), 30000);
    assert_false(take(window, 90999));
    assert_true(take(window, 91000));
    assert_int_equal(window_wait(window, 500000), 0);
    assert_int_equal(window->taken, 0);
    free(window);
}

static void
same_moment(void **state)
{
    struct window *window = window_of(3, 1000);
    unsigned taken = 0;

    (void)state;
    for (int i = 0; i < 10; i++)
        taken += take(window, 5);
    assert_int_equal(taken, 3);
    assert_int_equal(window_wait(window, 5), 1000);
    free(window);
}

static void
memory_is_bounded(void **state)
{
    (void)state;
    assert_int_equal(window_size(WINDOW_SLOTS_MAX), window_size(INT64_MAX));
    assert_true(window_size(1) < window_size(2));
    assert_true(window_size(INT64_MAX) < 2048);
}

static uint64_t seed;

static uint64_t
random_below(uint64_t n)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (seed >> 33) % n;
}

enum { EVENTS = 20000 };
static int64_t taken_at[EVENTS];

// Never more than the limit in any window; and with up to 64 exactly as many as there may be.
static void
never_too_many(uint64_t limit, int64_t length_ms)
{
    struct window *window = window_of(limit, length_ms);
    int64_t at_ms = 7;
    size_t taken = 0, oldest = 0;

    for (size_t i = 0; i < EVENTS; i++) {
        // In bursts, and with pauses.
        at_ms += random_below(50) ? (int64_t)random_below((uint64_t)(2 * length_ms) / limit + 2)
                                  : (int64_t)random_below((uint64_t)length_ms);
        while (oldest < taken && taken_at[oldest] + length_ms <= at_ms)
            oldest++;
        bool has_room = taken - oldest < limit;
        bool got = take(window, at_ms);
        if (got && !has_room)
            fail_msg("limit %llu: one too many at %lld", (unsigned long long)limit,
                     (long long)at_ms);
        if (limit <= WINDOW_SLOTS_MAX && got != has_room)
            fail_msg("limit %llu: refused at %lld although there was room",
                     (unsigned long long)limit, (long long)at_ms);
        if (!got) {
            // It says when there will be room, and is right.
            int64_t wait_ms = window_wait(window, at_ms);
            assert_in_range(wait_ms, 1, length_ms);
        }
        if (got)
            taken_at[taken++] = at_ms;
        assert_true(window->used <= window->capacity);
    }
    assert_true(taken > EVENTS / 100);
    free(window);
}

static void
never_too_many_of_any(void **state)
{
    static const uint64_t limits[] = {1, 2, 7, 63, 64, 65, 100, 1000, 5000};

    (void)state;
    seed = 20261121;
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        never_too_many(limits[i], 1000);
        never_too_many(limits[i], MINUTE);
    }
}

// A shared slot is stricter by a 62nd of the length at most.
static void
shared_slots_lose_little(void **state)
{
    struct window *window = window_of(6200, 62000);
    unsigned taken = 0;

    (void)state;
    for (int64_t at_ms = 0; at_ms < 62000; at_ms += 10)
        taken += take(window, at_ms);
    assert_int_equal(taken, 6200);
    assert_int_equal(window_wait(window, 62000), 990); // the last of the first second
    assert_int_equal(window_wait(window, 62990), 0);
    assert_int_equal(window->taken, 6100);
    free(window);
}

// As after a restart: moments without their distance, and one of many.
static void
too_many_slots_are_merged(void **state)
{
    struct window *window = window_of(1000, MINUTE);

    (void)state;
    for (int i = 0; i < WINDOW_SLOTS_MAX; i++)
        window_add(window, i * 1000, 1);
    assert_int_equal(window->used, WINDOW_SLOTS_MAX);
    window_add(window, 64000, 900);
    assert_int_equal(window->used, WINDOW_SLOTS_MAX);
    assert_int_equal(window->taken, 964);
    assert_int_equal(window_slot_at(window, WINDOW_SLOTS_MAX - 1)->last_ms, 64000);
    assert_int_equal(window_wait(window, 64000 + MINUTE - 1), 0);
    assert_int_equal(window->taken, 901);
    free(window);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(edges),
        cmocka_unit_test(same_moment),
        cmocka_unit_test(memory_is_bounded),
        cmocka_unit_test(never_too_many_of_any),
        cmocka_unit_test(shared_slots_lose_little),
        cmocka_unit_test(too_many_slots_are_merged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
