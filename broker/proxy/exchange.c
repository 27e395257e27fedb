/* SPDX-License-Identifier: Apache-2.0
 *
 * The life of one request: where a head leads, and how it ends.
 */
#include "exchange.h"

#include "../../caveats/path.h"
#include "address.h"
#include "answer.h"
#include "buffering.h"
#include "carry.h"
#include "check.h"
#include "field_slot.h"
#include "intercept.h"
#include "judge.h"
#include "meter.h"
#include "own.h"
#include "pass_through.h"
#include "proxy.h"
#include "rejudge.h"
#include "resolve.h"
#include "scrub.h"
#include "token_answer.h"
#include "tunnel.h"
#include "upstream.h"

#include <stdlib.h>
#include <string.h>

/* ---- beginning ---- */

struct exchange *
exchange_new(struct connection *c)
{
    struct exchange *x = spare_take_exchange(&c->proxy->spare);
    if (!x)
        return NULL;
    x->proxy = c->proxy;
    x->client = c;
    x->routes = routes_hold(c->proxy->routes);
    x->recheck_at = INT64_MAX;
    x->began_us = proxy_now_us();
    c->exchange = x;
    return x;
}

static bool
method_is_idempotent(struct bytes method)
{
    static const char *const idempotent[] = {"GET", "HEAD", "OPTIONS", "PUT", "DELETE"};
    for (size_t i = 0; i < sizeof idempotent / sizeof *idempotent; i++) {
        if (bytes_is(method, idempotent[i]))
            return true;
    }
    return false;
}

static void
note_head(struct exchange *x, const struct http1_head *head)
{
    struct connection *c = x->client;
    size_t n = head->method.n < sizeof x->method ? head->method.n : sizeof x->method - 1;
    memcpy(x->method, head->method.p, n);
    x->is_head = bytes_is(head->method, "HEAD");
    x->is_idempotent = method_is_idempotent(head->method);
    x->minor = head->minor;
    x->body_kind = head->body;
    x->content_length = head->content_length;
    http1_body_start(&c->body, head);
    c->body_done = head->body == BODY_NONE || (head->body == BODY_LENGTH && !head->content_length);
    c->drained = 0;
    x->request_done = c->body_done;
    x->expects_continue = head->expect_continue && !c->body_done && head->minor >= 1;
    c->keep_alive = head->keep_alive && head->minor >= 1 && !c->proxy->draining;
}

// The head keeps the memory that its slices point into; what follows it moves to another buffer.
static bool
take_head(struct exchange *x, size_t length)
{
    struct buffer *in = &x->client->conduit.in;
    x->draft = spare_take_draft(&x->proxy->spare);
    if (!x->draft)
        return false;
    struct bytes rest = bytes_from(buffer_bytes(in), length);
    struct buffer clean = x->draft->head;
    x->draft->head = *in;
    *in = clean;
    buffer_put(in, rest);
    return !in->failed;
}

void
exchange_view(const struct connection *c, struct destination_view *view)
{
    *view = (struct destination_view){
        .memo = &c->proxy->named,
        .intercepted = c->tunnel.intercepted,
        .connect_host = buffer_bytes(&c->tunnel.host),
        .connect_port = c->tunnel.port,
        .sni = buffer_bytes(&c->tunnel.sni),
        .transparent = c->tunnel.transparent,
        .reached_port = c->tunnel.transparent ? c->tunnel.port : 0,
        .local_host = bytes_str(c->local),
        .local_port = c->listener->port,
        .name = c->proxy->config.name,
        .name_count = c->proxy->config.name_count,
    };
}

/* ---- a request for an upstream ---- */

static bool
has_basic_slot(const struct routes_match *match)
{
    for (size_t i = 0; i < match->count; i++) {
        for (size_t j = 0; j < match->route[i]->slot_count; j++) {
            if (match->route[i]->slot[j].kind == SLOT_BASIC)
                return true;
        }
    }
    return false;
}

static unsigned
path_exceptions(const struct routes_match *match)
{
    // With several candidates only what all of them allow: the strictest one may be chosen.
    unsigned exceptions = match->count ? ~0u : 0;
    for (size_t i = 0; i < match->count; i++)
        exceptions &= match->route[i]->path_exceptions;
    return exceptions;
}

static bool
build(struct exchange *x, const struct http1_head *head)
{
    struct fault fault = {0};
    struct request_destination destination = {
        .way = x->destination.way,
        .scheme = x->destination.match.plain ? BYTES("http") : BYTES("https"),
        .host = buffer_bytes(&x->destination.host),
        .port = x->destination.match.port,
        .path_exceptions = path_exceptions(&x->destination.match),
        .path = x->destination.path,
    };
    enum kh_reason reason = request_build_again(head, &destination, &x->draft->request, &fault);
    bool built = reason == KH_REASON_UNSET;
    x->draft->built = built;
    // Refusing may end the exchange at once, and the draft with it.
    if (!built)
        judge_refuse(x, head, reason, fault.detail);
    return built;
}

bool
exchange_tunnel_token(const struct connection *c, struct request_token *token)
{
    if (!(c->tunnel.intercepted || c->relayed.has_token) || c->tunnel.token.n == 0)
        return false;
    token->text = buffer_bytes(&c->tunnel.token);
    token->slot = (struct slot){.kind = SLOT_PROXY_AUTHORIZATION};
    token->slot_in_user = c->tunnel.token_in_user;
    return true;
}

void
exchange_begin_upstream(struct exchange *x, const struct http1_head *head)
{
    struct fault fault = {0};
    struct request_token token = {0};
    const struct routes_match *match = &x->destination.match;
    x->basic_challenge = has_basic_slot(match);
    if (!build(x, head))
        return;
    const char *why = tunnel_fault(&x->draft->request, head);
    if (why) {
        judge_refuse(x, head, KH_REASON_REQUEST_MALFORMED, why);
        return;
    }
    enum kh_reason reason =
        request_take_token(&x->draft->request, head, match->route, match->count, &token, &fault);
    // Whether a key of somebody else may pass is the credential's matter, and so the authority's.
    if (reason == KH_REASON_FOREIGN_KEY && match->count == 1 && match->route[0]->foreign_pass) {
        x->destination.wanted = match->route[0]->credential;
        x->draft->foreign = true;
        reason = KH_REASON_UNSET;
    }
    bool missing = reason == KH_REASON_TOKEN_MISSING;
    if ((missing || reason == KH_REASON_UNSET) && !x->check && field_slot_is_possible(x)) {
        x->draft->token = token;
        field_slot_begin(x);
        return;
    }
    if (missing && (exchange_tunnel_token(x->client, &token) || match->pass_through))
        reason = KH_REASON_UNSET; // whether it goes without is the authority's matter
    if (reason != KH_REASON_UNSET)
        judge_refuse(x, head, reason, fault.detail);
    else if (x->check && (why = check_fault(x)))
        judge_refuse(x, head, KH_REASON_GATEWAY_CANNOT, why);
    else
        judge_ask(x, &token);
}

// For the places that an answer names (base_url.h).
static void
note_base_url(struct exchange *x, const struct http1_head *head)
{
    if (x->destination.way != WAY_BASE_URL)
        return;
    buffer_put_str(&x->base_url, x->client->conduit.stream.ssl ? "https://" : "http://");
    buffer_put(&x->base_url, head->host);
    buffer_put_str(&x->base_url, "/~");
    buffer_put(&x->base_url, x->destination.wanted);
}

// Whatever was found: a run is told which hosts there are for it, and reaches no other.
static void
hold_to_hosts(struct exchange *x)
{
    struct destination *destination = &x->destination;
    if (destination->kind == DESTINATION_REFUSED || destination->kind == DESTINATION_OWN ||
        relayed_allows(x->client, buffer_bytes(&destination->host)))
        return;
    destination->kind = DESTINATION_REFUSED;
    destination->reason = KH_REASON_HOST_NOT_ALLOWED;
    destination->detail = RELAYED_REFUSAL;
}

static void
dispatch(struct exchange *x, const struct http1_head *head)
{
    struct destination_view view;
    if (x->client->listener->metrics) {
        watch_serve(x, head);
        return;
    }
    if (head->expect_other) {
        judge_refuse(x, head, KH_REASON_EXPECTATION_FAILED, "");
        return;
    }
    // Such a listener serves nothing else, and no other listener serves this.
    if (x->client->listener->gateway.only) {
        check_begin(x, head);
        return;
    }
    exchange_view(x->client, &view);
    destination_find(x->routes, &view, head, &x->destination);
    hold_to_hosts(x);
    switch (x->destination.kind) {
    case DESTINATION_UPSTREAM:
        note_base_url(x, head);
        exchange_begin_upstream(x, head);
        return;
    case DESTINATION_CONNECT:
        intercept_connect(x, head);
        return;
    case DESTINATION_TUNNEL:
        pass_through_connect(x, head);
        return;
    case DESTINATION_OWN:
        own_serve(x, head);
        return;
    case DESTINATION_REFUSED:
        break;
    }
    judge_refuse(x, head, x->destination.reason, x->destination.detail);
}

void
exchange_begin(struct connection *c, const struct http1_head *head)
{
    struct exchange *x = exchange_new(c);
    if (!x || !take_head(x, head->length)) {
        connection_abort(c);
        return;
    }
    note_head(x, head);
    connection_move(c, CONNECTION_DECIDING);
    dispatch(x, head);
}

void
exchange_begin_refused(struct connection *c, enum kh_reason reason, const char *detail)
{
    struct exchange *x = exchange_new(c);
    if (!x) {
        connection_abort(c);
        return;
    }
    // Where the next request begins is not known any more.
    c->keep_alive = false;
    c->body_done = false;
    c->drained = 0;
    connection_move(c, CONNECTION_DECIDING);
    if (c->listener->metrics)
        watch_refuse(x, reason, detail);
    else
        judge_refuse(x, NULL, reason, detail);
}

/* ---- end ---- */

void
exchange_drop_draft(struct exchange *x)
{
    if (!x->draft)
        return;
    if (x->draft->built)
        request_clear(&x->draft->request);
    spare_keep_draft(&x->proxy->spare, x->draft);
    x->draft = NULL;
}

static void
report(struct exchange *x, enum kh_reason reason)
{
    if (!x->allowed || !x->proxy->authority)
        return;
    struct buffer *body = &x->decide; // which nobody needs any more, and has memory
    int64_t duration = proxy_now_ms() - x->decided_us / 1000;
    struct message_finished finished = {
        .upstream_status = (uint16_t)x->status,
        .reason = reason,
        .cut = x->cut,
        .bytes_up = x->bytes_up,
        .bytes_down = x->bytes_down,
        .duration_ms = duration > UINT32_MAX ? UINT32_MAX : (uint32_t)duration,
    };
    // Without a token it is a key of the client's own (`foreign: pass`), whatever becomes of it.
    if (x->route && x->token.n > 0)
        finished.credential = x->route->credential;
    memcpy(finished.request_id, x->request_id, sizeof finished.request_id);
    buffer_clear(body);
    message_finished_tx(&finished, body);
    if (!body->failed)
        channel_send_later(x->proxy->authority, MESSAGE_FINISHED, 0, buffer_bytes(body));
}

static void
exchange_destroy(void *object)
{
    struct exchange *x = object;
    buffer_free(&x->identity);
    scrub_free(&x->scrub);
    token_answer_free(&x->token_answer);
    routes_release(&x->routes);
    free(x->address);
    spare_keep_exchange(&x->proxy->spare, x);
}

void
exchange_end(struct exchange *x, enum kh_reason reason)
{
    struct connection *c = x->client;
    if (c->exchange != x)
        return; // ended already
    c->exchange = NULL;
    questions_orphan(&x->proxy->questions, x->question);
    questions_orphan(&x->proxy->questions, x->rejudge);
    if (x->resolving)
        resolver_cancel(&x->resolving);
    if (x->upstream)
        upstream_close(x->upstream);
    report(x, reason);
    meter_finished(x, reason);
    rejudge_remove(x);
    exchange_drop_draft(x);
    buffering_free(x->proxy, &x->buffering);
    carry_free(&x->carry);
    check_free(&x->check);
    tunnel_free(&x->tunnel);
    proxy_bury(x->proxy, &x->burial, x, exchange_destroy);
}

void
exchange_complete(struct exchange *x)
{
    struct connection *c = x->client;
    if (x->carry) {
        carry_complete(x);
        return;
    }
    if (x->upstream)
        upstream_release(x->upstream);
    exchange_end(x, KH_REASON_UNSET);
    connection_move(c, CONNECTION_ANSWERING);
}

void
exchange_fail(struct exchange *x, enum kh_reason reason, const char *detail)
{
    struct connection *c = x->client;
    if (x->carry) {
        carry_fail(x, reason, detail);
        return;
    }
    if (x->response_shown) {
        exchange_end(x, reason);
        connection_abort(c);
        return;
    }
    answer_problem(x, reason, bytes_str(detail), 0);
}

void
exchange_cut(struct exchange *x, enum kh_reason reason, struct bytes detail)
{
    struct connection *c = x->client;
    x->cut = true;
    if (x->response_shown) {
        exchange_end(x, reason);
        connection_abort(c);
        return;
    }
    // Nothing was answered yet, so it can be said in words.
    answer_problem(x, reason, detail, 0);
}
