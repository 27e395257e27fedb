/* SPDX-License-Identifier: Apache-2.0
 *
 * Streaming search and replacement of a request's secrets (7-credentials, "Scrubbing").
 *
 * Wu and Manber 1994, with pairs of bytes: a table tells for the last pair of the window how far
 * the window may move at least. The window is as wide as the shortest pattern. Most answers are so
 * small that making the table costs more than it saves: it is made for a long text. For a short one
 * the first pairs of each pattern are noted in a set of bits, and every 12th pair is looked at.
 */
#include "scrub.h"

#include "scrub_escape.h"
#include "scrub_patterns.h"

#include <stdlib.h>
#include <string.h>

enum {
    PAIR_BITS = 12,
    PAIRS = 1 << PAIR_BITS,
    HELD_MAX = 1 << 20,
    SHORT_TEXT = 2048,
    STRIDE_MAX = 12,
    LANE = 1024, // of four that are searched at the same time
    BLOCK = 4 * LANE,
};

struct scrub {
    struct scrub_patterns patterns;
    size_t shortest, longest; // as they are
    size_t stride;
    uint64_t near_start[PAIRS / 64]; // the first `stride` pairs of each pattern
    uint64_t first[256 / 64];        // the bytes that patterns begin with
    uint8_t *shift;                  // PAIRS of them; NULL before there was a long text
    size_t found;
    struct buffer held; // the end of the input so far: a proper prefix of a pattern
};

static inline size_t
pair_hash(const uint8_t *p)
{
    return ((size_t)p[0] << 4 ^ p[1]) & (PAIRS - 1);
}

static inline void
bit_set(uint64_t *set, size_t bit)
{
    set[bit / 64] |= UINT64_C(1) << bit % 64;
}

static inline bool
bit_is_set(const uint64_t *set, size_t bit)
{
    return set[bit / 64] >> bit % 64 & 1;
}

static void
note_beginnings(struct scrub *scrub)
{
    scrub->shortest = SIZE_MAX;
    for (size_t i = 0; i < scrub->patterns.count; i++) {
        size_t n = scrub->patterns.list[i].n;
        scrub->shortest = n < scrub->shortest ? n : scrub->shortest;
        scrub->longest = n > scrub->longest ? n : scrub->longest;
    }
    scrub->stride = scrub->shortest - 1 < STRIDE_MAX ? scrub->shortest - 1 : STRIDE_MAX;
    for (size_t i = 0; i < scrub->patterns.count; i++) {
        const uint8_t *p = scrub_pattern_text(&scrub->patterns, i).p;
        bit_set(scrub->first, p[0]);
        for (size_t j = 0; j < scrub->stride; j++)
            bit_set(scrub->near_start, pair_hash(p + j));
    }
}

// Without memory for it the search goes on as for a short text.
static void
make_shifts(struct scrub *scrub)
{
    size_t furthest = scrub->shortest - 1;
    scrub->shift = malloc(PAIRS);
    if (!scrub->shift)
        return;
    memset(scrub->shift, furthest > UINT8_MAX ? UINT8_MAX : (int)furthest, PAIRS);
    for (size_t i = 0; i < scrub->patterns.count; i++) {
        const uint8_t *p = scrub_pattern_text(&scrub->patterns, i).p;
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
        note_beginnings(scrub);
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
    if ((*scrub)->shift)
        wipe((*scrub)->shift, PAIRS);
    free((*scrub)->shift);
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
partial_whole(const struct scrub *scrub, struct bytes text, size_t start)
{
    size_t earliest = text.n >= scrub->longest ? text.n - (scrub->longest - 1) : 0;
    for (size_t at = start > earliest ? start : earliest; at < text.n; at++) {
        if (!bit_is_set(scrub->first, text.p[at]))
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

// The same where some bytes are escaped.
static size_t
partial_escaped(const struct scrub *scrub, uint8_t mark, struct bytes text, size_t start)
{
    size_t furthest = scrub_longest(scrub) - 1, unused;
    size_t at = text.n > furthest && text.n - furthest > start ? text.n - furthest : start;
    if (memchr(text.p + at, mark, text.n - at) == NULL)
        return text.n;
    for (; at < text.n; at++) {
        if (!bit_is_set(scrub->first, text.p[at]) && text.p[at] != mark)
            continue;
        for (size_t i = 0; i < scrub->patterns.count; i++) {
            if (scrub_escape_at(scrub_pattern_text(&scrub->patterns, i), mark, bytes_from(text, at),
                                &unused) == SCRUB_ESCAPE_PART)
                return at;
        }
    }
    return text.n;
}

static size_t
partial_from(const struct scrub *scrub, struct bytes text, size_t start)
{
    if (start >= text.n)
        return text.n;
    size_t least = partial_whole(scrub, text, start);
    for (size_t i = 0; i < SCRUB_ESCAPE_MARKS; i++) {
        size_t at = partial_escaped(scrub, scrub_escape_mark[i], text, start);
        least = at < least ? at : least;
    }
    return least;
}

struct match {
    int pattern; // or NO_PATTERN
    size_t at, n;
};

// How far the next possible match is away at least.
static inline size_t
distance(const struct scrub *scrub, const uint8_t *p)
{
    if (scrub->shift)
        return scrub->shift[pair_hash(p + scrub->shortest - 2)];
    return bit_is_set(scrub->near_start, pair_hash(p + scrub->stride - 1)) ? 0 : scrub->stride;
}

// From `at` to where the window has left the lane, or to where it may not be moved.
static inline size_t
walk(const uint8_t *shift, const uint8_t *pair, size_t at, size_t end)
{
    size_t far = 1;
    while (at < end && far) {
        far = shift[pair_hash(pair + at)];
        at += far;
    }
    return at;
}

// Each step of the search waits for the one before it. Four searches that begin at different places
// give the processor something to do meanwhile. False: something may begin here, look closely.
static bool
block_is_clear(const uint8_t *shift, const uint8_t *pair)
{
    size_t a = 0, b = LANE, c = 2 * LANE, d = 3 * LANE;
    unsigned least = 1;
    while (a < LANE && b < 2 * LANE && c < 3 * LANE && d < 4 * LANE && least) {
        unsigned far[] = {shift[pair_hash(pair + a)], shift[pair_hash(pair + b)],
                          shift[pair_hash(pair + c)], shift[pair_hash(pair + d)]};
        a += far[0];
        b += far[1];
        c += far[2];
        d += far[3];
        least = far[0] && far[1] && far[2] && far[3];
    }
    return least && walk(shift, pair, a, LANE) >= LANE &&
           walk(shift, pair, b, 2 * LANE) >= 2 * LANE &&
           walk(shift, pair, c, 3 * LANE) >= 3 * LANE && walk(shift, pair, d, BLOCK) >= BLOCK;
}

// Behind the blocks from `at` on in which nothing begins.
static size_t
skip_blocks(const struct scrub *scrub, struct bytes text, size_t at, size_t end)
{
    if (!scrub->shift)
        return at;
    while (end - at >= BLOCK && text.n - at >= BLOCK + scrub->shortest &&
           block_is_clear(scrub->shift, text.p + at + scrub->shortest - 2))
        at += BLOCK;
    return at;
}

// Next pattern at or after `at` and before `end`, as it is.
static struct match
find_whole(const struct scrub *scrub, struct bytes text, size_t at, size_t end)
{
    size_t closely = 0; // up to there
    while (at < end && at + scrub->shortest <= text.n) {
        if (at >= closely) {
            at = skip_blocks(scrub, text, at, end);
            closely = at + BLOCK;
            continue;
        }
        size_t far = distance(scrub, text.p + at);
        if (far) {
            at += far;
            continue;
        }
        int pattern = bit_is_set(scrub->first, text.p[at]) ? match_at(scrub, bytes_from(text, at))
                                                           : NO_PATTERN;
        if (pattern != NO_PATTERN)
            return (struct match){pattern, at, scrub->patterns.list[pattern].n};
        at++;
    }
    return (struct match){.pattern = NO_PATTERN, .at = end};
}

// The same with some bytes escaped: whatever begins first, and the longest of these.
static struct match
find(const struct scrub *scrub, struct bytes text, size_t at, size_t end)
{
    struct match best = find_whole(scrub, text, at, end);
    struct bytes near = bytes_slice(text, 0, best.at + scrub_longest(scrub));
    for (size_t i = 0; i < SCRUB_ESCAPE_MARKS && at < near.n; i++) {
        uint8_t mark = scrub_escape_mark[i];
        if (memchr(near.p + at, mark, near.n - at) == NULL)
            continue;
        for (size_t j = 0; j < scrub->patterns.count; j++) {
            struct bytes pattern = scrub_pattern_text(&scrub->patterns, j);
            struct match one = {.pattern = (int)j};
            if (scrub_escape_find(pattern, mark, near, at, &one.at, &one.n) && one.at < end &&
                (one.at < best.at || (one.at == best.at && one.n > best.n)))
                best = one;
        }
    }
    return best;
}

// Replace in `text`; returns where the part begins that has to wait for more (text.n when final).
static size_t
replace(const struct scrub *scrub, struct bytes text, bool final, size_t *found, struct buffer *out)
{
    size_t done = 0;
    for (;;) {
        // A match that lies behind a partial one waits: the partial one began first.
        size_t hold = final ? text.n : partial_from(scrub, text, done);
        struct match match = find(scrub, text, done, hold);
        if (match.pattern == NO_PATTERN) {
            buffer_put(out, bytes_slice(text, done, hold - done));
            return hold;
        }
        buffer_put(out, bytes_slice(text, done, match.at - done));
        scrub_pattern_replace(&scrub->patterns, (size_t)match.pattern, out);
        ++*found;
        done = match.at + match.n;
    }
}

static void
prepare(struct scrub *scrub, struct bytes data)
{
    if (data.n > SHORT_TEXT && !scrub->shift)
        make_shifts(scrub);
}

size_t
scrub_clean(struct scrub *scrub, struct bytes data)
{
    if (scrub->held.n > 0)
        return 0;
    prepare(scrub, data);
    return find(scrub, data, 0, partial_from(scrub, data, 0)).at;
}

void
scrub_feed(struct scrub *scrub, struct bytes data, struct buffer *out)
{
    if (data.n == 0)
        return;
    prepare(scrub, data);
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
    return scrub->longest * SCRUB_ESCAPE_GROWTH;
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
    return find(scrub, text, 0, text.n).pattern != NO_PATTERN;
}
