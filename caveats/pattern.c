/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Globs in time linear in pattern times text. Declared in path.h.
 *
 * Both levels use the same argument: only the last wildcard is ever tried again, because the
 * leftmost match of what stands before it leaves the most to what stands behind it. So each pair of
 * pattern element and text element is compared at most once per level.
 */

#include "path.h"

static void
count(uint64_t *steps)
{
    if (steps)
        ++*steps;
}

bool
text_pattern_matches(struct bytes pattern, struct bytes text, uint64_t *steps)
{
    size_t p = 0, t = 0, star = SIZE_MAX, star_text = 0;
    for (;;) {
        count(steps);
        // What has a length has a text.
        // NOLINTNEXTLINE(clang-analyzer-core.NullDereference)
        if (p < pattern.n && pattern.p[p] == '*') {
            star = p++;
            star_text = t;
        } else if (t == text.n) {
            return p == pattern.n;
            // NOLINTNEXTLINE(clang-analyzer-core.NullDereference)
        } else if (p < pattern.n && pattern.p[p] == text.p[t]) {
            p++;
            t++;
        } else if (star != SIZE_MAX) {
            p = star + 1;
            t = ++star_text;
        } else {
            return false;
        }
    }
}

static bool
segment_matches(struct bytes pattern, struct bytes segment, uint64_t *steps)
{
    /* `*` alone is a whole segment, and a trailing slash has none behind it. */
    if (segment.n == 0 && bytes_is(pattern, "*")) {
        count(steps);
        return false;
    }
    return text_pattern_matches(pattern, segment, steps);
}

/* Segments of a path: "/a/" has three, the first and the last empty. */
struct segments {
    struct bytes rest;
    size_t n; /* of the first one */
    bool done;
};

static struct segments
segments_of(struct bytes text)
{
    return (struct segments){.rest = text, .n = bytes_index(text, '/')};
}

static struct bytes
segment_peek(const struct segments *s)
{
    return bytes_of(s->rest.p, s->n);
}

KH_OUT_OF_LINE static void
segment_skip(struct segments *s)
{
    s->done = s->n == s->rest.n;
    s->rest = bytes_from(s->rest, s->n + 1);
    s->n = bytes_index(s->rest, '/');
}

/* From any place of both on. */
static bool
segments_match(struct segments p, struct segments t, uint64_t *steps)
{
    struct segments star = p, star_text = t;
    bool has_star = false;
    for (;;) {
        count(steps);
        if (!p.done && bytes_is(segment_peek(&p), "**")) {
            segment_skip(&p);
            has_star = true;
            star = p;
            star_text = t;
        } else if (t.done) {
            return p.done;
        } else if (!p.done && segment_matches(segment_peek(&p), segment_peek(&t), steps)) {
            segment_skip(&p);
            segment_skip(&t);
        } else if (has_star) {
            segment_skip(&star_text);
            p = star;
            t = star_text;
        } else {
            return false;
        }
    }
}

/* Where the last slash before the first wildcard is: up to there all is literal. 0: nothing is. */
static size_t
literal_length(struct bytes pattern, size_t wildcard)
{
    while (wildcard > 0 && pattern.p[wildcard] != '/')
        wildcard--;
    return wildcard;
}

bool
path_pattern_matches(struct bytes pattern, struct bytes path, uint64_t *steps)
{
    size_t wildcard = bytes_index(pattern, '*'), n;
    if (pattern.n == 0 || path.n == 0)
        return false;
    if (wildcard == pattern.n)
        return bytes_equal(pattern, path);
    if ((n = literal_length(pattern, wildcard)) == 0)
        return segments_match(segments_of(pattern), segments_of(path), steps);
    /* Most rules differ here from most paths, or end with "/" and two stars. */
    if (!bytes_starts(path, bytes_slice(pattern, 0, n)) || (path.n > n && path.p[n] != '/'))
        return false;
    pattern = bytes_from(pattern, n + 1);
    if (bytes_is(pattern, "**"))
        return true;
    struct segments rest = segments_of(bytes_from(path, n + 1));
    rest.done = path.n == n;
    return segments_match(segments_of(pattern), rest, steps);
}

enum kh_err
path_pattern_check(struct bytes pattern, struct fault *fault)
{
    struct segments s = segments_of(pattern);
    if (pattern.n == 0)
        return fault_set(fault, KH_ERR_SYNTAX, "a path pattern is empty");
    if (pattern.p[0] != '/' && !bytes_is(segment_peek(&s), "**"))
        return fault_set(fault, KH_ERR_SYNTAX, "a path pattern begins with / or is **");
    for (; !s.done; segment_skip(&s)) {
        struct bytes segment = segment_peek(&s);
        if (bytes_find(segment, BYTES("**")) < segment.n && !bytes_is(segment, "**"))
            return fault_set(fault, KH_ERR_SYNTAX, "in a path pattern, ** is a whole segment");
    }
    return KH_OK;
}
