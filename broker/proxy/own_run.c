/* SPDX-License-Identifier: Apache-2.0
 *
 * Questions of runs are the authority's to answer; here they are read, handed on and framed.
 */
#include "own_run.h"

#include "answer.h"
#include "judge.h"
#include "own.h"
#include "proxy.h"

enum { ASK_MAX = 16384 };

static void
ask(struct exchange *x, enum question_kind kind, enum message_type type, const struct buffer *body)
{
    struct proxy *proxy = x->proxy;
    if (!body->failed && proxy->authority)
        x->question = questions_add(&proxy->questions, kind, x);
    if (x->question)
        channel_send(proxy->authority, type, x->question, buffer_bytes(body));
    else
        judge_unavailable(x);
}

// The exchange that asked; NULL when it is gone. Its question is answered.
static struct exchange *
take(struct proxy *proxy, uint64_t id, enum question_kind kind)
{
    struct question question;
    if (!questions_take(&proxy->questions, id, kind, &question) || !question.owner)
        return NULL;
    struct exchange *x = question.owner;
    x->question = 0;
    return x;
}

/* ---- the environment of a token ---- */

static void
ask_environment(struct exchange *x, const struct message_environment_ask *question)
{
    BUFFER_AUTO body;
    buffer_init_secret(&body, ASK_MAX);
    message_environment_ask_tx(question, &body);
    ask(x, QUESTION_ENVIRONMENT, MESSAGE_ENVIRONMENT_ASK, &body);
}

void
own_run_environment(struct exchange *x, const struct http1_head *head)
{
    struct bytes token;
    if (!own_take_token(x, head, &token))
        return;
    if (token.n > TOKEN_TEXT_MAX) {
        judge_refuse(x, head, KH_REASON_TOKEN_MALFORMED, "the token is too long");
        return;
    }
    const struct message_environment_ask question = {.token = token,
                                                     .client = bytes_str(x->client->peer)};
    ask_environment(x, &question);
}

void
own_run_ca(struct exchange *x, const struct http1_head *head)
{
    const struct message_environment_ask question = {.ca_alone = true,
                                                     .client = bytes_str(x->client->peer)};
    (void)head;
    x->wants_pem = true;
    ask_environment(x, &question);
}

bool
own_run_handle_environment(struct channel *channel, void *context, const struct message *message)
{
    struct message_environment answer;
    (void)channel;
    if (message_environment_rx(message->body, &answer) != KH_OK)
        return false;
    struct exchange *x = take(context, message->id, QUESTION_ENVIRONMENT);
    if (!x)
        return true;
    struct connection *c = x->client;
    if (answer.given)
        answer_content(x, 200,
                       x->wants_pem ? "application/pem-certificate-chain" : "application/json",
                       answer.content);
    else
        judge_refused_there(x, answer.reason, answer.request_id);
    connection_run(c);
    return true;
}

/* ---- what was refused ---- */

void
own_run_refusals(struct exchange *x, const struct http1_head *head)
{
    static const uint8_t none[RUN_ID_SIZE];
    uint8_t run[RUN_ID_SIZE];
    struct bytes hex = bytes_from(head->path, sizeof OWN_RUNS_PATH - 1);
    BUFFER_AUTO body;
    buffer_init(&body, ASK_MAX);
    if (!bytes_from_hex(hex, run, sizeof run) ||
        bytes_equal(bytes_of(run, sizeof run), bytes_of(none, sizeof none))) {
        judge_refuse(x, head, KH_REASON_NOT_FOUND, "that names no run");
        return;
    }
    message_run_ask_tx(run, &body);
    ask(x, QUESTION_RUN, MESSAGE_RUN_ASK, &body);
}

bool
own_run_handle_run(struct channel *channel, void *context, const struct message *message)
{
    struct bytes text;
    (void)channel;
    if (message_text_rx(message->body, &text) != KH_OK || text.n == 0)
        return false;
    struct exchange *x = take(context, message->id, QUESTION_RUN);
    if (!x)
        return true;
    struct connection *c = x->client;
    answer_content(x, 200, "application/json", text);
    connection_run(c);
    return true;
}
