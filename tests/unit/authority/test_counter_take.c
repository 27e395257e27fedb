/* SPDX-License-Identifier: Apache-2.0 */
#include "counters.h"

#include <sqlite3.h>

static void
nonsense(void **state)
{
    static struct counter_demand many[TOKEN_CAVEATS_MAX + 1];

    (void)state;
    assert_false(
        counters_take(counters, &token, many, TOKEN_CAVEATS_MAX + 1, COUNTING_TAKE, &refusal));
    assert_int_equal(refusal.reason, KH_REASON_INTERNAL);
    assert_true(counters_take(counters, &token, many, 0, COUNTING_TAKE, &refusal));
}

static void
exactly_the_limit(void **state)
{
    static const uint64_t limits[] = {1, 2, 15, 16, 17, 1000, 5000};

    (void)state;
    for (unsigned i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        struct counter_demand demand = uses(i, limits[i]);
        assert_int_equal(take_many(demand, (unsigned)limits[i]), limits[i]);
        expect_refused(demand, KH_REASON_USES_EXHAUSTED, 0);
        assert_int_equal(counters_used(counters, demand.key), limits[i]);
    }
    expect_refused(uses(99, 0), KH_REASON_USES_EXHAUSTED, 0);
    assert_int_equal(counters_count(counters), sizeof limits / sizeof limits[0]);
}

static void
rates_at_the_edge(void **state)
{
    struct counter_demand minute = rate(1, 3, 60), day = rate(2, 1, 86400);

    (void)state;
    expect_taken(minute);
    clock_pass(&now, 10000);
    assert_int_equal(take_many(minute, 5), 2);
    expect_refused(minute, KH_REASON_RATE_EXCEEDED, 50);
    clock_pass(&now, 49001);
    expect_refused(minute, KH_REASON_RATE_EXCEEDED, 1); // 999 ms are a second, rounded up
    clock_pass(&now, 998);
    expect_refused(minute, KH_REASON_RATE_EXCEEDED, 1);
    clock_pass(&now, 1);
    assert_int_equal(take_many(minute, 5), 1);
    expect_refused(minute, KH_REASON_RATE_EXCEEDED, 10);
    expect_taken(day);
    expect_refused(day, KH_REASON_RATE_EXCEEDED, 86400);
    expect_refused(rate(3, 0, 60), KH_REASON_RATE_EXCEEDED, 60);
    expect_refused(rate(4, 0, 1), KH_REASON_RATE_EXCEEDED, 1);
}

static void
a_large_rate(void **state)
{
    struct counter_demand demand = rate(1, 1000, 60);

    (void)state;
    for (int round = 0; round < 5; round++) {
        assert_int_equal(take_many(demand, 1500), 1000);
        clock_pass(&now, 60000);
    }
}

// Setting the clock, back or forward, lets no time pass.
static void
setting_the_clock_refills_nothing(void **state)
{
    struct counter_demand minute = rate(1, 2, 60), second = rate(2, 2, 1);

    (void)state;
    clock_pass(&now, 5000);
    assert_int_equal(take_many(minute, 3), 2);
    assert_int_equal(take_many(second, 3), 2);
    static const int64_t steps_ms[] = {-3600000, 7200000, -86400000, 864000000};
    for (size_t i = 0; i < sizeof steps_ms / sizeof steps_ms[0]; i++) {
        now.manual_ms += steps_ms[i];
        expect_refused(minute, KH_REASON_RATE_EXCEEDED, 60);
        expect_refused(second, KH_REASON_RATE_EXCEEDED, 1);
    }
    clock_pass(&now, 60000);
    assert_int_equal(take_many(minute, 3), 2);
}

static void
all_or_none(void **state)
{
    struct counter_demand both[] = {uses(1, 5), uses(2, 2), rate(3, 4, 60)};

    (void)state;
    for (int i = 0; i < 2; i++)
        assert_true(counters_take(counters, &token, both, 3, COUNTING_TAKE, &refusal));
    for (int i = 0; i < 3; i++) {
        assert_false(counters_take(counters, &token, both, 3, COUNTING_TAKE, &refusal));
        assert_int_equal(refusal.demand, 1);
        assert_int_equal(refusal.reason, KH_REASON_USES_EXHAUSTED);
    }
    assert_int_equal(counters_used(counters, both[0].key), 2);
    assert_int_equal(counters_used(counters, both[2].key), 2);
    assert_int_equal(take_many(both[0], 9), 3);
    assert_int_equal(take_many(both[2], 9), 2);
}

// The one that keeps it out for longest is named: waiting for the other would be for nothing.
static void
the_worst_is_named(void **state)
{
    struct counter_demand three[] = {rate(1, 1, 60), rate(2, 1, 3600), uses(3, 1)};

    (void)state;
    assert_true(counters_take(counters, &token, three, 2, COUNTING_TAKE, &refusal));
    assert_false(counters_take(counters, &token, three, 2, COUNTING_TAKE, &refusal));
    assert_int_equal(refusal.demand, 1);
    assert_int_equal(refusal.retry_after_s, 3600);
    expect_taken(three[2]);
    assert_false(counters_take(counters, &token, three, 3, COUNTING_TAKE, &refusal));
    assert_int_equal(refusal.demand, 2);
    assert_int_equal(refusal.reason, KH_REASON_USES_EXHAUSTED);
    assert_int_equal(refusal.retry_after_s, 0);
}

static void
looking_takes_nothing(void **state)
{
    struct counter_demand demand = uses(1, 1);

    (void)state;
    for (int i = 0; i < 3; i++)
        assert_true(counters_take(counters, &token, &demand, 1, COUNTING_LOOK, &refusal));
    assert_int_equal(counters_count(counters), 0);
    expect_taken(demand);
    assert_false(counters_take(counters, &token, &demand, 1, COUNTING_LOOK, &refusal));
    assert_int_equal(refusal.reason, KH_REASON_USES_EXHAUSTED);
}

// Two chains with one lineage id: nothing is allowed rather than the wrong thing.
static void
one_id_for_two(void **state)
{
    (void)state;
    expect_taken(uses(1, 10));
    expect_refused(uses(1, 11), KH_REASON_USES_EXHAUSTED, 0);
    expect_refused(rate(1, 10, 60), KH_REASON_USES_EXHAUSTED, 0);
    expect_taken(rate(2, 10, 60));
    expect_refused(uses(2, 10), KH_REASON_USES_EXHAUSTED, 0);
    expect_taken(uses(1, 10));
}

static void
counters_of_a_token_are_bounded(void **state)
{
    struct counter_demand two[] = {uses(1, 1000000), uses(COUNTERS_TOKEN_MAX, 1000000)};

    (void)state;
    clock_pass(&now, 1000);
    for (unsigned i = 1; i < COUNTERS_TOKEN_MAX; i++)
        expect_taken(rate(i + 100000, 1000000, 1));
    expect_taken(two[0]);
    expect_refused(two[1], KH_REASON_USES_EXHAUSTED, 0);
    assert_false(counters_take(counters, &token, two, 2, COUNTING_TAKE, &refusal));
    assert_int_equal(refusal.demand, 1);
    assert_int_equal(counters_used(counters, two[0].key), 1);
    expect_taken(two[0]); // those that are there go on
    token.token_id[0] ^= 1;
    expect_taken(two[1]); // another token has its own
}

// ---- the database ----

struct sum {
    int64_t used;
    size_t rows;
};

static enum kh_err
add_row(void *context, const struct store_counter *row, struct fault *fault)
{
    struct sum *sum = context;
    (void)fault;
    sum->rows++;
    sum->used += row->used;
    return KH_OK;
}

static struct sum
stored(void)
{
    struct sum sum = {0};
    assert_ok(store_counter_each(store, add_row, &sum, fault));
    return sum;
}

// What stands in the database is never less than what was given out, and is ahead by a block at
// most; and the hot path waits for it once a block.
static void
reserved_ahead(void **state)
{
    struct counter_demand demand = uses(1, 1600);
    int64_t before = 0, writes = 0;

    (void)state;
    for (int64_t i = 1; i <= 1600; i++) {
        expect_taken(demand);
        int64_t used = stored().used;
        assert_true(used >= i && used < i + 100 && used <= 1600);
        writes += used != before;
        before = used;
    }
    assert_int_equal(writes, 16);
}

static void
blocks_are_bounded(void **state)
{
    (void)state;
    expect_taken(uses(1, 1000000000));
    assert_int_equal(stored().used, COUNTERS_BLOCK_MAX);
}

static void
a_second_has_no_row(void **state)
{
    (void)state;
    clock_pass(&now, 1000);
    assert_int_equal(take_many(rate(1, 5, 1), 9), 5);
    assert_int_equal(stored().rows, 0);
}

// Nothing is given out that the database was not told of: it is denied, and nothing is counted.
static void
a_database_that_refuses(void **state)
{
    struct counter_demand two[] = {uses(1, 5), rate(2, 5, 60)}, third = uses(3, 1000);
    sqlite3 *other = NULL;

    (void)state;
    expect_taken(third);
    assert_int_equal(sqlite3_open(fixture_path("db"), &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other,
                                  "CREATE TRIGGER no BEFORE INSERT ON counter BEGIN"
                                  " SELECT raise(ABORT, 'no'); END",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    assert_false(counters_take(counters, &token, two, 2, COUNTING_TAKE, &refusal));
    assert_int_equal(refusal.reason, KH_REASON_BROKER_UNAVAILABLE);
    assert_int_equal(counters_count(counters), 1);
    assert_int_equal(take_many(third, 61), 61); // the block that it knows of
    expect_refused(third, KH_REASON_BROKER_UNAVAILABLE, 0);
    assert_int_equal(counters_used(counters, third.key), 62);
    assert_int_equal(sqlite3_exec(other, "DROP TRIGGER no", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(other);
    expect_taken(third);
    assert_true(counters_take(counters, &token, two, 2, COUNTING_TAKE, &refusal));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        counters_test(nonsense),
        counters_test(exactly_the_limit),
        counters_test(rates_at_the_edge),
        counters_test(a_large_rate),
        counters_test(setting_the_clock_refills_nothing),
        counters_test(all_or_none),
        counters_test(the_worst_is_named),
        counters_test(looking_takes_nothing),
        counters_test(one_id_for_two),
        counters_test(counters_of_a_token_are_bounded),
        counters_test(reserved_ahead),
        counters_test(blocks_are_bounded),
        counters_test(a_second_has_no_row),
        counters_test(a_database_that_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
