/* SPDX-License-Identifier: Apache-2.0
 *
 * From a parsed head to the canonical request, and from there to the facts.
 */
#include "request.h"

#include "../../caveats/field_name.h"
#include "../trace_context.h"

#include <string.h>

enum {
    STORAGE_MAX = 8 * HTTP1_HEAD_MAX,
};

/* ---- storage ---- */

/*
 * Slices point into the storage while it is filled, so it gets all the room that it can need before
 * anything is put there: what is made of a text is bounded by the text's length.
 */
static bool
storage_init(struct request *request, const struct http1_head *head,
             const struct request_destination *destination)
{
    // The path: encoded and decoded, and once more of each when a token is taken out of it.
    size_t need = destination->scheme.n + destination->host.n + 5 * (destination->path.n + 4) +
                  4 * head->query.n;

    for (size_t i = 0; i < head->field_count; i++) {
        const struct http1_field *field = &head->field[i];

        need += field->name.n;
        /* By request_take_token: Basic, decoded; a list without the token's item. */
        if ((field->traits & FIELD_CREDENTIAL) || field->id == FIELD_ID_SEC_WEBSOCKET_PROTOCOL)
            need += field->value.n;
    }
    return buffer_room(&request->storage, need + 1) != NULL;
}

static struct bytes
storage_since(const struct request *request, size_t start)
{
    return bytes_from(buffer_bytes(&request->storage), start);
}

static struct bytes
storage_keep(struct request *request, struct bytes text)
{
    size_t start = request->storage.n;

    buffer_put(&request->storage, text);
    return storage_since(request, start);
}

/* ---- path and query ---- */

KH_COLD static enum kh_reason
refuse(struct fault *fault, enum kh_reason reason, const char *sentence)
{
    (void)fault_set(fault, KH_ERR_SYNTAX, "%s", sentence);
    return reason;
}

static enum kh_reason
build_path(const struct request_destination *destination, struct request *out, struct fault *fault)
{
    BUFFER_AUTO decoded = {0};
    size_t start = out->storage.n;
    enum kh_err err;

    if (path_is_plain(destination->path)) {
        out->path = out->path_decoded = destination->path;
        return KH_REASON_UNSET;
    }
    buffer_init(&decoded, HTTP1_HEAD_MAX);
    err = path_canonical(destination->path, destination->path_exceptions, &out->storage, &decoded,
                         fault);
    if (err == KH_ERR_SYNTAX)
        return KH_REASON_PATH_AMBIGUOUS;
    if (err != KH_OK || decoded.failed)
        return KH_REASON_INTERNAL;
    out->path = storage_since(out, start);
    out->path_decoded = storage_keep(out, buffer_bytes(&decoded));
    return KH_REASON_UNSET;
}

/* RFC 3986 wants '[' and ']' escaped in a query; some clients do not, and mean the same. */
static struct bytes
escape_brackets(struct request *out, struct bytes raw)
{
    size_t start = out->storage.n;

    if (bytes_index(raw, '[') == raw.n && bytes_index(raw, ']') == raw.n)
        return raw;
    for (size_t i = 0; i < raw.n; i++) {
        if (raw.p[i] == '[' || raw.p[i] == ']')
            buffer_put_str(&out->storage, raw.p[i] == '[' ? "%5B" : "%5D");
        else
            buffer_put_byte(&out->storage, raw.p[i]);
    }
    return storage_since(out, start);
}

static bool
decode(struct request *out, struct bytes raw, struct bytes *decoded)
{
    size_t start = out->storage.n;

    *decoded = raw;
    if (bytes_index(raw, '%') == raw.n && bytes_index(raw, '+') == raw.n)
        return true;
    if (form_decode(raw, &out->storage) != KH_OK)
        return false;
    *decoded = storage_since(out, start);
    return true;
}

static enum kh_reason
build_query(const struct http1_head *head, struct request *out, struct fault *fault)
{
    struct bytes rest = head->query, pair;

    out->has_query = head->has_query;
    while (bytes_cut(&rest, '&', &pair)) {
        struct request_query_pair *parameter = &out->query[out->query_count];
        size_t sign = bytes_index(pair, '=');

        if (out->query_count == REQUEST_QUERY_MAX)
            return refuse(fault, KH_REASON_REQUEST_MALFORMED,
                          "there are more than 128 query parameters");
        *parameter = (struct request_query_pair){.has_value = sign < pair.n};
        parameter->raw_name = escape_brackets(out, bytes_slice(pair, 0, sign));
        parameter->raw_value = escape_brackets(out, bytes_from(pair, sign + 1));
        if (!decode(out, bytes_slice(pair, 0, sign), &parameter->name) ||
            !decode(out, bytes_from(pair, sign + 1), &parameter->value))
            return refuse(fault, KH_REASON_REQUEST_MALFORMED,
                          "an escape in the query is not well-formed, or stands for NUL");
        out->query_count++;
    }
    out->query_token_place = out->query_count;
    return KH_REASON_UNSET;
}

/* ---- fields ---- */

/* Traits of a name as a server sees it that takes '_' for '-', as CGI and WSGI do. */
static unsigned
alias_traits(const struct http1_field *field)
{
    return field->has_underscore ? field_traits_read(field->name) : field->traits;
}

static struct bytes
lower_name(struct request *out, const struct http1_field *field)
{
    struct bytes name = field->name;
    size_t start = out->storage.n;
    uint8_t *p;

    if (!field->has_capital)
        return name;
    p = buffer_reserve(&out->storage, name.n);

    for (size_t i = 0; p != NULL && i < name.n; i++)
        p[i] = name.p[i] >= 'A' && name.p[i] <= 'Z' ? name.p[i] | 0x20 : name.p[i];
    buffer_advance(&out->storage, name.n);
    return storage_since(out, start);
}

/* NTLM and Negotiate authenticate a connection, and ours is shared with others. */
static bool
is_connection_bound(const struct http1_field *field)
{
    struct bytes scheme;

    if (field->id != FIELD_ID_AUTHORIZATION)
        return false;
    scheme = bytes_slice(field->value, 0, bytes_index(field->value, ' '));
    return bytes_equal_nocase(scheme, BYTES("ntlm")) ||
           bytes_equal_nocase(scheme, BYTES("negotiate"));
}

struct lost_trace {
    bool parent, state;
};

/* Whoever gets a traceparent that cannot be read has to begin a new trace (W3C Trace Context 3.2),
 * and what belongs to the old one would be wrong there: neither is passed on. A tracestate that
 * cannot be read, all its fields as one list, is dropped alone (3.3). */
static struct lost_trace
find_lost_trace(const struct http1_head *head)
{
    unsigned parents = 0, members = 0;
    struct lost_trace lost = {false, false};

    if (http1_find_id(head, FIELD_ID_TRACEPARENT) == NULL &&
        http1_find_id(head, FIELD_ID_TRACESTATE) == NULL)
        return lost;
    for (size_t i = 0; i < head->field_count; i++) {
        const struct http1_field *field = &head->field[i];

        if (field->id == FIELD_ID_TRACEPARENT)
            lost.parent |= ++parents > 1 || !trace_parent_parse(field->value, NULL);
        else if (field->id == FIELD_ID_TRACESTATE)
            lost.state |= !trace_state_check(field->value, &members);
    }
    lost.state |= parents == 0 || lost.parent;
    return lost;
}

static enum kh_reason
build_fields(const struct http1_head *head, struct request *out, struct fault *fault)
{
    const struct lost_trace lost = find_lost_trace(head);

    for (size_t i = 0; i < head->field_count; i++) {
        const struct http1_field *field = &head->field[i];
        unsigned traits = alias_traits(field);

        if (traits & FIELD_OVERRIDE)
            return refuse(fault, KH_REASON_REQUEST_MALFORMED,
                          "a field asks for another method or path than the one that is judged");
        if (is_connection_bound(field))
            return refuse(fault, KH_REASON_REQUEST_MALFORMED,
                          "NTLM and Negotiate are bound to a connection, and cannot go through");
        if (((traits | field->traits) & (FIELD_HOP | FIELD_ROUTE)) ||
            (lost.parent && field->id == FIELD_ID_TRACEPARENT) ||
            (lost.state && field->id == FIELD_ID_TRACESTATE))
            continue;
        out->field[out->field_count++] = (struct request_field){.name = lower_name(out, field),
                                                                .value = field->value,
                                                                .traits = field->traits,
                                                                .id = field->id,
                                                                .parsed = true};
    }
    if (bytes_equal_nocase(head->upgrade, BYTES("websocket")))
        out->upgrade = BYTES("websocket");
    return KH_REASON_UNSET;
}

/* ---- the whole ---- */

// The answer is the request (RFC 9110 9.3.8): with what was put on it, to whoever sent it.
static bool
asks_for_itself(struct bytes method)
{
    return bytes_is(method, "TRACE") || bytes_is(method, "TRACK");
}

static enum kh_reason
build(const struct http1_head *head, const struct request_destination *destination,
      struct request *out, struct fault *fault)
{
    enum kh_reason reason;
    const uint8_t *base;

    if (head->form == TARGET_ASTERISK || head->form == TARGET_AUTHORITY)
        return refuse(fault, KH_REASON_REQUEST_MALFORMED, "the target is not a path");
    if (asks_for_itself(head->method))
        return refuse(fault, KH_REASON_REQUEST_MALFORMED,
                      "TRACE asks for the request back, and the key would be in it");
    if (!storage_init(out, head, destination))
        return KH_REASON_INTERNAL;
    base = out->storage.p;
    out->way = destination->way;
    out->method = head->method;
    out->scheme = storage_keep(out, destination->scheme);
    out->host = storage_keep(out, destination->host);
    out->port = destination->port;
    if ((reason = build_path(destination, out, fault)) != KH_REASON_UNSET ||
        (reason = build_query(head, out, fault)) != KH_REASON_UNSET ||
        (reason = build_fields(head, out, fault)) != KH_REASON_UNSET)
        return reason;
    if (out->storage.failed || out->storage.p != base)
        return KH_REASON_INTERNAL;
    return KH_REASON_UNSET;
}

static void
reset(struct request *request)
{
    memset(request, 0, offsetof(struct request, storage));
}

void
request_init(struct request *request)
{
    reset(request);
    buffer_init_secret(&request->storage, STORAGE_MAX);
    buffer_init_secret(&request->edits, 0);
}

void
request_clear(struct request *request)
{
    buffer_clear(&request->storage);
    buffer_clear(&request->edits);
    reset(request);
}

void
request_free(struct request *request)
{
    buffer_free(&request->storage);
    buffer_free(&request->edits);
    reset(request);
}

enum kh_reason
request_build_again(const struct http1_head *head, const struct request_destination *destination,
                    struct request *out, struct fault *fault)
{
    enum kh_reason reason = build(head, destination, out, fault);

    if (reason != KH_REASON_UNSET)
        request_clear(out);
    return reason;
}

enum kh_reason
request_build(const struct http1_head *head, const struct request_destination *destination,
              struct request *out, struct fault *fault)
{
    enum kh_reason reason;

    request_init(out);
    reason = request_build_again(head, destination, out, fault);
    if (reason != KH_REASON_UNSET)
        request_free(out);
    return reason;
}

/* ---- facts ---- */

_Static_assert((int)HTTP1_FIELDS_MAX <= (int)DECIDE_PAIRS_MAX, "every field is a fact");

void
request_drop_digests(struct request *request)
{
    size_t kept = 0;

    for (size_t i = 0; i < request->field_count; i++) {
        if (!(request->field[i].traits & FIELD_DIGEST)) {
            request->field[kept++] = request->field[i];
            continue;
        }
        for (size_t list = 0; list < REQUEST_LIST_COUNT; list++) {
            struct request_list_place *place = &request->list_place[list];
            // Places are counted in the fields that are left.
            if (place->known && place->field != SIZE_MAX && place->field > kept)
                place->field--;
        }
    }
    request->field_count = kept;
}

void
request_describe(const struct request *request, struct message_decide *out)
{
    out->way = request->way;
    out->scheme = request->scheme;
    out->host = request->host;
    out->port = request->port;
    out->method = request->method;
    out->path = request->path_decoded;
    out->path_encoded = request->path;
    out->upgrade = request->upgrade;
    out->query_count = 0;
    for (size_t i = 0; i < request->query_count; i++)
        if (!request->query[i].injected)
            out->query[out->query_count++] =
                (struct fact_pair){request->query[i].name, request->query[i].value};
    out->header_count = 0;
    for (size_t i = 0; i < request->field_count; i++)
        if (!request->field[i].injected)
            out->header[out->header_count++] =
                (struct fact_pair){request->field[i].name, request->field[i].value};
}
