/* SPDX-License-Identifier: Apache-2.0
 *
 * What a holder knows of a request, and what not.
 */
#include "judge.h"

#include "../caveats/field_name.h"

void
judge_init(struct judge *judge)
{
    judge->facts = (struct facts){.path = BYTES_EMPTY};
    judge->hidden.header = judge->hidden.credential = true;
    judge->hidden.client = judge->hidden.body = true;
    body_need_init(&judge->need);
    buffer_init(&judge->storage, BODY_VALUES_TEXT_MAX);
}

void
judge_free(struct judge *judge)
{
    buffer_free(&judge->storage);
}

// Whether the broker's caveats see a field that clients put keys into is for the credential to say,
// and a trace that cannot be read is not passed on. One that is not there is not seen in any case.
static bool
judge_is_doubtful(const struct judge *judge, struct bytes name)
{
    if (!(field_traits_read(name) & FIELD_CREDENTIAL) && !bytes_is(name, "traceparent") &&
        !bytes_is(name, "tracestate"))
        return false;
    for (size_t i = 0; i < judge->facts.header_count; i++)
        if (bytes_equal(judge->facts.header[i].name, name))
            return true;
    return false;
}

static bool
judge_is_hidden(void *context, const struct predicate *p)
{
    const struct judge *judge = context;
    switch (p->attribute) {
    case ATTRIBUTE_HEADER:
        return judge->hidden.header || judge_is_doubtful(judge, p->key);
    case ATTRIBUTE_CONTENT_TYPE:
    case ATTRIBUTE_UPGRADE:
        return judge->hidden.header;
    case ATTRIBUTE_CREDENTIAL:
        return judge->hidden.credential;
    case ATTRIBUTE_CLIENT:
        return judge->hidden.client;
    case ATTRIBUTE_BODY:
    case ATTRIBUTE_BODY_SIZE:
    case ATTRIBUTE_BODY_SHA256:
        return judge->hidden.body;
    case ATTRIBUTE_SCHEME:
    case ATTRIBUTE_HOST:
    case ATTRIBUTE_PORT:
    case ATTRIBUTE_METHOD:
    case ATTRIBUTE_PATH:
    case ATTRIBUTE_QUERY:
    case ATTRIBUTE_TIME:
    case ATTRIBUTE_USER:
        return false;
    default: // groups and counters are the broker's; the rest is not in a method and a URL
        return attribute_info(p->attribute)->place == PLACE_REQUEST ||
               attribute_info(p->attribute)->place == PLACE_COUNTER;
    }
}

// What the token's caveats look at in the body.
static void
judge_add_needs(struct body_need *need, const struct token *token)
{
    for (size_t i = 0; i < token->caveat_count; i++) {
        struct caveat *caveat = NULL;
        if (token->caveat[i].vid.n > 0 || caveat_parse(token->caveat[i].id, &caveat, NULL) != KH_OK)
            continue;
        (void)body_need_add(need, caveat);
        caveat_free(&caveat);
    }
}

static struct facts_body
judge_read_body(struct judge *judge, const struct token *token, struct bytes body)
{
    const struct fact_pair *header = judge->facts.header;
    size_t count = judge->facts.header_count;
    if (body.n == 0)
        return body_facts_from_head(header, count, true, true, 0);
    judge_add_needs(&judge->need, token);
    const struct body_question question = {judge->need.pointer, judge->need.count,
                                           judge->need.sha256};
    return body_facts_read(body, header, count, &question, judge->value, &judge->storage);
}

enum kh_err
judge_prepare(struct judge *judge, const struct token *token, const struct facts *facts,
              bool headers_known, const struct bytes *body, struct explain *out,
              struct fault *fault)
{
    struct token_identity identity;
    enum kh_err err = token_identity_read(token, &identity, fault);
    if (err != KH_OK)
        return err;
    // Who and for what, as the token says itself.
    judge->facts = *facts;
    judge->facts.user = identity.principal;
    if (facts->credential.n == 0 && identity.credential_count == 1)
        judge->facts.credential = identity.credential[0];
    judge->hidden.credential = judge->facts.credential.n == 0;
    judge->hidden.client = facts->client.n == 0;
    judge->hidden.header = !headers_known;
    judge->hidden.body = body == NULL;
    if (body != NULL)
        judge->facts.body = judge_read_body(judge, token, *body);
    *out = (struct explain){
        .token = token, .facts = &judge->facts, .hidden = judge_is_hidden, .context = judge};
    return KH_OK;
}
