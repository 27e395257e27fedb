/* SPDX-License-Identifier: Apache-2.0
 *
 * One request of the authority's own. Its text goes through the same parser and the same canonical
 * form as a client's, its connection through the same address checks and TLS; redirects are
 * answers. It never takes or leaves a pooled connection: a request that changes a refresh token is
 * sent once.
 */
#include "carry.h"

#include "../http/http1_write.h"
#include "proxy.h"
#include "response.h"
#include "upstream.h"
#include "upstream_identity.h"

#include <stdlib.h>
#include <string.h>

enum { DETAIL_MAX = 400 };

struct carry {
    struct exchange *exchange;
    struct event *timer;
    uint64_t id;
    bool status_alone;
    bool told; /* the authority has its answer */
};

/* ---- what the authority is told ---- */

static void
tell(struct proxy *proxy, uint64_t id, const struct message_carried *carried)
{
    BUFFER_AUTO body;
    buffer_init_secret(&body, 2 * CARRY_ANSWER_MAX);
    message_carried_tx(carried, &body);
    if (proxy->authority && !body.failed)
        channel_send(proxy->authority, MESSAGE_CARRIED, id, buffer_bytes(&body));
}

static void
tell_failure(struct proxy *proxy, uint64_t id, enum kh_reason reason, const char *detail)
{
    const struct message_carried carried = {
        .reason = reason == KH_REASON_UNSET ? KH_REASON_INTERNAL : reason,
        .detail = bytes_slice(bytes_str(detail), 0, DETAIL_MAX),
    };
    tell(proxy, id, &carried);
}

static void
tell_answer(struct exchange *x, struct bytes body)
{
    const struct message_carried carried = {
        .answered = true, .status = (uint16_t)x->status, .body = body};
    x->carry->told = true;
    tell(x->proxy, x->carry->id, &carried);
}

void
carry_free(struct carry **carry)
{
    struct carry *c = *carry;
    if (!c)
        return;
    *carry = NULL;
    if (!c->told)
        tell_failure(c->exchange->proxy, c->id, KH_REASON_BROKER_UNAVAILABLE,
                     "the proxy that carried it ended");
    if (c->timer)
        event_free(c->timer);
    free(c);
}

void
carry_fail(struct exchange *x, enum kh_reason reason, const char *detail)
{
    struct connection *c = x->client;
    if (!x->carry)
        return; // over already
    x->carry->told = true;
    tell_failure(x->proxy, x->carry->id, reason, detail);
    connection_abort(c);
}

/* ---- the answer ---- */

bool
carry_begin_response(struct exchange *x, const struct http1_head *head)
{
    x->status = head->status;
    if (x->carry->status_alone) {
        tell_answer(x, BYTES_EMPTY);
        connection_close(x->client);
        return false;
    }
    if (response_is_encoded(head)) {
        carry_fail(x, KH_REASON_RESPONSE_ENCODED, "the answer is encoded, which was not asked for");
        return false;
    }
    if (head->body == BODY_LENGTH && head->content_length > CARRY_ANSWER_MAX) {
        carry_fail(x, KH_REASON_UPSTREAM_RESPONSE, "the answer is longer than 64 KiB");
        return false;
    }
    x->response_started = true;
    x->framing = FRAMING_COLLECT;
    http1_body_start(&x->response_body, head);
    x->response_done =
        head->body == BODY_NONE || (head->body == BODY_LENGTH && head->content_length == 0);
    conduit_consume(&x->upstream->conduit, head->length);
    return true;
}

bool
carry_is_full(const struct exchange *x)
{
    return x->collected.failed || x->collected.n > CARRY_ANSWER_MAX;
}

void
carry_complete(struct exchange *x)
{
    struct connection *c = x->client;
    tell_answer(x, buffer_bytes(&x->collected));
    connection_close(c);
}

/* ---- the request ---- */

static void
expired(evutil_socket_t fd, short what, void *context)
{
    struct carry *carry = context;
    (void)fd, (void)what;
    carry_fail(carry->exchange, KH_REASON_UPSTREAM_TIMEOUT, "there was no whole answer in time");
}

static bool
start_timer(struct exchange *x, uint32_t timeout_ms)
{
    struct timeval limit = {.tv_sec = timeout_ms / 1000, .tv_usec = timeout_ms % 1000 * 1000};
    x->carry->timer = event_new(x->proxy->base, -1, 0, expired, x->carry);
    return x->carry->timer && event_add(x->carry->timer, &limit) == 0;
}

static void
write_text(const struct message_carry *request, struct buffer *out)
{
    BUFFER_AUTO host;
    bool v6 = bytes_index(request->host, ':') < request->host.n;
    buffer_init(&host, 300);
    buffer_put_str(&host, v6 ? "[" : "");
    buffer_put(&host, request->host);
    buffer_put_str(&host, v6 ? "]" : "");
    buffer_printf(&host, ":%u", request->port);
    http1_write_request_line(out, request->method, request->target);
    http1_write_field(out, BYTES("Host"), buffer_bytes(&host));
    for (size_t i = 0; i < request->field_count; i++)
        http1_write_field(out, request->field[i].name, request->field[i].value);
    http1_write_end(out);
}

static bool
build(struct exchange *x, const struct message_carry *request, struct fault *fault)
{
    struct exchange_draft *draft = x->draft;
    struct http1_head *head = &x->proxy->head;
    const char *why = "it cannot be written";
    size_t scanned = 0;
    write_text(request, &draft->head);
    if (draft->head.failed ||
        http1_parse_request(buffer_bytes(&draft->head), head, &scanned, &why) != HTTP1_DONE) {
        (void)fault_set(fault, KH_ERR_SYNTAX, "%s", why);
        return false;
    }
    struct request_destination destination = {
        .way = WAY_OWN,
        .scheme = request->plain ? BYTES("http") : BYTES("https"),
        .host = request->host,
        .port = request->port,
        .path_exceptions = x->route->path_exceptions,
        .path = head->path,
    };
    draft->built =
        request_build_again(head, &destination, &draft->request, fault) == KH_REASON_UNSET;
    return draft->built && upstream_identity_take(x, request->edit, request->edit_count) &&
           request_apply(&draft->request, request->edit, request->edit_count) == KH_OK;
}

// The head as a client's would be sent, the body behind it.
static bool
compose(struct exchange *x, const struct message_carry *request, struct fault *fault)
{
    x->draft = spare_take_draft(&x->proxy->spare);
    if (!x->draft)
        return false;
    if (build(x, request, fault)) {
        x->body_kind = request->body.n ? BODY_LENGTH : BODY_NONE;
        request_write(&x->draft->request, x->body_kind, request->body.n, true, &x->upstream_head);
        buffer_put(&x->upstream_head, request->body);
    } else {
        x->upstream_head.failed = true;
    }
    exchange_drop_draft(x);
    return !x->upstream_head.failed;
}

static void
start(struct exchange *x, const struct message_carry *request)
{
    struct fault fault = {0};
    x->carry->status_alone = request->status_alone;
    x->route = routes_by_name(x->routes, request->credential);
    if (!x->route || x->proxy->draining || !start_timer(x, request->timeout_ms)) {
        carry_fail(x, KH_REASON_BROKER_UNAVAILABLE, "this proxy does not take it");
        return;
    }
    if (request->plain && !x->route->plain) {
        carry_fail(x, KH_REASON_ADDRESS_FORBIDDEN, "the credential is not for plain HTTP");
        return;
    }
    buffer_put(&x->destination.host, request->host);
    x->destination.match.port = request->port;
    x->destination.match.plain = request->plain;
    memcpy(x->method, request->method.p,
           request->method.n < sizeof x->method ? request->method.n : sizeof x->method - 1);
    x->is_head = bytes_is(request->method, "HEAD");
    x->request_done = x->client->body_done = true;
    if (compose(x, request, &fault))
        upstream_dial(x);
    else
        carry_fail(x, KH_REASON_INTERNAL, fault.detail);
}

bool
carry_handle(struct channel *channel, void *context, const struct message *message)
{
    struct proxy *proxy = context;
    struct message_carry request;
    (void)channel;
    if (message_carry_rx(message->body, &request) != KH_OK)
        return false;
    struct connection *c = connection_without_client(proxy);
    struct exchange *x = c ? exchange_new(c) : NULL;
    struct carry *carry = x ? calloc(1, sizeof *carry) : NULL;
    if (!carry) {
        tell_failure(proxy, message->id, KH_REASON_BROKER_BUSY, "memory is used up");
        if (c)
            connection_abort(c);
        return true;
    }
    *carry = (struct carry){.exchange = x, .id = message->id};
    x->carry = carry;
    start(x, &request);
    connection_run(c);
    return true;
}
