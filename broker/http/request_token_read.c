/* SPDX-License-Identifier: Apache-2.0
 *
 * The forms in which a text can stand in a slot: whole, as a bearer, in Basic, in an AWS signature.
 */
#include "request_token_internal.h"

#include "../../caveats/base64.h"
#include "../../caveats/token.h"
#include "grammar.h"

struct reading
reading_of_whole(struct bytes value)
{
    if (value.n == 0)
        return (struct reading){.kind = READING_NOTHING};
    return (struct reading){
        .kind = token_is_shaped(value) ? READING_TOKEN : READING_FOREIGN,
        .text = value,
    };
}

/* "scheme SP rest", one space and none in the rest (RFC 9110 11.4, RFC 6750 2.1). */
static bool
cut_scheme(struct bytes value, struct bytes scheme, struct bytes *rest)
{
    size_t space = bytes_index(value, ' ');

    *rest = bytes_from(value, space + 1);
    return bytes_equal_nocase(bytes_slice(value, 0, space), scheme) &&
           bytes_index(*rest, ' ') == rest->n && bytes_index(*rest, '\t') == rest->n;
}

static struct reading
read_bearer(struct search *search, struct bytes value)
{
    struct bytes rest;

    (void)search;
    if (!cut_scheme(value, BYTES("bearer"), &rest) && !cut_scheme(value, BYTES("token"), &rest))
        return (struct reading){.kind = READING_OTHER};
    return reading_of_whole(rest);
}

static struct reading
read_user_and_password(struct bytes user, struct bytes password)
{
    struct reading in_user = reading_of_whole(user), in_password = reading_of_whole(password);

    in_user.in_user = true;
    if (in_user.kind != READING_TOKEN && in_password.kind != READING_TOKEN)
        return in_password.kind == READING_NOTHING ? in_user : in_password;
    if (in_user.kind == READING_TOKEN && in_password.kind == READING_TOKEN &&
        !bytes_equal_secret(user, password))
        return (struct reading){.kind = READING_CONFLICT};
    return in_password.kind == READING_TOKEN ? in_password : in_user;
}

/* RFC 7617. What is decoded goes to `out`. */
static struct reading
read_basic_into(struct buffer *out, struct bytes value)
{
    struct bytes rest, decoded;
    size_t start = out->n, colon;

    if (!cut_scheme(value, BYTES("basic"), &rest))
        return (struct reading){.kind = READING_OTHER};
    if (rest.n == 0)
        return (struct reading){.kind = READING_NOTHING};
    /* As it came back where an answer echoed the key: in no base64 there is a '_'. */
    if (token_is_shaped(rest))
        return reading_of_whole(rest);
    if (!base64_decode(BASE64_STANDARD, rest, out) || out->failed)
        return (struct reading){.kind = READING_FOREIGN};
    decoded = bytes_from(buffer_bytes(out), start);
    colon = bytes_index(decoded, ':');
    if (colon == decoded.n)
        return (struct reading){.kind = READING_FOREIGN};
    return read_user_and_password(bytes_slice(decoded, 0, colon), bytes_from(decoded, colon + 1));
}

/* request_build left room in the storage for one decoding of each credential field. */
static struct reading
read_basic(struct search *search, struct bytes value)
{
    return read_basic_into(&search->request->storage, value);
}

/* Alone, or behind the word that this upstream calls its scheme: "Bot", "ApiKey", "SSWS". */
static struct reading
read_header(struct search *search, struct bytes value)
{
    struct bytes scheme = bytes_slice(value, 0, bytes_index(value, ' ')), rest;

    (void)search;
    if (!token_is_shaped(scheme) && grammar_is_token(scheme) && cut_scheme(value, scheme, &rest) &&
        token_is_shaped(rest))
        return reading_of_whole(rest);
    return reading_of_whole(value);
}

/* The forms that a field's value can have, the most special first. */
static const struct {
    enum slot_kind kind;
    struct reading (*read)(struct search *search, struct bytes value);
} forms[] = {
    {SLOT_BEARER, read_bearer},
    {SLOT_BASIC, read_basic},
    {SLOT_AWS, reading_of_aws},
    {SLOT_HEADER, read_header},
};

enum { FORMS = sizeof forms / sizeof forms[0] };

/* A token in any form that an upstream could read it in. */
bool
reading_holds_token(struct bytes value)
{
    enum reading_kind kind;

    if (token_is_shaped(value))
        return true;
    BUFFER_AUTO decoded;
    buffer_init_secret(&decoded, HTTP1_LINE_MAX);
    kind = read_basic_into(&decoded, value).kind;
    return kind == READING_TOKEN || kind == READING_CONFLICT;
}

/* ---- taking ---- */

void
search_take(struct search *search, struct slot slot, const struct reading *reading)
{
    if (reading->kind == READING_FOREIGN)
        search->has_foreign = true;
    if (reading->kind == READING_CONFLICT)
        search->misplaced = "the user and the password of one field are different tokens";
    if (reading->kind != READING_TOKEN)
        return;
    /* The one that opens the proxy is for requests that bring none, as it is at CONNECT. */
    if (search->has_token && slot.kind == SLOT_PROXY_AUTHORIZATION)
        return;
    if (search->has_token && !token_is_same(search->found.text, reading->text))
        search->misplaced = "two slots hold different tokens";
    if (search->has_token)
        return;
    search->has_token = true;
    search->found.text = reading->text;
    search->found.slot = slot;
    search->found.slot_in_user = reading->in_user;
    search->found.aws = reading->aws;
}

void
search_take_field(struct search *search, struct bytes value, unsigned kinds,
                  const struct slot *instead, struct bytes name)
{
    for (size_t i = 0; i < FORMS; i++) {
        struct slot slot = {.kind = forms[i].kind};
        struct reading reading;

        if (!(kinds & 1u << forms[i].kind))
            continue;
        reading = forms[i].read(search, value);
        if (reading.kind == READING_OTHER)
            continue;
        if (slot.kind == SLOT_HEADER)
            slot.name = name;
        search_take(search, instead ? *instead : slot, &reading);
        return;
    }
    /* The field of a slot, but not its form. */
    if (reading_holds_token(value))
        search->misplaced = "a token stands in the field of a slot, but not in the slot's form";
    else if (value.n > 0)
        search->has_foreign = true;
}
