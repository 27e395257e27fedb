/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include "../../../broker/store/store.h"

#include <sqlite3.h>

static void
raw(const char *sql)
{
    sqlite3 *db;
    char *message = NULL;
    assert_int_equal(sqlite3_open(fixture_path("db"), &db), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK)
        fail_msg("%s: %s", sql, message);
    sqlite3_close(db);
}

static struct store *
create(void)
{
    struct store *store = NULL;
    assert_ok(store_create(fixture_path("db"), &store, fault));
    return store;
}

static void
refuses_wrong_rights(void **state)
{
    struct store *store = NULL;
    static const char *const files[] = {"db", "db-wal", "db-shm"};

    (void)state;
    assert_fault(store_open(fixture_path("db"), &store, fault), KH_ERR_NOT_FOUND, "db");
    store = create();
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(chmod(fixture_path(files[i]), 0644), 0);
        struct store *second = NULL;
        assert_fault(store_open(fixture_path("db"), &second, fault), KH_ERR_PERMISSION, files[i]);
        assert_null(second);
        assert_int_equal(chmod(fixture_path(files[i]), 0600), 0);
    }
    store_close(&store);
    assert_null(store);
}

static void
creates_once(void **state)
{
    struct store *store = create(), *second = NULL;

    (void)state;
    assert_fault(store_create(fixture_path("db"), &second, fault), KH_ERR_EXISTS, "db");
    store_close(&store);
    assert_ok(store_open(fixture_path("db"), &store, fault));
    store_close(&store);
}

static void
refuses_what_is_not_ours(void **state)
{
    struct store *store = create();

    (void)state;
    store_close(&store);
    raw("PRAGMA user_version = 1000");
    assert_fault(store_open(fixture_path("db"), &store, fault), KH_ERR_DATABASE, "newer");
    raw("PRAGMA user_version = 1; PRAGMA application_id = 7");
    assert_fault(store_open(fixture_path("db"), &store, fault), KH_ERR_DATABASE,
                 "not a Keyhole database");
    // Emptied: it must not come back as a fresh one.
    fixture_write(fixture_path("db"), BYTES_EMPTY);
    assert_fault(store_open(fixture_path("db"), &store, fault), KH_ERR_DATABASE, "emptied");
    struct stat st;
    assert_int_equal(stat(fixture_path("db"), &st), 0);
    assert_int_equal(st.st_size, 0);
    fixture_write(fixture_path("db"), BYTES("this is no database, and long enough to be one"));
    assert_fault(store_open(fixture_path("db"), &store, fault), KH_ERR_DATABASE, "damaged");
}

static void
refuses_damage(void **state)
{
    struct store *store = create();
    struct buffer data;

    (void)state;
    for (int i = 0; i < 200; i++) {
        char name[32];
        snprintf(name, sizeof name, "value-%d", i);
        assert_ok(
            store_meta_put(store, name, BYTES("0123456789012345678901234567890123456789"), fault));
    }
    store_close(&store);
    (void)fixture_read(fixture_path("db"), &data);
    assert_true(data.n > 16384);
    memset(data.p + 4096, 0xa5, data.n - 4096);
    fixture_write(fixture_path("db"), buffer_bytes(&data));
    buffer_free(&data);
    assert_fault(store_open(fixture_path("db"), &store, fault), KH_ERR_DATABASE, "damaged");
    assert_null(store);
}

static void
refuses_dangling_rows(void **state)
{
    struct store *store = create();

    (void)state;
    store_close(&store);
    raw("PRAGMA foreign_keys = OFF;"
        "INSERT INTO credential_item VALUES (77, 'hosts', 0, 'example.com')");
    assert_fault(store_open(fixture_path("db"), &store, fault), KH_ERR_DATABASE, "refers");
}

static void
transactions_are_all_or_nothing(void **state)
{
    struct store *store = create();
    struct buffer value;

    (void)state;
    buffer_init(&value, 64);
    assert_fault(store_commit(store, fault), KH_ERR_INTERNAL, "no transaction");
    assert_ok(store_begin(store, fault));
    assert_fault(store_begin(store, fault), KH_ERR_INTERNAL, "open");
    assert_ok(store_meta_put(store, "a", BYTES("1"), fault));
    store_rollback(store);
    store_rollback(store);
    assert_fault(store_meta_get(store, "a", &value, fault), KH_ERR_NOT_FOUND, "a");
    assert_ok(store_begin(store, fault));
    assert_ok(store_meta_put(store, "a", BYTES("1"), fault));
    assert_ok(store_meta_put(store, "a", BYTES(""), fault));
    assert_ok(store_commit(store, fault));
    store_close(&store);
    assert_ok(store_open(fixture_path("db"), &store, fault));
    assert_ok(store_meta_get(store, "a", &value, fault));
    assert_int_equal(value.n, 0);
    // An uncommitted change does not survive, as after a crash.
    assert_ok(store_begin(store, fault));
    assert_ok(store_meta_put(store, "b", BYTES("2"), fault));
    store_close(&store);
    assert_ok(store_open(fixture_path("db"), &store, fault));
    assert_fault(store_meta_get(store, "b", &value, fault), KH_ERR_NOT_FOUND, "b");
    store_close(&store);
    buffer_free(&value);
}

static void
settings_are_in_effect(void **state)
{
    struct store *store = create();
    sqlite3 *db;
    sqlite3_stmt *stmt;

    (void)state;
    store_close(&store);
    assert_int_equal(sqlite3_open(fixture_path("db"), &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, "PRAGMA journal_mode", -1, &stmt, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    assert_string_equal((const char *)sqlite3_column_text(stmt, 0), "wal");
    sqlite3_finalize(stmt);
    // STRICT: a text does not get into a number.
    assert_int_not_equal(sqlite3_exec(db,
                                      "INSERT INTO root_key (id, sealed, created_at)"
                                      " VALUES (1, x'00', 'yesterday')",
                                      NULL, NULL, NULL),
                         SQLITE_OK);
    sqlite3_close(db);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(refuses_wrong_rights),     fixture_test(creates_once),
        fixture_test(refuses_what_is_not_ours), fixture_test(refuses_damage),
        fixture_test(refuses_dangling_rows),    fixture_test(transactions_are_all_or_nothing),
        fixture_test(settings_are_in_effect),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
