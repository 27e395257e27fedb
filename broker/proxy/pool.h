/* SPDX-License-Identifier: Apache-2.0
 *
 * Idle upstream connections and TLS sessions, by what they may be used again for. The key holds
 * everything that must be equal: credential, scheme, host, port, and the fingerprint of the route
 * (its CA, its networks), so that a connection never serves another credential or host
 * (docs/THREATS.md, 7).
 *
 * The pool knows nothing of sockets: what it keeps is a `struct pool_item` inside of something.
 */
#ifndef KEYHOLE_PROXY_POOL_H
#define KEYHOLE_PROXY_POOL_H

#include "../messages.h"

#include <openssl/ssl.h>
#include <sys/queue.h>

struct pool;
struct pool_place; /* one key */

struct pool_item {
    TAILQ_ENTRY(pool_item) by_age, by_place;
    struct pool_place *place; /* counted: pool_join, pool_leave */
    bool idle;
    int64_t since_ms;
};

enum { POOL_PLACES_MAX = 1024 };

KH_MUST_CHECK enum kh_err pool_new(void (*discard)(struct pool_item *item), struct pool **out);
void pool_free(struct pool **pool); /* discards what is idle */
/* Bounds; what is over them is discarded, the oldest first. */
void pool_set_limits(struct pool *pool, size_t per_place, size_t total, int64_t idle_ms);

void pool_key(struct bytes credential, bool plain, struct bytes host, uint16_t port,
              const uint8_t *fingerprint, size_t fingerprint_size, struct buffer *out);

/* An idle item for that key, the one used last; NULL when there is none. It stays joined. */
struct pool_item *pool_take(struct pool *pool, struct bytes key);
/* A new item belongs to that key. */
KH_MUST_CHECK enum kh_err pool_join(struct pool *pool, struct bytes key, struct pool_item *item);
/* It is idle from here on; it may be discarded at once. */
void pool_put(struct pool *pool, struct pool_item *item, int64_t now_ms);
/* It goes away; not idle any more. */
void pool_leave(struct pool *pool, struct pool_item *item);

/* Discard what has been idle for too long; milliseconds until the next one is, or -1. */
int64_t pool_expire(struct pool *pool, int64_t now_ms);
size_t pool_idle_count(const struct pool *pool);

/* The TLS session to resume for that item's key (borrowed), and a new one (taken over). */
SSL_SESSION *pool_session(const struct pool_item *item);
void pool_keep_session(struct pool_item *item, SSL_SESSION *session);

#endif
