/* SPDX-License-Identifier: Apache-2.0
 *
 * One counter, and its row in the database.
 *
 * The log of a rate is a list of (moment, number), 8 octets each, big-endian. Moments are of the
 * wall clock, since the steady one starts anew with the machine: they are put back at their age,
 * and at no age below zero, so that a clock that went back in between makes the counter stricter.
 * What was reserved has no moment yet and may have been given out just before the end: it counts as
 * used at this very moment.
 */
#include "counter_internal.h"

#include "../metrics.h"

#include <stdlib.h>
#include <string.h>

enum { ENTRY_SIZE = 16, WINDOW_UNSTORED_S = 1 };

struct counter *
counter_new(const uint8_t key[TABLE_KEY_SIZE], const uint8_t token_id[TOKEN_ID_SIZE],
            uint64_t limit, uint32_t window_s, int64_t expires_at)
{
    struct counter *counter = calloc(1, sizeof *counter);

    if (counter == NULL)
        return NULL;
    memcpy(counter->node.key, key, TABLE_KEY_SIZE);
    memcpy(counter->token_id, token_id, TOKEN_ID_SIZE);
    counter->limit = limit;
    counter->window_s = window_s;
    counter->expires_at = expires_at;
    if (window_s > 0) {
        counter->window = malloc(window_size(limit));
        if (counter->window == NULL) {
            free(counter);
            return NULL;
        }
        window_init(counter->window, limit, (int64_t)window_s * 1000);
    }
    return counter;
}

void
counter_free(struct counter *counter)
{
    if (counter)
        free(counter->window);
    free(counter);
}

bool
counter_is_stored(uint32_t window_s)
{
    return window_s != WINDOW_UNSTORED_S;
}

// ---- writing ----

static void
put_u64(struct buffer *out, uint64_t number)
{
    for (int shift = 56; shift >= 0; shift -= 8)
        buffer_put_byte(out, (uint8_t)(number >> shift));
}

static void
put_log(const struct window *window, struct counter_moment now, struct buffer *out)
{
    for (size_t i = 0; i < window->used; i++) {
        const struct window_slot *slot = window_slot_at(window, i);
        int64_t wall_ms = now.wall_ms - (now.steady_ms - slot->last_ms);
        put_u64(out, (uint64_t)(wall_ms > 0 ? wall_ms : 0));
        put_u64(out, slot->count);
    }
}

enum kh_err
counter_row_write(struct store *store, const struct counter *counter, uint64_t reserve,
                  struct counter_moment now, struct fault *fault)
{
    BUFFER_AUTO log;
    struct store_counter row = {
        .lineage = bytes_of(counter->node.key, TABLE_KEY_SIZE),
        .token_id = bytes_of(counter->token_id, TOKEN_ID_SIZE),
        .window_s = counter->window_s,
        .bound = (int64_t)counter->limit,
        .used = (int64_t)(counter->used + reserve),
        .expires_at = counter->expires_at,
    };

    buffer_init(&log, WINDOW_SLOTS_MAX * ENTRY_SIZE);
    if (counter->window)
        put_log(counter->window, now, &log);
    if (log.failed)
        return fault_set(fault, KH_ERR_MEMORY, "memory is used up");
    row.log = buffer_bytes(&log);
    enum kh_err err = store_counter_put(store, &row, fault);
    if (err == KH_OK && reserve > 0)
        metrics_add(METRIC_COUNTER_BLOCKS, 1);
    return err;
}

// ---- reading ----

static uint64_t
get_u64(const uint8_t *p)
{
    uint64_t number = 0;

    for (int i = 0; i < 8; i++)
        number = number << 8 | p[i];
    return number;
}

static bool
get_log(struct window *window, const struct store_counter *row, struct counter_moment now)
{
    uint64_t left = window->limit - (uint64_t)row->used;
    int64_t newest_ms = INT64_MIN;

    if (row->log.n % ENTRY_SIZE != 0 || row->log.n > WINDOW_SLOTS_MAX * ENTRY_SIZE)
        return false;
    for (size_t i = 0; i < row->log.n; i += ENTRY_SIZE) {
        uint64_t wall_ms = get_u64(row->log.p + i), n = get_u64(row->log.p + i + 8);
        if (wall_ms > INT64_MAX || n == 0 || n > left)
            return false;
        left -= n;
        int64_t age_ms = now.wall_ms - (int64_t)wall_ms;
        int64_t at_ms = now.steady_ms - (age_ms > 0 ? age_ms : 0);
        newest_ms = at_ms > newest_ms ? at_ms : newest_ms;
        window_add(window, newest_ms, n);
    }
    if (row->used > 0)
        window_add(window, now.steady_ms, (uint64_t)row->used);
    return true;
}

enum kh_err
counter_row_read(const struct store_counter *row, struct counter_moment now, struct counter **out,
                 struct fault *fault)
{
    bool sane = row->lineage.n == TABLE_KEY_SIZE && row->token_id.n == TOKEN_ID_SIZE &&
                row->bound > 0 && row->used >= 0 && row->used <= row->bound &&
                counter_is_stored(row->window_s) && (row->window_s > 0 || row->log.n == 0);
    struct counter *counter = NULL;

    if (sane) {
        counter = counter_new(row->lineage.p, row->token_id.p, (uint64_t)row->bound, row->window_s,
                              row->expires_at);
        if (counter == NULL)
            return fault_set(fault, KH_ERR_MEMORY, "memory is used up");
        if (counter->window)
            sane = get_log(counter->window, row, now);
        else
            counter->used = (uint64_t)row->used;
        counter->dirty = counter->window && row->used > 0; // they have a moment now
    }
    if (!sane) {
        counter_free(counter);
        return fault_set(fault, KH_ERR_DATABASE,
                         "a counter cannot be read; restore the database from a copy");
    }
    *out = counter;
    return KH_OK;
}
