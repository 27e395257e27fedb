/* SPDX-License-Identifier: Apache-2.0
 *
 * Both directions of an exchange. Bodies are read by the strict engine and framed anew: what the
 * other side gets was understood here.
 */
#include "relay.h"

#include "../http/http1_write.h"
#include "buffering.h"
#include "carry.h"
#include "meter.h"
#include "proxy.h"
#include "response.h"
#include "tunnel.h"
#include "upstream.h"

enum {
    ROUNDS_MAX = 16,   // of up to 64 KiB each way, then the others have their turn
    PIECE = 64 * 1024, // of an answer's body: four TLS records
    BULK = 128 * 1024, // a long answer
    INTERIM_MAX = 32,  // 1xx answers to one request
};

void
relay_start(struct exchange *x)
{
    struct connection *c = x->client;
    struct upstream *u = x->upstream;
    buffer_put(&u->conduit.out, buffer_bytes(&x->upstream_head));
    // On a connection that served before, the head may be needed once more (upstream_lost).
    if (!u->reused || x->retried)
        buffer_clear(&x->upstream_head);
    if (x->expects_continue && !c->body_done && c->conduit.in.n == 0)
        buffer_put_str(&c->conduit.out, "HTTP/1.1 100 Continue\r\n\r\n");
    x->expects_continue = false;
    connection_move(c, CONNECTION_SENDING);
}

/* ---- up ---- */

static void
put_up(struct exchange *x, struct bytes data)
{
    struct buffer *out = &x->upstream->conduit.out;
    x->bytes_up += data.n;
    if (x->body_kind == BODY_CHUNKED)
        http1_write_chunk(out, data);
    else
        buffer_put(out, data);
}

// False: the request is broken, and the exchange over.
static bool
move_up(struct exchange *x)
{
    struct connection *c = x->client;
    struct conduit *up = &x->upstream->conduit;
    struct bytes in = buffer_bytes(&c->conduit.in);
    size_t at = 0;
    if (x->buffering) {
        if (!up->write_failed)
            buffering_send(x, &up->out, CONDUIT_OUT_HIGH);
        return true;
    }
    // An upstream that does not read any more may still have an answer; the rest is drained later.
    while (!x->request_done && !up->write_failed && at < in.n && up->out.n < CONDUIT_OUT_HIGH) {
        size_t used = 0;
        struct bytes data = BYTES_EMPTY;
        const char *why = NULL;
        enum http1_result r = http1_body_read(&c->body, bytes_from(in, at), &used, &data, &why);
        if (r == HTTP1_REJECT) {
            c->keep_alive = false;
            exchange_fail(x, KH_REASON_REQUEST_MALFORMED, why);
            return false;
        }
        put_up(x, data);
        at += used;
        if (r == HTTP1_DONE) {
            c->body_done = x->request_done = true;
            if (x->body_kind == BODY_CHUNKED)
                http1_write_last_chunk(&up->out);
        } else if (used == 0) {
            break;
        }
    }
    conduit_consume(&c->conduit, at);
    return true;
}

/* ---- down ---- */

static void
expect_bulk(struct exchange *x)
{
    // Without scrubbing what it says is the client's to know.
    conduit_expect_bulk(&x->upstream->conduit, x->scrub != NULL);
}

static bool
begin_response(struct exchange *x, const struct http1_head *head)
{
    bool bulk = head->body == BODY_LENGTH && head->content_length >= BULK;
    if (!response_begin(x, head))
        return false;
    if (bulk && !x->carry)
        expect_bulk(x);
    return true;
}

// A head of the answer, if there is one yet. False: the exchange is over.
static bool
read_head(struct exchange *x)
{
    struct upstream *u = x->upstream;
    struct http1_head *head = &x->proxy->head;
    const char *why = NULL;
    while (u->conduit.in.n > 0) {
        switch (http1_parse_response(buffer_bytes(&u->conduit.in), bytes_str(x->method), head,
                                     &u->scanned, &why)) {
        case HTTP1_MORE:
            if (u->conduit.in.n < CONDUIT_IN_MAX)
                return true;
            why = "the head is too large";
            break;
        case HTTP1_DONE:
            u->scanned = 0;
            if (head->status == 101 && x->tunnel) {
                meter_answered(x, head->status);
                return tunnel_begin(x, head);
            }
            if (head->status == 101) { // an upgrade was never asked for
                why = "it switches protocols without being asked";
                break;
            }
            buffer_clear(&x->upstream_head);
            if (head->status >= 200)
                return begin_response(x, head);
            conduit_consume(&u->conduit, head->length);
            if (++x->interim <= INTERIM_MAX)
                continue;
            why = "it has too many interim answers";
            break;
        case HTTP1_REJECT:
            break;
        }
        exchange_fail(x, KH_REASON_UPSTREAM_RESPONSE, why);
        return false;
    }
    return true;
}

// False: the exchange is over.
static bool
move_down(struct exchange *x)
{
    struct conduit *down = &x->client->conduit, *up = &x->upstream->conduit;
    struct bytes in = buffer_bytes(&up->in);
    size_t at = 0;
    while (!x->response_done && at < in.n && down->out.n < CONDUIT_OUT_HIGH) {
        size_t used = 0;
        struct bytes data = BYTES_EMPTY;
        const char *why = NULL;
        enum http1_result r =
            http1_body_read(&x->response_body, bytes_from(in, at), &used, &data, &why);
        if (r == HTTP1_REJECT) {
            exchange_fail(x, KH_REASON_UPSTREAM_RESPONSE, why);
            return false;
        }
        at += used;
        if (data.n && !response_put(x, data))
            return false;
        if (x->carry && carry_is_full(x)) {
            exchange_fail(x, KH_REASON_UPSTREAM_RESPONSE, "the answer is longer than 64 KiB");
            return false;
        }
        x->response_done = r == HTTP1_DONE;
        if (r == HTTP1_MORE && used == 0)
            break;
    }
    conduit_consume(up, at);
    if (x->bytes_down >= BULK)
        expect_bulk(x);
    return true;
}

// The upstream says nothing more. False: the exchange is over.
static bool
take_end(struct exchange *x)
{
    struct conduit *up = &x->upstream->conduit;
    if (!x->response_started) {
        if (up->in.n > 0)
            exchange_fail(x, KH_REASON_UPSTREAM_RESPONSE, "it ended within its head");
        else
            upstream_lost(x, "it closed the connection before it answered");
        return false;
    }
    if (up->in.n > 0 && x->client->conduit.out.n >= CONDUIT_OUT_HIGH)
        return true; // what came before the end is relayed first
    if (up->ended == STREAM_END && http1_body_end(&x->response_body)) {
        x->response_done = true;
        return true;
    }
    exchange_fail(x, KH_REASON_UPSTREAM_RESPONSE, "it ended within its body");
    return false;
}

static bool
relay_down(struct exchange *x)
{
    struct conduit *up = &x->upstream->conduit;
    if (!x->response_started && !read_head(x))
        return false;
    if (x->client->state == CONNECTION_TUNNELLING)
        return true;
    if (x->response_started && !x->response_done && !move_down(x))
        return false;
    if (!x->response_done && up->ended != STREAM_OK && !take_end(x))
        return false;
    if (x->response_done) {
        if (response_finish(x))
            exchange_complete(x);
        return false;
    }
    return true;
}

/* ---- both ---- */

static void
note_progress(struct exchange *x, bool moved)
{
    struct connection *c = x->client;
    if (c->state == CONNECTION_SENDING && x->request_done && x->upstream->conduit.out.n == 0)
        connection_move(c, CONNECTION_WAITING);
    else if (x->response_started && c->state != CONNECTION_RELAYING)
        connection_move(c, CONNECTION_RELAYING);
    else if (moved && c->state != CONNECTION_WAITING)
        connection_touch(c);
}

static size_t
read_limit(const struct exchange *x)
{
    return x->request_done ? connection_row[CONNECTION_WAITING].read_ahead : CONDUIT_OUT_HIGH;
}

enum step
relay_step(struct connection *c)
{
    struct exchange *x = c->exchange;
    // What was written since the last step is progress, but nothing that asks for a second round.
    bool any = conduit_moved(&x->upstream->conduit), moved = true;
    any |= conduit_moved(&c->conduit);
    for (int round = 0; moved && round < ROUNDS_MAX; round++) {
        conduit_fill(&c->conduit, read_limit(x));
        conduit_fill(&x->upstream->conduit, x->response_started ? PIECE : CONDUIT_IN_MAX);
        if (!move_up(x))
            return STEP_AGAIN;
        conduit_flush(&x->upstream->conduit);
        if (!relay_down(x) || c->state == CONNECTION_TUNNELLING)
            return STEP_AGAIN;
        conduit_flush(&c->conduit);
        moved = conduit_moved(&x->upstream->conduit);
        moved |= conduit_moved(&c->conduit);
        any |= moved;
    }
    if (connection_client_lost(c)) {
        connection_abort(c);
        return STEP_WAIT;
    }
    note_progress(x, any);
    if (moved)
        conduit_again(&c->conduit);
    return STEP_REST; // all states of a relay have this one step
}

void
relay_expired(struct connection *c)
{
    struct exchange *x = c->exchange;
    // Whoever is waited for: the client with its body or with an answer that it does not read, or
    // the upstream.
    if (!x->request_done && x->upstream->conduit.out.n == 0 && !x->response_started) {
        c->keep_alive = false;
        exchange_fail(x, KH_REASON_REQUEST_TIMEOUT, "the body did not arrive in time");
    } else if (x->response_shown && c->conduit.out.n > 0) {
        exchange_fail(x, KH_REASON_CLIENT_STALLED, "the client stood still");
    } else {
        exchange_fail(x, KH_REASON_UPSTREAM_TIMEOUT, "the upstream stood still");
    }
}
