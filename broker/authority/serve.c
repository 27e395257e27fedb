/* SPDX-License-Identifier: Apache-2.0
 *
 * The channels to the proxies, and what is done with each message.
 */
#include "serve_internal.h"

#include "../../caveats/path.h"
#include "../log.h"
#include "../metrics.h"
#include "access.h"
#include "carry.h"
#include "exchange.h"
#include "inject.h"
#include "login.h"
#include "revoke_token.h"
#include "serve_log.h"
#include "serve_wait.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void
on_batch_end(struct channel *channel, void *context)
{
    (void)channel;
    serve_batch_settle(context);
}

// ---- messages ----

// A name that the client made up is none.
static unsigned
slot_of(const struct authority *authority, const struct message_decide *request,
        const struct decision *decision, const struct message_decision *out)
{
    struct bytes name = out->credential;
    if (request->pass_through)
        return METRICS_SLOT_PASS_THROUGH;
    if (name.n == 0)
        name = decision->credential[0] ? bytes_str(decision->credential) : request->wanted;
    const struct credential *credential = credentials_find(&authority->credentials, name);
    return credential ? credential->route.metrics_slot : METRICS_SLOT_NONE;
}

// False: there is no memory for it.
static bool
put_decision(const struct serve_question *question, const struct serve_answer *about,
             const struct message_decision *out)
{
    struct buffer *bodies = &question->batch->bodies;
    size_t start = bodies->n;

    message_decision_tx(out, bodies);
    return serve_batch_add(question->batch, about, start);
}

// It is on record as it was decided; the other answers of the batch leave as they are.
KH_COLD static void
refuse_for_memory(const struct serve_question *question, struct serve_answer *about)
{
    struct message_decision denial;

    message_decision_init(&denial);
    denial.reason = about->reason = KH_REASON_INTERNAL;
    denial.detail = BYTES("memory is used up");
    memcpy(denial.request_id, about->request_id, sizeof denial.request_id);
    about->allow = false;
    about->counted = true;
    log_error("decision-lost", "memory is used up: a decision is answered with a refusal");
    // No answer is a denial as well, when the proxy's time is up.
    if (!put_decision(question, about, &denial))
        log_error("decision-lost", "memory is used up: a decision is not answered");
}

// False: another answer than this one was given, or none.
static bool
answer_decision(const struct serve_question *question, const struct message_decide *request,
                const struct decision *decision, const struct message_decision *out)
{
    struct serve_answer about = {
        .type = MESSAGE_DECISION,
        .id = question->id,
        .allow = out->allow,
        .reason = out->reason == KH_REASON_UNSET ? KH_REASON_INTERNAL : out->reason,
        .slot = slot_of(question->batch->authority, request, decision, out),
        .counted = !out->need_body && (!request->rejudge || !out->allow),
    };

    memcpy(about.request_id, out->request_id, sizeof about.request_id);
    if (put_decision(question, &about, out))
        return true;
    refuse_for_memory(question, &about);
    return false;
}

// Large, and one at a time: not on the stack of every caller.
static struct message_decide request;
static struct message_decision decided;
static struct injection injection;

static void
note_refusal(struct authority *authority)
{
    if (!decided.allow && !decided.need_body)
        runs_note(authority->runs, request.run, request.host, request.port,
                  kh_reason_code(decided.reason));
}

static bool
waits(const struct serve_question *question)
{
    struct serve_batch *batch = question->batch;
    return injection.waits &&
           serve_wait(batch->authority, &batch->waiters, question, injection.waits->row.name);
}

// A key of the client's own brings nothing that could be kept for anybody else.
static void
expect_token(const struct serve_question *question)
{
    struct serve_batch *batch = question->batch;

    if (decided.allow && !request.rejudge && request.token.n > 0)
        sealing_expect(batch->authority, &batch->proxy, decided.request_id, decided.credential);
}

static void
refresh(struct authority *authority, const struct credential *due)
{
    struct credential *credential =
        due ? credentials_find(&authority->credentials, due->row.name) : NULL;
    if (credential)
        (void)exchange_begin(authority, credential);
}

bool
serve_question_decide(const struct serve_question *question)
{
    struct authority *authority = question->batch->authority;
    struct decision decision;

    if (message_decide_rx(question->body, &request))
        return false;
    serve_decide(authority, &request, &decision, &injection, &decided);
    bool later = waits(question);
    // It could not begin: now that is known of the credential.
    if (injection.waits && !later)
        serve_decide_without_waiting(authority, &request, &decision, &injection, &decided);
    if (!later) {
        note_refusal(authority);
        if (answer_decision(question, &request, &decision, &decided))
            expect_token(question);
    }
    refresh(authority, injection.due);
    injection_clear(&injection);
    message_decision_init(&decided); // what it pointed to is gone
    return true;
}

static bool
on_decide(struct channel *channel, void *context, const struct message *message)
{
    const struct serve_question question = {
        .batch = context, .id = message->id, .body = message->body};

    (void)channel;
    clock_hold(&question.batch->authority->clock);
    return serve_question_decide(&question);
}

static bool
on_carried(struct channel *channel, void *context, const struct message *message)
{
    struct serve_batch *batch = context;
    struct message_carried carried;

    (void)channel;
    if (message_carried_rx(message->body, &carried))
        return false;
    carry_answered(batch->authority, &batch->proxy, message->id, &carried);
    return true;
}

// A 401 is the key's fault; an access token that is refused is not tried again.
static void
note_outcome(struct authority *authority, const struct message_finished *finished)
{
    struct credential *credential = credentials_find(&authority->credentials, finished->credential);
    int64_t now = clock_now_s(&authority->clock), steady = clock_steady_ms(&authority->clock);
    unsigned status = finished->upstream_status;

    if (credential == NULL)
        return;
    if (key_health_note(&credential->health, status, now))
        log_warning("key-refused", "the upstream refuses the key of credential %.*s (401)",
                    BYTES_ARG(credential->row.name));
    if (finished->reason == KH_REASON_TOKEN_ANSWER && key_health_refuse(&credential->tokens, now))
        log_warning("token-answer",
                    "an answer to credential %.*s is an OAuth token, and was refused; say what "
                    "becomes of those with --option token-answers=…",
                    BYTES_ARG(credential->row.name));
    if (status == 401)
        (void)access_refused(credential->access, steady - finished->duration_ms, steady);
    else if (status >= 200 && status <= 299)
        access_accepted(credential->access);
}

static bool
on_finished(struct channel *channel, void *context, const struct message *message)
{
    struct serve_batch *batch = context;
    struct message_finished finished;

    (void)channel;
    if (message_finished_rx(message->body, &finished))
        return false;
    clock_hold(&batch->authority->clock);
    struct audit_record record = {
        .kind = AUDIT_OUTCOME,
        .request_id = finished.request_id,
        .reason = finished.reason,
        .has_outcome = true,
        .status = finished.upstream_status,
        .bytes_up = finished.bytes_up,
        .bytes_down = finished.bytes_down,
        .duration_ms = finished.duration_ms,
    };
    if (finished.cut)
        record.detail = BYTES("cut: it was judged again and denied");
    audit_append(batch->authority->audit, &record);
    sealing_forget(batch->authority, finished.request_id);
    note_outcome(batch->authority, &finished);
    return true;
}

static bool
on_body_part(struct channel *channel, void *context, const struct message *message)
{
    struct serve_batch *batch = context;
    struct authority *authority = batch->authority;
    struct message_body_part part;

    (void)channel;
    return message_body_part_rx(message->body, &part) == KH_OK &&
           contents_add(&authority->contents, &part, clock_now_s(&authority->clock));
}

static bool
may_have_leaf(const struct authority *authority, struct bytes host)
{
    BUFFER_AUTO canonical;

    buffer_init(&canonical, 512);
    return host_canonical(host, &canonical) == KH_OK &&
           bytes_equal(buffer_bytes(&canonical), host) &&
           (credentials_cover_host(&authority->credentials, host) ||
            authority_is_own_name(authority, host));
}

static bool
on_leaf_ask(struct channel *channel, void *context, const struct message *message)
{
    struct serve_batch *batch = context;
    struct authority *authority = batch->authority;
    struct message_leaf_ask ask;
    struct message_leaf leaf = {0};
    struct fault fault = {0};

    (void)channel;
    if (message_leaf_ask_rx(message->body, &ask))
        return false;
    BUFFER_AUTO cert, body;
    buffer_init(&cert, 8192);
    buffer_init(&body, 16384);
    if (may_have_leaf(authority, ask.host)) {
        enum kh_err err =
            local_ca_issue(authority->ca, ask.host, ask.public_key, clock_now_s(&authority->clock),
                           &cert, &leaf.expires_at, &fault);
        if (err == KH_ERR_PROTOCOL)
            return false;
        if (err)
            log_error("leaf", "%s", fault.detail);
        leaf.issued = !err;
        leaf.cert = buffer_bytes(&cert);
    }
    message_leaf_tx(&leaf, &body);
    (void)serve_answer(batch, MESSAGE_LEAF, message->id, &body);
    return true;
}

static bool
on_revoke_ask(struct channel *channel, void *context, const struct message *message)
{
    struct serve_batch *batch = context;
    struct message_revoke_ask ask;
    struct message_revoke_done done;

    (void)channel;
    if (message_revoke_ask_rx(message->body, &ask))
        return false;
    BUFFER_AUTO body;
    buffer_init(&body, 1024);
    // Its own record goes with its own write: what was collected before must not fail with it.
    serve_batch_settle(batch);
    revoke_by_holder(batch->authority, &ask, &done);
    message_revoke_done_tx(&done, &body);
    (void)serve_answer(batch, MESSAGE_REVOKE_DONE, message->id, &body);
    return true;
}

static bool
on_login_ask(struct channel *channel, void *context, const struct message *message)
{
    struct serve_batch *batch = context;
    struct message_login_ask ask;
    struct message_login_done done;

    (void)channel;
    if (message_login_ask_rx(message->body, &ask))
        return false;
    BUFFER_AUTO token, body;
    buffer_init_secret(&token, TOKEN_TEXT_MAX);
    buffer_init_secret(&body, 16384);
    // As with a revocation.
    serve_batch_settle(batch);
    login_serve(batch->authority, &ask, &done, &token);
    message_login_done_tx(&done, &body);
    (void)serve_answer(batch, MESSAGE_LOGIN_DONE, message->id, &body);
    return true;
}

static bool
on_seal_token(struct channel *channel, void *context, const struct message *message)
{
    struct serve_batch *batch = context;
    struct message_seal_token ask;
    struct message_token_sealed done;
    struct fault fault = {0};

    (void)channel;
    if (message_seal_token_rx(message->body, &ask))
        return false;
    BUFFER_AUTO body;
    buffer_init(&body, 8192);
    // As with a revocation.
    serve_batch_settle(batch);
    sealing_serve(batch->authority, &batch->proxy, &ask, &done, &fault);
    message_token_sealed_tx(&done, &body);
    (void)serve_answer(batch, MESSAGE_TOKEN_SEALED, message->id, &body);
    return true;
}

static const struct channel_handler handlers[] = {
    {MESSAGE_SEAL_TOKEN, on_seal_token},
    {MESSAGE_DECIDE, on_decide},
    {MESSAGE_BODY_PART, on_body_part},
    {MESSAGE_FINISHED, on_finished},
    {MESSAGE_CARRIED, on_carried},
    {MESSAGE_LEAF_ASK, on_leaf_ask},
    {MESSAGE_REVOKE_ASK, on_revoke_ask},
    {MESSAGE_LOGIN_ASK, on_login_ask},
    {MESSAGE_ENVIRONMENT_ASK, serve_environment_ask},
    {MESSAGE_RUN_ASK, serve_run_ask},
    {MESSAGE_RUN_REFUSED, serve_run_refused},
    {0, NULL},
};

// ---- channels ----

static void
batch_free(struct serve_batch *batch)
{
    serve_wait_drop_all(&batch->waiters);
    channel_free(&batch->proxy.channel);
    serve_batch_fini(batch);
    free(batch);
}

static void
tell_fault(struct authority *authority, uint64_t id, struct bytes why)
{
    BUFFER_AUTO body;

    buffer_init(&body, 1024);
    message_text_tx(bytes_slice(why, 0, 512), &body);
    if (authority->supervisor && !body.failed)
        channel_send(authority->supervisor, MESSAGE_PEER_FAULT, id, buffer_bytes(&body));
}

static void
on_closed(struct channel *channel, void *context, const char *why)
{
    struct serve_batch *batch = context;
    struct authority *authority = batch->authority;
    struct bytes reason = bytes_str(why);

    (void)channel;
    // A proxy that ended is the supervisor's to see; one that broke the rules is ended.
    if (bytes_ends(reason, BYTES("closed the channel"))) {
        log_debug("proxy-gone", "%.*s", BYTES_ARG(reason));
    } else {
        log_error("proxy-fault", "%.*s", BYTES_ARG(reason));
        tell_fault(authority, batch->proxy.id, reason);
    }
    for (size_t i = 0; i < authority->proxy_count; i++) {
        if (authority->proxy[i] != &batch->proxy)
            continue;
        authority->proxy[i] = authority->proxy[--authority->proxy_count];
        break;
    }
    clock_release(&authority->clock);
    serve_wait_drop_all(&batch->waiters);
    sealing_forget_proxy(authority, &batch->proxy);
    carry_proxy_lost(authority, &batch->proxy);
    batch_free(batch);
}

enum kh_err
serve_proxy_add(struct authority *authority, int fd, uint64_t id, struct fault *fault)
{
    struct serve_batch *batch = calloc(1, sizeof *batch);
    const struct channel_options options = {
        .base = authority->base,
        .self = ROLE_AUTHORITY,
        .peer = ROLE_PROXY,
        .handler = handlers,
        .context = batch,
        .batch_end = on_batch_end,
        .closed = on_closed,
    };

    if (batch == NULL || authority->proxy_count == AUTHORITY_PROXIES_MAX) {
        free(batch);
        close(fd);
        return fault_set(fault, KH_ERR_MEMORY, "no room for another proxy");
    }
    serve_batch_init(batch, authority, id);
    enum kh_err err = channel_new(fd, &options, &batch->proxy.channel, fault);
    if (err) {
        free(batch);
        return err;
    }
    authority->proxy[authority->proxy_count++] = &batch->proxy;
    publish_routes(authority, batch->proxy.channel);
    return KH_OK;
}

void
serve_settle_all(struct authority *authority)
{
    for (size_t i = 0; i < authority->proxy_count; i++)
        serve_batch_settle(authority->proxy[i]->batch);
}

void
serve_tick(struct authority *authority)
{
    for (size_t i = 0; i < authority->proxy_count; i++)
        serve_wait_say_later(&authority->proxy[i]->batch->waiters, authority->proxy[i]->channel);
}

void
serve_proxies_close(struct authority *authority)
{
    exchange_close_all(authority);
    carry_close_all(authority);
    sealing_forget_all(authority);
    while (authority->proxy_count > 0)
        batch_free(authority->proxy[--authority->proxy_count]->batch);
}
