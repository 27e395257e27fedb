/* SPDX-License-Identifier: Apache-2.0
 *
 * A hash table of nodes with keys of 16 bytes, which are the holders' to choose: hashed with a key
 * of this process. The nodes are the caller's.
 */
#ifndef KEYHOLE_COUNTER_TABLE_H
#define KEYHOLE_COUNTER_TABLE_H

#include "../../caveats/bytes.h"

enum { TABLE_KEY_SIZE = 16 };

struct table_node {
    struct table_node *next;
    uint8_t key[TABLE_KEY_SIZE];
};

struct table {
    struct table_node **chain;
    size_t capacity, count; /* capacity: a power of two */
    uint8_t hash_key[16];
};

KH_MUST_CHECK bool table_init(struct table *table);
/* Every node goes to `release` (may be NULL). */
void table_fini(struct table *table, void (*release)(struct table_node *node));

struct table_node *table_find(const struct table *table, const uint8_t key[TABLE_KEY_SIZE]);
/* There is none of its key yet. */
void table_insert(struct table *table, struct table_node *node);
/* Each node for which `is_over` is true is taken out and goes to `release`. */
void table_sweep(struct table *table, bool (*is_over)(void *context, struct table_node *node),
                 void (*release)(void *context, struct table_node *node), void *context);
/* Each node, until `fn` is false; false then. */
bool table_each(const struct table *table, bool (*fn)(void *context, struct table_node *node),
                void *context);

#endif
