/* SPDX-License-Identifier: Apache-2.0
 *
 * For whoever watches the broker: /metrics, /healthz and /readyz, on listeners that answer nothing
 * else. No token is asked for, and the authority is not: it may be what is broken.
 */
#ifndef KEYHOLE_PROXY_WATCH_H
#define KEYHOLE_PROXY_WATCH_H

#include "../channel.h"
#include "../metrics_print.h"

struct proxy;
struct exchange;
struct http1_head;

enum { WATCH_CONNECTIONS_MAX = 32 }; /* of all these listeners, beside limits.connections */

struct watch {
    struct metrics_view view[METRICS_PROCESSES];
    size_t count;
};

/* METRICS_PAGE: a page to read, or the same one once more. */
bool watch_handle_page(struct channel *channel, void *context, const struct message *message);
void watch_fini(struct watch *watch);
/* The page that has the names of credentials; NULL: there is none. */
const struct metrics_page *watch_authority_page(const struct watch *watch);

/* A head on such a listener, or what the parser says of one. */
KH_COLD void watch_serve(struct exchange *exchange, const struct http1_head *head);
KH_COLD void watch_refuse(struct exchange *exchange, enum kh_reason reason, const char *detail);

/* Whether requests can be decided right now; if not, sentences in `problems` (a list of JSON). */
bool watch_is_ready(const struct proxy *proxy, struct buffer *problems);
/* Each second. */
void watch_tick(struct proxy *proxy);

#endif
