/* SPDX-License-Identifier: Apache-2.0
 *
 * The memory of requests that are over, for those that come next: clean, and not much of it. With
 * many requests at once the allocator was a sixth of what a request cost.
 */
#ifndef KEYHOLE_PROXY_SPARE_H
#define KEYHOLE_PROXY_SPARE_H

#include <stddef.h>

struct exchange;
struct exchange_draft;

enum {
    SPARE_EXCHANGES_MAX = 128,
    SPARE_DRAFTS_MAX = 64,
    SPARE_BUFFER_MAX = 16 * 1024, /* a larger one is given back to the system */
};

/* Zeroed is empty. */
struct spare {
    struct exchange *exchange;
    size_t exchange_count;
    struct exchange_draft *draft;
    size_t draft_count;
};

/* Zeroed up to its buffers; these, and that of its destination, are empty and have their limits.
 * NULL: no memory. */
struct exchange *spare_take_exchange(struct spare *spare);
/* These buffers are wiped here; whatever else it owned was freed before. */
void spare_keep_exchange(struct spare *spare, struct exchange *exchange);

/* Not built, without a token, `head` empty; for request_build_again. NULL: no memory. */
struct exchange_draft *spare_take_draft(struct spare *spare);
/* Its request was cleared before. */
void spare_keep_draft(struct spare *spare, struct exchange_draft *draft);

void spare_fini(struct spare *spare);

#endif
