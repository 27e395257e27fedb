/* SPDX-License-Identifier: Apache-2.0
 *
 * CBOR (RFC 8949) as CTAP2 writes it, and nothing looser: definite lengths, shortest forms, keys
 * that are integers or text and occur once, no tags, no floating point.
 *
 * An item is checked whole, to its last leaf, before anything of it is handed out; walking through
 * a checked item cannot fail.
 */
#ifndef KEYHOLE_CBOR_H
#define KEYHOLE_CBOR_H

#include "../../caveats/bytes.h"

enum {
    CBOR_DEPTH_MAX = 4, /* what CTAP2 allows */
    CBOR_ITEMS_MAX = 64 /* of one map or array */
};

enum cbor_type {
    CBOR_UNSIGNED = 0, /* major types */
    CBOR_NEGATIVE = 1,
    CBOR_BYTES = 2,
    CBOR_TEXT = 3, /* UTF-8 */
    CBOR_ARRAY = 4,
    CBOR_MAP = 5,
    CBOR_SIMPLE = 7, /* false, true, null */
};
enum { CBOR_FALSE = 20, CBOR_TRUE = 21, CBOR_NULL = 22 };

struct cbor_item {
    enum cbor_type type;
    uint64_t value;    /* of a number (-1 - value when negative); of a simple value; items, pairs */
    struct bytes data; /* of a string; the items of an array or a map, as they stand */
    struct bytes whole;
};

/* The item at the beginning of `text`, and what follows it. */
KH_MUST_CHECK bool cbor_read(struct bytes text, struct cbor_item *out, struct bytes *rest);
/* The same, with nothing behind it. */
KH_MUST_CHECK bool cbor_read_all(struct bytes text, struct cbor_item *out);

/* The next item of an array, or the next key and then its value. `*walk` starts as item->data;
 * false at the end. */
bool cbor_next(struct bytes *walk, struct cbor_item *out);

/* A value of a map by its key; false when there is none, or `map` is no map. */
bool cbor_map_text(const struct cbor_item *map, const char *key, struct cbor_item *out);
bool cbor_map_number(const struct cbor_item *map, int64_t key, struct cbor_item *out);

/* Whether the keys stand in the order that CTAP2 prescribes for what authenticators write: libfido2
 * refuses those that do not. */
KH_MUST_CHECK bool cbor_map_is_sorted(const struct cbor_item *map);

/* Whether it is an integer that fits, and which. */
KH_MUST_CHECK bool cbor_number(const struct cbor_item *item, int64_t *out);

#endif
