/* SPDX-License-Identifier: Apache-2.0
 *
 * The life of a client's connection: made, moved, run, freed.
 */
#include "connection.h"

#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { RUN_STEPS_MAX = 64 }; // then the others have their turn

static void
connection_free(struct connection *c)
{
    struct server *server = c->server;

    TAILQ_REMOVE(&server->connections, c, entry);
    server->connection_count--;
    conduit_close(&c->conduit, false);
    if (c->timer)
        event_free(c->timer);
    buffer_free(&c->head);
    buffer_free(&c->body);
    wipe(c, sizeof *c);
    free(c);
    if (server->draining && server->connection_count == 0 && server->drained)
        server->drained(server->context);
}

size_t
connection_count_of(const struct server *server, const struct peer *peer)
{
    const struct connection *c;
    size_t n = 0;

    TAILQ_FOREACH(c, &server->connections, entry)
    n += peer_is_same(&c->peer, peer) ? 1 : 0;
    return n;
}

void
connection_move(struct connection *c, enum connection_state state)
{
    int64_t limit_ms = 1;

    c->state = state;
    if (state == CONNECTION_CLOSED) {
        (void)event_del(c->timer);
        return;
    }
    memcpy(&limit_ms, (const char *)&c->server->limits + connection_row[state].limit,
           sizeof limit_ms);
    struct timeval limit = {.tv_sec = limit_ms / 1000, .tv_usec = limit_ms % 1000 * 1000};
    if (event_add(c->timer, &limit))
        connection_abort(c); // never without a limit
}

void
connection_close(struct connection *c)
{
    conduit_close(&c->conduit, true);
    connection_move(c, CONNECTION_CLOSED);
}

void
connection_abort(struct connection *c)
{
    conduit_close(&c->conduit, false);
    connection_move(c, CONNECTION_CLOSED);
}

// ---- running ----

static bool
run_once(struct connection *c)
{
    const struct connection_row *row = &connection_row[c->state];

    if (row->read_ahead)
        conduit_fill(&c->conduit, row->read_ahead);
    if (c->conduit.write_failed || c->conduit.ended == STREAM_ERROR ||
        c->conduit.ended == STREAM_TRUNCATED) {
        connection_abort(c);
        return false;
    }
    if (c->expired) {
        c->expired = false;
        row->expired(c);
    } else if (!row->step(c)) {
        return false;
    }
    return c->state != CONNECTION_CLOSED;
}

void
connection_run(struct connection *c)
{
    bool more = true;

    if (c->running)
        return; // its run goes on until nothing more can be done
    c->running = true;
    for (int i = 0; i < RUN_STEPS_MAX && more && c->state != CONNECTION_CLOSED; i++)
        more = run_once(c);
    c->running = false;
    if (c->state == CONNECTION_CLOSED) {
        connection_free(c);
        return;
    }
    size_t ahead = connection_row[c->state].read_ahead;
    if (more)
        conduit_again(&c->conduit);
    conduit_arm(&c->conduit, ahead && c->conduit.in.n < ahead);
}

static void
on_ready(void *owner)
{
    connection_run(owner);
}

static void
on_timer(evutil_socket_t fd, short what, void *context)
{
    struct connection *c = context;

    (void)fd, (void)what;
    c->expired = true;
    connection_run(c);
}

// ---- beginning ----

static bool
set_up(struct connection *c, SSL_CTX *context, int fd)
{
    const int on = 1;

    if (conduit_open(&c->conduit, c->server->base, fd, on_ready, c)) // closes fd
        return false;
    c->timer = evtimer_new(c->server->base, on_timer, c);
    if (c->timer == NULL)
        return false;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (context == NULL)
        return true;
    c->conduit.stream.ssl = SSL_new(context);
    if (c->conduit.stream.ssl == NULL || SSL_set_fd(c->conduit.stream.ssl, fd) != 1)
        return false;
    SSL_set_accept_state(c->conduit.stream.ssl);
    return true;
}

void
connection_new(struct server *server, SSL_CTX *context, int fd, const struct peer *peer)
{
    struct connection *c = calloc(1, sizeof *c);

    if (c == NULL) {
        close(fd);
        return;
    }
    c->server = server;
    c->peer = *peer;
    buffer_init_secret(&c->head, CONDUIT_IN_MAX);
    buffer_init_secret(&c->body, SERVICE_BODY_MAX);
    TAILQ_INSERT_TAIL(&server->connections, c, entry);
    server->connection_count++;
    if (!set_up(c, context, fd)) {
        connection_free(c);
        return;
    }
    connection_move(c, context ? CONNECTION_HANDSHAKE : CONNECTION_IDLE);
    c->conduit.readable = true; // TCP_DEFER_ACCEPT or not, something may be there
    connection_run(c);
}
