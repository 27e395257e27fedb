/* SPDX-License-Identifier: Apache-2.0
 *
 * The states of a connection as a table, and what is done in each.
 */
#include "connection.h"

#include "../http/http1_write.h"
#include "../log.h"
#include "answer.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum {
    RESPONSE_MAX = 256 * 1024,
    DRAIN_MAX = 256 * 1024,
    READ_AHEAD = 16 * 1024, // while an answer goes out
};

// ---- answering ----

static struct answer_form
form_of(const struct connection *c)
{
    return (struct answer_form){
        .head = c->is_head,
        .close = !c->keep_alive,
        .secure = !strncmp(c->server->url, "https:", 6),
        .now = (int64_t)time(NULL),
    };
}

// Where the next request begins is known only when this one was read to its end.
static void
begin_answer(struct connection *c)
{
    if (!c->body_done || c->server->draining)
        c->keep_alive = false;
    connection_move(c, CONNECTION_ANSWERING);
}

static void
refuse(struct connection *c, const struct refusal *refusal)
{
    begin_answer(c);
    const struct answer_form form = form_of(c);
    answer_write_refusal(refusal, &form, &c->conduit.out);
}

static void
refuse_malformed(struct connection *c, int status, const char *why)
{
    const struct refusal refusal = {status, FAILURE_REQUEST_INVALID, why ? why : "", NULL};

    c->keep_alive = c->body_done = c->is_head = false;
    refuse(c, &refusal);
}

// "enrolled: ssh key of user alice": what it begins with is the event's stable word.
static void
log_answer(const struct connection *c, const struct service_response *response)
{
    bool fault = response->failure == FAILURE_INTERNAL || response->failure == FAILURE_UNSET;
    bool grave = response->failure == FAILURE_AUTHENTICATOR_CLONED;
    enum log_level level = fault ? LOG_LEVEL_ERROR : grave ? LOG_LEVEL_WARNING : LOG_LEVEL_INFO;
    struct bytes rest = bytes_str(response->log), word = BYTES_EMPTY;
    char event[32];

    if (rest.n == 0)
        return;
    (void)bytes_cut(&rest, ':', &word);
    snprintf(event, sizeof event, "%.*s", BYTES_ARG(word));
    if (response->failure != FAILURE_NONE)
        log_event(level, failure_code(response->failure), "%s (from %s)", response->log,
                  c->peer.text);
    else
        log_event(level, event, "%.*s (from %s)", BYTES_ARG(bytes_trim(rest)), c->peer.text);
}

static void
answer(struct connection *c)
{
    struct service_response response = {.failure = FAILURE_UNSET};

    buffer_init_secret(&response.body, RESPONSE_MAX);
    c->request.body = buffer_bytes(&c->body);
    c->request.client = bytes_str(c->peer.text);
    c->request.now = (int64_t)time(NULL);
    service_answer(c->server->service, &c->request, &response);
    log_answer(c, &response);
    begin_answer(c);
    const struct answer_form form = form_of(c);
    answer_write(&response, &form, &c->conduit.out);
    buffer_free(&response.body);
}

// ---- steps ----

static bool
step_closed(struct connection *c)
{
    (void)c;
    return false;
}

static bool
step_handshake(struct connection *c)
{
    enum stream_result result = stream_handshake(&c->conduit.stream);

    if (result == STREAM_WANT_READ || result == STREAM_WANT_WRITE) {
        conduit_need(&c->conduit, result);
        return false;
    }
    if (result != STREAM_OK) {
        connection_abort(c);
        return false;
    }
    conduit_need(&c->conduit, STREAM_OK);
    stream_stage(&c->conduit.stream);
    c->conduit.readable = true; // the first request may have come with the last flight
    connection_move(c, CONNECTION_IDLE);
    return true;
}

static bool
step_idle(struct connection *c)
{
    if (c->conduit.in.n > 0) {
        c->scanned = 0;
        connection_move(c, CONNECTION_HEAD);
        return true;
    }
    if (c->conduit.ended != STREAM_OK || c->server->draining)
        connection_close(c);
    return false;
}

// The head keeps the memory that its slices point into; what follows it moves to a new buffer.
static bool
take_head(struct connection *c, size_t length)
{
    struct buffer *in = &c->conduit.in;
    struct bytes rest = bytes_from(buffer_bytes(in), length);

    buffer_free(&c->head);
    c->head = *in;
    buffer_init_secret(in, CONDUIT_IN_MAX);
    buffer_put(in, rest);
    return !in->failed;
}

static void
begin_request(struct connection *c, const struct http1_head *head)
{
    struct bytes authority = admission_authority(bytes_str(c->server->url));
    struct refusal refusal = {0};

    buffer_clear(&c->body);
    c->request = (struct service_request){0};
    c->drained = 0;
    c->is_head = bytes_is(head->method, "HEAD");
    c->keep_alive = head->keep_alive && head->minor >= 1;
    c->body_done =
        head->body == BODY_NONE || (head->body == BODY_LENGTH && head->content_length == 0);
    http1_body_start(&c->reader, head);
    if (!take_head(c, head->length)) {
        connection_abort(c);
    } else if (!admission_judge(head, authority, c->type, &c->request, &refusal)) {
        refuse(c, &refusal);
    } else if (c->body_done) {
        answer(c);
    } else {
        if (head->expect_continue && head->minor >= 1) {
            http1_write_status_line(&c->conduit.out, 100);
            http1_write_end(&c->conduit.out);
        }
        connection_move(c, CONNECTION_BODY);
    }
}

static bool
step_head(struct connection *c)
{
    struct http1_head *head = &c->server->head;
    const char *why = NULL;

    switch (http1_parse_request(buffer_bytes(&c->conduit.in), head, &c->scanned, &why)) {
    case HTTP1_DONE:
        begin_request(c, head);
        return true;
    case HTTP1_MORE:
        if (c->conduit.ended != STREAM_OK) {
            connection_close(c); // nobody asked for anything
            return false;
        }
        if (c->conduit.in.n < CONDUIT_IN_MAX)
            return false;
        why = "the head is too large";
        break;
    case HTTP1_REJECT:
        break;
    }
    refuse_malformed(c, 400, why);
    return true;
}

// True when there is nothing more to read of it: it is whole, or it was refused.
static bool
read_body(struct connection *c)
{
    struct bytes in = buffer_bytes(&c->conduit.in);
    size_t at = 0, used = 1;
    const char *why = NULL;
    enum http1_result result = HTTP1_MORE;

    while (result == HTTP1_MORE && used > 0) {
        struct bytes data = BYTES_EMPTY;
        result = http1_body_read(&c->reader, bytes_from(in, at), &used, &data, &why);
        at += used;
        buffer_put(&c->body, data);
    }
    conduit_consume(&c->conduit, at);
    if (result == HTTP1_REJECT)
        refuse_malformed(c, 400, why);
    else if (c->body.failed)
        refuse_malformed(c, 413, "a body has at most 64 KiB");
    c->body_done = result == HTTP1_DONE;
    return c->body_done || c->state != CONNECTION_BODY;
}

static bool
step_body(struct connection *c)
{
    conduit_flush(&c->conduit); // the 100
    if (!read_body(c)) {
        if (c->conduit.ended != STREAM_OK)
            connection_abort(c);
        return false;
    }
    if (c->state == CONNECTION_BODY)
        answer(c);
    return true;
}

static void
start_lingering(struct connection *c)
{
    // A reset that overtakes the answer would take it from the client (RFC 9112 9.6).
    if (c->conduit.stream.ssl)
        (void)SSL_shutdown(c->conduit.stream.ssl);
    (void)shutdown(c->conduit.stream.fd, SHUT_WR);
    connection_move(c, CONNECTION_LINGERING);
}

static bool
step_answering(struct connection *c)
{
    conduit_flush(&c->conduit);
    if (c->conduit.write_failed) {
        connection_abort(c);
        return false;
    }
    if (c->conduit.out.n > 0)
        return false;
    buffer_free(&c->head);
    buffer_free(&c->body);
    if (!c->keep_alive) {
        start_lingering(c);
        return true;
    }
    conduit_forget(&c->conduit);
    connection_move(c, CONNECTION_IDLE);
    return true;
}

static bool
step_lingering(struct connection *c)
{
    c->drained += c->conduit.in.n;
    conduit_consume(&c->conduit, c->conduit.in.n);
    if (c->conduit.ended != STREAM_OK || c->drained > DRAIN_MAX)
        connection_close(c);
    return false;
}

// ---- what happens when the time is up ----

static void
expired_abort(struct connection *c)
{
    connection_abort(c);
}

static void
expired_quietly(struct connection *c)
{
    connection_close(c);
}

static void
expired_head(struct connection *c)
{
    refuse_malformed(c, 408, "the head did not arrive in time");
}

static void
expired_body(struct connection *c)
{
    refuse_malformed(c, 408, "the body did not arrive in time");
}

#define LIMIT(field) offsetof(struct server_limits, field)

const struct connection_row connection_row[CONNECTION_STATE_COUNT] = {
    [CONNECTION_CLOSED] = {"closed", LIMIT(linger_ms), 0, step_closed, expired_abort},
    [CONNECTION_HANDSHAKE] = {"handshake", LIMIT(handshake_ms), 0, step_handshake, expired_abort},
    [CONNECTION_IDLE] = {"idle", LIMIT(idle_ms), CONDUIT_IN_MAX, step_idle, expired_quietly},
    [CONNECTION_HEAD] = {"head", LIMIT(head_ms), CONDUIT_IN_MAX, step_head, expired_head},
    [CONNECTION_BODY] = {"body", LIMIT(body_ms), CONDUIT_IN_MAX, step_body, expired_body},
    [CONNECTION_ANSWERING] = {"answering", LIMIT(answer_ms), READ_AHEAD, step_answering,
                              expired_abort},
    [CONNECTION_LINGERING] = {"lingering", LIMIT(linger_ms), READ_AHEAD, step_lingering,
                              expired_quietly},
};
