/* SPDX-License-Identifier: Apache-2.0
 *
 * Streaming search and replacement of a request's secrets (7-credentials, "Scrubbing").
 *
 * Wu and Manber 1994, with pairs of bytes: a table tells for the last pair of the window how far
 * the window may move at least. The window is as wide as the shortest pattern.
 */
#include "scrub.h"

#include "scrub_patterns.h"

#include <stdlib.h>
#include <string.h>

enum { SHIFT_BITS = 12, SHIFT_SIZE = 1 << SHIFT_BITS, HELD_MAX = 1 << 20 };

struct scrub {
    struct scrub_patterns patterns;
    size_t shortest, longest;
    uint8_t shift[SHIFT_SIZE];
    bool first[256]; // some pattern begins with that byte
    size_t found;
    struct buffer held; // the end of the input so far: a proper prefix of a pattern
};

static inline size_t
pair_hash(const uint8_t *p)
{
    return ((size_t)p[0] << 4 ^ p[1]) & (SHIFT_SIZE - 1);
}

static void
build_tables(struct scrub *scrub)
{
    scrub->shortest = SIZE_MAX;
    for (size_t i = 0; i < scrub->patterns.count; i++) {
        size_t n = scrub->patterns.list[i].n;
        scrub->shortest = n < scrub->shortest ? n : scrub->shortest;
        scrub->longest = n > scrub->longest ? n : scrub->longest;
    }
    size_t furthest = scrub->shortest - 1;
    memset(scrub->shift, furthest > UINT8_MAX ? UINT8_MAX : (int)furthest, SHIFT_SIZE);
    for (size_t i = 0; i < scrub->patterns.count; i++) {
        const uint8_t *p = scrub_pattern_text(&scrub->patterns, i).p;
        scrub->first[p[0]] = true;
        for (size_t j = 0; j + 2 <= scrub->shortest; j++) {
            size_t shift = scrub->shortest - 2 - j;
            uint8_t *entry = &scrub->shift[pair_hash(p + j)];
            if (shift < *entry)
                *entry = (uint8_t)shift;
        }
    }
}

enum kh_err
scrub_new(const struct bytes *secret, size_t count, struct bytes replacement, struct scrub **out)
{
    struct scrub *scrub = calloc(1, sizeof *scrub);
    if (!scrub)
        return KH_ERR_MEMORY;
    buffer_init_secret(&scrub->held, HELD_MAX);
    scrub_patterns_init(&scrub->patterns, replacement);
    for (size_t i = 0; i < count; i++) {
        if (secret[i].n >= SCRUB_SECRET_MIN)
            scrub_patterns_add(&scrub->patterns, secret[i]);
    }
    if (scrub->patterns.failed) {
        scrub_free(&scrub);
        return KH_ERR_MEMORY;
    }
    if (scrub->patterns.count == 0)
        scrub_free(&scrub);
    else
        build_tables(scrub);
    *out = scrub;
    return KH_OK;
}

void
scrub_free(struct scrub **scrub)
{
    if (!*scrub)
        return;
    scrub_patterns_free(&(*scrub)->patterns);
    buffer_free(&(*scrub)->held);
    wipe(*scrub, sizeof **scrub);
    free(*scrub);
    *scrub = NULL;
}

enum { NO_PATTERN = -1 };

// The longest pattern that stands at the start of `text`.
static int
match_at(const struct scrub *scrub, struct bytes text)
{
    int best = NO_PATTERN;
    size_t longest = 0;
    for (size_t i = 0; i < scrub->patterns.count; i++) {
        struct bytes pattern = scrub_pattern_text(&scrub->patterns, i);
        if (pattern.n > longest && bytes_starts(text, pattern)) {
            best = (int)i;
            longest = pattern.n;
        }
    }
    return best;
}

// Where the end of `text` begins to be a proper prefix of some pattern; text.n if nowhere.
static size_t
partial_from(const struct scrub *scrub, struct bytes text, size_t start)
{
    size_t earliest = text.n >= scrub->longest ? text.n - (scrub->longest - 1) : 0;
    for (size_t at = start > earliest ? start : earliest; at < text.n; at++) {
        if (!scrub->first[text.p[at]])
            continue;
        size_t n = text.n - at;
        for (size_t i = 0; i < scrub->patterns.count; i++) {
            struct bytes pattern = scrub_pattern_text(&scrub->patterns, i);
            if (pattern.n > n && memcmp(pattern.p, text.p + at, n) == 0)
                return at;
        }
    }
    return text.n;
}

// Next match at or after `at` and before `end`, and its place.
static int
find(const struct scrub *scrub, struct bytes text, size_t at, size_t end, size_t *where)
{
    while (at < end && at + scrub->shortest <= text.n) {
        size_t shift = scrub->shift[pair_hash(text.p + at + scrub->shortest - 2)];
        if (shift) {
            at += shift;
            continue;
        }
        int pattern = match_at(scrub, bytes_from(text, at));
        if (pattern != NO_PATTERN) {
            *where = at;
            return pattern;
        }
        at++;
    }
    return NO_PATTERN;
}

// Replace in `text`; returns where the part begins that has to wait for more (text.n when final).
static size_t
replace(const struct scrub *scrub, struct bytes text, bool final, size_t *found, struct buffer *out)
{
    size_t done = 0, where = 0;
    for (;;) {
        // A match that lies behind a partial one waits: the partial one began first.
        size_t hold = final ? text.n : partial_from(scrub, text, done);
        int pattern = find(scrub, text, done, hold, &where);
        if (pattern == NO_PATTERN) {
            buffer_put(out, bytes_slice(text, done, hold - done));
            return hold;
        }
        buffer_put(out, bytes_slice(text, done, where - done));
        scrub_pattern_replace(&scrub->patterns, (size_t)pattern, out);
        ++*found;
        done = where + scrub->patterns.list[pattern].n;
    }
}

void
scrub_feed(struct scrub *scrub, struct bytes data, struct buffer *out)
{
    if (data.n == 0)
        return;
    if (scrub->held.n == 0) {
        size_t settled = replace(scrub, data, false, &scrub->found, out);
        buffer_put(&scrub->held, bytes_from(data, settled));
    } else {
        // Rare: the last piece ended with what may be the beginning of a pattern.
        struct buffer both;
        buffer_init_secret(&both, scrub->held.n + data.n);
        buffer_put(&both, buffer_bytes(&scrub->held));
        buffer_put(&both, data);
        if (both.failed)
            out->failed = true;
        else
            buffer_consume(&scrub->held, scrub->held.n);
        struct bytes text = both.failed ? BYTES_EMPTY : buffer_bytes(&both);
        size_t settled = replace(scrub, text, false, &scrub->found, out);
        buffer_put(&scrub->held, bytes_from(text, settled));
        buffer_free(&both);
    }
    if (scrub->held.failed)
        out->failed = true;
}

void
scrub_finish(struct scrub *scrub, struct buffer *out)
{
    replace(scrub, buffer_bytes(&scrub->held), true, &scrub->found, out);
    buffer_free(&scrub->held);
}

size_t
scrub_held(const struct scrub *scrub)
{
    return scrub->held.n;
}

size_t
scrub_found(const struct scrub *scrub)
{
    return scrub->found;
}

size_t
scrub_longest(const struct scrub *scrub)
{
    return scrub->longest;
}

void
scrub_text(const struct scrub *scrub, struct bytes text, struct buffer *out)
{
    size_t found = 0;
    replace(scrub, text, true, &found, out);
}

bool
scrub_finds(const struct scrub *scrub, struct bytes text)
{
    size_t where = 0;
    return find(scrub, text, 0, text.n, &where) != NO_PATTERN;
}
