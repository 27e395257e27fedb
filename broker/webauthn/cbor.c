/* SPDX-License-Identifier: Apache-2.0 */
/* Strict CBOR. What has two spellings has two hashes and two readers: one of them is refused. */
#include "cbor.h"

// The first byte, and the number that it carries or announces.
static bool
head_read(struct bytes *text, struct cbor_item *out)
{
    if (text->n == 0)
        return false;
    unsigned first = text->p[0], size = 0;
    uint64_t value = first & 31;
    *out = (struct cbor_item){.type = first >> 5};
    if (value > 27) // reserved, or an indefinite length
        return false;
    if (value >= 24) {
        size = 1u << (value - 24);
        if (text->n <= size)
            return false;
        value = 0;
        for (unsigned i = 1; i <= size; i++)
            value = value << 8 | text->p[i];
        if (value < 24 || (size > 1 && value >> (size * 4) == 0)) // a shorter form says the same
            return false;
    }
    out->value = value;
    *text = bytes_from(*text, 1 + size);
    return true;
}

static bool
string_read(struct bytes *text, struct cbor_item *out)
{
    if (out->value > text->n)
        return false;
    out->data = bytes_slice(*text, 0, (size_t)out->value);
    *text = bytes_from(*text, out->data.n);
    return out->type == CBOR_BYTES || bytes_is_utf8(out->data);
}

static bool
key_is_new(struct bytes before, struct bytes key)
{
    struct cbor_item item;
    // Keys and values take turns; shortest form makes equal keys equal bytes.
    for (bool is_key = true; cbor_next(&before, &item); is_key = !is_key)
        if (is_key && bytes_equal(item.whole, key))
            return false;
    return true;
}

static bool item_read(struct bytes *text, struct cbor_item *out, int depth, bool check);

static bool
items_read(struct bytes *text, struct cbor_item *out, int depth, bool check)
{
    const struct bytes start = *text;
    struct cbor_item item;
    if (depth >= CBOR_DEPTH_MAX || out->value > CBOR_ITEMS_MAX)
        return false;
    for (uint64_t i = 0; i < out->value; i++) {
        if (out->type == CBOR_MAP) {
            struct bytes before = bytes_slice(start, 0, start.n - text->n);
            if (!item_read(text, &item, depth + 1, check) ||
                (item.type != CBOR_UNSIGNED && item.type != CBOR_NEGATIVE &&
                 item.type != CBOR_TEXT) ||
                (check && !key_is_new(before, item.whole)))
                return false;
        }
        if (!item_read(text, &item, depth + 1, check))
            return false;
    }
    out->data = bytes_slice(start, 0, start.n - text->n);
    return true;
}

static bool
item_read(struct bytes *text, struct cbor_item *out, int depth, bool check)
{
    const struct bytes start = *text;
    bool good = head_read(text, out);
    if (!good)
        return false;
    switch (out->type) {
    case CBOR_UNSIGNED:
    case CBOR_NEGATIVE:
        break;
    case CBOR_BYTES:
    case CBOR_TEXT:
        good = string_read(text, out);
        break;
    case CBOR_ARRAY:
    case CBOR_MAP:
        good = items_read(text, out, depth, check);
        break;
    case CBOR_SIMPLE:
        good = text->n + 1 == start.n && out->value >= CBOR_FALSE && out->value <= CBOR_NULL;
        break;
    default: // tags
        good = false;
    }
    out->whole = bytes_slice(start, 0, start.n - text->n);
    return good;
}

bool
cbor_read(struct bytes text, struct cbor_item *out, struct bytes *rest)
{
    struct cbor_item item;
    struct bytes left = text;
    if (!item_read(&left, &item, 0, true))
        return false;
    *out = item;
    *rest = left;
    return true;
}

bool
cbor_read_all(struct bytes text, struct cbor_item *out)
{
    struct cbor_item item;
    struct bytes rest;
    if (!cbor_read(text, &item, &rest) || rest.n != 0)
        return false;
    *out = item;
    return true;
}

bool
cbor_next(struct bytes *walk, struct cbor_item *out)
{
    // The depth was judged where the item stood; looking for keys again would make maps in maps
    // slow.
    return item_read(walk, out, 0, false);
}

bool
cbor_map_text(const struct cbor_item *map, const char *key, struct cbor_item *out)
{
    struct bytes walk = map->data;
    struct cbor_item name, value;
    if (map->type != CBOR_MAP)
        return false;
    while (cbor_next(&walk, &name) && cbor_next(&walk, &value)) {
        if (name.type == CBOR_TEXT && bytes_is(name.data, key)) {
            *out = value;
            return true;
        }
    }
    return false;
}

bool
cbor_map_number(const struct cbor_item *map, int64_t key, struct cbor_item *out)
{
    struct bytes walk = map->data;
    struct cbor_item name, value;
    int64_t number;
    if (map->type != CBOR_MAP)
        return false;
    while (cbor_next(&walk, &name) && cbor_next(&walk, &value)) {
        if (cbor_number(&name, &number) && number == key) {
            *out = value;
            return true;
        }
    }
    return false;
}

// CTAP2, section 8: by major type, then by length, then by bytes; of what has the shortest form,
// the length of the encoding says as much as that of the key.
static bool
key_is_less(const struct cbor_item *a, const struct cbor_item *b)
{
    if (a->type != b->type)
        return a->type < b->type;
    if (a->whole.n != b->whole.n)
        return a->whole.n < b->whole.n;
    return bytes_compare(a->whole, b->whole) < 0;
}

bool
cbor_map_is_sorted(const struct cbor_item *map)
{
    struct bytes walk = map->data;
    struct cbor_item before, key, value;
    for (bool first = true; cbor_next(&walk, &key) && cbor_next(&walk, &value); first = false) {
        if (!first && !key_is_less(&before, &key))
            return false;
        before = key;
    }
    return map->type == CBOR_MAP;
}

bool
cbor_number(const struct cbor_item *item, int64_t *out)
{
    if ((item->type != CBOR_UNSIGNED && item->type != CBOR_NEGATIVE) || item->value > INT64_MAX)
        return false;
    *out = item->type == CBOR_UNSIGNED ? (int64_t)item->value : -1 - (int64_t)item->value;
    return true;
}
