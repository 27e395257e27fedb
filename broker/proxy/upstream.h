/* SPDX-License-Identifier: Apache-2.0
 *
 * Connections to upstreams: taken from the pool, or made to an address that was checked.
 */
#ifndef KEYHOLE_PROXY_UPSTREAM_H
#define KEYHOLE_PROXY_UPSTREAM_H

#include "../http/conduit.h"
#include "address.h"
#include "connection.h"
#include "pool.h"

struct upstream {
    struct pool_item item; /* first: the pool hands this out */
    struct burial burial;
    struct proxy *proxy;
    struct exchange *exchange; /* NULL: idle */
    struct conduit conduit;
    bool reused;          /* it served another request before */
    uint64_t rested_turn; /* in which it went into the pool */
    bool closed;
    size_t scanned;       /* of the response head */
    struct address local; /* our end of it, once it is connected */
};

/* The request was allowed and its head is composed: find or make a connection for it. */
void upstream_dial(struct exchange *exchange);
enum step upstream_step_dial(struct connection *connection);
enum step upstream_step_connect(struct connection *connection);
enum step upstream_step_tls(struct connection *connection);
void upstream_expired_connect(struct connection *connection);
void upstream_expired(struct connection *connection); /* resolving, TLS */

/* The connection ended before it answered: once more on a new one, or a failure. */
KH_COLD void upstream_lost(struct exchange *exchange, const char *detail);

/* Whether one of this process's connections to upstreams begins there. */
bool upstream_begins_at(const struct proxy *proxy, const struct address *address);
void upstream_arm(struct upstream *upstream);
/* The exchange is over: into the pool if it may serve again, else closed. */
void upstream_release(struct upstream *upstream);
KH_COLD void upstream_close(struct upstream *upstream);

KH_MUST_CHECK enum kh_err upstream_pool_init(struct proxy *proxy);
void upstream_pool_fini(struct proxy *proxy);
void upstream_pool_configure(struct proxy *proxy);

#endif
