/* SPDX-License-Identifier: Apache-2.0
 *
 * The server as a whole: its listeners and connections, and how it ends.
 */
#include "server.h"

#include "connection.h"
#include "listen.h"

#include <stdio.h>

const struct server_limits server_limits_default = {
    .handshake_ms = 10000,
    .idle_ms = 60000,
    .head_ms = 15000,
    .body_ms = 15000,
    .answer_ms = 30000,
    .linger_ms = 2000,
    .connections = 512,
    .connections_of_client = 64,
};

void
server_init(struct server *server, struct event_base *base, const struct server_limits *limits)
{
    *server = (struct server){.base = base, .limits = *limits};
    TAILQ_INIT(&server->listeners);
    TAILQ_INIT(&server->connections);
}

void
server_fini(struct server *server)
{
    struct listener *listener;
    struct connection *c;

    server->drained = NULL;
    while ((c = TAILQ_FIRST(&server->connections))) {
        connection_abort(c);
        connection_run(c);
    }
    while ((listener = TAILQ_FIRST(&server->listeners))) {
        TAILQ_REMOVE(&server->listeners, listener, entry);
        listener_free(listener);
    }
}

void
server_serve(struct server *server, struct service *service, const char *url)
{
    server->service = service;
    snprintf(server->url, sizeof server->url, "%s", url);
}

void
server_accept(struct server *server)
{
    struct listener *listener;

    server->accepting = true;
    TAILQ_FOREACH(listener, &server->listeners, entry)
    listener_accept(listener);
}

void
server_drain(struct server *server)
{
    struct listener *listener;
    struct connection *c, *next;

    server->draining = true;
    TAILQ_FOREACH(listener, &server->listeners, entry)
    listener_close(listener);
    if (server->connection_count == 0 && server->drained) {
        server->drained(server->context);
        return;
    }
    for (c = TAILQ_FIRST(&server->connections); c; c = next) {
        next = TAILQ_NEXT(c, entry);
        connection_run(c); // closes those that rest
    }
}
