/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading a login, asking the authority, and answering.
 */
#include "own_login.h"

#include "../../caveats/json_parse.h"
#include "../../caveats/timestamp.h"
#include "../http/json_text.h"
#include "answer.h"
#include "buffering.h"
#include "judge.h"
#include "proxy.h"

#include <jansson.h>

enum { ANSWER_MAX = 16384 };

/* ---- the question ---- */

// A NUL in a string is refused by jansson.
static bool
read_name(const json_t *json, struct bytes *out)
{
    if (!json_is_string(json) || json_string_length(json) == 0)
        return false;
    *out = bytes_of(json_string_value(json), json_string_length(json));
    return true;
}

static bool
read_credentials(const json_t *json, struct message_login_ask *ask)
{
    size_t count = json_array_size(json);
    if (!json_is_array(json) || count == 0 || count > TOKEN_CREDENTIALS_MAX)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (!read_name(json_array_get(json, i), &ask->credential[i]))
            return false;
    }
    ask->credential_count = count;
    return true;
}

// What is not known is refused: it might have meant less than what would be given. `*why` says what
// is wrong.
static bool
read_question(const json_t *json, struct message_login_ask *ask, const char **why)
{
    const json_t *lifetime = json_object_get(json, "lifetime_s");
    size_t known = lifetime ? 3 : 2;
    *why = "the body is no JSON object";
    if (!json_is_object(json))
        return false;
    *why = "user: expected a name";
    if (!read_name(json_object_get(json, "user"), &ask->user))
        return false;
    *why = "credentials: expected a list of 1 to 8 names";
    if (!read_credentials(json_object_get(json, "credentials"), ask))
        return false;
    *why = "lifetime_s: expected a whole number of seconds";
    if (lifetime && (!json_is_integer(lifetime) || json_integer_value(lifetime) < 1))
        return false;
    ask->lifetime_s = json_integer_value(lifetime);
    *why = "there is a member beside user, credentials and lifetime_s";
    return json_object_size(json) == known;
}

static void
ask(struct exchange *x, struct message_login_ask *question)
{
    struct proxy *proxy = x->proxy;
    BUFFER_AUTO body;
    buffer_init(&body, OWN_LOGIN_BODY_MAX * 2);
    question->client = bytes_str(x->client->peer);
    message_login_ask_tx(question, &body);
    if (body.failed) {
        judge_refuse(x, NULL, KH_REASON_LOGIN_MALFORMED, "a name is too long");
        return;
    }
    if (proxy->authority)
        x->question = questions_add(&proxy->questions, QUESTION_LOGIN, x);
    if (x->question)
        channel_send(proxy->authority, MESSAGE_LOGIN_ASK, x->question, buffer_bytes(&body));
    else
        judge_unavailable(x);
}

static void
take_body(struct exchange *x, struct bytes body)
{
    struct message_login_ask question = {.lifetime_s = 0};
    const char *why = "the body is no JSON";
    json_t *json = body.n ? json_parse(body, JSON_REJECT_DUPLICATES, NULL) : NULL;
    if (json && read_question(json, &question, &why))
        ask(x, &question);
    else
        judge_refuse(x, NULL, KH_REASON_LOGIN_MALFORMED, why);
    json_decref(json);
}

// A page of another site can have a browser send text, but not this, without asking first.
static bool
says_json(const struct http1_head *head)
{
    const struct http1_field *field = http1_find(head, "content-type");
    if (!field)
        return false;
    struct bytes type = bytes_slice(field->value, 0, bytes_index(field->value, ';'));
    return bytes_equal_nocase(bytes_trim(type), BYTES("application/json"));
}

void
own_login_serve(struct exchange *x, const struct http1_head *head)
{
    if (!says_json(head))
        judge_refuse(x, head, KH_REASON_LOGIN_MALFORMED, "Content-Type: expected application/json");
    else
        buffering_collect(x, OWN_LOGIN_BODY_MAX, take_body);
}

/* ---- the answer ---- */

static void
answer(struct exchange *x, const struct message_login_done *done)
{
    char expires[TIMESTAMP_SIZE];
    if (!done->minted) {
        x->refused_retry_s = done->retry_after_s; // with a record of it, as for any other refusal
        judge_refuse(x, NULL, done->reason, "");
        return;
    }
    BUFFER_AUTO out;
    buffer_init_secret(&out, ANSWER_MAX);
    timestamp_print(done->expires_at, expires);
    buffer_put_byte(&out, '{');
    json_text_member(&out, "token", done->token);
    json_text_member(&out, "expires_at", bytes_str(expires));
    buffer_put_str(&out, "}\n");
    if (out.failed)
        judge_refuse(x, NULL, KH_REASON_INTERNAL, "");
    else
        answer_content(x, 200, "application/json", buffer_bytes(&out));
}

bool
own_login_handle_done(struct channel *channel, void *context, const struct message *message)
{
    struct proxy *proxy = context;
    struct message_login_done done;
    struct question question;
    (void)channel;
    if (message_login_done_rx(message->body, &done) != KH_OK)
        return false;
    if (!questions_take(&proxy->questions, message->id, QUESTION_LOGIN, &question) ||
        !question.owner)
        return true;
    struct exchange *x = question.owner;
    struct connection *c = x->client;
    x->question = 0;
    answer(x, &done);
    connection_run(c);
    return true;
}
