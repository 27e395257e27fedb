/* SPDX-License-Identifier: Apache-2.0
 *
 * The discharger's HTTP/1.1 server: one request at a time on each connection, bodies of at most
 * SERVICE_BODY_MAX, one answer each. What the answer says is the service's affair.
 */
#ifndef KEYHOLE_DISCHARGE_SERVER_H
#define KEYHOLE_DISCHARGE_SERVER_H

#include "../http/http1.h"
#include "../messages.h"
#include "service.h"

#include <event2/event.h>
#include <sys/queue.h>

/* How long a connection may stay in a state, from when it came into it: slow progress is none. */
struct server_limits {
    int64_t handshake_ms, idle_ms, head_ms, body_ms, answer_ms, linger_ms;
    size_t connections, connections_of_client; /* at once */
};
extern const struct server_limits server_limits_default;

struct listener;
struct connection;
TAILQ_HEAD(listener_list, listener);
TAILQ_HEAD(connection_list, connection);

struct server {
    struct event_base *base;
    struct service *service; /* borrowed */
    char url[DISCHARGER_URL_MAX + 1];
    struct server_limits limits;
    struct listener_list listeners;
    struct connection_list connections;
    size_t connection_count;
    bool accepting, draining;
    void (*drained)(void *context); /* the last connection is gone; may be NULL */
    void *context;
    struct http1_head head; /* of the request that is being read */
};

void server_init(struct server *server, struct event_base *base,
                 const struct server_limits *limits);
void server_fini(struct server *server); /* harmless after a server_init alone */
/* Whose answers they are, and the origin that requests have to be for. */
void server_serve(struct server *server, struct service *service, const char *url);

/* Takes `fd` over, also on failure. A listener with TLS needs a certificate. */
KH_MUST_CHECK enum kh_err server_listen(struct server *server,
                                        const struct message_listener *message, int fd,
                                        struct fault *fault);
void server_accept(struct server *server); /* from now on */
/* No new connections; those that rest are closed, others after their answer. */
void server_drain(struct server *server);

#endif
