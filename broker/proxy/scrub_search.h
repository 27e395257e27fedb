/* SPDX-License-Identifier: Apache-2.0
 *
 * The search for a request's secrets, in every form that they may come back in.
 *
 * To make it ready costs more than to search a small answer, so requests that run at the same time
 * with the same secrets share one. It is gone, and wiped, with the last of them: what a request was
 * given does not outlive it here. One thread.
 */
#ifndef KEYHOLE_PROXY_SCRUB_SEARCH_H
#define KEYHOLE_PROXY_SCRUB_SEARCH_H

#include "../../caveats/bytes.h"
#include "../../caveats/errors.h"

enum {
    SCRUB_SECRET_MIN = 6, /* bytes: shorter ones would be found everywhere */
    SCRUB_NO_PATTERN = -1,
};

struct scrub_search;

struct scrub_match {
    int pattern; /* or SCRUB_NO_PATTERN */
    size_t at, n;
};

/* The one that is in use for exactly these secrets, or a new one; everything is copied. `*out` is
 * NULL when there is nothing to look for. */
KH_MUST_CHECK enum kh_err scrub_search_hold(const struct bytes *secret, size_t count,
                                            struct scrub_search **out);
void scrub_search_release(struct scrub_search **search);

/* So many bytes are to be searched at once: from some length on a table pays. */
void scrub_search_expect(struct scrub_search *search, size_t n);

/* The first occurrence at or after `at` that begins before `end`, and there the longest. */
struct scrub_match scrub_search_find(const struct scrub_search *search, struct bytes text,
                                     size_t at, size_t end);
/* Where, at or after `start`, the end of `text` begins to be a part of one; text.n if nowhere. */
size_t scrub_search_partial(const struct scrub_search *search, struct bytes text, size_t start);

/* Bytes of the longest text that is searched for. */
size_t scrub_search_longest(const struct scrub_search *search);
/* What stands in place of that pattern, with the token of whoever asked. */
void scrub_search_replace(const struct scrub_search *search, int pattern, struct bytes token,
                          struct buffer *out);

#endif
