/* SPDX-License-Identifier: Apache-2.0
 *
 * One connection of a client. What is done in a state, how long it may last, and what happens then
 * is one row of the table in connection_states.c.
 */
#ifndef KEYHOLE_DISCHARGE_CONNECTION_H
#define KEYHOLE_DISCHARGE_CONNECTION_H

#include "../http/conduit.h"
#include "admission.h"
#include "peer.h"
#include "server.h"

enum connection_state {
    CONNECTION_CLOSED = 0,
    CONNECTION_HANDSHAKE, /* TLS */
    CONNECTION_IDLE,      /* between requests */
    CONNECTION_HEAD,      /* a request head is coming in */
    CONNECTION_BODY,      /* its body is */
    CONNECTION_ANSWERING, /* the answer goes out */
    CONNECTION_LINGERING, /* nothing more to say; let the client read it before the reset */
    CONNECTION_STATE_COUNT
};

struct connection {
    TAILQ_ENTRY(connection) entry;
    enum connection_state state;
    struct server *server;
    struct conduit conduit;
    struct event *timer;
    struct peer peer;
    bool running, expired;
    /* the request that is being served */
    size_t scanned;     /* of the head that is coming in */
    struct buffer head; /* that the slices of `request` point into; secret */
    struct buffer body; /* secret */
    char type[ADMISSION_TYPE_MAX + 1];
    struct service_request request;
    struct http1_body_reader reader;
    bool is_head, keep_alive, body_done;
    size_t drained; /* bytes that came and that nobody wanted */
};

struct connection_row {
    const char *name;
    size_t limit;      /* offset in struct server_limits */
    size_t read_ahead; /* bytes that are read before the step; 0: none */
    /* Goes as far as it can; false: there is something to wait for. */
    bool (*step)(struct connection *connection);
    void (*expired)(struct connection *connection);
};
extern const struct connection_row connection_row[CONNECTION_STATE_COUNT];

/* Takes `fd` over. `context` is NULL for plain HTTP. */
void connection_new(struct server *server, SSL_CTX *context, int fd, const struct peer *peer);
size_t connection_count_of(const struct server *server, const struct peer *peer);
/* The one mover; the time limit of the state begins. */
void connection_move(struct connection *connection, enum connection_state state);
/* It ends when this turn of its run does: in order, or so that the client notices. */
void connection_close(struct connection *connection);
void connection_abort(struct connection *connection);
/* Go on as far as possible; every event ends up here. The connection may be gone afterwards. */
void connection_run(struct connection *connection);

#endif
