/* SPDX-License-Identifier: Apache-2.0
 *
 * What the tests of the counters share: a database, a clock, counters, and one token.
 */
#ifndef KEYHOLE_TEST_COUNTERS_H
#define KEYHOLE_TEST_COUNTERS_H

#include "fixture.h"

#include "../../../broker/authority/counter_internal.h"

#define COUNTERS_EXPIRE (FIXTURE_NOW + 7200)

static struct store *store;
static struct wall_clock now;
static struct counters *counters;
static struct token_identity token;
static struct counter_refusal refusal; /* of the last take */

static inline void
counters_start(void)
{
    assert_ok(counters_open(store, &now, &counters, fault));
}

static inline int
counters_setup(void **state)
{
    struct fault fault = {0};
    now = clock_manual(FIXTURE_NOW);
    token = (struct token_identity){.issued_at = FIXTURE_NOW - 60,
                                    .expires_at = COUNTERS_EXPIRE,
                                    .token_id = "a token's own id"};
    return fixture_setup(state) || store_create(fixture_path("db"), &store, &fault) ||
           counters_open(store, &now, &counters, &fault);
}

static inline int
counters_teardown(void **state)
{
    counters_drop(&counters);
    store_close(&store);
    return fixture_teardown(state);
}

#define counters_test(f) cmocka_unit_test_setup_teardown(f, counters_setup, counters_teardown)

/* kill -9: what was in memory is gone, what was committed is there. */
static inline void
counters_crash(void)
{
    counters_drop(&counters);
    counters_start();
}

static inline void
counters_crash_and_reopen(void)
{
    counters_drop(&counters);
    store_close(&store);
    assert_ok(store_open(fixture_path("db"), &store, fault));
    counters_start();
}

static inline void
counters_restart(void)
{
    counters_close(&counters);
    store_close(&store);
    assert_ok(store_open(fixture_path("db"), &store, fault));
    counters_start();
}

static inline struct counter_demand
uses(unsigned n, uint64_t limit)
{
    struct counter_demand demand = {.limit = limit, .expires_at = COUNTERS_EXPIRE};
    memcpy(demand.key, &n, sizeof n);
    return demand;
}

static inline struct counter_demand
rate(unsigned n, uint64_t limit, uint32_t window_s)
{
    struct counter_demand demand = uses(n, limit);
    demand.window_s = window_s;
    return demand;
}

static inline bool
take(struct counter_demand demand)
{
    refusal = (struct counter_refusal){0};
    return counters_take(counters, &token, &demand, 1, COUNTING_TAKE, &refusal);
}

/* How many it gives out, of that many asked for. */
static inline unsigned
take_many(struct counter_demand demand, unsigned tries)
{
    unsigned taken = 0;
    for (unsigned i = 0; i < tries; i++)
        taken += take(demand);
    return taken;
}

static inline void
expect_taken(struct counter_demand demand)
{
    if (!take(demand))
        fail_msg("refused: %s, retry after %u", kh_reason_code(refusal.reason),
                 refusal.retry_after_s);
}

static inline void
expect_refused(struct counter_demand demand, enum kh_reason reason, uint32_t retry_after_s)
{
    if (take(demand))
        fail_msg("taken, expected %s", kh_reason_code(reason));
    assert_string_equal(kh_reason_code(refusal.reason), kh_reason_code(reason));
    assert_int_equal(refusal.retry_after_s, retry_after_s);
}

#endif
