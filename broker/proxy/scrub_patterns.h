/* SPDX-License-Identifier: Apache-2.0
 *
 * The texts that a secret can turn into on its way back: what scrub.c searches for.
 */
#ifndef KEYHOLE_PROXY_SCRUB_PATTERNS_H
#define KEYHOLE_PROXY_SCRUB_PATTERNS_H

#include "../../caveats/bytes.h"

struct scrub_pattern {
    struct buffer text, replacement; /* both secret */
};

enum { SCRUB_PATTERNS_PER_SECRET_MAX = 32 };

struct scrub_patterns {
    struct scrub_pattern *list;
    size_t count, cap;
    bool failed; /* memory is used up: the list is not complete */
};

/* Add every form of `secret`; equal texts are added once, the first replacement stays. */
void scrub_patterns_add(struct scrub_patterns *patterns, struct bytes secret, struct bytes token);
void scrub_patterns_free(struct scrub_patterns *patterns);

#endif
