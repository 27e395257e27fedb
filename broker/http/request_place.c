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
request_place_room(const struct request *request, const struct edit *edit, size_t at)
{
    size_t need = 8;

    if (edit[at].kind == EDIT_PATH_SET)
        return need + request->path.n;
    if (edit[at].kind != EDIT_COOKIE_SET && edit[at].kind != EDIT_SUBPROTOCOL_SET)
        return 0;
    for (size_t i = 0; i < request->field_count; i++)
        if (request_list_of(request->field[i].name) != REQUEST_LIST_COUNT)
            need += request->field[i].value.n;
    // What the edits before this one put there is written once more.
    for (size_t i = 0; i < at; i++)
        need += edit[i].name.n + edit[i].value.n + 4;
    return need;
}

/* ---- lists ---- */

/* Before the field that stands at `at`. */
static bool
put_field(struct request *request, size_t at, const char *name, struct bytes value)
{
    struct request_field *field = &request->field[at];

    if (!grammar_is_field_value(value) ||
        request->field_count == sizeof request->field / sizeof request->field[0])
        return false;
    memmove(field + 1, field, (request->field_count - at) * sizeof *field);
    request->field_count++;
    *field = (struct request_field){.name = bytes_str(name), .value = value, .injected = true};
    for (size_t i = 0; i < REQUEST_LIST_COUNT; i++) {
        struct request_list_place *place = &request->list_place[i];
        if (place->known && place->field != SIZE_MAX && place->field >= at)
            place->field++;
    }
    return true;
}

static struct bytes
rewrite(struct request *request, enum request_list list, struct bytes value,
        const struct request_list_change *change)
{
    size_t start = request->edits.n;

    request_list_write(&request_list_rules[list], value, change, &request->edits);
    return since(request, start);
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

/* A field with that item alone. */
static bool
list_append(struct request *request, enum request_list list, struct bytes item)
{
    const struct request_list_change change = {.drop = SIZE_MAX, .place = SIZE_MAX, .item = item};

    struct bytes value = rewrite(request, list, BYTES_EMPTY, &change);

    if (!put_field(request, request->field_count, request_list_rules[list].field, value))
        return false;
    request->list_place[list].field = request->field_count - 1;
    return true;
}

static bool
list_set(struct request *request, enum request_list list, struct bytes name, struct bytes item)
{
    struct request_list_place *place = &request->list_place[list];
    size_t target = field_of(request, list);
    struct request_list_change change = {
        .drop = SIZE_MAX, .drop_name = name, .place = place->known ? place->item : SIZE_MAX};
    bool is_placed = false;

    for (size_t i = 0; i < request->field_count; i++) {
        struct request_field *field = &request->field[i];
        bool is_target = i == target;

        if (field->removed || request_list_of(field->name) != list)
            continue;
        change.item = is_target ? item : BYTES_EMPTY;
        struct bytes value = rewrite(request, list, field->value, &change);
        // Most stay as they are, and need no field of their own beside the one that was judged.
        if (bytes_equal(value, field->value))
            continue;
        field->removed = true;
        if (value.n == 0)
            continue;
        if (!put_field(request, ++i, request_list_rules[list].field, value))
            return false;
        is_placed = is_placed || is_target;
        // The next edit finds the place in what is sent.
        place->field = is_target ? i : place->field;
        target += target != SIZE_MAX && target >= i;
    }
    return is_placed || list_append(request, list, item);
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
