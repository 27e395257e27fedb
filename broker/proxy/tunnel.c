/* SPDX-License-Identifier: Apache-2.0
 *
 * A WebSocket's handshake (RFC 6455 section 4), and its bytes.
 */
#include "tunnel.h"

#include "../../caveats/base64.h"
#include "../http/http1_write.h"
#include "proxy.h"
#include "response.h"
#include "scrub.h"
#include "tunnel_watch.h"
#include "upstream.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

enum {
    KEY_SIZE = 16,
    SHA1_SIZE = 20,
    KEY_MAX = 64,
    ROUNDS_MAX = 16, // of up to 64 KiB each way, then the others have their turn
};

struct tunnel {
    struct buffer accept;   // what Sec-WebSocket-Accept must be
    struct buffer protocol; // the item with the key; secret. Empty: there is none
    struct tunnel_watch watch;
};

void
tunnel_free(struct tunnel **tunnel)
{
    if (!*tunnel)
        return;
    buffer_free(&(*tunnel)->accept);
    buffer_free(&(*tunnel)->protocol);
    tunnel_watch_free(&(*tunnel)->watch);
    free(*tunnel);
    *tunnel = NULL;
}

/* ---- the request ---- */

// The only value of that field; empty without one, or with two.
static struct bytes
only_field(const struct request *request, const char *name)
{
    struct bytes value = BYTES_EMPTY;
    size_t count = 0;

    for (size_t i = 0; i < request->field_count; i++) {
        if (bytes_is(request->field[i].name, name)) {
            value = request->field[i].value;
            count++;
        }
    }
    return count == 1 ? value : BYTES_EMPTY;
}

static bool
is_key(struct bytes text)
{
    BUFFER_AUTO key;

    buffer_init(&key, KEY_MAX);
    return text.n > 0 && text.n <= KEY_MAX && base64_decode(BASE64_STANDARD, text, &key) &&
           key.n == KEY_SIZE;
}

const char *
tunnel_fault(const struct request *request, const struct http1_head *head)
{
    if (request->upgrade.n == 0)
        return NULL;
    if (!bytes_is(request->method, "GET") || head->body != BODY_NONE)
        return "a WebSocket is asked for by GET, without a body";
    if (!is_key(only_field(request, "sec-websocket-key")))
        return "there is not one Sec-WebSocket-Key of 16 bytes in base64";
    if (!bytes_is(only_field(request, "sec-websocket-version"), "13"))
        return "Sec-WebSocket-Version is not 13";
    return NULL;
}

static void
put_accept(struct bytes key, struct buffer *out)
{
    uint8_t hash[SHA1_SIZE];
    BUFFER_AUTO text;

    buffer_init(&text, 2 * KEY_MAX);
    buffer_put(&text, key);
    buffer_put_str(&text, "258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    if (text.failed || EVP_Digest(text.p, text.n, hash, NULL, EVP_sha1(), NULL) != 1)
        out->failed = true;
    else
        base64_encode(BASE64_STANDARD, bytes_of(hash, sizeof hash), out);
}

enum kh_err
tunnel_prepare(struct exchange *x, const struct message_decision *decision)
{
    const struct request *request = &x->draft->request;

    if (request->upgrade.n == 0)
        return KH_OK;
    struct tunnel *tunnel = x->tunnel = calloc(1, sizeof *tunnel);
    if (!tunnel)
        return KH_ERR_MEMORY;
    buffer_init(&tunnel->accept, KEY_MAX);
    buffer_init_secret(&tunnel->protocol, HTTP1_LINE_MAX);
    tunnel_watch_init(&tunnel->watch);
    put_accept(only_field(request, "sec-websocket-key"), &tunnel->accept);
    for (size_t i = 0; i < decision->edit_count; i++) {
        if (decision->edit[i].kind == EDIT_SUBPROTOCOL_SET)
            buffer_put(&tunnel->protocol, decision->edit[i].value);
    }
    return tunnel->accept.failed || tunnel->protocol.failed ? KH_ERR_MEMORY : KH_OK;
}

/* ---- the answer ---- */

bool
tunnel_write_protocol(const struct exchange *x, const struct http1_field *field, struct buffer *out)
{
    const struct buffer *protocol = &x->tunnel->protocol;
    if (protocol->n == 0 || !bytes_equal_nocase(field->name, BYTES("sec-websocket-protocol")) ||
        !bytes_equal_secret(field->value, buffer_bytes(protocol)))
        return false;
    http1_write_field(out, field->name, buffer_bytes(&x->token));
    return true;
}

static const char *
answer_fault(const struct exchange *x, const struct http1_head *head)
{
    const struct http1_field *accept = http1_find(head, "sec-websocket-accept");
    if (!bytes_equal_nocase(head->upgrade, BYTES("websocket")))
        return "it switches to another protocol than was asked for";
    if (!accept || !bytes_equal(accept->value, buffer_bytes(&x->tunnel->accept)))
        return "Sec-WebSocket-Accept is not that of the request";
    if (x->route->scrub && http1_find(head, "sec-websocket-extensions"))
        return "it extends the WebSocket, which was not asked for";
    return NULL;
}

bool
tunnel_begin(struct exchange *x, const struct http1_head *head)
{
    struct connection *c = x->client;
    struct buffer *out = &c->conduit.out;
    const char *why = answer_fault(x, head);
    if (why) {
        exchange_fail(x, KH_REASON_UPSTREAM_RESPONSE, why);
        return false;
    }
    x->status = head->status;
    c->keep_alive = false;
    http1_write_status_line(out, head->status);
    http1_write_field_str(out, "Connection", "Upgrade");
    http1_write_field_str(out, "Upgrade", "websocket");
    response_write_fields(x, head, out);
    http1_write_end(out);
    if (out->failed) {
        exchange_fail(x, KH_REASON_UPSTREAM_RESPONSE, "its head cannot be passed on");
        return false;
    }
    buffer_clear(&x->upstream_head);
    x->response_started = x->response_shown = true;
    conduit_consume(&x->upstream->conduit, head->length);
    // It may be silent for long.
    stream_forget_always(&c->conduit.stream);
    stream_forget_always(&x->upstream->conduit.stream);
    connection_move(c, CONNECTION_TUNNELLING);
    return true;
}

/* ---- bytes ---- */

static struct bytes
next_piece(const struct conduit *from, const struct conduit *to)
{
    size_t room = to->out.n < CONDUIT_OUT_HIGH ? CONDUIT_OUT_HIGH - to->out.n : 0;
    return bytes_slice(buffer_bytes(&from->in), 0, to->write_failed ? from->in.n : room);
}

static void
move_up(struct exchange *x)
{
    struct conduit *from = &x->client->conduit, *to = &x->upstream->conduit;
    struct bytes piece = next_piece(from, to);
    if (!to->write_failed)
        buffer_put(&to->out, piece);
    x->bytes_up += piece.n;
    conduit_consume(from, piece.n);
}

// False: the exchange is over.
static bool
move_down(struct exchange *x)
{
    struct conduit *from = &x->upstream->conduit, *to = &x->client->conduit;
    struct bytes piece = next_piece(from, to);
    const char *why = NULL;
    if (x->scrub)
        why = tunnel_watch_feed(&x->tunnel->watch, x->scrub, piece, &to->out);
    else
        buffer_put(&to->out, piece);
    if (why) {
        log_warning("websocket-cut", "%.*s: %s", BYTES_ARG(x->route->credential), why);
        exchange_fail(x, KH_REASON_UPSTREAM_RESPONSE, why);
        return false;
    }
    x->bytes_down += piece.n;
    conduit_consume(from, piece.n);
    return true;
}

// It ended, and what it sent before is on its way for good.
static bool
is_over(const struct conduit *from, const struct conduit *to)
{
    return (from->ended != STREAM_OK || from->write_failed) && from->in.n == 0 &&
           (to->out.n == 0 || to->write_failed);
}

// What is passed through may end one way and go on the other: TCP can, and somebody may rely on it.
static bool
ends_with_one_side(const struct exchange *x)
{
    const struct conduit *down = &x->client->conduit, *up = &x->upstream->conduit;
    return !x->opaque || down->ended == STREAM_ERROR || up->ended == STREAM_ERROR ||
           down->write_failed || up->write_failed;
}

static void
pass_on_end(struct exchange *x, struct conduit *to, bool *done)
{
    if (*done)
        return;
    *done = true;
    conduit_end(to);
    connection_move(x->client, CONNECTION_HALF_TUNNEL);
}

static bool
both_are_over(struct exchange *x)
{
    struct conduit *down = &x->client->conduit, *up = &x->upstream->conduit;
    bool up_over = is_over(down, up), down_over = is_over(up, down);
    if (!(up_over || down_over) || (up_over && down_over) || ends_with_one_side(x))
        return up_over || down_over;
    if (up_over)
        pass_on_end(x, up, &x->ended_up);
    else
        pass_on_end(x, down, &x->ended_down);
    return false;
}

static void
end(struct exchange *x)
{
    struct connection *c = x->client;
    bool broken = x->upstream->conduit.ended == STREAM_ERROR;
    exchange_end(x, KH_REASON_UNSET);
    if (broken)
        connection_abort(c);
    else
        connection_close(c);
}

enum step
tunnel_step(struct connection *c)
{
    struct exchange *x = c->exchange;
    struct conduit *up = &x->upstream->conduit;
    bool moved = true, any = false;
    for (int round = 0; moved && round < ROUNDS_MAX; round++) {
        conduit_fill(&c->conduit, CONDUIT_OUT_HIGH);
        conduit_fill(up, CONDUIT_OUT_HIGH);
        move_up(x);
        conduit_flush(up);
        if (!move_down(x))
            return STEP_AGAIN;
        conduit_flush(&c->conduit);
        moved = conduit_moved(up);
        moved |= conduit_moved(&c->conduit);
        any |= moved;
    }
    if (both_are_over(x)) {
        end(x);
        return STEP_AGAIN;
    }
    if (any)
        connection_touch(c);
    if (moved)
        conduit_again(&c->conduit);
    return STEP_WAIT;
}

void
tunnel_expired(struct connection *c)
{
    exchange_fail(c->exchange, KH_REASON_UPSTREAM_TIMEOUT, "the tunnel was silent for too long");
}
