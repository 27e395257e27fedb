/* SPDX-License-Identifier: Apache-2.0
 *
 * A sliding window: at most `limit` in any stretch of time of its length, on a clock that only goes
 * forward. A request counts from its moment t until just before t + length.
 *
 * Up to WINDOW_SLOTS_MAX moments are kept as they are, which is exact. A larger limit shares slots:
 * what came within a 62nd of the length leaves together, when the last of it has to, which is a
 * little stricter and never less.
 */
#ifndef KEYHOLE_COUNTER_WINDOW_H
#define KEYHOLE_COUNTER_WINDOW_H

#include "../../caveats/bytes.h"

enum { WINDOW_SLOTS_MAX = 64, WINDOW_GRAINS = WINDOW_SLOTS_MAX - 2 };

struct window_slot {
    int64_t first_ms, last_ms;
    uint64_t count;
};

struct window {
    uint64_t limit, taken; /* taken: the sum of the slots */
    int64_t length_ms, grain_ms;
    size_t capacity, start, used; /* a ring */
    struct window_slot slot[];    /* `capacity` of them */
};

/* Memory that a window of that limit takes. */
size_t window_size(uint64_t limit);
/* `memory` has window_size(limit) bytes. `limit` and `length_ms` are at least 1. */
void window_init(struct window *window, uint64_t limit, int64_t length_ms);

/* How long until one more would have room: 0 is now. Forgets what is over. */
int64_t window_wait(struct window *window, int64_t now_ms);
/* Count `n`, for which there must be room. */
void window_add(struct window *window, int64_t now_ms, uint64_t n);

/* The slots from the oldest, i < used. */
const struct window_slot *window_slot_at(const struct window *window, size_t i);

#endif
