/* SPDX-License-Identifier: Apache-2.0
 *
 * What a redirected client begins with decides what becomes of it: a ClientHello for a credential's
 * host is answered with a certificate of the local CA, as after CONNECT; one for a host that is
 * passed through opens a tunnel; any other gets an alert; and the rest is HTTP.
 */
#include "transparent.h"

#include "../http/client_hello.h"
#include "address.h"
#include "exchange.h"
#include "intercept.h"
#include "judge.h"
#include "pass_through.h"
#include "proxy.h"
#include "upstream.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <sys/socket.h>

enum { ORIGINAL_DESTINATION = 80 }; // SO_ORIGINAL_DST and IP6T_SO_ORIGINAL_DST of the kernel

uint16_t
transparent_port(int fd)
{
    struct sockaddr_in v4 = {0};
    struct sockaddr_in6 v6 = {0};
    socklen_t n4 = sizeof v4, n6 = sizeof v6;
    struct address own = {.length = sizeof own.storage};
    if (getsockopt(fd, IPPROTO_IP, ORIGINAL_DESTINATION, &v4, &n4) == 0 && v4.sin_family == AF_INET)
        return ntohs(v4.sin_port);
    if (getsockopt(fd, IPPROTO_IPV6, ORIGINAL_DESTINATION, &v6, &n6) == 0 &&
        v6.sin6_family == AF_INET6)
        return ntohs(v6.sin6_port);
    if (getsockname(fd, (struct sockaddr *)&own.storage, &own.length) != 0)
        return 0;
    return address_port(&own);
}

bool
transparent_is_loop(const struct proxy *proxy, int fd)
{
    struct address peer = {.length = sizeof peer.storage};
    if (getpeername(fd, (struct sockaddr *)&peer.storage, &peer.length) != 0)
        return false; // it is gone already
    if (!upstream_begins_at(proxy, &peer))
        return false;
    log_warning("transparent-loop", "the broker's own connection to an upstream was redirected to "
                                    "it: except its user from the redirection");
    return true;
}

void
transparent_begin(struct connection *c, uint16_t port)
{
    if (port == 0) {
        connection_abort(c);
        return;
    }
    c->tunnel.transparent = true;
    c->tunnel.port = port;
    c->tunnel.peek_need = 1;
    // With TPROXY it is the destination that the client chose: no name of ours.
    c->local[0] = '\0';
    connection_move(c, CONNECTION_PEEKING);
}

/* ---- ClientHello ---- */

// A request that never was, for the record and the answer.
static struct exchange *
begin_exchange(struct connection *c, struct bytes host)
{
    struct exchange *x = exchange_new(c);
    if (!x)
        return NULL;
    buffer_put(&x->destination.host, host);
    x->destination.way = WAY_TRANSPARENT;
    x->destination.match.port = c->tunnel.port;
    x->raw = true;
    snprintf(x->method, sizeof x->method, "CONNECT");
    c->body_done = x->request_done = true;
    c->keep_alive = false;
    connection_move(c, CONNECTION_DECIDING);
    return x;
}

static void
refuse(struct connection *c, struct bytes host, enum kh_reason reason, const char *why)
{
    struct exchange *x = begin_exchange(c, host);
    if (x)
        judge_refuse(x, NULL, reason, why);
    else
        connection_abort(c);
}

static void
pass_through(struct connection *c, struct bytes host, const struct routes_match *match)
{
    struct exchange *x = begin_exchange(c, host);
    if (!x) {
        connection_abort(c);
        return;
    }
    x->destination.match = *match;
    x->destination.kind = DESTINATION_TUNNEL;
    pass_through_hello(x);
}

static void
take_hello(struct connection *c, struct bytes name)
{
    struct destination_view view;
    struct routes_match match = {0};
    exchange_view(c, &view);
    bool own = name.n > 0 && destination_is_own(&view, name);
    bool known = !own && routes_match(c->proxy->routes, name, c->tunnel.port, &match);
    if (name.n == 0)
        refuse(c, name, KH_REASON_HOST_NOT_ALLOWED, "the ClientHello names no server");
    else if (!own && !relayed_allows(c, name))
        refuse(c, name, KH_REASON_HOST_NOT_ALLOWED, RELAYED_REFUSAL);
    else if (!own && !known)
        refuse(c, name, KH_REASON_HOST_NOT_ALLOWED, "no credential is for that host and port");
    else if (known && match.pass_through)
        pass_through(c, name, &match);
    else
        intercept_transparent(c, own ? BYTES_EMPTY : name);
}

enum step
transparent_peek(struct connection *c)
{
    struct buffer *in = &c->conduit.in;
    struct client_hello hello;
    if (in->n < c->tunnel.peek_need && c->conduit.ended == STREAM_OK)
        return STEP_WAIT;
    if (in->n == 0) {
        connection_close(c);
        return STEP_WAIT;
    }
    if (in->p[0] != CLIENT_HELLO_FIRST_BYTE) {
        connection_move(c, CONNECTION_IDLE);
        return STEP_AGAIN;
    }
    switch (client_hello_read(buffer_bytes(in), &hello)) {
    case CLIENT_HELLO_DONE:
        take_hello(c, bytes_of(hello.name, hello.name_n));
        return STEP_AGAIN;
    case CLIENT_HELLO_MORE:
        c->tunnel.peek_need = hello.need;
        if (c->conduit.ended != STREAM_OK)
            connection_close(c);
        return STEP_WAIT;
    case CLIENT_HELLO_REJECT:
        break;
    }
    refuse(c, BYTES_EMPTY, KH_REASON_REQUEST_MALFORMED, hello.why);
    return STEP_AGAIN;
}
