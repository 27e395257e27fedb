/* SPDX-License-Identifier: Apache-2.0
 *
 * Fields that are lists of items: Cookie, Sec-WebSocket-Protocol. An item is taken out or put in,
 * and every other byte stays, but for spaces that are then before the end of the value.
 */
#ifndef KEYHOLE_REQUEST_LIST_H
#define KEYHOLE_REQUEST_LIST_H

#include "request.h"

struct request_list_rules {
    enum slot_kind slot;
    const char *field; /* lower case */
    uint8_t separator;
    bool named; /* items are NAME=VALUE */
};

extern const struct request_list_rules request_list_rules[REQUEST_LIST_COUNT];

/* REQUEST_LIST_COUNT: none of them. */
enum request_list request_list_of(struct bytes field);

/* The next item as it stands, spaces and all; false: there are no more. Start with `*at` = 0. */
bool request_list_next(const struct request_list_rules *rules, struct bytes value, size_t *at,
                       struct bytes *item);
/* The name of an item, and what stands behind it without its quotes. Of lists without names all of
 * it is the text. */
void request_list_read(const struct request_list_rules *rules, struct bytes item,
                       struct bytes *name, struct bytes *text);

struct request_list_change {
    size_t drop;            /* the item with that index; SIZE_MAX: none */
    struct bytes drop_name; /* all of that name; empty: none */
    size_t place;           /* before which of those that stay; beyond: at the end */
    struct bytes item;      /* is put there; empty: none */
};
void request_list_write(const struct request_list_rules *rules, struct bytes value,
                        const struct request_list_change *change, struct buffer *out);

#endif
