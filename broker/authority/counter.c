/* SPDX-License-Identifier: Apache-2.0
 *
 * The table of counters: opened, looked at, pruned and closed. Taking is in counter_take.c.
 */
#include "counter_internal.h"

#include "../log.h"

#include <stdlib.h>
#include <string.h>

// ---- the table ----

struct counter_moment
counters_now(const struct counters *counters)
{
    return (struct counter_moment){clock_now_ms(counters->clock), clock_steady_ms(counters->clock)};
}

struct counter *
counters_find(const struct counters *counters, const uint8_t key[TABLE_KEY_SIZE])
{
    return (struct counter *)table_find(&counters->table, key);
}

struct counter_owner *
counters_owner(struct counters *counters, const uint8_t token_id[TOKEN_ID_SIZE])
{
    struct counter_owner *owner = (struct counter_owner *)table_find(&counters->owners, token_id);

    if (owner)
        return owner;
    owner = calloc(1, sizeof *owner);
    if (owner) {
        memcpy(owner->node.key, token_id, TABLE_KEY_SIZE);
        table_insert(&counters->owners, &owner->node);
    }
    return owner;
}

static void
release_counter(struct table_node *node)
{
    counter_free((struct counter *)node);
}

static void
release_owner(struct table_node *node)
{
    free(node);
}

// ---- opening and closing ----

static enum kh_err
load_row(void *context, const struct store_counter *row, struct fault *fault)
{
    struct counters *counters = context;
    struct counter *counter = NULL;
    enum kh_err err = counter_row_read(row, counters->opened, &counter, fault);

    if (err)
        return err;
    struct counter_owner *owner = counters_owner(counters, counter->token_id);
    if (owner == NULL) {
        counter_free(counter);
        return fault_set(fault, KH_ERR_MEMORY, "memory is used up");
    }
    owner->count++;
    table_insert(&counters->table, &counter->node);
    return KH_OK;
}

enum kh_err
counters_open(struct store *store, const struct wall_clock *clock, struct counters **out,
              struct fault *fault)
{
    struct counters *counters = calloc(1, sizeof *counters);

    if (counters == NULL)
        return fault_set(fault, KH_ERR_MEMORY, "memory is used up");
    counters->store = store;
    counters->clock = clock;
    counters->opened = counters_now(counters);
    enum kh_err err = KH_OK;
    if (!table_init(&counters->table) || !table_init(&counters->owners))
        err = fault_set(fault, KH_ERR_MEMORY, "memory is used up");
    if (!err)
        err = counter_horizon_read(store, &counters->horizon, fault);
    if (!err)
        err = counter_restored_read(store, &counters->restored_s, fault);
    if (!err)
        err = store_counter_each(store, load_row, counters, fault);
    if (err) {
        counters_drop(&counters);
        return err;
    }
    *out = counters;
    return KH_OK;
}

struct writing {
    struct counters *counters;
    struct counter_moment now;
    enum kh_err err;
    struct fault *fault;
};

static bool
write_exactly(void *context, struct table_node *node)
{
    struct writing *writing = context;
    struct counter *counter = (struct counter *)node;

    if (!counter->dirty || !counter_is_stored(counter->window_s))
        return true;
    if (counter->window)
        (void)window_wait(counter->window, writing->now.steady_ms); // forgets what is over
    writing->err =
        counter_row_write(writing->counters->store, counter, 0, writing->now, writing->fault);
    return writing->err == KH_OK;
}

static enum kh_err
write_all(struct counters *counters, struct fault *fault)
{
    struct writing writing = {.counters = counters, .now = counters_now(counters), .fault = fault};
    enum kh_err err = store_begin(counters->store, fault);

    if (!err) {
        (void)table_each(&counters->table, write_exactly, &writing);
        err = writing.err;
    }
    if (!err)
        err = counter_horizon_write(counters->store, &counters->horizon, fault);
    if (!err)
        err = store_commit(counters->store, fault);
    if (err)
        store_rollback(counters->store);
    return err;
}

void
counters_close(struct counters **counters)
{
    struct fault fault = {0};

    if (*counters && write_all(*counters, &fault))
        log_error("counter", "%s; what was reserved of the counters is lost", fault.detail);
    counters_drop(counters);
}

void
counters_drop(struct counters **counters)
{
    if (*counters == NULL)
        return;
    table_fini(&(*counters)->table, release_counter);
    table_fini(&(*counters)->owners, release_owner);
    free(*counters);
    *counters = NULL;
}

uint64_t
counters_used(const struct counters *counters, const uint8_t key[LINEAGE_ID_SIZE])
{
    const struct counter *counter = counters_find(counters, key);

    if (counter == NULL)
        return 0;
    if (counter->window == NULL)
        return counter->used;
    (void)window_wait(counter->window, clock_steady_ms(counters->clock)); // forgets what is over
    return counter->window->taken;
}

size_t
counters_count(const struct counters *counters)
{
    return counters->table.count;
}

// ---- pruning ----

static bool
is_over(void *context, struct table_node *node)
{
    const struct writing *sweep = context;
    struct counter *counter = (struct counter *)node;

    if (counter->window == NULL)
        return counter_horizon_is_past(counter->expires_at, sweep->now.wall_ms / 1000);
    (void)window_wait(counter->window, sweep->now.steady_ms);
    return counter->window->used == 0;
}

static bool
remove_row(void *context, struct table_node *node)
{
    struct writing *sweep = context;
    const struct counter *counter = (struct counter *)node;

    if (is_over(context, node) && counter_is_stored(counter->window_s))
        sweep->err = store_counter_remove(sweep->counters->store,
                                          bytes_of(node->key, TABLE_KEY_SIZE), sweep->fault);
    return sweep->err == KH_OK;
}

static bool
is_not_over(void *context, struct table_node *node)
{
    return !is_over(context, node);
}

static bool
has_none(void *context, struct table_node *node)
{
    (void)context;
    return ((struct counter_owner *)node)->count == 0;
}

static void
sweep_counter(void *context, struct table_node *node)
{
    struct writing *sweep = context;
    struct counter *counter = (struct counter *)node;
    struct counter_owner *owner =
        (struct counter_owner *)table_find(&sweep->counters->owners, counter->token_id);

    if (owner)
        owner->count--;
    counter_free(counter);
}

static void
sweep_owner(void *context, struct table_node *node)
{
    (void)context;
    release_owner(node);
}

enum kh_err
counters_note_dropped(struct counters *counters, int64_t now_s, struct fault *fault)
{
    (void)counter_horizon_look(&counters->horizon, now_s);
    struct counter_horizon next = counters->horizon;
    counter_horizon_sweep(&next, now_s);
    enum kh_err err = counter_horizon_write(counters->store, &next, fault);
    if (!err)
        counters->horizon = next;
    return err;
}

bool
counters_forgot(struct counters *counters, const struct token_identity *identity)
{
    int64_t now_s = clock_now_s(counters->clock);

    if (counter_horizon_look(&counters->horizon, now_s))
        log_warning("clock-back", "the clock went back: tokens whose counters or revocations may "
                                  "have been dropped are refused");
    return counter_horizon_covers(&counters->horizon, identity->issued_at, identity->expires_at);
}

enum kh_err
counters_prune(struct counters *counters, struct fault *fault)
{
    struct writing sweep = {.counters = counters, .now = counters_now(counters), .fault = fault};
    int64_t now_s = sweep.now.wall_ms / 1000;

    (void)counter_horizon_look(&counters->horizon, now_s);
    if (table_each(&counters->table, is_not_over, &sweep))
        return KH_OK;
    struct counter_horizon next = counters->horizon;
    counter_horizon_sweep(&next, now_s);
    enum kh_err err = store_begin(counters->store, fault);
    if (!err) {
        (void)table_each(&counters->table, remove_row, &sweep);
        err = sweep.err;
    }
    if (!err)
        err = counter_horizon_write(counters->store, &next, fault);
    if (!err)
        err = store_commit(counters->store, fault);
    if (err) {
        store_rollback(counters->store);
        return err;
    }
    counters->horizon = next;
    table_sweep(&counters->table, is_over, sweep_counter, &sweep);
    table_sweep(&counters->owners, has_none, sweep_owner, NULL);
    return KH_OK;
}
