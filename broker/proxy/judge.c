/* SPDX-License-Identifier: Apache-2.0
 *
 * Asking the authority, and doing what it says.
 */
#include "judge.h"

#include "../../caveats/body_facts.h"
#include "../../caveats/token.h"
#include "../metrics.h"
#include "answer.h"
#include "buffering.h"
#include "check.h"
#include "field_slot.h"
#include "intercept.h"
#include "meter.h"
#include "proxy.h"
#include "rejudge.h"
#include "scrub.h"
#include "token_seal.h"
#include "tunnel.h"
#include "upstream.h"
#include "upstream_identity.h"

#include <stdio.h>
#include <string.h>

/* ---- asking ---- */

static void
describe_peer(const struct exchange *x, struct message_decide *message)
{
    const struct connection *c = x->client;
    bool stated = x->check && x->check->client[0];
    message->client = bytes_str(stated ? x->check->client : c->peer);
    message->client_uid = stated ? UINT32_MAX : c->uid;
    message->token_required = c->relayed.require_token;
    memcpy(message->run, c->relayed.run, sizeof message->run);
}

// The question that `x->decide` holds. False when there is nobody to ask.
static bool
send_question(struct exchange *x)
{
    struct proxy *proxy = x->proxy;
    if (!proxy->authority)
        return false;
    x->question = questions_add(&proxy->questions, QUESTION_DECIDE, x);
    if (!x->question)
        return false;
    meter_asked(x);
    channel_send(proxy->authority, MESSAGE_DECIDE, x->question, buffer_bytes(&x->decide));
    return true;
}

static void
describe_body(const struct exchange *x, struct message_decide *message)
{
    bool has_length = x->body_kind == BODY_LENGTH;
    bool is_empty = x->body_kind == BODY_NONE || (has_length && x->content_length == 0);
    message->body = body_facts_from_head(message->header, message->header_count, is_empty,
                                         has_length, x->content_length);
}

static void
ask(struct exchange *x, struct message_decide *message, const struct request_token *token)
{
    message->way = x->destination.way;
    message->pass_through = x->destination.match.pass_through;
    message->slot = token->slot;
    message->slot_in_user = token->slot_in_user;
    message->token = token->text;
    message_decide_tx(message, &x->decide);
    // The token is kept for the answer's sake: it takes the place of the key if that comes back.
    buffer_put(&x->token, token->text);
    if (x->decide.failed || x->token.failed) {
        buffer_free(&x->decide);
        judge_refuse(x, NULL, KH_REASON_REQUEST_MALFORMED, "a name or value is too long to judge");
        return;
    }
    if (!send_question(x))
        judge_unavailable(x);
}

void
judge_ask(struct exchange *x, const struct request_token *token)
{
    KH_UNFILLED struct message_decide message;
    message_decide_init(&message);
    request_describe(&x->draft->request, &message);
    describe_peer(x, &message);
    describe_body(x, &message);
    message.wanted = x->destination.wanted;
    message.aws = token->aws;
    if (x->check && !check_describe(x->check, &message)) {
        judge_refuse(x, NULL, KH_REASON_REQUEST_MALFORMED, "there are too many fields to judge");
        return;
    }
    ask(x, &message, token);
}

void
judge_ask_tunnel(struct exchange *x, const struct request_token *token)
{
    struct message_decide message = {
        .scheme = BYTES("https"),
        .host = buffer_bytes(&x->destination.host),
        .port = x->destination.match.port,
        .method = BYTES("CONNECT"),
    };
    describe_peer(x, &message);
    ask(x, &message, token);
}

bool
judge_question(const struct exchange *x, struct message_decide *out)
{
    return message_decide_rx(buffer_bytes(&x->decide), out) == KH_OK;
}

void
judge_ask_again(struct exchange *x, struct message_decide *message)
{
    struct buffer body;
    buffer_init_secret(&body, x->decide.max);
    memcpy(message->request_id, x->request_id, sizeof message->request_id);
    message_decide_tx(message, &body);
    buffer_free(&x->decide); // what `message` points into
    x->decide = body;
    if (x->decide.failed)
        judge_refuse(x, NULL, KH_REASON_REQUEST_MALFORMED, "a name or value is too long to judge");
    else if (!send_question(x))
        judge_unavailable(x);
}

static void
describe_refused(const struct exchange *x, const struct http1_head *head,
                 struct message_decide *message)
{
    const struct destination *destination = &x->destination;
    message->way = destination->way;
    message->wanted = destination->wanted;
    message->host = buffer_bytes(&destination->host);
    message->port = destination->match.port ? destination->match.port : destination->named_port;
    if (destination->match.count)
        message->scheme = destination->match.plain ? BYTES("http") : BYTES("https");
    if (head) {
        message->method = bytes_str(x->method);
        message->path_encoded = destination->path.n ? destination->path : head->path;
        if (token_is_shaped(message->path_encoded)) // paths are recorded
            message->path_encoded = BYTES("/" REQUEST_KEY);
    }
    if (x->draft && x->draft->built)
        request_describe(&x->draft->request, message);
}

void
judge_refuse(struct exchange *x, const struct http1_head *head, enum kh_reason reason,
             const char *detail)
{
    struct message_decide message = {0};
    x->refused = reason == KH_REASON_UNSET ? KH_REASON_INTERNAL : reason;
    snprintf(x->refused_detail, sizeof x->refused_detail, "%s", detail ? detail : "");
    describe_refused(x, head, &message);
    describe_peer(x, &message);
    memcpy(message.request_id, x->request_id, sizeof message.request_id);
    message.refused = x->refused;
    message.refused_detail = bytes_str(x->refused_detail);
    buffer_free(&x->decide);
    message_decide_tx(&message, &x->decide);
    if (x->decide.failed) { // what is known does not fit: the bare refusal does
        buffer_free(&x->decide);
        message = (struct message_decide){.refused = x->refused,
                                          .refused_detail = bytes_str(x->refused_detail)};
        describe_peer(x, &message);
        message_decide_tx(&message, &x->decide);
    }
    if (x->decide.failed || !send_question(x))
        judge_unavailable(x);
}

void
judge_revoke(struct exchange *x, struct bytes token)
{
    struct proxy *proxy = x->proxy;
    BUFFER_AUTO body;
    buffer_init_secret(&body, HTTP1_LINE_MAX);
    struct message_revoke_ask ask = {.token = token, .client = bytes_str(x->client->peer)};
    message_revoke_ask_tx(&ask, &body);
    if (!body.failed && proxy->authority)
        x->question = questions_add(&proxy->questions, QUESTION_REVOKE, x);
    if (!x->question) {
        judge_unavailable(x);
        return;
    }
    channel_send(proxy->authority, MESSAGE_REVOKE_ASK, x->question, buffer_bytes(&body));
}

void
judge_unavailable(struct exchange *x)
{
    metrics_add(METRIC_UNAVAILABLE, 1);
    answer_problem(x, KH_REASON_BROKER_UNAVAILABLE, BYTES_EMPTY, 1);
}

void
judge_expired(struct connection *c)
{
    log_warning("decide-timeout", "the authority did not answer in time");
    judge_unavailable(c->exchange);
}

/* ---- the answer ---- */

// The name of its record, which the answer carries.
static void
take_id(struct exchange *x, const uint8_t id[REQUEST_ID_SIZE])
{
    memcpy(x->request_id, id, sizeof x->request_id);
    if (!bytes_to_hex(bytes_of(x->request_id, sizeof x->request_id), x->request_id_hex,
                      sizeof x->request_id_hex))
        x->request_id_hex[0] = '\0';
}

void
judge_refused_there(struct exchange *x, enum kh_reason reason, const uint8_t id[REQUEST_ID_SIZE])
{
    take_id(x, id);
    answer_problem(x, reason ? reason : KH_REASON_INTERNAL, BYTES_EMPTY, 0);
}

static void
deny(struct exchange *x, const struct message_decision *decision)
{
    enum kh_reason reason = decision->reason;
    if (reason == KH_REASON_UNSET)
        reason = x->refused ? x->refused : KH_REASON_INTERNAL;
    answer_problem(x, reason, decision->detail,
                   x->refused ? x->refused_retry_s : decision->retry_after_s);
}

static const struct route *
route_of(const struct exchange *x, struct bytes credential)
{
    for (size_t i = 0; i < x->destination.match.count; i++) {
        if (bytes_equal(x->destination.match.route[i]->credential, credential))
            return x->destination.match.route[i];
    }
    return NULL;
}

// Put the key on the request, write the head as it will be sent, and forget the rest.
static bool
compose(struct exchange *x, const struct message_decision *decision)
{
    struct request *request = &x->draft->request;
    if (!field_slot_apply(x, decision) ||
        !upstream_identity_take(x, decision->edit, decision->edit_count))
        return false;
    if (request_apply(request, decision->edit, decision->edit_count) != KH_OK)
        return false;
    enum http1_body body = x->body_kind;
    request_write(request, body, x->content_length, x->route->scrub, &x->upstream_head);
    if (x->upstream_head.failed)
        return false;
    if (tunnel_prepare(x, decision) != KH_OK)
        return false;
    return !x->route->scrub || scrub_new(decision->secret, decision->secret_count,
                                         buffer_bytes(&x->token), &x->scrub) == KH_OK;
}

static void
allow(struct exchange *x, const struct message_decision *decision)
{
    x->allowed = true;
    meter_allowed(x);
    x->recheck_at = decision->recheck_at;
    x->route = route_of(x, decision->credential);
    if (x->check && x->route) {
        check_allow(x, decision);
        return;
    }
    bool composed =
        x->route && (x->opaque || (x->draft && x->draft->built && compose(x, decision)));
    exchange_drop_draft(x);
    if (!composed) {
        exchange_fail(x, KH_REASON_INTERNAL, "the decision does not fit the request");
        return;
    }
    rejudge_add(x);
    connection_move(x->client, CONNECTION_DIALLING);
}

static void
decided(struct exchange *x, const struct message_decision *decision)
{
    struct connection *c = x->client;
    x->question = 0;
    meter_decided(x);
    take_id(x, decision->request_id);
    // What was refused here is refused, whatever the answer says.
    if (decision->allow && x->refused == KH_REASON_UNSET)
        allow(x, decision);
    else if (decision->need_body && x->check && !x->check->sees_body &&
             x->refused == KH_REASON_UNSET)
        judge_refuse(x, NULL, KH_REASON_BODY_UNSEEN, "");
    else if (decision->need_body && x->refused == KH_REASON_UNSET && x->draft && x->draft->built)
        buffering_begin(x, decision);
    else
        deny(x, decision);
    connection_soon(c);
}

// It was allowed, but nobody is there any more who could send it: the record says so.
static void
report_orphan(struct proxy *proxy, const struct message_decision *decision)
{
    BUFFER_AUTO body;
    buffer_init(&body, 1024);
    struct message_finished finished = {.reason = KH_REASON_BROKER_UNAVAILABLE};
    memcpy(finished.request_id, decision->request_id, sizeof finished.request_id);
    message_finished_tx(&finished, &body);
    if (!body.failed)
        channel_send(proxy->authority, MESSAGE_FINISHED, 0, buffer_bytes(&body));
}

bool
judge_handle_decision(struct channel *channel, void *context, const struct message *message)
{
    struct proxy *proxy = context;
    KH_UNFILLED struct message_decision decision;
    struct question question;
    (void)channel;
    if (message_decision_rx(message->body, &decision) != KH_OK)
        return false;
    if (questions_take(&proxy->questions, message->id, QUESTION_DECIDE, &question)) {
        if (question.owner)
            decided(question.owner, &decision);
        else if (decision.allow)
            report_orphan(proxy, &decision);
        return true;
    }
    if (questions_take(&proxy->questions, message->id, QUESTION_REJUDGE, &question)) {
        if (question.owner)
            rejudge_decided(question.owner, &decision);
        return true;
    }
    return true; // of before a restart
}

bool
judge_handle_later(struct channel *channel, void *context, const struct message *message)
{
    struct proxy *proxy = context;
    (void)channel;
    struct exchange *x = questions_owner(&proxy->questions, message->id, QUESTION_DECIDE);
    if (x && x->client->state == CONNECTION_DECIDING)
        connection_touch(x->client);
    return message->body.n == 0;
}

bool
judge_handle_revoke_done(struct channel *channel, void *context, const struct message *message)
{
    struct proxy *proxy = context;
    struct message_revoke_done done;
    struct question question;
    char lineage[2 * LINEAGE_ID_SIZE + 1];
    (void)channel;
    if (message_revoke_done_rx(message->body, &done) != KH_OK)
        return false;
    if (!questions_take(&proxy->questions, message->id, QUESTION_REVOKE, &question) ||
        !question.owner)
        return true;
    struct exchange *x = question.owner;
    struct connection *c = x->client;
    x->question = 0;
    if (!done.revoked ||
        !bytes_to_hex(bytes_of(done.lineage, LINEAGE_ID_SIZE), lineage, sizeof lineage)) {
        judge_refused_there(x, done.reason, done.request_id);
    } else {
        char text[128];
        int n = snprintf(text, sizeof text, "{\"revoked\":true,\"lineage\":\"%s\"}\n", lineage);
        answer_content(x, 200, "application/json", bytes_of(text, (size_t)n));
    }
    connection_run(c);
    return true;
}

/* ---- no authority ---- */

void
judge_authority_lost(struct proxy *proxy)
{
    struct question question;
    while (questions_take_any(&proxy->questions, &question)) {
        if (!question.owner)
            continue;
        if (question.kind == QUESTION_REJUDGE) {
            rejudge_lost(question.owner);
        } else if (question.kind == QUESTION_LEAF) {
            intercept_leaf_lost(question.owner);
        } else if (question.kind == QUESTION_SEAL) {
            struct exchange *x = question.owner;
            struct connection *c = x->client;
            token_seal_lost(x);
            connection_run(c);
        } else {
            struct exchange *x = question.owner;
            struct connection *c = x->client;
            x->question = 0;
            judge_unavailable(x);
            connection_run(c);
        }
    }
}
