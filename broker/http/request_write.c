/* SPDX-License-Identifier: Apache-2.0
 *
 * The decision's edits, and the head that goes upstream. Nothing is written that is not in the
 * structure.
 */
#include "request.h"

#include "../../caveats/field_name.h"
#include "grammar.h"
#include "http1_write.h"
#include "request_place.h"

#include <string.h>

/* ---- edits ---- */

/* As for the storage in request.c: all the room first, because slices point into it. */
static bool
edits_init(struct request *request, const struct edit *edit, size_t count)
{
    size_t need = 1, max = 4;

    for (size_t i = 0; i < count; i++)
        need += max * (edit[i].name.n + edit[i].value.n) /* decoded, and with every byte escaped */
                + request_place_room(request, edit, i);
    request->edits.max = need;
    return buffer_room(&request->edits, need) != NULL;
}

static struct bytes
keep(struct request *request, struct bytes text)
{
    size_t start = request->edits.n;

    buffer_put(&request->edits, text);
    return bytes_from(buffer_bytes(&request->edits), start);
}

static struct bytes
keep_encoded(struct request *request, struct bytes text)
{
    size_t start = request->edits.n;

    form_encode(text, &request->edits);
    return bytes_from(buffer_bytes(&request->edits), start);
}

/* A field that this room writes or drops by itself is nothing to edit. */
static bool
is_editable_field(const struct edit *edit)
{
    return grammar_is_token(edit->name) && !(field_traits(edit->name) & (FIELD_HOP | FIELD_ROUTE));
}

static bool
header_remove(struct request *request, const struct edit *edit)
{
    if (!is_editable_field(edit))
        return false;
    for (size_t i = 0; i < request->field_count; i++)
        if (bytes_equal_nocase(request->field[i].name, edit->name))
            request->field[i].removed = true;
    return true;
}

static bool
header_set(struct request *request, const struct edit *edit)
{
    if (!grammar_is_field_value(edit->value) || !header_remove(request, edit) ||
        request->field_count == sizeof request->field / sizeof request->field[0])
        return false;
    request->field[request->field_count++] = (struct request_field){
        .name = keep(request, edit->name), .value = keep(request, edit->value), .injected = true};
    return true;
}

/* Mark all of that name; the place of the first, or of the token's parameter, or the end. */
static size_t
query_mark(struct request *request, struct bytes name)
{
    size_t first = request->query_token_place;

    for (size_t i = request->query_count; i-- > 0;) {
        if (!request->query[i].removed && bytes_equal(request->query[i].name, name)) {
            request->query[i].removed = true;
            first = i;
        }
    }
    return first;
}

static bool
query_remove(struct request *request, const struct edit *edit)
{
    (void)query_mark(request, edit->name);
    return edit->name.n > 0;
}

static bool
query_set(struct request *request, const struct edit *edit)
{
    size_t at = query_mark(request, edit->name);
    struct request_query_pair *pair = &request->query[at];

    if (edit->name.n == 0 || request->query_count == sizeof request->query / sizeof *pair)
        return false;
    memmove(pair + 1, pair, (request->query_count - at) * sizeof *pair);
    request->query_count++;
    request->has_query = true;
    *pair = (struct request_query_pair){
        .raw_name = keep_encoded(request, edit->name),
        .raw_value = keep_encoded(request, edit->value),
        .has_value = true,
        .name = keep(request, edit->name),
        .value = keep(request, edit->value),
        .injected = true,
    };
    return true;
}

/* Neither the body nor the connection is this room's. */
static bool
done_elsewhere(struct request *request, const struct edit *edit)
{
    (void)request;
    return edit->value.n > 0;
}

static bool (*const edit_with[])(struct request *, const struct edit *) = {
    [EDIT_HEADER_SET] = header_set,
    [EDIT_HEADER_REMOVE] = header_remove,
    [EDIT_QUERY_SET] = query_set,
    [EDIT_QUERY_REMOVE] = query_remove,
    [EDIT_COOKIE_SET] = request_place_cookie,
    [EDIT_PATH_SET] = request_place_path,
    [EDIT_FIELD_SET] = done_elsewhere,
    [EDIT_CLIENT_CERTIFICATE] = done_elsewhere,
    [EDIT_SUBPROTOCOL_SET] = request_place_subprotocol,
};

enum kh_err
request_apply(struct request *request, const struct edit *edit, size_t count)
{
    const uint8_t *base;

    if (count > DECISION_EDITS_MAX || request->applied)
        return KH_ERR_PROTOCOL;
    request->applied = true;
    if (!edits_init(request, edit, count))
        return KH_ERR_MEMORY;
    base = request->edits.p;
    for (size_t i = 0; i < count; i++) {
        size_t kind = (size_t)edit[i].kind;

        if (kind >= sizeof edit_with / sizeof edit_with[0] || edit_with[kind] == NULL ||
            !edit_with[kind](request, &edit[i]))
            return KH_ERR_PROTOCOL;
    }
    return request->edits.failed || request->edits.p != base ? KH_ERR_MEMORY : KH_OK;
}

/* ---- writing ---- */

static struct bytes
path_to_send(const struct request *request)
{
    return request->sent_path.n > 0 ? request->sent_path : request->path;
}

void
request_write_target(const struct request *request, struct buffer *target)
{
    bool any = false;

    buffer_put(target, path_to_send(request));
    for (size_t i = 0; i < request->query_count; i++) {
        const struct request_query_pair *pair = &request->query[i];

        if (pair->removed)
            continue;
        buffer_put_byte(target, any ? '&' : '?');
        buffer_put(target, pair->raw_name);
        if (pair->has_value)
            buffer_put_byte(target, '=');
        buffer_put(target, pair->raw_value);
        any = true;
    }
    if (request->has_query && request->query_count == 0)
        buffer_put_byte(target, '?');
}

static bool
is_default_port(const struct request *request)
{
    return request->port == (bytes_is(request->scheme, "https") ? 443 : 80);
}

static void
put_host(const struct request *request, struct buffer *out)
{
    struct bytes host = request->host;
    bool v6 = bytes_index(host, ':') < host.n;
    size_t start;

    buffer_put(out, BYTES("host: "));
    start = out->n;
    if (v6)
        buffer_put_byte(out, '[');
    buffer_put(out, host);
    if (v6)
        buffer_put_byte(out, ']');
    if (!is_default_port(request)) {
        buffer_put_byte(out, ':');
        buffer_put_decimal(out, request->port);
    }
    if (!grammar_is_authority(bytes_from(buffer_bytes(out), start)))
        out->failed = true;
    buffer_put(out, BYTES("\r\n"));
}

static bool
expects_body(struct bytes method)
{
    return bytes_is(method, "POST") || bytes_is(method, "PUT") || bytes_is(method, "PATCH");
}

static void
put_framing(const struct request *request, enum http1_body body, uint64_t content_length,
            struct buffer *out)
{
    if (body == BODY_CHUNKED)
        http1_write_field(out, BYTES("transfer-encoding"), BYTES("chunked"));
    else if (body == BODY_LENGTH)
        http1_write_length(out, content_length);
    else if (body == BODY_NONE && expects_body(request->method))
        http1_write_length(out, 0);
    else if (body != BODY_NONE)
        out->failed = true; /* the end of a connection ends no request */
}

/* `identity`: an answer that can be searched. A WebSocket's extensions would compress it. */
static bool
is_encoding(const struct request_field *field)
{
    enum field_id id = field->parsed ? field->id : field_identify(field->name);

    return id == FIELD_ID_ACCEPT_ENCODING || id == FIELD_ID_SEC_WEBSOCKET_EXTENSIONS;
}

/* What was parsed was looked at. Whatever else is in a field was put together since. */
static void
put_field(const struct request_field *field, struct buffer *out)
{
    if (field->parsed)
        http1_put_field(out, field->name, field->value);
    else
        http1_write_field(out, field->name, field->value);
}

void
request_write(const struct request *request, enum http1_body body, uint64_t content_length,
              bool identity, struct buffer *out)
{
    BUFFER_AUTO written;
    struct bytes target = path_to_send(request);

    buffer_init_secret(&written, 8 * HTTP1_HEAD_MAX);
    if (request->has_query || request->query_count > 0) {
        request_write_target(request, &written);
        target = buffer_bytes(&written);
    }
    out->failed |= written.failed;
    http1_write_request_line(out, request->method, target);
    put_host(request, out);
    for (size_t i = 0; i < request->field_count; i++) {
        const struct request_field *field = &request->field[i];

        if (!field->removed && !(identity && is_encoding(field)))
            put_field(field, out);
    }
    if (identity)
        buffer_put(out, BYTES("accept-encoding: identity\r\n"));
    if (request->upgrade.n > 0 && body == BODY_NONE) {
        http1_write_field(out, BYTES("connection"), BYTES("upgrade"));
        http1_write_field(out, BYTES("upgrade"), request->upgrade);
    }
    put_framing(request, body, content_length, out);
    http1_write_end(out);
}
