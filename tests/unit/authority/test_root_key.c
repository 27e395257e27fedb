/* SPDX-License-Identifier: Apache-2.0 */
#include "sealed_store.h"

#include "../../../broker/authority/root_key.h"

static void
add(struct root_keys *keys, int64_t now)
{
    struct root_key key;
    assert_ok(root_keys_insert(keys, store, seal, now, &key, fault));
    root_keys_adopt(keys, &key);
    assert_null(key.secret);
}

static void
none_at_first(void **state)
{
    struct root_keys keys = {0};

    (void)state;
    assert_ok(root_keys_load(&keys, store, seal, fault));
    assert_null(root_keys_active(&keys));
    assert_null(root_keys_find(&keys, 0));
    assert_null(root_keys_find(&keys, 1));
    root_keys_free(&keys);
}

static void
rotate_and_retire(void **state)
{
    struct root_keys keys = {0}, again = {0};

    (void)state;
    for (int i = 0; i < 20; i++)
        add(&keys, 100 + i);
    assert_int_equal(root_keys_active(&keys)->id, 20);
    assert_fault(root_keys_retire(&keys, store, 20, 1, fault), KH_ERR_DENIED, "key rotate");
    assert_fault(root_keys_retire(&keys, store, 99, 1, fault), KH_ERR_NOT_FOUND, "99");
    assert_ok(root_keys_retire(&keys, store, 3, 777, fault));
    root_keys_forget(&keys, 3, 777);
    assert_null(root_keys_find(&keys, 3));
    assert_fault(root_keys_retire(&keys, store, 3, 778, fault), KH_ERR_NOT_FOUND, "3");
    assert_non_null(root_keys_find(&keys, 4));

    assert_ok(root_keys_load(&again, store, seal, fault));
    assert_int_equal(again.count, 20);
    assert_null(root_keys_find(&again, 3));
    assert_int_equal(again.key[2].retired_at, 777);
    for (uint32_t id = 4; id <= 20; id++)
        assert_true(bytes_equal(secret_bytes(root_keys_find(&keys, id)),
                                secret_bytes(root_keys_find(&again, id))));
    assert_false(bytes_equal(secret_bytes(root_keys_find(&keys, 4)),
                             secret_bytes(root_keys_find(&keys, 5))));
    root_keys_free(&keys);
    root_keys_free(&again);
}

static void
a_moved_row_does_not_open(void **state)
{
    struct root_keys keys = {0};
    struct buffer sealed;
    struct root_key key;

    (void)state;
    assert_ok(root_keys_insert(&keys, store, seal, 1, &key, fault));
    buffer_init(&sealed, 256);
    // As if key 1 had been copied into the row of key 2.
    struct seal_place place = {.table = "root_key", .id = 1, .column = "sealed"};
    assert_ok(seal_close(seal, place, secret_bytes(key.secret), &sealed, fault));
    struct store_root_key row = {.id = 2, .sealed = buffer_bytes(&sealed), .created_at = 2};
    assert_ok(store_root_key_insert(store, &row, fault));
    assert_fault(root_keys_load(&keys, store, seal, fault), KH_ERR_DATABASE, "row 2");
    assert_int_equal(keys.count, 0);
    secret_free(&key.secret);
    buffer_free(&sealed);
    root_keys_free(&keys);
}

static void
a_short_key_is_refused(void **state)
{
    struct root_keys keys = {0};
    struct buffer sealed;
    struct seal_place place = {.table = "root_key", .id = 1, .column = "sealed"};

    (void)state;
    buffer_init(&sealed, 256);
    assert_ok(seal_close(seal, place, BYTES("x"), &sealed, fault));
    struct store_root_key row = {.id = 1, .sealed = buffer_bytes(&sealed), .created_at = 2};
    assert_ok(store_root_key_insert(store, &row, fault));
    assert_fault(root_keys_load(&keys, store, seal, fault), KH_ERR_DATABASE, "size");
    buffer_free(&sealed);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(none_at_first, sealed_store_setup, sealed_store_teardown),
        cmocka_unit_test_setup_teardown(rotate_and_retire, sealed_store_setup,
                                        sealed_store_teardown),
        cmocka_unit_test_setup_teardown(a_moved_row_does_not_open, sealed_store_setup,
                                        sealed_store_teardown),
        cmocka_unit_test_setup_teardown(a_short_key_is_refused, sealed_store_setup,
                                        sealed_store_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
