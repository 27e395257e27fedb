/* SPDX-License-Identifier: Apache-2.0 */
#include "counters.h"

static void
a_clean_stop_loses_nothing(void **state)
{
    struct counter_demand hundred = uses(1, 100), minute = rate(2, 100, 60);

    (void)state;
    assert_int_equal(take_many(hundred, 41), 41);
    assert_int_equal(take_many(minute, 41), 41);
    counters_restart();
    assert_int_equal(counters_used(counters, hundred.key), 41);
    assert_int_equal(counters_used(counters, minute.key), 41);
    assert_int_equal(take_many(hundred, 100), 59);
    assert_int_equal(take_many(minute, 100), 59);
    counters_restart();
    counters_restart();
    expect_refused(hundred, KH_REASON_USES_EXHAUSTED, 0);
    expect_refused(minute, KH_REASON_RATE_EXCEEDED, 60);
    clock_pass(&now, 60000);
    expect_taken(minute);
}

// Over any number of crashes, at any moment, never more in total than the limit.
static void
crashes_are_only_stricter(void **state)
{
    static const uint64_t limits[] = {1, 10, 31, 32, 1000};

    (void)state;
    for (unsigned i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        for (unsigned step = 1; step < 40; step += 12) {
            struct counter_demand demand = uses(1000 * i + step, limits[i]);
            uint64_t total = 0;
            unsigned got;
            do {
                got = take_many(demand, step);
                total += got;
                counters_crash();
            } while (got > 0);
            assert_true(total <= limits[i]);
            // A crash costs less than a block of a sixteenth.
            if (limits[i] < 32)
                assert_int_equal(total, limits[i]);
        }
    }
}

static void
a_crash_costs_a_block(void **state)
{
    struct counter_demand demand = uses(1, 1600);

    (void)state;
    assert_int_equal(take_many(demand, 150), 150);
    counters_crash_and_reopen();
    assert_int_equal(counters_used(counters, demand.key), 200);
    assert_int_equal(take_many(demand, 2000), 1400);
}

// In any minute, crashes in between or not.
static void
crashes_refill_no_rate(void **state)
{
    static const uint64_t limits[] = {1, 16, 64, 65, 500};

    (void)state;
    for (unsigned i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        struct counter_demand demand = rate(i, limits[i], 60);
        uint64_t total = 0;
        for (int n = 0; n < 29; n++) {
            total += take_many(demand, 1 + (unsigned)limits[i] / 8);
            clock_pass(&now, 2000);
            counters_crash();
        }
        assert_true(total > 0 && total <= limits[i]);
        clock_pass(&now, 60000);
        assert_true(take_many(demand, 1) == 1); // a minute after the last crash at the latest
        clock_pass(&now, 3600000);
    }
}

// The window of before a crash is not known: in its first second it is taken for full.
static void
seconds_after_a_start(void **state)
{
    struct counter_demand demand = rate(1, 5, 1);

    (void)state;
    clock_pass(&now, 10000);
    assert_int_equal(take_many(demand, 9), 5);
    counters_crash();
    expect_refused(demand, KH_REASON_RATE_EXCEEDED, 1);
    clock_pass(&now, 999);
    expect_refused(demand, KH_REASON_RATE_EXCEEDED, 1);
    clock_pass(&now, 1);
    assert_int_equal(take_many(demand, 9), 5);
    counters_crash();
    token.issued_at = clock_now_s(&now) + 1; // minted since: nothing can have been used
    assert_int_equal(take_many(demand, 9), 5);
}

static void
the_clock_goes_back_over_a_restart(void **state)
{
    struct counter_demand minute = rate(1, 10, 60);

    (void)state;
    assert_int_equal(take_many(minute, 10), 10);
    clock_pass(&now, 30000);
    counters_close(&counters);
    now.manual_ms -= 3600000;
    now.manual_steady_ms = 17; // another machine start
    counters_start();
    expect_refused(minute, KH_REASON_RATE_EXCEEDED, 60);
    clock_pass(&now, 60000);
    assert_int_equal(take_many(minute, 11), 10);
}

// ---- pruning ----

static void
pass_s(int64_t seconds)
{
    clock_pass(&now, seconds * 1000);
}

static void
ends_with_its_token(void **state)
{
    struct counter_demand demand = uses(1, 3);

    (void)state;
    clock_pass(&now, 1000);
    demand.expires_at++;
    expect_taken(demand);
    expect_taken(rate(2, 100, 1));
    expect_taken(rate(3, 100, 86400));
    assert_ok(counters_prune(counters, fault));
    assert_int_equal(counters_count(counters), 3);
    pass_s(7200 + COUNTERS_CLOCK_SLACK_S - 1);
    assert_ok(counters_prune(counters, fault));
    assert_int_equal(counters_count(counters), 2); // the second is over, the day is not
    pass_s(1);
    assert_ok(counters_prune(counters, fault));
    assert_int_equal(counters_count(counters), 1);
    pass_s(86400);
    assert_ok(counters_prune(counters, fault));
    assert_int_equal(counters_count(counters), 0);
    counters_crash();
    assert_int_equal(counters_count(counters), 0);
}

// Room for others: what is dropped no longer counts against the token.
static void
pruned_make_room(void **state)
{
    (void)state;
    pass_s(1);
    for (unsigned i = 0; i < COUNTERS_TOKEN_MAX; i++)
        expect_taken(rate(i, 5, 1));
    expect_refused(rate(99999, 5, 1), KH_REASON_USES_EXHAUSTED, 0);
    pass_s(1);
    assert_ok(counters_prune(counters, fault));
    assert_int_equal(counters_count(counters), 0);
    expect_taken(rate(99999, 5, 1));
}

// The counter is gone with its token; the clock goes back, and the token is valid again.
static void
the_clock_goes_back_behind_a_pruned_end(void **state)
{
    struct counter_demand demand = uses(1, 3), other = uses(2, 3);

    (void)state;
    assert_int_equal(take_many(demand, 3), 3);
    pass_s(10000);
    assert_ok(counters_prune(counters, fault));
    assert_int_equal(counters_count(counters), 0);
    now.manual_ms -= 9000000;
    expect_refused(demand, KH_REASON_USES_EXHAUSTED, 0);
    counters_crash();
    expect_refused(demand, KH_REASON_USES_EXHAUSTED, 0);
    counters_restart();
    expect_refused(demand, KH_REASON_USES_EXHAUSTED, 0);
    // One that lives longer than what was dropped, and one that was minted since, are free.
    other.expires_at = FIXTURE_NOW + 20000;
    expect_taken(other);
    token.issued_at = clock_now_s(&now);
    other = uses(4, 3);
    expect_taken(other);
}

static void
the_clock_goes_back_while_the_broker_is_down(void **state)
{
    struct counter_demand demand = uses(1, 3);

    (void)state;
    assert_int_equal(take_many(demand, 3), 3);
    pass_s(10000);
    assert_ok(counters_prune(counters, fault));
    counters_close(&counters);
    now.manual_ms -= 9000000;
    counters_start();
    expect_refused(demand, KH_REASON_USES_EXHAUSTED, 0);
}

// ---- opening ----

static void
a_damaged_row_stops_the_start(void **state)
{
    struct store_counter row = {
        .lineage = BYTES("0123456789abcdef"),
        .token_id = BYTES("fedcba9876543210"),
        .bound = 5,
        .log = BYTES("not a log"),
    };

    (void)state;
    assert_ok(store_counter_put(store, &row, fault));
    counters_drop(&counters);
    assert_fault(counters_open(store, &now, &counters, fault), KH_ERR_DATABASE, "cannot be read");
    assert_null(counters);
    counters_close(&counters); // harmless
}

// Of the whole authority: a stop writes them down, and the hour's tick prunes.
static void
with_the_authority(void **state)
{
    struct authority authority;
    struct counter_demand demand = uses(1, 1600);

    (void)state;
    fixture_create();
    fixture_open(&authority);
    assert_true(counters_take(authority.counters, &token, &demand, 1, COUNTING_TAKE, &refusal));
    authority_close(&authority);
    fixture_open(&authority);
    assert_int_equal(counters_used(authority.counters, demand.key), 1);
    assert_true(counters_take(authority.counters, &token, &demand, 1, COUNTING_TAKE, &refusal));
    counters_drop(&authority.counters); // as a crash would
    authority_close(&authority);
    fixture_open(&authority);
    assert_int_equal(counters_used(authority.counters, demand.key), 101);
    authority.clock.manual_ms = (FIXTURE_NOW / 3600 + 10) * 3600000;
    authority_tick(&authority);
    assert_int_equal(counters_count(authority.counters), 0);
    authority_close(&authority);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        counters_test(a_clean_stop_loses_nothing),
        counters_test(crashes_are_only_stricter),
        counters_test(a_crash_costs_a_block),
        counters_test(crashes_refill_no_rate),
        counters_test(seconds_after_a_start),
        counters_test(the_clock_goes_back_over_a_restart),
        counters_test(ends_with_its_token),
        counters_test(pruned_make_room),
        counters_test(the_clock_goes_back_behind_a_pruned_end),
        counters_test(the_clock_goes_back_while_the_broker_is_down),
        counters_test(a_damaged_row_stops_the_start),
        counters_test(with_the_authority),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
