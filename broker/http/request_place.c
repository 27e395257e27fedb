/* SPDX-License-Identifier: Apache-2.0
 *
 * A secret into the place that its token had, and not a byte of its neighbours changed.
 */
#include "request_place.h"

#include "grammar.h"
#include "request_list.h"

#include <string.h>

static struct bytes
since(const struct request *request, size_t start)
{
    return bytes_from(buffer_bytes(&request->edits), start);
}

size_t
request_place_room(const struct request *request, const struct edit *edit)
{
    size_t need = 8;

    if (edit->kind == EDIT_PATH_SET)
        return need + request->path.n;
    if (edit->kind != EDIT_COOKIE_SET && edit->kind != EDIT_SUBPROTOCOL_SET)
        return 0;
    for (size_t i = 0; i < request->field_count; i++)
        if (request_list_of(request->field[i].name) != REQUEST_LIST_COUNT)
            need += request->field[i].value.n;
    return need;
}

/* ---- lists ---- */

static bool
put_field(struct request *request, const char *name, struct bytes value)
{
    if (!grammar_is_field_value(value) ||
        request->field_count == sizeof request->field / sizeof request->field[0])
        return false;
    request->field[request->field_count++] =
        (struct request_field){.name = bytes_str(name), .value = value, .injected = true};
    return true;
}

static bool
rewrite(struct request *request, enum request_list list, struct bytes value,
        const struct request_list_change *change)
{
    const struct request_list_rules *rules = &request_list_rules[list];
    size_t start = request->edits.n;

    request_list_write(rules, value, change, &request->edits);
    value = since(request, start);
    return value.n == 0 || put_field(request, rules->field, value);
}

/* The field of the token's item, or the first of that list; SIZE_MAX: there is none. */
static size_t
field_of(const struct request *request, enum request_list list)
{
    if (request->list_place[list].known)
        return request->list_place[list].field;
    for (size_t i = 0; i < request->field_count; i++)
        if (!request->field[i].removed && request_list_of(request->field[i].name) == list)
            return i;
    return SIZE_MAX;
}

static bool
list_set(struct request *request, enum request_list list, struct bytes name, struct bytes item)
{
    const struct request_list_place *place = &request->list_place[list];
    size_t target = field_of(request, list), count = request->field_count;
    struct request_list_change change = {
        .drop = SIZE_MAX, .drop_name = name, .place = place->known ? place->item : SIZE_MAX};

    for (size_t i = 0; i < count; i++) {
        struct request_field *field = &request->field[i];

        if (field->removed || request_list_of(field->name) != list)
            continue;
        change.item = i == target ? item : BYTES_EMPTY;
        field->removed = true;
        if (!rewrite(request, list, field->value, &change))
            return false;
    }
    change.item = item;
    return target != SIZE_MAX || rewrite(request, list, BYTES_EMPTY, &change);
}

/* RFC 6265 4.1.1, and nothing that would end the pair. */
static bool
is_cookie_value(struct bytes value)
{
    for (size_t i = 0; i < value.n; i++)
        if (value.p[i] <= 0x20 || value.p[i] >= 0x7f || strchr("\",;\\", value.p[i]) != NULL)
            return false;
    return true;
}

bool
request_place_cookie(struct request *request, const struct edit *edit)
{
    size_t start = request->edits.n;

    if (!grammar_is_token(edit->name) || !is_cookie_value(edit->value))
        return false;
    buffer_put(&request->edits, edit->name);
    buffer_put_byte(&request->edits, '=');
    buffer_put(&request->edits, edit->value);
    struct bytes pair = since(request, start);
    return list_set(request, REQUEST_COOKIES, bytes_slice(pair, 0, edit->name.n), pair);
}

bool
request_place_subprotocol(struct request *request, const struct edit *edit)
{
    size_t start = request->edits.n;

    if (!grammar_is_token(edit->value))
        return false;
    buffer_put(&request->edits, edit->value);
    return list_set(request, REQUEST_SUBPROTOCOLS, BYTES_EMPTY, since(request, start));
}

/* ---- the path ---- */

static bool
stays_in_segment(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != 0 && strchr("-._~!$&'()*+,=:@", c) != NULL);
}

static void
put_segment(struct buffer *out, struct bytes value)
{
    for (size_t i = 0; i < value.n; i++) {
        if (stays_in_segment(value.p[i]))
            buffer_put_byte(out, value.p[i]);
        else
            buffer_printf(out, "%%%02X", value.p[i]);
    }
}

bool
request_place_path(struct request *request, const struct edit *edit)
{
    size_t start = request->edits.n, key = request->path_key;

    if (key == 0 || edit->value.n == 0 || bytes_is(edit->value, ".") || bytes_is(edit->value, ".."))
        return false;
    buffer_put(&request->edits, bytes_slice(request->path, 0, key));
    put_segment(&request->edits, edit->value);
    buffer_put(&request->edits, bytes_from(request->path, key + strlen(REQUEST_KEY)));
    request->sent_path = since(request, start);
    return true;
}
