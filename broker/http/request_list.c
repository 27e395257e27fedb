/* SPDX-License-Identifier: Apache-2.0
 *
 * Lists of items in fields, changed without touching their neighbours.
 */
#include "request_list.h"

const struct request_list_rules request_list_rules[REQUEST_LIST_COUNT] = {
    [REQUEST_COOKIES] = {SLOT_COOKIE, "cookie", ';', true},
    [REQUEST_SUBPROTOCOLS] = {SLOT_SUBPROTOCOL, "sec-websocket-protocol", ',', false},
};

enum request_list
request_list_of(struct bytes field)
{
    size_t list = 0;

    while (list < REQUEST_LIST_COUNT &&
           !bytes_equal_nocase(field, bytes_str(request_list_rules[list].field)))
        list++;
    return (enum request_list)list;
}

bool
request_list_next(const struct request_list_rules *rules, struct bytes value, size_t *at,
                  struct bytes *item)
{
    struct bytes rest = bytes_from(value, *at);

    if (*at > value.n || value.n == 0)
        return false;
    *item = bytes_slice(rest, 0, bytes_index(rest, rules->separator));
    *at += item->n + 1;
    return true;
}

void
request_list_read(const struct request_list_rules *rules, struct bytes item, struct bytes *name,
                  struct bytes *text)
{
    item = bytes_trim(item);
    *name = BYTES_EMPTY;
    *text = item;
    if (!rules->named)
        return;
    size_t sign = bytes_index(item, '=');
    *name = bytes_trim(bytes_slice(item, 0, sign));
    *text = bytes_trim(bytes_from(item, sign + 1));
    if (text->n >= 2 && text->p[0] == '"' && text->p[text->n - 1] == '"')
        *text = bytes_slice(*text, 1, text->n - 2);
}

// What stands at the beginning of a field has no space before it.
static struct bytes
trim_start(struct bytes item)
{
    while (item.n > 0 && (item.p[0] == ' ' || item.p[0] == '\t'))
        item = bytes_from(item, 1);
    return item;
}

static void
put(const struct request_list_rules *rules, struct bytes item, bool is_new, size_t count,
    struct buffer *out)
{
    if (count > 0)
        buffer_put_byte(out, rules->separator);
    if (count > 0 && is_new)
        buffer_put_byte(out, ' ');
    buffer_put(out, count == 0 ? trim_start(item) : item);
}

void
request_list_write(const struct request_list_rules *rules, struct bytes value,
                   const struct request_list_change *change, struct buffer *out)
{
    struct bytes item, name, text;
    size_t at = 0, written = 0, kept = 0, start = out->n;

    for (size_t i = 0; request_list_next(rules, value, &at, &item); i++) {
        request_list_read(rules, item, &name, &text);
        if (i == change->drop || (change->drop_name.n > 0 && bytes_equal(name, change->drop_name)))
            continue;
        if (kept++ == change->place && change->item.n > 0)
            put(rules, change->item, true, written++, out);
        put(rules, item, false, written++, out);
    }
    if (kept <= change->place && change->item.n > 0)
        put(rules, change->item, true, written, out);
    /* Whoever reads the field leaves out the spaces before its end (RFC 9110 5.5), as was done to
     * the one that came: those that stood before an item that went are judged no more. */
    out->n = start + bytes_trim(bytes_from(buffer_bytes(out), start)).n;
}
