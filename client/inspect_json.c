/* SPDX-License-Identifier: Apache-2.0
 *
 * An inspection for programs. The schema is a contract (keyhole(1)): members are added, never
 * changed or taken away.
 */
#include "../caveats/base64.h"
#include "../caveats/json_print.h"
#include "../caveats/words.h"
#include "inspect.h"
#include "moment.h"
#include "text.h"

#include <jansson.h>

enum { JSON_TEXT_MAX = 8192 };

// jansson's setters take NULL as a failure and give it on; it is looked at once, in the end.
static bool
json_put(json_t *object, const char *name, json_t *value)
{
    return json_object_set_new(object, name, value) == 0;
}

static json_t *
json_of_buffer(struct buffer *text)
{
    return text->failed ? NULL : json_stringn((const char *)text->p, text->n);
}

// What is no UTF-8 is shown as a person would see it.
static json_t *
json_of_text(struct bytes text)
{
    if (text.n == 0)
        return json_string("");
    if (bytes_is_utf8(text))
        return json_stringn((const char *)text.p, text.n);
    BUFFER_AUTO safe;
    buffer_init(&safe, JSON_TEXT_MAX);
    text_put_safe(&safe, text);
    return json_of_buffer(&safe);
}

static json_t *
json_of_base64(struct bytes data)
{
    BUFFER_AUTO text;
    buffer_init(&text, JSON_TEXT_MAX);
    base64_encode(BASE64_URL, data, &text);
    return json_of_buffer(&text);
}

static json_t *
json_of_hex(const uint8_t *id, size_t n)
{
    char hex[2 * LINEAGE_ID_SIZE + 1];
    return bytes_to_hex(bytes_of(id, n), hex, sizeof hex) ? json_string(hex) : NULL;
}

static json_t *
json_of_moment(int64_t at)
{
    if (at == INT64_MAX)
        return json_null();
    BUFFER_AUTO text;
    buffer_init(&text, 64);
    moment_put(&text, at);
    return json_of_buffer(&text);
}

static json_t *
json_of_words(const struct caveat *caveat, int64_t now)
{
    BUFFER_AUTO text;
    buffer_init(&text, JSON_TEXT_MAX);
    words_put_caveat(&text, caveat, now);
    return json_of_buffer(&text);
}

static bool
json_put_identity(json_t *top, const struct token_identity *id)
{
    json_t *credentials = json_array();
    bool ok = json_put(top, "user", json_of_text(id->principal));
    for (size_t i = 0; i < id->credential_count; i++)
        ok = json_array_append_new(credentials, json_of_text(id->credential[i])) == 0 && ok;
    ok = json_put(top, "credentials", credentials) && ok;
    ok = json_put(top, "issued_at", json_of_moment(id->issued_at)) && ok;
    ok = json_put(top, "expires_at", json_of_moment(id->expires_at)) && ok;
    ok = json_put(top, "token_id", json_of_hex(id->token_id, TOKEN_ID_SIZE)) && ok;
    ok = json_put(top, "key_id", json_integer(id->key_id)) && ok;
    return json_put(top, "minted_caveats", json_integer(id->minted_caveats)) && ok;
}

static bool
json_put_hole(json_t *object, const struct inspect_caveat *c)
{
    bool ok = json_put(object, "ticket", json_of_base64(c->id));
    ok = json_put(object, "location", json_of_text(c->location)) && ok;
    if (c->demand.n > 0)
        ok = json_put(object, "demand", json_of_text(c->demand)) && ok;
    ok = json_put(object, "filled", json_boolean(c->filled_by >= 0)) && ok;
    if (c->filled_by < 0)
        return ok;
    ok = json_put(object, "discharge", json_integer(c->filled_by)) && ok;
    if (c->by.n > 0)
        ok = json_put(object, "by", json_of_text(c->by)) && ok;
    if (c->parent.n > 0)
        ok = json_put(object, "parent", json_of_text(c->parent)) && ok;
    return json_put(object, "until", json_of_moment(c->until)) && ok;
}

static json_t *
json_of_caveat(const struct inspect_caveat *c, int64_t now)
{
    json_t *object = json_object();
    bool ok = json_put(object, "macaroon", json_integer(c->macaroon));
    ok = json_put(object, "index", json_integer(c->index)) && ok;
    ok = json_put(object, "kind", json_string(inspect_kind_name(c->kind))) && ok;
    ok = json_put(object, "origin", json_string(inspect_origin_name(c->origin))) && ok;
    if (c->kind == INSPECT_HOLE)
        ok = json_put_hole(object, c) && ok;
    else
        ok = json_put(object, "text", json_of_text(c->id)) && ok;
    if (c->kind == INSPECT_LABEL || c->kind == INSPECT_DEMAND || c->kind == INSPECT_PARENT)
        ok = json_put(object, "value", json_of_text(c->value)) && ok;
    if (c->kind == INSPECT_CONDITION) {
        ok = json_put(object, "words", json_of_words(c->parsed, now)) && ok;
        ok = json_put(object, "past", json_boolean(c->past)) && ok;
    }
    if (c->kind == INSPECT_UNREADABLE)
        ok = json_put(object, "problem", json_of_text(bytes_str(c->why))) && ok;
    if (!ok) {
        json_decref(object);
        return NULL;
    }
    return object;
}

static bool
json_put_caveats(json_t *top, const struct inspection *in)
{
    json_t *caveats = json_array(), *labels = json_array();
    bool ok = true;
    for (size_t i = 0; i < in->count; i++) {
        const struct inspect_caveat *c = &in->caveat[i];
        ok = json_array_append_new(caveats, json_of_caveat(c, in->now)) == 0 && ok;
        if (c->kind == INSPECT_LABEL && c->macaroon == 0)
            ok = json_array_append_new(labels, json_of_text(c->value)) == 0 && ok;
    }
    ok = json_put(top, "labels", labels) && ok;
    return json_put(top, "caveats", caveats) && ok;
}

static bool
json_put_discharges(json_t *top, const struct token *token)
{
    json_t *discharges = json_array();
    bool ok = true;
    for (size_t i = 1; i < token->macaroon_count; i++) {
        json_t *object = json_object();
        ok = json_put(object, "index", json_integer((json_int_t)i)) && ok;
        ok = json_put(object, "fills_hole_of", json_integer(token->macaroon[i].parent)) && ok;
        ok = json_put(object, "location", json_of_text(token->macaroon[i].location)) && ok;
        ok = json_array_append_new(discharges, object) == 0 && ok;
    }
    return json_put(top, "discharges", discharges) && ok;
}

static json_t *
json_of_step(const struct inspect_step *step)
{
    json_t *object = json_object();
    bool ok = json_put(object, "origin", json_string(inspect_origin_name(step->origin)));
    if (step->name != NULL)
        ok = json_put(object, "label", json_of_text(*step->name)) && ok;
    ok = json_put(object, "first", json_integer((json_int_t)step->first)) && ok;
    ok = json_put(object, "count", json_integer((json_int_t)step->count)) && ok;
    ok = json_put(object, "conditions", json_integer((json_int_t)step->conditions)) && ok;
    ok = json_put(object, "holes", json_integer((json_int_t)step->holes)) && ok;
    ok = json_put(object, "holes_open", json_integer((json_int_t)step->holes_open)) && ok;
    if (json_put(object, "ends_at", json_of_moment(step->ends_at)) && ok)
        return object;
    json_decref(object);
    return NULL;
}

static bool
json_put_steps(json_t *top, const struct inspection *in)
{
    json_t *steps = json_array();
    bool ok = true;
    for (size_t i = 0; i < in->step_count; i++)
        ok = json_array_append_new(steps, json_of_step(&in->step[i])) == 0 && ok;
    return json_put(top, "steps", steps) && ok;
}

static bool
json_put_all(json_t *top, const struct inspection *in)
{
    const struct macaroon_view *root = &in->token->macaroon[0];
    bool ok = json_put(top, "verified", json_false());
    ok = json_put(top, "keyhole", json_boolean(in->identified)) && ok;
    if (in->identified)
        ok = json_put_identity(top, &in->identity) && ok;
    else
        ok = json_put(top, "problem", json_of_text(bytes_str(in->why_not))) && ok;
    ok = json_put(top, "ends_at", json_of_moment(in->ends_at)) && ok;
    ok = json_put(top, "ends_by",
                  in->ends_by >= 0           ? json_integer(in->ends_by)
                  : in->ends_at == INT64_MAX ? json_null()
                                             : json_string("expiry")) &&
         ok;
    ok = json_put_steps(top, in) && ok;
    ok = json_put(top, "ended", json_boolean(in->ends_at <= in->now)) && ok;
    ok = json_put(top, "lineage", json_of_hex(in->lineage, LINEAGE_ID_SIZE)) && ok;
    ok = json_put(top, "identifier", json_of_base64(root->identifier)) && ok;
    ok = json_put(top, "location", json_of_text(root->location)) && ok;
    ok = json_put(top, "prefix", json_of_text(in->token->prefix)) && ok;
    ok = json_put_caveats(top, in) && ok;
    ok = json_put_discharges(top, in->token) && ok;
    ok = json_put(top, "holes", json_integer((json_int_t)in->holes)) && ok;
    ok = json_put(top, "holes_open", json_integer((json_int_t)in->holes_open)) && ok;
    return json_put(top, "unreadable", json_integer((json_int_t)in->unreadable)) && ok;
}

enum kh_err
inspect_print_json(const struct inspection *inspection, struct buffer *out, struct fault *fault)
{
    json_t *top = json_object();
    bool whole = json_put_all(top, inspection);
    // ASCII alone: what a token says of itself must not reorder the terminal either.
    json_print(whole ? top : NULL, JSON_INDENT(2) | JSON_ENSURE_ASCII, out);
    json_decref(top);
    buffer_put_byte(out, '\n');
    return out->failed ? fault_set(fault, KH_ERR_MEMORY, "memory is used up") : KH_OK;
}
