/* SPDX-License-Identifier: Apache-2.0
 *
 * Where the token stands. It is taken from declared slots and nowhere else, and neither a token nor
 * somebody else's key is left in a place where an upstream reads one.
 */
#include "request.h"

#include "field_name.h"

#include "../../caveats/base64.h"
#include "../../caveats/token.h"

#include <string.h>

enum {
    FIELDS = sizeof((struct request *)0)->field / sizeof(struct request_field),
    QUERIES = sizeof((struct request *)0)->query / sizeof(struct request_query_pair),
};

struct search {
    struct request *request;
    const struct route *const *route;
    size_t route_count;
    struct request_token found;
    bool has_token, has_foreign;
    const char *misplaced; /* a sentence, once one is found to be */
    bool drop_field[FIELDS], drop_query[QUERIES];
};

/* ---- reading what stands in a slot ---- */

enum reading_kind {
    READING_OTHER = 0, /* not the form that this slot has */
    READING_NOTHING,   /* the form, and nothing in it */
    READING_TOKEN,
    READING_FOREIGN,
    READING_CONFLICT, /* two tokens at once */
};

struct reading {
    enum reading_kind kind;
    struct bytes text;
    bool in_user;
};

static struct reading
read_whole(struct bytes value)
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
cut_scheme(struct bytes value, const char *scheme, struct bytes *rest)
{
    size_t space = bytes_index(value, ' ');

    *rest = bytes_from(value, space + 1);
    return bytes_equal_nocase(bytes_slice(value, 0, space), bytes_str(scheme)) &&
           bytes_index(*rest, ' ') == rest->n && bytes_index(*rest, '\t') == rest->n;
}

static struct reading
read_bearer(struct search *search, struct bytes value)
{
    struct bytes rest;

    (void)search;
    if (!cut_scheme(value, "bearer", &rest) && !cut_scheme(value, "token", &rest))
        return (struct reading){.kind = READING_OTHER};
    return read_whole(rest);
}

static struct reading
read_user_and_password(struct bytes user, struct bytes password)
{
    struct reading in_user = read_whole(user), in_password = read_whole(password);

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

    if (!cut_scheme(value, "basic", &rest))
        return (struct reading){.kind = READING_OTHER};
    if (rest.n == 0)
        return (struct reading){.kind = READING_NOTHING};
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

static struct reading
read_header(struct search *search, struct bytes value)
{
    (void)search;
    return read_whole(value);
}

/* The forms that a field's value can have, the most special first. */
static const struct {
    enum slot_kind kind;
    struct reading (*read)(struct search *search, struct bytes value);
} forms[] = {
    {SLOT_BEARER, read_bearer},
    {SLOT_BASIC, read_basic},
    {SLOT_HEADER, read_header},
};

enum { FORMS = sizeof forms / sizeof forms[0] };

/* A token in any form that an upstream could read it in. */
static bool
holds_token(struct bytes value)
{
    enum reading_kind kind;

    if (token_is_shaped(value))
        return true;
    BUFFER_AUTO decoded;
    buffer_init_secret(&decoded, HTTP1_LINE_MAX);
    kind = read_basic_into(&decoded, value).kind;
    return kind == READING_TOKEN || kind == READING_CONFLICT;
}

/* ---- judging ---- */

static void
take(struct search *search, struct slot slot, const struct reading *reading)
{
    if (reading->kind == READING_FOREIGN)
        search->has_foreign = true;
    if (reading->kind == READING_CONFLICT)
        search->misplaced = "the user and the password of one field are different tokens";
    if (reading->kind != READING_TOKEN)
        return;
    if (search->has_token && !bytes_equal_secret(search->found.text, reading->text))
        search->misplaced = "two slots hold different tokens";
    if (search->has_token)
        return;
    search->has_token = true;
    search->found.text = reading->text;
    search->found.slot = slot;
    search->found.slot_in_user = reading->in_user;
}

/* Read a field that is a slot in the forms of `kinds` (bits by slot_kind), and take what it holds,
 * found in the slot of that kind or in `instead`. */
static void
take_field(struct search *search, struct bytes value, unsigned kinds, const struct slot *instead,
           struct bytes name)
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
        take(search, instead ? *instead : slot, &reading);
        return;
    }
    /* The field of a slot, but not its form. */
    if (holds_token(value))
        search->misplaced = "a token stands in the field of a slot, but not in the slot's form";
    else if (value.n > 0)
        search->has_foreign = true;
}

/* ---- fields ---- */

/* The forms in which this field is a slot of some route; `*name` as the route's header slot spells
 * it. */
static unsigned
slot_kinds(const struct search *search, struct bytes field, struct bytes *name)
{
    bool is_authorization = bytes_is(field, "authorization");
    unsigned kinds = 0;

    for (size_t r = 0; r < search->route_count; r++) {
        for (size_t i = 0; i < search->route[r]->slot_count; i++) {
            const struct slot *slot = &search->route[r]->slot[i];

            if ((slot->kind == SLOT_BEARER || slot->kind == SLOT_BASIC) && is_authorization) {
                kinds |= 1u << slot->kind;
            } else if (slot->kind == SLOT_HEADER && bytes_equal_nocase(slot->name, field)) {
                kinds |= 1u << slot->kind;
                *name = slot->name;
            }
        }
    }
    return kinds;
}

static void
search_fields(struct search *search)
{
    for (size_t i = 0; i < search->request->field_count; i++) {
        const struct request_field *field = &search->request->field[i];
        struct bytes name = BYTES_EMPTY;
        unsigned kinds = slot_kinds(search, field->name, &name);

        if (kinds != 0) {
            search->drop_field[i] = true;
            take_field(search, field->value, kinds, NULL, name);
        } else if ((field->traits & FIELD_CREDENTIAL) && holds_token(field->value)) {
            search->misplaced = "a token stands in a credential's field that is no slot here";
        }
    }
}

/* What the canonical request has dropped already. */
static void
search_head(struct search *search, const struct http1_head *head)
{
    static const struct slot proxy = {.kind = SLOT_PROXY_AUTHORIZATION};
    static const struct slot keyhole = {.kind = SLOT_KEYHOLE_TOKEN};

    for (size_t i = 0; i < head->field_count; i++) {
        const struct http1_field *field = &head->field[i];

        if (bytes_equal_nocase(field->name, BYTES("proxy-authorization")))
            take_field(search, field->value, 1u << SLOT_BEARER | 1u << SLOT_BASIC, &proxy,
                       BYTES_EMPTY);
        else if (bytes_equal_nocase(field->name, BYTES("keyhole-token")))
            take_field(search, field->value, 1u << SLOT_HEADER, &keyhole, BYTES_EMPTY);
    }
}

/* ---- parameters ---- */

static bool
is_credential_parameter(struct bytes name)
{
    static const char *const names[] = {
        "key", "api_key", "apikey", "access_token", "token", "private_token",
    };

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (bytes_equal_nocase(name, bytes_str(names[i])))
            return true;
    return false;
}

static const struct slot *
query_slot(const struct search *search, struct bytes name)
{
    for (size_t r = 0; r < search->route_count; r++) {
        for (size_t i = 0; i < search->route[r]->slot_count; i++) {
            const struct slot *slot = &search->route[r]->slot[i];

            if (slot->kind == SLOT_QUERY && bytes_equal(slot->name, name))
                return slot;
        }
    }
    return NULL;
}

static bool
occurs_again(const struct request *request, size_t at)
{
    for (size_t i = 0; i < request->query_count; i++)
        if (i != at && bytes_equal(request->query[i].name, request->query[at].name))
            return true;
    return false;
}

static void
search_query(struct search *search)
{
    const struct request *request = search->request;

    for (size_t i = 0; i < request->query_count; i++) {
        const struct request_query_pair *pair = &request->query[i];
        const struct slot *slot = query_slot(search, pair->name);
        struct reading reading = read_whole(pair->value);

        if (slot != NULL) {
            search->drop_query[i] = true;
            take(search, *slot, &reading);
            if (reading.kind == READING_TOKEN && occurs_again(request, i))
                search->misplaced = "the query parameter of a slot occurs twice";
        } else if (reading.kind == READING_TOKEN && is_credential_parameter(pair->name)) {
            search->misplaced = "a token stands in a query parameter that is no slot here";
        }
    }
}

/* ---- look-alikes ---- */

/* Equal when '_' and '-' are the same, and not otherwise. */
static bool
looks_like(struct bytes a, struct bytes b)
{
    if (a.n != b.n || bytes_equal_nocase(a, b))
        return false;
    for (size_t i = 0; i < a.n; i++) {
        uint8_t x = a.p[i] == '_' ? '-' : a.p[i], y = b.p[i] == '_' ? '-' : b.p[i];

        if (!bytes_equal_nocase(bytes_of(&x, 1), bytes_of(&y, 1)))
            return false;
    }
    return true;
}

static bool
looks_like_credential(const struct route *route, struct bytes name)
{
    for (size_t i = 0; i < route->slot_count; i++)
        if (route->slot[i].kind == SLOT_HEADER && looks_like(name, route->slot[i].name))
            return true;
    return route->inject_kind == INJECT_HEADER && looks_like(name, route->inject_name);
}

static bool
has_look_alike(const struct search *search)
{
    for (size_t i = 0; i < search->request->field_count; i++)
        for (size_t r = 0; r < search->route_count; r++)
            if (looks_like_credential(search->route[r], search->request->field[i].name))
                return true;
    return false;
}

/* ---- the whole ---- */

static void
drop_query_slots(struct search *search)
{
    struct request *request = search->request;
    size_t kept = 0, place = SIZE_MAX;

    for (size_t i = 0; i < request->query_count; i++) {
        if (!search->drop_query[i])
            request->query[kept++] = request->query[i];
        else if (place == SIZE_MAX)
            place = kept;
    }
    /* "?&key=…": what is left of it could not be told from an empty query. */
    if (kept == 1 && request->query[0].raw_name.n == 0 && !request->query[0].has_value)
        kept = 0;
    if (kept == 0 && request->query_count > 0)
        request->has_query = false;
    request->query_count = kept;
    request->query_token_place = place < kept ? place : kept;
}

static void
drop_slots(struct search *search)
{
    struct request *request = search->request;
    size_t kept = 0;

    for (size_t i = 0; i < request->field_count; i++)
        if (!search->drop_field[i])
            request->field[kept++] = request->field[i];
    request->field_count = kept;
    drop_query_slots(search);
}

static enum kh_reason
refuse(struct fault *fault, enum kh_reason reason, const char *sentence)
{
    (void)fault_set(fault, KH_ERR_DENIED, "%s", sentence);
    return reason;
}

static enum kh_reason
judge(const struct search *search, struct fault *fault)
{
    if (search->misplaced != NULL)
        return refuse(fault, KH_REASON_TOKEN_MISPLACED, search->misplaced);
    if (search->has_foreign)
        return refuse(fault, KH_REASON_FOREIGN_KEY, "a slot holds a key that is not a token");
    if (!search->has_token)
        return refuse(fault, KH_REASON_TOKEN_MISSING, "no slot holds anything");
    return KH_REASON_UNSET;
}

enum kh_reason
request_take_token(struct request *request, const struct http1_head *head,
                   const struct route *const *route, size_t route_count, struct request_token *out,
                   struct fault *fault)
{
    struct search search = {.request = request, .route = route, .route_count = route_count};
    const uint8_t *base = request->storage.p;
    size_t kept = request->storage.n;
    enum kh_reason reason;

    if (has_look_alike(&search))
        return refuse(fault, KH_REASON_REQUEST_MALFORMED,
                      "the name of a field is that of the credential's but for '_' and '-'");
    search_fields(&search);
    search_query(&search);
    search_head(&search, head);
    if (request->storage.failed || request->storage.p != base)
        return refuse(fault, KH_REASON_INTERNAL, "there was no room to decode a slot");
    reason = judge(&search, fault);
    if (reason != KH_REASON_UNSET) {
        request->storage.n = kept;
        return reason;
    }
    drop_slots(&search);
    *out = search.found;
    return KH_REASON_UNSET;
}
