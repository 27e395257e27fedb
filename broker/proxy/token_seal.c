/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading such an answer strictly, and writing it anew. Where two readers could differ about it
 * (names that occur twice, or are written with escapes), it is refused.
 */
#include "token_seal.h"

#include "../../caveats/body.h"
#include "../../caveats/path.h"
#include "../http/body_place.h"
#include "answer.h"
#include "proxy.h"
#include "response.h"
#include "scrub.h"
#include "token_answer.h"
#include "upstream.h"

#include <stdio.h>

// The first is the one that is kept.
static const char *const pointers[TOKEN_SEAL_TOKENS] = {"/access_token", "/refresh_token",
                                                        "/id_token"};

/* ---- the body ---- */

static bool
is_json(struct bytes body)
{
    while (body.n > 0 && (body.p[0] == ' ' || (body.p[0] >= '\t' && body.p[0] <= '\r')))
        body = bytes_from(body, 1);
    return body.n > 0 && body.p[0] == '{';
}

static struct bytes
name_in(bool json, size_t i)
{
    return bytes_from(bytes_str(pointers[i]), json ? 0 : 1);
}

static bool
read_json(struct bytes body, struct bytes token[TOKEN_SEAL_TOKENS], struct buffer *text)
{
    struct bytes pointer[TOKEN_SEAL_TOKENS];
    struct body_value value[TOKEN_SEAL_TOKENS];
    for (size_t i = 0; i < TOKEN_SEAL_TOKENS; i++)
        pointer[i] = bytes_str(pointers[i]);
    if (body_read(body, pointer, TOKEN_SEAL_TOKENS, value, text) != KH_OK)
        return false;
    for (size_t i = 0; i < TOKEN_SEAL_TOKENS; i++) {
        bool none = value[i].type == BODY_VALUE_ABSENT || value[i].type == BODY_VALUE_NULL;
        if (!none && value[i].type != BODY_VALUE_STRING)
            return false;
        token[i] = none ? BYTES_EMPTY : value[i].text;
        struct body_place place = {0};
        if (token[i].n > 0 && body_place_find(body, pointer[i], &place) != BODY_FOUND_ONE)
            return false;
    }
    return true;
}

static bool
read_form(struct bytes body, struct bytes token[TOKEN_SEAL_TOKENS], struct buffer *text)
{
    for (size_t i = 0; i < TOKEN_SEAL_TOKENS; i++) {
        struct body_place place = {0};
        size_t start = text->n;
        enum body_found found = body_place_find(body, name_in(false, i), &place);
        if ((found != BODY_FOUND_ONE && found != BODY_FOUND_NOTHING) ||
            form_decode(bytes_slice(body, place.start, place.n), text) != KH_OK || text->failed)
            return false;
        token[i] = bytes_from(buffer_bytes(text), start);
    }
    return true;
}

bool
token_seal_read(struct bytes body, struct bytes token[TOKEN_SEAL_TOKENS], struct buffer *text)
{
    if (!buffer_reserve(text, TOKEN_SEAL_TEXT_MAX) || body.n > TOKEN_SEAL_TEXT_MAX)
        return false;
    bool read = is_json(body) ? read_json(body, token, text) : read_form(body, token, text);
    return read && token[0].n > 0;
}

static bool
replace(struct bytes body, struct bytes name, struct bytes replacement, struct buffer *out)
{
    struct body_place place = {0};
    enum body_found found = body_place_find(body, name, &place);
    if (found != BODY_FOUND_ONE && found != BODY_FOUND_NOTHING)
        return false;
    bool there = found == BODY_FOUND_ONE && place.n > 0;
    buffer_put(out, there ? bytes_slice(body, 0, place.start) : body);
    if (there) {
        body_place_write(&place, replacement, out);
        buffer_put(out, bytes_from(body, place.start + place.n));
    }
    return !out->failed;
}

bool
token_seal_rewrite(struct bytes body, struct bytes replacement, struct buffer *out)
{
    bool json = is_json(body), fine = true;
    struct buffer now;
    buffer_init_secret(&now, out->max);
    buffer_put(&now, body);
    for (size_t i = 0; fine && i < TOKEN_SEAL_TOKENS; i++) {
        struct buffer next;
        buffer_init_secret(&next, out->max);
        fine = !now.failed && replace(buffer_bytes(&now), name_in(json, i), replacement, &next);
        buffer_free(&now);
        now = next;
    }
    if (fine)
        buffer_put(out, buffer_bytes(&now));
    buffer_free(&now);
    return fine && !out->failed;
}

/* ---- asking ---- */

static void
ask(struct exchange *x, struct bytes token)
{
    struct proxy *proxy = x->proxy;
    BUFFER_AUTO body;
    buffer_init_secret(&body, 2 * SEAL_TOKEN_MAX);
    struct message_seal_token message = {.token = token};
    memcpy(message.request_id, x->request_id, sizeof message.request_id);
    message_seal_token_tx(&message, &body);
    if (!body.failed && proxy->authority)
        x->question = questions_add(&proxy->questions, QUESTION_SEAL, x);
    if (!x->question) {
        exchange_fail(x, KH_REASON_TOKEN_ANSWER, "its access token cannot be kept");
        return;
    }
    channel_send(proxy->authority, MESSAGE_SEAL_TOKEN, x->question, buffer_bytes(&body));
    upstream_release(x->upstream);
    connection_move(x->client, CONNECTION_SEALING);
}

void
token_seal_begin(struct exchange *x)
{
    struct bytes token[TOKEN_SEAL_TOKENS];
    BUFFER_AUTO text;
    buffer_init_secret(&text, TOKEN_SEAL_TEXT_MAX);
    if (token_seal_read(buffer_bytes(&x->token_answer->held), token, &text))
        ask(x, token[0]);
    else
        exchange_fail(x, KH_REASON_TOKEN_ANSWER,
                      "it has no access token that can be read for sure");
}

/* ---- the answer ---- */

// Some say the same token twice, under another name or in a header field: those go as well.
static bool
clean(struct exchange *x)
{
    struct bytes token[TOKEN_SEAL_TOKENS], held = buffer_bytes(&x->token_answer->held);
    struct bytes own = buffer_bytes(&x->token);
    struct scrub *scrub = NULL;
    BUFFER_AUTO text, body, head;
    buffer_init_secret(&text, TOKEN_SEAL_TEXT_MAX);
    buffer_init_secret(&body, x->collected.max);
    buffer_init_secret(&head, x->collected_head.max);
    if (!token_seal_read(held, token, &text) || !token_seal_rewrite(held, own, &body) ||
        scrub_new(token, TOKEN_SEAL_TOKENS, own, &scrub) != KH_OK)
        return false;
    buffer_free(&x->token_answer->held);
    if (scrub) {
        scrub_text(scrub, buffer_bytes(&x->collected_head), &head);
        scrub_text(scrub, buffer_bytes(&body), &x->token_answer->held);
    } else {
        buffer_put(&head, buffer_bytes(&x->collected_head));
        buffer_put(&x->token_answer->held, buffer_bytes(&body));
    }
    scrub_free(&scrub);
    buffer_free(&x->collected_head);
    buffer_put(&x->collected_head, buffer_bytes(&head));
    return !head.failed && !x->collected_head.failed && !x->token_answer->held.failed;
}

static void
fail(struct exchange *x, struct bytes detail)
{
    char text[400];
    snprintf(text, sizeof text, "its access token was not kept%s%.*s", detail.n ? ": " : "",
             (int)(detail.n < 300 ? detail.n : 300), (const char *)detail.p);
    exchange_fail(x, KH_REASON_TOKEN_ANSWER, text);
}

void
token_seal_lost(struct exchange *x)
{
    x->question = 0;
    fail(x, BYTES("the authority does not answer"));
}

void
token_seal_expired(struct connection *c)
{
    fail(c->exchange, BYTES("the authority did not answer in time"));
}

static void
finish(struct exchange *x)
{
    if (!clean(x)) {
        exchange_fail(x, KH_REASON_TOKEN_ANSWER, "it cannot be written anew");
        return;
    }
    response_show_collected(x);
    exchange_complete(x);
}

bool
token_seal_handle_done(struct channel *channel, void *context, const struct message *message)
{
    struct proxy *proxy = context;
    struct message_token_sealed done;
    struct question question;
    (void)channel;
    if (message_token_sealed_rx(message->body, &done) != KH_OK)
        return false;
    if (!questions_take(&proxy->questions, message->id, QUESTION_SEAL, &question) ||
        !question.owner)
        return true;
    struct exchange *x = question.owner;
    struct connection *c = x->client;
    x->question = 0;
    if (done.sealed)
        finish(x);
    else
        fail(x, done.detail);
    connection_run(c);
    return true;
}
