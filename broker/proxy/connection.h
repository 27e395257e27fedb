/* SPDX-License-Identifier: Apache-2.0
 *
 * A client's connection. It is in exactly one list, the list is its state, and one function moves
 * it. What is done in a state, how long it may last and what happens then is one row of the table
 * in connection_states.c.
 */
#ifndef KEYHOLE_PROXY_CONNECTION_H
#define KEYHOLE_PROXY_CONNECTION_H

#include "../http/conduit.h"
#include "../http/http1.h"
#include "../messages.h"
#include "burial.h"
#include "listen.h"
#include "relayed.h"

#include <netinet/in.h>
#include <sys/queue.h>

struct proxy;
struct exchange;
struct connection;

enum connection_state {
    CONNECTION_CLOSED = 0, /* memory goes next turn */
    CONNECTION_PEEKING,    /* what does the client begin with? (transparent.h, pass_through.h) */
    CONNECTION_HANDSHAKE,  /* TLS with the client */
    CONNECTION_LEAF,       /* the authority makes a certificate */
    CONNECTION_OPENING,    /* 200 to CONNECT is on its way, then the handshake */
    CONNECTION_IDLE,       /* between requests, or before the first byte */
    CONNECTION_PREFACE,    /* what a relay says is coming in */
    CONNECTION_DNS,        /* between DNS messages */
    CONNECTION_HEAD,       /* a request head is coming in */
    CONNECTION_DECIDING,   /* the authority judges */
    CONNECTION_BUFFERING,  /* a body is held back, because a caveat looks at it */
    CONNECTION_DIALLING,   /* allowed; it needs a connection to its upstream */
    CONNECTION_RESOLVING,
    CONNECTION_CONNECTING,
    CONNECTION_UPSTREAM_TLS,
    CONNECTION_SENDING,     /* the request goes up */
    CONNECTION_WAITING,     /* it is up; no answer yet */
    CONNECTION_RELAYING,    /* the answer comes down */
    CONNECTION_SEALING,     /* the answer is a token, which the authority keeps */
    CONNECTION_TUNNELLING,  /* a WebSocket, or what is passed through: bytes go both ways */
    CONNECTION_HALF_TUNNEL, /* and now one way: the other side has said all that it says */
    CONNECTION_ANSWERING, /* the answer is made; what is left of it and of the request goes through
                           */
    CONNECTION_LINGERING, /* nothing more to say; let the client read it before the reset */
    CONNECTION_STATE_COUNT
};

/* Wait for an event, but where the step has changed the state do that one's first; do the same once
 * more; wait for an event in any case. */
enum step { STEP_WAIT = 0, STEP_AGAIN, STEP_REST };

struct connection_row {
    const char *name;
    size_t timeout_field; /* offset in struct config, or CONNECTION_NO_FIELD */
    size_t read_ahead;    /* bytes that are read from the client before the step; 0: none */
    bool serving;         /* an exchange hangs on it */
    enum step (*step)(struct connection *connection);
    void (*expired)(struct connection *connection);
};

#define CONNECTION_NO_FIELD SIZE_MAX
extern const struct connection_row connection_row[CONNECTION_STATE_COUNT];

TAILQ_HEAD(connection_list, connection);

/* Members stand in the order in which they came, so the first one runs out first and one timer a
 * list is enough. */
struct connection_lists {
    struct connection_list list[CONNECTION_STATE_COUNT];
    struct event *timer[CONNECTION_STATE_COUNT];
    bool armed[CONNECTION_STATE_COUNT];
    size_t count;    /* of connections that are not closed */
    size_t watching; /* and of these, of whoever watches */
};

/* What TLS and CONNECT said, for the requests inside. Names are canonical. */
struct connection_tunnel {
    bool transparent; /* the client believes to speak to the destination itself */
    size_t peek_need; /* of what it begins with: look again when that many bytes are there */
    bool intercepted;
    struct buffer host; /* of CONNECT; transparent: of SNI */
    uint16_t port;      /* transparent: where the client connected to */
    struct buffer sni;
    struct buffer token; /* of Proxy-Authorization at CONNECT, or of the preface; secret */
    bool token_in_user;
};

struct connection {
    struct burial burial;
    TAILQ_ENTRY(connection) entry;
    enum connection_state state;
    int64_t since_ms; /* in this state, or since the last progress */
    struct proxy *proxy;
    const struct listener *listener;
    struct conduit conduit;
    bool running;
    size_t scanned;               /* of the head that is coming in */
    char peer[INET6_ADDRSTRLEN];  /* or "unix" */
    uint32_t uid;                 /* of a unix peer, else UINT32_MAX */
    char local[INET6_ADDRSTRLEN]; /* the address the client reached; "" on a unix socket */
    struct relayed relayed;
    struct connection_tunnel tunnel;
    uint64_t leaf_question;
    bool leaf_refused;
    /* the request that is being served */
    struct exchange *exchange;
    struct http1_body_reader body;
    bool body_done; /* the request was read to its end */
    bool keep_alive;
    bool rested;               /* it was between requests once: whoever waits there may lose it */
    uint64_t drained;          /* bytes of an unwanted body, before the next request */
    struct event *half_closed; /* runs out when a client that ended its side waits too long */
    bool gone;                 /* it did */
};

KH_MUST_CHECK enum kh_err connection_lists_init(struct connection_lists *lists,
                                                struct proxy *proxy);
void connection_lists_fini(struct connection_lists *lists);
/* The time limits are others from now on, also for connections that are there. */
void connection_lists_retime(struct proxy *proxy);
void connection_lists_mend(struct proxy *proxy); /* arm the timers that could not be armed */

/* Takes `fd` over. */
void connection_accept(struct proxy *proxy, const struct listener *listener, int fd);
/* For a request of the authority's own (carry.h): nothing is read from it or written to it. NULL:
 * no memory. */
struct connection *connection_without_client(struct proxy *proxy);
/* The one mover. */
void connection_move(struct connection *connection, enum connection_state state);
/* Progress was made: the time limit of the state starts anew. */
void connection_touch(struct connection *connection);
/* Go on as far as possible; every event ends up here. */
void connection_run(struct connection *connection);
/* The same, at the end of this turn with the others. */
void connection_soon(struct connection *connection);
/* Nobody waits for the answer any more, or the rest of the request will not come. */
bool connection_is_lost(struct connection *connection);
static inline bool
connection_client_lost(struct connection *c)
{
    return (c->conduit.write_failed || c->conduit.ended != STREAM_OK) && connection_is_lost(c);
}
/* End in order: what was written arrives. */
KH_COLD void connection_close(struct connection *connection);
/* End so that the client notices: no close_notify, a reset. */
KH_COLD void connection_abort(struct connection *connection);
/* Drain: close what rests between requests, tell the others to close after this answer. Those that
 * were accepted and have not asked for anything yet have a moment to do so. */
void connection_drain_all(struct proxy *proxy);
void connection_abort_all(struct proxy *proxy);

#endif
