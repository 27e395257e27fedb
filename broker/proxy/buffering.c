/* SPDX-License-Identifier: Apache-2.0
 *
 * Holding a body back: collected by the strict engine, looked into, and sent on byte by byte as it
 * was judged, with its length.
 */
#include "buffering.h"

#include "../../caveats/body_facts.h"
#include "../json_memory.h"
#include "judge.h"
#include "proxy.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum {
    // The authority may want more the second time, when its policy changed in between.
    ROUNDS_MAX = 3,
    PIECE_MAX = 64 * 1024,
    CONTENT_QUEUED_MAX = 32 << 20, // half of what closes the channel
};

struct buffering {
    struct buffer body; // secret: what people ask models is not for a core file
    size_t sent;
    bool whole;
    unsigned rounds;
    struct buffer text; // of the pointers
    struct bytes pointer[BODY_POINTERS_MAX];
    size_t pointer_count;
    bool want_sha256, want_content;
    void (*done)(struct exchange *exchange, struct bytes body); // it is for the broker itself
    void (*held)(struct exchange *exchange); // it is looked at before the question
    bool has_field;
    struct body_place field; // where the token was
};

void
buffering_init(void)
{
    json_memory_init();
}

void
buffering_free(struct proxy *proxy, struct buffering **buffering)
{
    struct buffering *b = *buffering;
    if (!b)
        return;
    proxy->buffered -= b->body.n;
    buffer_free(&b->body);
    buffer_free(&b->text);
    free(b);
    *buffering = NULL;
}

// Refused: what was collected is of no use any more.
static void
refuse(struct exchange *x, enum kh_reason reason, const char *detail)
{
    buffering_free(x->proxy, &x->buffering);
    connection_move(x->client, CONNECTION_DECIDING);
    judge_refuse(x, NULL, reason, detail);
}

/* ---- what is asked for ---- */

static bool
take_question(struct buffering *b, const struct message_decision *decision)
{
    buffer_free(&b->text);
    if (!buffer_reserve(&b->text, BODY_POINTERS_TEXT_MAX))
        return false;
    for (size_t i = 0; i < decision->pointer_count; i++) {
        size_t start = b->text.n;
        buffer_put(&b->text, decision->pointer[i]);
        b->pointer[i] = bytes_of(b->text.p + start, decision->pointer[i].n);
    }
    b->pointer_count = decision->pointer_count;
    b->want_sha256 = decision->need_sha256;
    b->want_content = decision->need_content;
    return !b->text.failed;
}

static struct buffering *
buffering_of(struct exchange *x, size_t max)
{
    if (x->buffering)
        return x->buffering;
    struct buffering *b = calloc(1, sizeof *b);
    if (!b)
        return NULL;
    buffer_init_secret(&b->body, max);
    buffer_init(&b->text, BODY_POINTERS_TEXT_MAX);
    b->whole = x->client->body_done; // there is none
    return x->buffering = b;
}

static void
say_continue(struct exchange *x)
{
    struct connection *c = x->client;
    if (x->expects_continue && !c->body_done && c->conduit.in.n == 0)
        buffer_put_str(&c->conduit.out, "HTTP/1.1 100 Continue\r\n\r\n");
    x->expects_continue = false;
}

// The authority signs no more than it is sent.
static size_t
most_of(const struct buffering *b)
{
    return b->want_content && b->body.max > BODY_CONTENT_MAX ? BODY_CONTENT_MAX : b->body.max;
}

static void
begin(struct exchange *x)
{
    const struct buffering *b = x->buffering;
    // Known to be too much before a byte of it was sent, or asked for.
    if (x->body_kind == BODY_LENGTH && x->content_length > most_of(b)) {
        refuse(x, KH_REASON_BODY_TOO_LARGE, "");
        return;
    }
    say_continue(x);
    connection_move(x->client, CONNECTION_BUFFERING);
}

void
buffering_begin(struct exchange *x, const struct message_decision *decision)
{
    struct buffering *b = buffering_of(x, (size_t)x->proxy->config.body_max);
    if (!b || !take_question(b, decision) || ++b->rounds > ROUNDS_MAX)
        refuse(x, KH_REASON_INTERNAL, "the body cannot be looked at");
    else
        begin(x);
}

void
buffering_collect(struct exchange *x, size_t max,
                  void (*done)(struct exchange *exchange, struct bytes body))
{
    struct buffering *b = buffering_of(x, max);
    if (!b) {
        refuse(x, KH_REASON_BROKER_BUSY, "memory is used up");
        return;
    }
    b->done = done;
    begin(x);
}

void
buffering_hold(struct exchange *x, void (*held)(struct exchange *exchange))
{
    struct buffering *b = buffering_of(x, (size_t)x->proxy->config.body_max);
    if (!b) {
        refuse(x, KH_REASON_BROKER_BUSY, "memory is used up");
        return;
    }
    b->held = held;
    begin(x);
}

/* ---- a field of it ---- */

struct bytes
buffering_body(const struct exchange *x)
{
    return x->buffering ? buffer_bytes(&x->buffering->body) : BYTES_EMPTY;
}

bool
buffering_put_field(struct exchange *x, const struct body_place *place, struct bytes value)
{
    struct buffering *b = x->buffering;
    struct buffer body;
    if (!b || (!place && !b->has_field))
        return false;
    if (place) {
        b->field = *place;
        b->has_field = true;
    }
    struct bytes old = buffer_bytes(&b->body);
    size_t start = b->field.start, room = old.n + 6 * value.n + 8;
    buffer_init_secret(&body, room > b->body.max ? room : b->body.max);
    buffer_put(&body, bytes_slice(old, 0, start));
    body_place_write(&b->field, value, &body);
    size_t written = body.n - start;
    buffer_put(&body, bytes_from(old, start + b->field.n));
    if (body.failed) {
        buffer_free(&body);
        return false;
    }
    b->field.n = written;
    x->proxy->buffered = x->proxy->buffered - old.n + body.n;
    buffer_free(&b->body);
    b->body = body;
    x->content_length = body.n;
    return true;
}

/* ---- looking ---- */

// From here on the request has this body, whatever its framing was.
static void
body_is_whole(struct exchange *x)
{
    struct buffering *b = x->buffering;
    b->whole = true;
    x->client->body_done = true;
    x->body_kind = BODY_LENGTH;
    x->content_length = b->body.n;
    x->request_done = b->body.n == 0;
}

// Ahead of the question, on the same channel. False: it is refused.
static bool
send_content(struct exchange *x)
{
    struct proxy *proxy = x->proxy;
    struct bytes body = buffer_bytes(&x->buffering->body);
    struct message_body_part part = {.offset = 0};
    BUFFER_AUTO message;

    buffer_init_secret(&message, BODY_PART_MAX + 256);
    memcpy(part.request_id, x->request_id, sizeof part.request_id);
    if (body.n > BODY_CONTENT_MAX) {
        refuse(x, KH_REASON_BODY_TOO_LARGE, "");
        return false;
    }
    if (!proxy->authority)
        return true; // the question will find that out
    if (channel_queued(proxy->authority) + body.n > CONTENT_QUEUED_MAX) {
        refuse(x, KH_REASON_BROKER_BUSY, "too many bodies are being signed");
        return false;
    }
    while (part.offset < body.n) {
        part.data = bytes_slice(body, part.offset, BODY_PART_MAX);
        buffer_clear(&message);
        message_body_part_tx(&part, &message);
        if (message.failed) {
            refuse(x, KH_REASON_INTERNAL, "the body cannot be sent to be signed");
            return false;
        }
        channel_send(proxy->authority, MESSAGE_BODY_PART, 0, buffer_bytes(&message));
        part.offset += part.data.n;
    }
    return true;
}

static void
ask_again(struct exchange *x)
{
    KH_UNFILLED struct message_decide message;
    BUFFER_AUTO storage;
    buffer_init_secret(&storage, BODY_VALUES_TEXT_MAX);
    connection_move(x->client, CONNECTION_DECIDING);
    if (!judge_question(x, &message)) {
        refuse(x, KH_REASON_INTERNAL, "the question is lost");
        return;
    }
    if (x->buffering->want_content && !send_content(x))
        return;
    const struct buffering *b = x->buffering;
    const struct body_question question = {b->pointer, b->pointer_count, b->want_sha256};
    message.body = body_facts_read(buffer_bytes(&b->body), message.header, message.header_count,
                                   &question, message.body_value, &storage);
    judge_ask_again(x, &message);
}

static void
hand_over(struct exchange *x)
{
    struct proxy *proxy = x->proxy;
    struct buffering *b = x->buffering;
    x->buffering = NULL; // the exchange may end in there
    connection_move(x->client, CONNECTION_DECIDING);
    b->done(x, buffer_bytes(&b->body));
    buffering_free(proxy, &b);
}

/* ---- collecting ---- */

// False: it is refused.
static bool
collect(struct exchange *x, struct bytes data)
{
    struct proxy *proxy = x->proxy;
    struct buffering *b = x->buffering;
    if (data.n > b->body.max - b->body.n) {
        refuse(x, KH_REASON_BODY_TOO_LARGE, "");
        return false;
    }
    if (proxy->buffered + data.n > (uint64_t)proxy->config.bodies_max) {
        refuse(x, KH_REASON_BROKER_BUSY, "too many bodies are being looked at");
        return false;
    }
    buffer_put(&b->body, data);
    if (b->body.failed) {
        refuse(x, KH_REASON_BROKER_BUSY, "memory is used up");
        return false;
    }
    proxy->buffered += data.n;
    return true;
}

// False: it is refused.
static bool
collect_all(struct exchange *x)
{
    struct connection *c = x->client;
    struct bytes in = buffer_bytes(&c->conduit.in);
    size_t at = 0;
    bool fine = true;
    while (fine && !x->buffering->whole && at < in.n) {
        size_t used = 0;
        struct bytes data = BYTES_EMPTY;
        const char *why = NULL;
        enum http1_result r = http1_body_read(&c->body, bytes_from(in, at), &used, &data, &why);
        if (r == HTTP1_REJECT) {
            c->keep_alive = false;
            refuse(x, KH_REASON_REQUEST_MALFORMED, why);
            return false;
        }
        at += used;
        if (r == HTTP1_DONE)
            c->body_done = true; // also when this piece is one too many
        fine = collect(x, data);
        if (fine && r == HTTP1_DONE)
            body_is_whole(x);
        else if (used == 0)
            break;
    }
    conduit_consume(&c->conduit, at);
    return fine;
}

enum step
buffering_step(struct connection *c)
{
    struct exchange *x = c->exchange;
    conduit_flush(&c->conduit); // the invitation to send
    if (!x->buffering->whole && !collect_all(x))
        return STEP_AGAIN;
    if (x->buffering->whole) {
        void (*held)(struct exchange *) = x->buffering->held;
        x->buffering->held = NULL;
        if (held) {
            connection_move(c, CONNECTION_DECIDING);
            held(x);
        } else if (x->buffering->done)
            hand_over(x);
        else
            ask_again(x);
        return STEP_AGAIN;
    }
    if (conduit_moved(&c->conduit))
        connection_touch(c);
    return STEP_WAIT;
}

void
buffering_expired(struct connection *c)
{
    c->keep_alive = false;
    refuse(c->exchange, KH_REASON_REQUEST_TIMEOUT, "the body did not arrive in time");
}

/* ---- sending ---- */

void
buffering_send(struct exchange *x, struct buffer *out, size_t high)
{
    struct buffering *b = x->buffering;
    while (b->sent < b->body.n && out->n < high) {
        struct bytes piece = bytes_slice(buffer_bytes(&b->body), b->sent, PIECE_MAX);
        buffer_put(out, piece);
        b->sent += piece.n;
        x->bytes_up += piece.n;
    }
    if (b->sent == b->body.n) {
        x->request_done = true;
        buffering_free(x->proxy, &x->buffering);
    }
}
