/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of the counters share; nobody else includes this.
 *
 *     counter.c         opening, pruning, closing
 *     counter_take.c    taking
 *     counter_horizon.c what was dropped, for when the clock goes back
 *     counter_row.c     one counter, and its row in the database
 *     counter_window.c  a sliding window
 *     counter_table.c   the hash table
 */
#ifndef KEYHOLE_COUNTER_INTERNAL_H
#define KEYHOLE_COUNTER_INTERNAL_H

#include "counter.h"
#include "counter_table.h"
#include "counter_window.h"

struct counter {
    struct table_node node; /* first: nodes are cast to counters */
    uint8_t token_id[TOKEN_ID_SIZE];
    uint64_t limit;
    uint64_t used;    /* uses: given out, or lost in a crash */
    uint64_t reserve; /* may be given out before the database has to be told again */
    uint32_t window_s;
    bool dirty;            /* the row does not have it exactly */
    struct window *window; /* rate; owned */
    int64_t expires_at;
};

struct counter_moment {
    int64_t wall_ms, steady_ms;
};

/* How many counters a token id has. */
struct counter_owner {
    struct table_node node;
    size_t count;
};

/* A token that was issued after the clock went back had no counter before. */
struct counter_horizon {
    int64_t dropped_s; /* every end up to here may have been dropped */
    int64_t swept_s;   /* when that was last done, or when the clock was found behind it */
    int64_t back_s;    /* where the clock was when it was last found behind; 0: never */
};

struct counters {
    struct table table, owners;
    struct store *store;
    const struct wall_clock *clock;
    struct counter_moment opened;
    struct counter_horizon horizon;
    int64_t restored_s; /* tokens from before then may have used what nobody knows; 0: none */
    bool failing;       /* logged once until it works again */
};

struct counter_moment counters_now(const struct counters *counters);
struct counter *counters_find(const struct counters *counters, const uint8_t key[TABLE_KEY_SIZE]);
/* That token's number, which begins at 0. NULL when memory is used up. */
struct counter_owner *counters_owner(struct counters *counters,
                                     const uint8_t token_id[TOKEN_ID_SIZE]);

KH_MUST_CHECK enum kh_err counter_horizon_read(struct store *store, struct counter_horizon *out,
                                               struct fault *fault);
KH_MUST_CHECK enum kh_err counter_horizon_write(struct store *store,
                                                const struct counter_horizon *horizon,
                                                struct fault *fault);
/* Notice that the clock went back; true then. */
bool counter_horizon_look(struct counter_horizon *horizon, int64_t now_s);
/* Whether a counter with that end may have been dropped while its token is valid again. */
bool counter_horizon_covers(const struct counter_horizon *horizon, int64_t issued_at,
                            int64_t expires_at);
/* Counters of tokens that ended before may be dropped now. */
void counter_horizon_sweep(struct counter_horizon *horizon, int64_t now_s);
bool counter_horizon_is_past(int64_t expires_at, int64_t now_s);

/* 0 when there is no such moment. */
KH_MUST_CHECK enum kh_err counter_restored_read(struct store *store, int64_t *restored_s,
                                                struct fault *fault);

/* `limit` is at least 1. NULL when memory is used up. */
struct counter *counter_new(const uint8_t key[TABLE_KEY_SIZE],
                            const uint8_t token_id[TOKEN_ID_SIZE], uint64_t limit,
                            uint32_t window_s, int64_t expires_at);
void counter_free(struct counter *counter);

/* Whether it has a row at all. */
bool counter_is_stored(uint32_t window_s);
/* As it would be with `reserve` more given out. */
KH_MUST_CHECK enum kh_err counter_row_write(struct store *store, const struct counter *counter,
                                            uint64_t reserve, struct counter_moment now,
                                            struct fault *fault);
KH_MUST_CHECK enum kh_err counter_row_read(const struct store_counter *row,
                                           struct counter_moment now, struct counter **out,
                                           struct fault *fault);

#endif
