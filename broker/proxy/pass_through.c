/* SPDX-License-Identifier: Apache-2.0
 *
 * From a question about a tunnel to its first byte upstream. The name in the ClientHello must be
 * the one that was judged: a server that serves many names behind one address would else be a way
 * to those that nobody allowed (docs/THREATS.md, 1).
 */
#include "pass_through.h"

#include "../../caveats/address.h"
#include "../http/client_hello.h"
#include "judge.h"
#include "proxy.h"
#include "rejudge.h"
#include "upstream.h"

_Static_assert((int)CLIENT_HELLO_READ_MAX <= (int)CONDUIT_IN_MAX, "it can be read whole");

/* ---- asking ---- */

static void
begin(struct exchange *x)
{
    x->opaque = true;
    x->client->keep_alive = false; // what follows is no request
}

static void
ask_with(struct exchange *x, struct request_token *token, enum kh_reason reason)
{
    if (reason == KH_REASON_TOKEN_MISSING && exchange_tunnel_token(x->client, token))
        reason = KH_REASON_UNSET;
    // Whether it goes without a token is the authority's matter; what is no token is not taken for
    // none.
    if (reason == KH_REASON_UNSET || reason == KH_REASON_TOKEN_MISSING)
        judge_ask_tunnel(x, token);
    else
        judge_refuse(x, NULL, KH_REASON_PROXY_TOKEN_MISSING,
                     "what stands in Proxy-Authorization is no token");
}

void
pass_through_connect(struct exchange *x, const struct http1_head *head)
{
    struct fault fault;
    struct request_token token = {0};
    struct request request = {0};
    const struct http1_field *field = http1_find(head, "proxy-authorization");
    enum kh_reason reason = KH_REASON_TOKEN_MISSING;
    if (x->client->conduit.in.n > 0) {
        x->client->keep_alive = false;
        judge_refuse(x, head, KH_REASON_REQUEST_MALFORMED, "bytes came before the tunnel was open");
        return;
    }
    begin(x);
    buffer_init_secret(&request.storage, HTTP1_LINE_MAX);
    // What is decoded may not move while it is filled.
    if (field && !buffer_reserve(&request.storage, field->value.n + 1))
        reason = KH_REASON_INTERNAL;
    else if (field)
        reason = request_take_token(&request, head, NULL, 0, &token, &fault);
    ask_with(x, &token, reason);
    exchange_drop_draft(x);
    request_free(&request);
}

void
pass_through_hello(struct exchange *x)
{
    struct request_token token = {0};
    begin(x);
    ask_with(x, &token, KH_REASON_TOKEN_MISSING);
}

/* ---- looking ---- */

static void
open_tunnel(struct exchange *x)
{
    x->response_started = x->response_shown = true;
    connection_move(x->client, CONNECTION_TUNNELLING);
}

void
pass_through_connected(struct exchange *x)
{
    struct connection *c = x->client;
    if (x->raw) { // it was looked at before it was judged
        open_tunnel(x);
        return;
    }
    buffer_put_str(&c->conduit.out, "HTTP/1.1 200 Connection established\r\n\r\n");
    x->status = 200;
    x->response_started = x->response_shown = true;
    c->tunnel.peek_need = 1;
    connection_move(c, CONNECTION_PEEKING);
}

static const char *
hello_fault(const struct exchange *x, const struct client_hello *hello)
{
    uint8_t address[ADDRESS_SIZE];
    struct bytes host = buffer_bytes(&x->destination.host);
    struct bytes name = bytes_of(hello->name, hello->name_n);
    if (address_read(host, address)) // of which no ClientHello can speak (RFC 6066 3)
        return name.n ? "the ClientHello is for a name, and CONNECT for an address" : NULL;
    if (name.n == 0)
        return "the ClientHello names no server";
    return bytes_equal(name, host) ? NULL : "the ClientHello is for another name than CONNECT";
}

static void
end_refused(struct exchange *x, enum kh_reason reason, const char *why)
{
    struct connection *c = x->client;
    log_warning("tunnel-refused", "%.*s: %s", BYTES_ARG(buffer_bytes(&x->destination.host)), why);
    if (c->conduit.in.n > 0 && c->conduit.in.p[0] == CLIENT_HELLO_FIRST_BYTE)
        pass_through_alert(x, reason);
    exchange_end(x, reason);
    connection_move(c, CONNECTION_ANSWERING);
}

enum step
pass_through_peek(struct connection *c)
{
    struct exchange *x = c->exchange;
    struct client_hello hello;
    conduit_flush(&c->conduit);
    conduit_fill(&x->upstream->conduit, CONDUIT_OUT_HIGH); // it may end; what it says waits
    if (c->conduit.in.n < c->tunnel.peek_need && c->conduit.ended == STREAM_OK)
        return STEP_WAIT;
    switch (client_hello_read(buffer_bytes(&c->conduit.in), &hello)) {
    case CLIENT_HELLO_DONE:
        hello.why = hello_fault(x, &hello);
        if (hello.why)
            end_refused(x, KH_REASON_DESTINATION_CONFLICT, hello.why);
        else
            open_tunnel(x);
        return STEP_AGAIN;
    case CLIENT_HELLO_MORE:
        c->tunnel.peek_need = hello.need;
        if (c->conduit.ended == STREAM_OK)
            return STEP_WAIT;
        exchange_end(x, KH_REASON_UNSET);
        connection_close(c);
        return STEP_WAIT;
    case CLIENT_HELLO_REJECT:
        break;
    }
    end_refused(x, KH_REASON_REQUEST_MALFORMED, hello.why);
    return STEP_AGAIN;
}

void
pass_through_peek_expired(struct connection *c)
{
    exchange_end(c->exchange, KH_REASON_REQUEST_TIMEOUT);
    connection_abort(c);
}

/* ---- refusing ---- */

static const struct {
    enum kh_reason reason;
    enum client_hello_alert alert;
} alerts[] = {
    {KH_REASON_HOST_NOT_ALLOWED, CLIENT_HELLO_ALERT_UNRECOGNIZED_NAME},
    {KH_REASON_DESTINATION_CONFLICT, CLIENT_HELLO_ALERT_UNRECOGNIZED_NAME},
    {KH_REASON_REQUEST_MALFORMED, CLIENT_HELLO_ALERT_DECODE_ERROR},
    {KH_REASON_BROKER_UNAVAILABLE, CLIENT_HELLO_ALERT_INTERNAL_ERROR},
    {KH_REASON_BROKER_BUSY, CLIENT_HELLO_ALERT_INTERNAL_ERROR},
    {KH_REASON_UPSTREAM_UNREACHABLE, CLIENT_HELLO_ALERT_INTERNAL_ERROR},
    {KH_REASON_UPSTREAM_TIMEOUT, CLIENT_HELLO_ALERT_INTERNAL_ERROR},
    {KH_REASON_INTERNAL, CLIENT_HELLO_ALERT_INTERNAL_ERROR},
};

void
pass_through_alert(struct exchange *x, enum kh_reason reason)
{
    enum client_hello_alert alert = CLIENT_HELLO_ALERT_ACCESS_DENIED;
    for (size_t i = 0; i < sizeof alerts / sizeof alerts[0]; i++) {
        if (alerts[i].reason == reason)
            alert = alerts[i].alert;
    }
    client_hello_write_alert(alert, &x->client->conduit.out);
}
