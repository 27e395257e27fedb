/* SPDX-License-Identifier: Apache-2.0
 *
 * Taking: look at all, prepare whatever can fail, tell the database, and only then count.
 */
#include "counter_internal.h"

#include "../log.h"

enum { BLOCK_SHARE = 16 };

struct taking {
    struct counters *counters;
    const struct token_identity *identity;
    const struct counter_demand *demand;
    size_t count;
    struct counter_moment now;
    struct counter *counter[TOKEN_CAVEATS_MAX]; // NULL: there is none yet
    bool fresh[TOKEN_CAVEATS_MAX];              // not in the table yet
    struct counter_owner *owner;                // of the fresh ones
};

enum { WAIT_FOR_EVER = -1 };

// A second's window of before the start is not known: it may have been full.
static int64_t
wait_of_start(const struct taking *t, const struct counter_demand *demand)
{
    const struct counter_moment *opened = &t->counters->opened;
    int64_t over_ms = opened->steady_ms + (int64_t)demand->window_s * 1000;

    if (counter_is_stored(demand->window_s) || t->now.steady_ms >= over_ms ||
        t->identity->issued_at > opened->wall_ms / 1000)
        return 0;
    return over_ms - t->now.steady_ms;
}

// The same of what was used between a backup and its restore.
static int64_t
wait_of_restore(const struct taking *t, const struct counter_demand *demand)
{
    int64_t over_ms = (t->counters->restored_s + demand->window_s) * 1000;

    if (t->identity->issued_at >= t->counters->restored_s || t->now.wall_ms >= over_ms)
        return 0;
    return over_ms - t->now.wall_ms;
}

static int64_t
wait_of_unknown(const struct taking *t, const struct counter_demand *demand)
{
    int64_t start_ms = wait_of_start(t, demand), restore_ms = wait_of_restore(t, demand);

    return start_ms > restore_ms ? start_ms : restore_ms;
}

// How long until this one has room, in milliseconds; 0 is now.
static int64_t
wait_of(const struct taking *t, size_t i)
{
    const struct counter_demand *demand = &t->demand[i];
    struct counter *counter = t->counter[i];
    bool is_rate = demand->window_s > 0;

    if (demand->limit == 0)
        return is_rate ? (int64_t)demand->window_s * 1000 : WAIT_FOR_EVER;
    if (counter && (counter->window_s != demand->window_s || counter->limit != demand->limit))
        return WAIT_FOR_EVER; // two chains with one id: nobody can tell whose it is
    if (is_rate)
        return counter ? window_wait(counter->window, t->now.steady_ms)
                       : wait_of_unknown(t, demand);
    if (counter ? counter->used >= counter->limit
                : t->identity->issued_at < t->counters->restored_s ||
                      counter_horizon_covers(&t->counters->horizon, t->identity->issued_at,
                                             demand->expires_at))
        return WAIT_FOR_EVER;
    return 0;
}

static bool
refuse(struct counter_refusal *refusal, size_t i, enum kh_reason reason, int64_t wait_ms)
{
    *refusal = (struct counter_refusal){
        .demand = i, .reason = reason, .retry_after_s = (uint32_t)((wait_ms + 999) / 1000)};
    return false;
}

// The one that keeps the request out for the longest time is named.
static bool
all_have_room(const struct taking *t, struct counter_refusal *refusal)
{
    int64_t longest_ms = 0;
    size_t which = 0;

    for (size_t i = 0; i < t->count; i++) {
        int64_t wait_ms = wait_of(t, i);
        if (wait_ms == WAIT_FOR_EVER)
            return refuse(refusal, i, KH_REASON_USES_EXHAUSTED, 0);
        if (wait_ms > longest_ms) {
            longest_ms = wait_ms;
            which = i;
        }
    }
    return longest_ms == 0 || refuse(refusal, which, KH_REASON_RATE_EXCEEDED, longest_ms);
}

// Holders can add counters without end, so their number is bounded.
static bool
make_fresh(struct taking *t, struct counter_refusal *refusal)
{
    struct counters *counters = t->counters;
    size_t fresh = 0, last = 0;

    for (size_t i = 0; i < t->count; i++) {
        fresh += t->counter[i] == NULL;
        last = t->counter[i] == NULL ? i : last;
    }
    if (fresh == 0)
        return true;
    t->owner = counters_owner(counters, t->identity->token_id);
    if (t->owner == NULL || counters->table.count + fresh > COUNTERS_MAX)
        return refuse(refusal, last, KH_REASON_BROKER_BUSY, 0);
    if (t->owner->count + fresh > COUNTERS_TOKEN_MAX)
        return refuse(refusal, last, KH_REASON_USES_EXHAUSTED, 0);
    for (size_t i = 0; i < t->count; i++) {
        const struct counter_demand *demand = &t->demand[i];
        if (t->counter[i])
            continue;
        t->counter[i] = counter_new(demand->key, t->identity->token_id, demand->limit,
                                    demand->window_s, demand->expires_at);
        if (t->counter[i] == NULL)
            return refuse(refusal, i, KH_REASON_BROKER_BUSY, 0);
        t->fresh[i] = true;
    }
    return true;
}

static uint64_t
block_of(const struct counter *counter)
{
    uint64_t taken = counter->window ? counter->window->taken : counter->used;
    uint64_t left = counter->limit - taken, block = counter->limit / BLOCK_SHARE;

    if (!counter->window && block > COUNTERS_BLOCK_MAX)
        block = COUNTERS_BLOCK_MAX;
    if (block == 0)
        block = 1;
    return block < left ? block : left;
}

static enum kh_err
write_blocks(const struct taking *t, uint64_t block[TOKEN_CAVEATS_MAX], struct fault *fault)
{
    struct store *store = t->counters->store;
    bool begun = false;
    enum kh_err err = KH_OK;

    for (size_t i = 0; !err && i < t->count; i++) {
        const struct counter *counter = t->counter[i];
        block[i] = 0;
        if (counter->reserve > 0 || !counter_is_stored(counter->window_s))
            continue;
        if (!begun)
            err = store_begin(store, fault);
        begun = true;
        block[i] = block_of(counter);
        if (!err)
            err = counter_row_write(store, counter, block[i], t->now, fault);
    }
    if (!err && begun)
        err = store_commit(store, fault);
    if (err)
        store_rollback(store);
    else if (begun)
        t->counters->failing = false;
    return err;
}

static bool
reserve(struct taking *t, struct counter_refusal *refusal)
{
    uint64_t block[TOKEN_CAVEATS_MAX];
    struct fault fault = {0};

    if (write_blocks(t, block, &fault)) {
        if (!t->counters->failing)
            log_error("counter", "%s; requests with counters are denied until it works",
                      fault.detail);
        t->counters->failing = true;
        return refuse(refusal, 0, KH_REASON_BROKER_UNAVAILABLE, 0);
    }
    for (size_t i = 0; i < t->count; i++)
        t->counter[i]->reserve += block[i];
    return true;
}

// Nothing can fail any more.
static void
give_out(struct taking *t)
{
    for (size_t i = 0; i < t->count; i++) {
        struct counter *counter = t->counter[i];
        if (t->fresh[i]) {
            table_insert(&t->counters->table, &counter->node);
            t->owner->count++;
        }
        if (counter->window)
            window_add(counter->window, t->now.steady_ms, 1);
        else
            counter->used++;
        if (counter_is_stored(counter->window_s))
            counter->reserve--;
        counter->dirty = true;
    }
}

bool
counters_take(struct counters *counters, const struct token_identity *identity,
              const struct counter_demand *demand, size_t count, enum counting counting,
              struct counter_refusal *refusal)
{
    struct taking t = {
        .counters = counters,
        .identity = identity,
        .demand = demand,
        .count = count,
        .now = counters_now(counters),
    };

    if (count > TOKEN_CAVEATS_MAX)
        return refuse(refusal, 0, KH_REASON_INTERNAL, 0);
    if (counter_horizon_look(&counters->horizon, t.now.wall_ms / 1000))
        log_warning("clock-back", "the clock went back: tokens whose counters may have been "
                                  "dropped are refused");
    for (size_t i = 0; i < count; i++)
        t.counter[i] = counters_find(counters, demand[i].key);
    if (!all_have_room(&t, refusal))
        return false;
    if (counting != COUNTING_TAKE)
        return true;
    bool taken = make_fresh(&t, refusal) && reserve(&t, refusal);
    if (taken)
        give_out(&t);
    for (size_t i = 0; i < count && !taken; i++) {
        if (t.fresh[i])
            counter_free(t.counter[i]);
    }
    return taken;
}
