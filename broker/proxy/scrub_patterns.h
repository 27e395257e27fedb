/* SPDX-License-Identifier: Apache-2.0
 *
 * The texts that a secret can turn into on its way back: what scrub_search.c searches for.
 *
 * It is one allocation, and forms that are equal for this secret are not made at all. What a form
 * is replaced with is made when one is found, which is almost never.
 */
#ifndef KEYHOLE_PROXY_SCRUB_PATTERNS_H
#define KEYHOLE_PROXY_SCRUB_PATTERNS_H

#include "../../caveats/bytes.h"

/* What stands in its place. */
enum scrub_replacement {
    SCRUB_TOKEN = 0,
    SCRUB_BASE64,      /* of the token, standard alphabet */
    SCRUB_BASE64_BARE, /* without padding */
    SCRUB_BASE64_URL,
    SCRUB_BASE64_URL_BARE,
};

struct scrub_pattern {
    size_t at, n; /* in the arena */
    enum scrub_replacement replacement;
};

enum { SCRUB_PATTERNS_PER_SECRET_MAX = 12 };

struct scrub_patterns {
    struct buffer arena; /* secret */
    struct scrub_pattern *list;
    size_t count, cap;
    bool failed; /* memory is used up: the list is not complete */
};

void scrub_patterns_init(struct scrub_patterns *patterns);
void scrub_patterns_free(struct scrub_patterns *patterns);

/* Add every form of `secret` but those with escapes, which scrub_escape.h finds; equal texts are
 * added once, the first replacement stays. */
void scrub_patterns_add(struct scrub_patterns *patterns, struct bytes secret);
/* Borrowed until the next add. */
struct bytes scrub_pattern_text(const struct scrub_patterns *patterns, size_t index);
/* With the token, in the same encoding. */
void scrub_pattern_replace(const struct scrub_patterns *patterns, size_t index, struct bytes token,
                           struct buffer *out);

#endif
