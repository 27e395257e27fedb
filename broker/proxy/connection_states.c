/* SPDX-License-Identifier: Apache-2.0
 *
 * The states of a client's connection as a table, and the steps of those in which no upstream is
 * involved.
 */
#include "../http/client_hello.h"
#include "answer.h"
#include "buffering.h"
#include "dns_stream.h"
#include "intercept.h"
#include "judge.h"
#include "pass_through.h"
#include "proxy.h"
#include "relay.h"
#include "token_seal.h"
#include "transparent.h"
#include "tunnel.h"
#include "upstream.h"

#include <sys/socket.h>

enum {
    // While a request is served, that much of what follows it is read, which also shows that the
    // client is still there.
    READ_AHEAD = 16 * 1024,
};

/* ---- steps ---- */

static enum step
step_wait(struct connection *c)
{
    (void)c;
    return STEP_WAIT;
}

// HAProxy's health checks, for one, are HTTP/1.0 without Host.
static enum http1_result
parse_head(struct connection *c, struct http1_head *head, const char **why)
{
    struct bytes in = buffer_bytes(&c->conduit.in);
    return c->listener->metrics ? http1_parse_request_hostless(in, head, &c->scanned, why)
                                : http1_parse_request(in, head, &c->scanned, why);
}

static enum step
step_head(struct connection *c)
{
    struct http1_head *head = &c->proxy->head;
    const char *why = NULL;
    switch (parse_head(c, head, &why)) {
    case HTTP1_DONE:
        exchange_begin(c, head);
        return STEP_AGAIN;
    case HTTP1_MORE:
        if (c->state != CONNECTION_HEAD) // most heads come whole
            connection_move(c, CONNECTION_HEAD);
        if (c->conduit.ended == STREAM_OK && c->conduit.in.n < CONDUIT_IN_MAX)
            return STEP_WAIT;
        if (c->conduit.ended != STREAM_OK) {
            connection_close(c); // nobody asked for anything
            return STEP_WAIT;
        }
        why = "the head is too large";
        break;
    case HTTP1_REJECT:
        break;
    }
    exchange_begin_refused(c, KH_REASON_REQUEST_MALFORMED, why);
    return STEP_AGAIN;
}

static enum step
step_idle(struct connection *c)
{
    if (c->conduit.in.n > 0) {
        conduit_wake(&c->conduit);
        bool preface = relayed_may_begin(c);
        c->relayed.done |= !preface;
        c->scanned = 0;
        if (!preface)
            return step_head(c); // as much as that state reads is read
        connection_move(c, CONNECTION_PREFACE);
        return STEP_AGAIN;
    }
    if (c->conduit.ended != STREAM_OK)
        connection_close(c);
    return STEP_WAIT;
}

static void
start_lingering(struct connection *c)
{
    // A reset that overtakes the answer would take it from the client (RFC 9112 9.6).
    conduit_end(&c->conduit);
    connection_move(c, CONNECTION_LINGERING);
}

// Read what is left of a body that nobody wants, so that the next request can be found.
static void
drain_body(struct connection *c)
{
    struct bytes in = buffer_bytes(&c->conduit.in);
    size_t at = 0;
    while (!c->body_done && c->keep_alive && at < in.n) {
        size_t used = 0;
        struct bytes data;
        const char *why;
        switch (http1_body_read(&c->body, bytes_from(in, at), &used, &data, &why)) {
        case HTTP1_DONE:
            c->body_done = true;
            break;
        case HTTP1_MORE:
            if (used == 0)
                goto out;
            break;
        case HTTP1_REJECT:
            c->keep_alive = false;
            break;
        }
        at += used;
        c->drained += used;
        if ((int64_t)c->drained > c->proxy->config.drain_body_max)
            c->keep_alive = false;
    }
out:
    conduit_consume(&c->conduit, at);
}

static enum step
step_answering(struct connection *c)
{
    conduit_flush(&c->conduit);
    if (c->keep_alive && !c->body_done)
        drain_body(c);
    // Requests that were sent before the client said that it sends no more are answered too.
    if (c->conduit.ended != STREAM_OK && (!c->body_done || c->conduit.in.n == 0))
        c->keep_alive = false;
    if (conduit_moved(&c->conduit))
        connection_touch(c);
    if (c->conduit.write_failed) {
        connection_abort(c);
        return STEP_WAIT;
    }
    if (c->conduit.out.n > 0)
        return STEP_WAIT;
    if (!c->keep_alive) {
        if (c->conduit.ended != STREAM_OK || (c->body_done && c->conduit.in.n == 0))
            connection_close(c);
        else
            start_lingering(c);
        return STEP_WAIT;
    }
    if (!c->body_done)
        return STEP_WAIT;
    conduit_rest(&c->proxy->resting, &c->conduit);
    c->rested = true;
    connection_move(c, CONNECTION_IDLE);
    return STEP_AGAIN;
}

static enum step
step_lingering(struct connection *c)
{
    // The state's time bounds it, not a number of bytes: whoever sends a large body that was
    // refused at its head is still to read why.
    conduit_consume(&c->conduit, c->conduit.in.n);
    if (c->conduit.ended != STREAM_OK)
        connection_close(c);
    return STEP_WAIT;
}

static enum step
step_peeking(struct connection *c)
{
    return c->exchange ? pass_through_peek(c) : transparent_peek(c);
}

/* ---- what happens when the time is up ---- */

static void
expired_peeking(struct connection *c)
{
    if (c->exchange)
        pass_through_peek_expired(c);
    else
        connection_close(c);
}

static void
expired_quietly(struct connection *c)
{
    connection_close(c);
}

static void
expired_abort(struct connection *c)
{
    connection_abort(c);
}

// An answer that was sent whole stays one, though the rest of its request never came.
static void
expired_answering(struct connection *c)
{
    if (c->conduit.out.n > 0)
        connection_abort(c);
    else
        connection_close(c);
}

static void
expired_head(struct connection *c)
{
    exchange_begin_refused(c, KH_REASON_REQUEST_TIMEOUT, "the head did not arrive in time");
}

#define LIMIT(field) offsetof(struct config, field)

const struct connection_row connection_row[CONNECTION_STATE_COUNT] = {
    [CONNECTION_CLOSED] = {"closed", CONNECTION_NO_FIELD, 0, false, step_wait, expired_quietly},
    [CONNECTION_PEEKING] = {"peeking", LIMIT(tls_timeout_ms), CLIENT_HELLO_READ_MAX, false,
                            step_peeking, expired_peeking},
    [CONNECTION_HANDSHAKE] = {"handshake", LIMIT(tls_timeout_ms), 0, false,
                              intercept_step_handshake, expired_abort},
    [CONNECTION_LEAF] = {"leaf", LIMIT(decide_timeout_ms), 0, false, step_wait,
                         intercept_leaf_expired},
    [CONNECTION_OPENING] = {"opening", LIMIT(body_timeout_ms), 0, false, intercept_step_open,
                            expired_abort},
    [CONNECTION_IDLE] = {"idle", LIMIT(idle_timeout_ms), CONDUIT_IN_MAX, false, step_idle,
                         expired_quietly},
    [CONNECTION_PREFACE] = {"preface", LIMIT(head_timeout_ms), CONDUIT_IN_MAX, false, relayed_step,
                            expired_quietly},
    [CONNECTION_DNS] = {"dns", LIMIT(idle_timeout_ms), DNS_READ_AHEAD, false, dns_stream_step,
                        expired_quietly},
    [CONNECTION_HEAD] = {"head", LIMIT(head_timeout_ms), CONDUIT_IN_MAX, false, step_head,
                         expired_head},
    [CONNECTION_DECIDING] = {"deciding", LIMIT(decide_timeout_ms), READ_AHEAD, true, step_wait,
                             judge_expired},
    [CONNECTION_BUFFERING] = {"buffering", LIMIT(body_timeout_ms), CONDUIT_OUT_HIGH, true,
                              buffering_step, buffering_expired},
    [CONNECTION_DIALLING] = {"dialling", LIMIT(connect_timeout_ms), READ_AHEAD, true,
                             upstream_step_dial, upstream_expired_connect},
    [CONNECTION_RESOLVING] = {"resolving", LIMIT(resolve_timeout_ms), READ_AHEAD, true, step_wait,
                              upstream_expired},
    [CONNECTION_CONNECTING] = {"connecting", LIMIT(connect_timeout_ms), READ_AHEAD, true,
                               upstream_step_connect, upstream_expired_connect},
    [CONNECTION_UPSTREAM_TLS] = {"upstream-tls", LIMIT(tls_timeout_ms), READ_AHEAD, true,
                                 upstream_step_tls, upstream_expired},
    [CONNECTION_SENDING] = {"sending", LIMIT(body_timeout_ms), CONDUIT_OUT_HIGH, true, relay_step,
                            relay_expired},
    [CONNECTION_WAITING] = {"waiting", LIMIT(first_byte_timeout_ms), READ_AHEAD, true, relay_step,
                            relay_expired},
    [CONNECTION_RELAYING] = {"relaying", LIMIT(body_timeout_ms), CONDUIT_OUT_HIGH, true, relay_step,
                             relay_expired},
    [CONNECTION_SEALING] = {"sealing", LIMIT(decide_timeout_ms), READ_AHEAD, true, step_wait,
                            token_seal_expired},
    // Not serving: either side may end it in order, and then what came before is passed on.
    [CONNECTION_TUNNELLING] = {"tunnelling", LIMIT(tunnel_timeout_ms), CONDUIT_OUT_HIGH, false,
                               tunnel_step, tunnel_expired},
    [CONNECTION_HALF_TUNNEL] = {"half-tunnel", LIMIT(body_timeout_ms), CONDUIT_OUT_HIGH, false,
                                tunnel_step, tunnel_expired},
    [CONNECTION_ANSWERING] = {"answering", LIMIT(body_timeout_ms), READ_AHEAD, false,
                              step_answering, expired_answering},
    [CONNECTION_LINGERING] = {"lingering", CONNECTION_NO_FIELD, READ_AHEAD, false, step_lingering,
                              expired_quietly},
};
