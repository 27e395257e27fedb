/* SPDX-License-Identifier: Apache-2.0
 *
 * Wu and Manber 1994, with pairs of bytes: a table tells for the last pair of the window how far
 * the window may move at least. The window is as wide as the shortest pattern. Most answers are so
 * small that making the table costs more than it saves: it is made for a long text. For a short one
 * the first pairs of each pattern are noted in a set of bits, and every 12th pair is looked at.
 */
#include "scrub_search.h"

#include "scrub_escape.h"
#include "scrub_patterns.h"

#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

enum {
    PAIR_BITS = 12,
    PAIRS = 1 << PAIR_BITS,
    SHORT_TEXT = 2048,
    STRIDE_MAX = 12,
    LANE = 1024, // of four that are searched at the same time
    BLOCK = 4 * LANE,
    COMPARED_MAX = 8, // of those in use, the ones that were taken last
};

struct scrub_search {
    LIST_ENTRY(scrub_search) entry; // of those in use
    size_t users;
    struct scrub_patterns patterns;
    size_t shortest, longest; // as they are
    size_t stride;
    uint64_t near_start[PAIRS / 64]; // the first `stride` pairs of each pattern
    uint64_t first[256 / 64];        // the bytes that patterns begin with
    uint8_t *shift;                  // PAIRS of them; NULL before there was a long text
    struct buffer text;              // that `secret` points into; secret
    size_t secret_count;
    struct bytes secret[]; // as they were given, the short ones as well
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
note_beginnings(struct scrub_search *search)
{
    search->shortest = SIZE_MAX;
    for (size_t i = 0; i < search->patterns.count; i++) {
        size_t n = search->patterns.list[i].n;
        search->shortest = n < search->shortest ? n : search->shortest;
        search->longest = n > search->longest ? n : search->longest;
    }
    search->stride = search->shortest - 1 < STRIDE_MAX ? search->shortest - 1 : STRIDE_MAX;
    for (size_t i = 0; i < search->patterns.count; i++) {
        const uint8_t *p = scrub_pattern_text(&search->patterns, i).p;
        bit_set(search->first, p[0]);
        for (size_t j = 0; j < search->stride; j++)
            bit_set(search->near_start, pair_hash(p + j));
    }
}

// Without memory for it the search goes on as for a short text.
static void
make_shifts(struct scrub_search *search)
{
    size_t furthest = search->shortest - 1;
    search->shift = malloc(PAIRS);
    if (!search->shift)
        return;
    memset(search->shift, furthest > UINT8_MAX ? UINT8_MAX : (int)furthest, PAIRS);
    for (size_t i = 0; i < search->patterns.count; i++) {
        const uint8_t *p = scrub_pattern_text(&search->patterns, i).p;
        for (size_t j = 0; j + 2 <= search->shortest; j++) {
            size_t shift = search->shortest - 2 - j;
            uint8_t *entry = &search->shift[pair_hash(p + j)];
            if (shift < *entry)
                *entry = (uint8_t)shift;
        }
    }
}

/* ---- making it ---- */

static void
destroy(struct scrub_search *search)
{
    scrub_patterns_free(&search->patterns);
    buffer_free(&search->text);
    if (search->shift)
        wipe(search->shift, PAIRS);
    free(search->shift);
    wipe(search, sizeof *search);
    free(search);
}

static void
copy_secrets(struct scrub_search *search, const struct bytes *secret, size_t count)
{
    size_t n = 0;
    for (size_t i = 0; i < count; i++)
        n += secret[i].n;
    buffer_init_secret(&search->text, n);
    if (!buffer_room(&search->text, n)) // all of it at once, so that nothing moves
        return;
    for (size_t i = 0; i < count; i++) {
        search->secret[i] = bytes_of(search->text.p + search->text.n, secret[i].n);
        buffer_put(&search->text, secret[i]);
    }
    search->secret_count = count;
}

static struct scrub_search *
search_new(const struct bytes *secret, size_t count)
{
    struct scrub_search *search = calloc(1, sizeof *search + count * sizeof *secret);
    if (!search)
        return NULL;
    scrub_patterns_init(&search->patterns);
    copy_secrets(search, secret, count);
    for (size_t i = 0; i < search->secret_count; i++) {
        if (secret[i].n >= SCRUB_SECRET_MIN)
            scrub_patterns_add(&search->patterns, secret[i]);
    }
    if (search->text.failed || search->patterns.failed) {
        destroy(search);
        return NULL;
    }
    note_beginnings(search);
    return search;
}

/* ---- sharing it ---- */

static LIST_HEAD(, scrub_search) in_use = LIST_HEAD_INITIALIZER(in_use);

// How long it takes says how many and how long they are, and nothing of what they are.
static bool
is_for(const struct scrub_search *search, const struct bytes *secret, size_t count)
{
    if (search->secret_count != count)
        return false;
    bool same = true;
    for (size_t i = 0; i < count; i++)
        same &= bytes_equal_secret(search->secret[i], secret[i]);
    return same;
}

static struct scrub_search *
shared(const struct bytes *secret, size_t count)
{
    struct scrub_search *search = LIST_FIRST(&in_use);
    for (size_t i = 0; search && i < COMPARED_MAX; i++, search = LIST_NEXT(search, entry)) {
        if (is_for(search, secret, count)) {
            LIST_REMOVE(search, entry);
            return search;
        }
    }
    return NULL;
}

static bool
is_any_long(const struct bytes *secret, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (secret[i].n >= SCRUB_SECRET_MIN)
            return true;
    }
    return false;
}

enum kh_err
scrub_search_hold(const struct bytes *secret, size_t count, struct scrub_search **out)
{
    struct scrub_search *search = NULL;
    if (is_any_long(secret, count)) {
        search = shared(secret, count);
        if (!search)
            search = search_new(secret, count);
        if (!search)
            return KH_ERR_MEMORY;
        search->users++;
        LIST_INSERT_HEAD(&in_use, search, entry);
    }
    *out = search;
    return KH_OK;
}

void
scrub_search_release(struct scrub_search **search)
{
    struct scrub_search *one = *search;
    *search = NULL;
    if (!one || --one->users > 0)
        return;
    LIST_REMOVE(one, entry);
    destroy(one);
}

void
scrub_search_expect(struct scrub_search *search, size_t n)
{
    if (n > SHORT_TEXT && !search->shift)
        make_shifts(search);
}

size_t
scrub_search_longest(const struct scrub_search *search)
{
    return search->longest * SCRUB_ESCAPE_GROWTH;
}

void
scrub_search_replace(const struct scrub_search *search, int pattern, struct bytes token,
                     struct buffer *out)
{
    scrub_pattern_replace(&search->patterns, (size_t)pattern, token, out);
}

/* ---- ends ---- */

// The longest pattern that stands at the start of `text`.
static int
match_at(const struct scrub_search *search, struct bytes text)
{
    int best = SCRUB_NO_PATTERN;
    size_t longest = 0;
    for (size_t i = 0; i < search->patterns.count; i++) {
        struct bytes pattern = scrub_pattern_text(&search->patterns, i);
        if (pattern.n > longest && bytes_starts(text, pattern)) {
            best = (int)i;
            longest = pattern.n;
        }
    }
    return best;
}

// Where the end of `text` begins to be a proper prefix of some pattern; text.n if nowhere.
static size_t
partial_whole(const struct scrub_search *search, struct bytes text, size_t start)
{
    size_t earliest = text.n >= search->longest ? text.n - (search->longest - 1) : 0;
    for (size_t at = start > earliest ? start : earliest; at < text.n; at++) {
        if (!bit_is_set(search->first, text.p[at]))
            continue;
        size_t n = text.n - at;
        for (size_t i = 0; i < search->patterns.count; i++) {
            struct bytes pattern = scrub_pattern_text(&search->patterns, i);
            if (pattern.n > n && pattern.p[0] == text.p[at] &&
                memcmp(pattern.p, text.p + at, n) == 0)
                return at;
        }
    }
    return text.n;
}

// The same where some bytes are escaped.
static size_t
partial_escaped(const struct scrub_search *search, uint8_t mark, struct bytes text, size_t start)
{
    size_t furthest = scrub_search_longest(search) - 1, unused;
    size_t at = text.n > furthest && text.n - furthest > start ? text.n - furthest : start;
    if (memchr(text.p + at, mark, text.n - at) == NULL)
        return text.n;
    for (; at < text.n; at++) {
        if (!bit_is_set(search->first, text.p[at]) && text.p[at] != mark)
            continue;
        for (size_t i = 0; i < search->patterns.count; i++) {
            if (scrub_escape_at(scrub_pattern_text(&search->patterns, i), mark,
                                bytes_from(text, at), &unused) == SCRUB_ESCAPE_PART)
                return at;
        }
    }
    return text.n;
}

size_t
scrub_search_partial(const struct scrub_search *search, struct bytes text, size_t start)
{
    if (start >= text.n)
        return text.n;
    size_t least = partial_whole(search, text, start);
    for (size_t i = 0; i < SCRUB_ESCAPE_MARKS; i++) {
        size_t at = partial_escaped(search, scrub_escape_mark[i], text, start);
        least = at < least ? at : least;
    }
    return least;
}

/* ---- search ---- */

// How far the next possible match is away at least.
static inline size_t
distance(const struct scrub_search *search, const uint8_t *p)
{
    if (search->shift)
        return search->shift[pair_hash(p + search->shortest - 2)];
    return bit_is_set(search->near_start, pair_hash(p + search->stride - 1)) ? 0 : search->stride;
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
skip_blocks(const struct scrub_search *search, struct bytes text, size_t at, size_t end)
{
    if (!search->shift)
        return at;
    while (end - at >= BLOCK && text.n - at >= BLOCK + search->shortest &&
           block_is_clear(search->shift, text.p + at + search->shortest - 2))
        at += BLOCK;
    return at;
}

// Next pattern at or after `at` and before `end`, as it is.
static struct scrub_match
find_whole(const struct scrub_search *search, struct bytes text, size_t at, size_t end)
{
    size_t closely = 0; // up to there
    while (at < end && at + search->shortest <= text.n) {
        if (at >= closely) {
            at = skip_blocks(search, text, at, end);
            closely = at + BLOCK;
            continue;
        }
        size_t far = distance(search, text.p + at);
        if (far) {
            at += far;
            continue;
        }
        int pattern = bit_is_set(search->first, text.p[at]) ? match_at(search, bytes_from(text, at))
                                                            : SCRUB_NO_PATTERN;
        if (pattern != SCRUB_NO_PATTERN)
            return (struct scrub_match){pattern, at, search->patterns.list[pattern].n};
        at++;
    }
    return (struct scrub_match){.pattern = SCRUB_NO_PATTERN, .at = end};
}

// The same with some bytes escaped: whatever begins first, and the longest of these.
struct scrub_match
scrub_search_find(const struct scrub_search *search, struct bytes text, size_t at, size_t end)
{
    struct scrub_match best = find_whole(search, text, at, end);
    struct bytes near = bytes_slice(text, 0, best.at + scrub_search_longest(search));
    for (size_t i = 0; i < SCRUB_ESCAPE_MARKS && at < near.n; i++) {
        uint8_t mark = scrub_escape_mark[i];
        if (memchr(near.p + at, mark, near.n - at) == NULL)
            continue;
        for (size_t j = 0; j < search->patterns.count; j++) {
            struct bytes pattern = scrub_pattern_text(&search->patterns, j);
            struct scrub_match one = {.pattern = (int)j};
            if (scrub_escape_find(pattern, mark, near, at, &one.at, &one.n) && one.at < end &&
                (one.at < best.at || (one.at == best.at && one.n > best.n)))
                best = one;
        }
    }
    return best;
}
