/* SPDX-License-Identifier: Apache-2.0
 *
 * Answers to a client that came by a base URL. A place that an upstream names in Location,
 * Content-Location, Link and their like is written as the client would have to ask for it: by its
 * own name of the service a client would go past the broker, with a token that is worth nothing
 * there.
 */
#ifndef KEYHOLE_PROXY_BASE_URL_H
#define KEYHOLE_PROXY_BASE_URL_H

#include "../../caveats/bytes.h"

struct base_url {
    struct bytes url;  /* "http://127.0.0.1:8437/~name", as the client has it */
    struct bytes path; /* "/~name" */
    struct bytes host; /* the upstream, canonical */
    uint16_t port;
    bool plain;
};

/* Whether a field of that name says places. */
bool base_url_is_in(struct bytes field);
/* The value with places of that very upstream, and paths without one, below the base URL; whatever
 * else is left as it is. */
void base_url_write(const struct base_url *base, struct bytes value, struct buffer *out);

#endif
