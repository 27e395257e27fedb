/* SPDX-License-Identifier: Apache-2.0
 *
 * The proxy process: what its modules share. One loop, one thread beside the resolver's.
 */
#ifndef KEYHOLE_PROXY_H
#define KEYHOLE_PROXY_H

#include "../channel.h"
#include "../config.h"
#include "../http/http1.h"
#include "../log.h"
#include "../messages.h"
#include "burial.h"
#include "connection.h"
#include "exchange.h"
#include "question.h"
#include "routes.h"
#include "spare.h"
#include "watch.h"

#include <event2/event.h>

struct resolver;
struct pool;
struct upstream_tls;
struct intercept;

struct proxy {
    struct event_base *base;
    const char *log_name; /* NULL: the log stays as it is */
    struct config config;
    struct message_dischargers dischargers; /* for clients to ask; the default first */
    struct channel *supervisor, *authority; /* authority: NULL while there is none */
    struct routes *routes;                  /* in use; empty before the first whole table */
    struct routes *routes_next;             /* being received */
    struct questions questions;
    struct resolver *resolver;
    struct pool *pool;
    struct upstream_tls *upstream_tls;
    struct intercept *intercept;
    struct listener_list listeners;
    struct connection_lists connections;
    struct spare spare;
    struct conduit_rest resting;  /* of clients and of upstreams */
    struct exchange_list running; /* allowed, and not finished */
    struct event *recheck_timer, *pool_timer, *drain_timer, *mend_timer;
    struct turn turn;
    struct burial *graveyard;
    struct http1_head head;        /* scratch of the parser: valid until the next parse */
    struct destination_memo named; /* by the last request */
    size_t buffered;               /* bytes of bodies that are held back */
    struct buffer scrubbed;        /* scratch of the response; secret */
    struct watch watch;            /* what all processes count, when it is asked for here */
    bool configured, routes_whole, ready, draining, recheck_armed;
};

/* Takes `supervisor_fd` over. The loop ends (event_base_loopbreak) when the process is to end. */
KH_MUST_CHECK enum kh_err proxy_new(struct event_base *base, int supervisor_fd, struct proxy **out,
                                    struct fault *fault);
/* What looks names up: call it after the sandbox was entered, which its threads must inherit. */
KH_MUST_CHECK enum kh_err proxy_start(struct proxy *proxy, struct fault *fault);
/* Serve until the supervisor says otherwise, or is gone. */
KH_MUST_CHECK enum kh_err proxy_run(struct proxy *proxy);
void proxy_free(struct proxy **proxy);

/* Free an object when nobody up the stack can touch it any more. `burial` is a part of it. */
void proxy_bury(struct proxy *proxy, struct burial *burial, void *object,
                void (*destroy)(void *object));

/* Say PROXY_READY once there is a configuration, an authority and a whole route table. */
void proxy_check_ready(struct proxy *proxy);
void proxy_check_drained(struct proxy *proxy);

/* Monotonic. While proxy_run() serves, the clock is read once for the events that came, and once
 * for the turn that follows: what happens in it happens at one time. */
int64_t proxy_now_us(void);
int64_t proxy_now_ms(void);
int64_t proxy_clock_s(void); /* of the world, seconds since 1970 */

#endif
