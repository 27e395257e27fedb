/* SPDX-License-Identifier: Apache-2.0
 *
 * Bodies on their way to be signed: collected from a proxy's BODY_PARTs until the request is asked
 * for again, which is a moment later. Bounded in number, size and time.
 */
#ifndef KEYHOLE_CONTENT_H
#define KEYHOLE_CONTENT_H

#include "../messages.h"

enum {
    CONTENT_COUNT_MAX = 1024,
    CONTENT_TOTAL_MAX = 64 << 20,
    CONTENT_LIFETIME_S = 30,
};

struct content;

struct contents { /* zeroed: none */
    struct content *first;
    size_t count, total;
};

enum content_state {
    CONTENT_NONE = 0,
    CONTENT_LOST, /* there was no room for it */
    CONTENT_HERE,
};

/* Add a part. False: it does not follow the one before, and whoever sent it breaks the protocol. */
KH_MUST_CHECK bool contents_add(struct contents *contents, const struct message_body_part *part,
                                int64_t now);
/* What has come for that request so far; `out` is set with CONTENT_HERE alone. */
enum content_state contents_find(const struct contents *contents,
                                 const uint8_t request_id[REQUEST_ID_SIZE], struct bytes *out);
void contents_drop(struct contents *contents, const uint8_t request_id[REQUEST_ID_SIZE]);
void contents_expire(struct contents *contents, int64_t now);
void contents_free(struct contents *contents);

#endif
