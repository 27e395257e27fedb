/* SPDX-License-Identifier: Apache-2.0
 *
 * Chained hashing. A table that cannot grow for want of memory gets slower and stays right.
 */
#include "counter_table.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

enum { CAPACITY_MIN = 64 };

static struct table_node **
chain_of(const struct table *table, const uint8_t key[TABLE_KEY_SIZE])
{
    uint8_t hash[crypto_shorthash_BYTES];
    uint64_t value;

    crypto_shorthash(hash, key, TABLE_KEY_SIZE, table->hash_key);
    memcpy(&value, hash, sizeof value);
    return &table->chain[value & (table->capacity - 1)];
}

bool
table_init(struct table *table)
{
    _Static_assert(sizeof table->hash_key == crypto_shorthash_KEYBYTES, "a key of SipHash");
    *table = (struct table){.capacity = CAPACITY_MIN};
    randombytes_buf(table->hash_key, sizeof table->hash_key);
    table->chain = calloc(table->capacity, sizeof(struct table_node *));
    return table->chain != NULL;
}

void
table_fini(struct table *table, void (*release)(struct table_node *node))
{
    for (size_t i = 0; table->chain && i < table->capacity; i++) {
        while (table->chain[i]) {
            struct table_node *node = table->chain[i];
            table->chain[i] = node->next;
            if (release)
                release(node);
        }
    }
    free(table->chain);
    *table = (struct table){0};
}

struct table_node *
table_find(const struct table *table, const uint8_t key[TABLE_KEY_SIZE])
{
    struct table_node *node = *chain_of(table, key);

    while (node && memcmp(node->key, key, TABLE_KEY_SIZE) != 0)
        node = node->next;
    return node;
}

static void
grow(struct table *table)
{
    struct table next = *table;

    next.capacity = 2 * table->capacity;
    next.chain = calloc(next.capacity, sizeof(struct table_node *));
    if (next.chain == NULL)
        return;
    for (size_t i = 0; i < table->capacity; i++) {
        while (table->chain[i]) {
            struct table_node *node = table->chain[i];
            struct table_node **chain = chain_of(&next, node->key);
            table->chain[i] = node->next;
            node->next = *chain;
            *chain = node;
        }
    }
    free(table->chain);
    *table = next;
}

void
table_insert(struct table *table, struct table_node *node)
{
    if (table->count == table->capacity)
        grow(table);
    struct table_node **chain = chain_of(table, node->key);
    node->next = *chain;
    *chain = node;
    table->count++;
}

void
table_sweep(struct table *table, bool (*is_over)(void *context, struct table_node *node),
            void (*release)(void *context, struct table_node *node), void *context)
{
    for (size_t i = 0; i < table->capacity; i++) {
        struct table_node **at = &table->chain[i];
        while (*at) {
            struct table_node *node = *at;
            if (!is_over(context, node)) {
                at = &node->next;
                continue;
            }
            *at = node->next;
            table->count--;
            release(context, node);
        }
    }
}

bool
table_each(const struct table *table, bool (*fn)(void *context, struct table_node *node),
           void *context)
{
    for (size_t i = 0; i < table->capacity; i++) {
        for (struct table_node *node = table->chain[i]; node; node = node->next) {
            if (!fn(context, node))
                return false;
        }
    }
    return true;
}
