/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include "../../../broker/authority/counter_table.h"

enum { NODES = 5000 };

static size_t released;

static void
release(struct table_node *node)
{
    released++;
    free(node);
}

static void
release_swept(void *context, struct table_node *node)
{
    (void)context;
    release(node);
}

static void
key_of(size_t i, uint8_t key[TABLE_KEY_SIZE])
{
    memset(key, 0, TABLE_KEY_SIZE);
    memcpy(key, &i, sizeof i);
}

static struct table_node *
insert(struct table *table, size_t i)
{
    struct table_node *node = calloc(1, sizeof *node);
    assert_non_null(node);
    key_of(i, node->key);
    table_insert(table, node);
    return node;
}

static void
empty(void **state)
{
    struct table table;
    uint8_t key[TABLE_KEY_SIZE] = {0};

    (void)state;
    assert_true(table_init(&table));
    assert_null(table_find(&table, key));
    table_fini(&table, release);
    table_fini(&table, release); // harmless
}

static void
finds_what_was_put_in(void **state)
{
    struct table table;
    static struct table_node *node[NODES];

    (void)state;
    assert_true(table_init(&table));
    for (size_t i = 0; i < NODES; i++)
        node[i] = insert(&table, i);
    assert_int_equal(table.count, NODES);
    assert_true(table.capacity >= NODES);
    for (size_t i = 0; i < NODES; i++) {
        uint8_t key[TABLE_KEY_SIZE];
        key_of(i, key);
        assert_ptr_equal(table_find(&table, key), node[i]);
        key[TABLE_KEY_SIZE - 1] = 1;
        assert_null(table_find(&table, key));
    }
    released = 0;
    table_fini(&table, release);
    assert_int_equal(released, NODES);
}

static bool
is_odd(void *context, struct table_node *node)
{
    size_t i;
    (void)context;
    memcpy(&i, node->key, sizeof i);
    return i % 2 == 1;
}

static bool
is_even(void *context, struct table_node *node)
{
    return !is_odd(context, node);
}

static void
sweeps(void **state)
{
    struct table table;

    (void)state;
    assert_true(table_init(&table));
    for (size_t i = 0; i < NODES; i++)
        (void)insert(&table, i);
    assert_false(table_each(&table, is_even, NULL));
    released = 0;
    table_sweep(&table, is_odd, release_swept, NULL);
    assert_int_equal(released, NODES / 2);
    assert_int_equal(table.count, NODES - NODES / 2);
    assert_true(table_each(&table, is_even, NULL));
    for (size_t i = 0; i < NODES; i++) {
        uint8_t key[TABLE_KEY_SIZE];
        key_of(i, key);
        assert_int_equal(table_find(&table, key) != NULL, i % 2 == 0);
    }
    table_fini(&table, release);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(empty),
        cmocka_unit_test(finds_what_was_put_in),
        cmocka_unit_test(sweeps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
