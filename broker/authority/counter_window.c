/* SPDX-License-Identifier: Apache-2.0
 *
 * A ring of moments.
 *
 * With shared slots, firsts stand a grain apart, and a slot is alive while its last is younger than
 * the length: so the firsts of all that are alive lie within length + grain, and there are at most
 * WINDOW_GRAINS + 2 of them.
 */
#include "counter_window.h"

static size_t
capacity_for(uint64_t limit)
{
    return limit < WINDOW_SLOTS_MAX ? (size_t)limit : WINDOW_SLOTS_MAX;
}

size_t
window_size(uint64_t limit)
{
    return sizeof(struct window) + capacity_for(limit) * sizeof(struct window_slot);
}

void
window_init(struct window *window, uint64_t limit, int64_t length_ms)
{
    *window = (struct window){
        .limit = limit,
        .length_ms = length_ms,
        .capacity = capacity_for(limit),
    };
    if (limit > WINDOW_SLOTS_MAX)
        window->grain_ms = (length_ms + WINDOW_GRAINS - 1) / WINDOW_GRAINS;
}

static struct window_slot *
slot_at(struct window *window, size_t i)
{
    return &window->slot[(window->start + i) % window->capacity];
}

const struct window_slot *
window_slot_at(const struct window *window, size_t i)
{
    return &window->slot[(window->start + i) % window->capacity];
}

int64_t
window_wait(struct window *window, int64_t now_ms)
{
    while (window->used > 0) {
        const struct window_slot *oldest = slot_at(window, 0);
        int64_t over_ms = oldest->last_ms + window->length_ms;
        if (over_ms > now_ms)
            return window->taken < window->limit ? 0 : over_ms - now_ms;
        window->taken -= oldest->count;
        window->start = (window->start + 1) % window->capacity;
        window->used--;
    }
    return 0;
}

void
window_add(struct window *window, int64_t now_ms, uint64_t n)
{
    struct window_slot *newest = window->used > 0 ? slot_at(window, window->used - 1) : NULL;

    // Full only where moments were put in that did not keep their distance.
    if (newest &&
        (now_ms - newest->first_ms < window->grain_ms || window->used == window->capacity)) {
        newest->last_ms = now_ms > newest->last_ms ? now_ms : newest->last_ms;
        newest->count += n;
    } else {
        *slot_at(window, window->used) =
            (struct window_slot){.first_ms = now_ms, .last_ms = now_ms, .count = n};
        window->used++;
    }
    window->taken += n;
}
