/* SPDX-License-Identifier: Apache-2.0
 *
 * What an upstream sends through a WebSocket is searched for the key. Frames cannot be rewritten
 * without being understood whole, so a stream that holds it is ended.
 *
 * Sans-I/O. Bytes that may be the beginning of the key wait for the next ones, but never beyond the
 * end of their frame: a message is not held up.
 */
#ifndef KEYHOLE_PROXY_TUNNEL_WATCH_H
#define KEYHOLE_PROXY_TUNNEL_WATCH_H

#include "../../caveats/bytes.h"

struct scrub;

enum { TUNNEL_HEADER_MAX = 10 }; /* a server's frames are not masked */

struct tunnel_watch {
    uint8_t header[TUNNEL_HEADER_MAX];
    size_t header_n;
    uint64_t left; /* of the payload */
    bool in_payload;
    struct buffer message; /* the end of the fragments so far; secret */
};

void tunnel_watch_init(struct tunnel_watch *watch);
void tunnel_watch_free(struct tunnel_watch *watch);

/* Append to `out` what may go on. Not NULL: a sentence why the stream ends here. */
const char *tunnel_watch_feed(struct tunnel_watch *watch, struct scrub *scrub, struct bytes data,
                              struct buffer *out);

#endif
