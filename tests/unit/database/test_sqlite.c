/* SPDX-License-Identifier: Apache-2.0 */
#include "../files.h"

#include "../../../broker/database/private_file.h"
#include "../../../broker/database/sqlite.h"

static const struct sqlite_migration steps[] = {
    {1, "0001_first", "CREATE TABLE a (n INTEGER NOT NULL UNIQUE) STRICT;"},
    {3, "0003_third", "CREATE TABLE b (n INTEGER NOT NULL REFERENCES a (n)) STRICT;"},
    {4, "0004_broken", "CREATE TABLE c (n INTEGER) STRICT; CREATE TABLE a (n INTEGER) STRICT;"},
};
static const struct sqlite_schema first = {0x11223344, "a thing", steps, 1};
static const struct sqlite_schema second = {0x11223344, "a thing", steps, 2};
static const struct sqlite_schema broken = {0x11223344, "a thing", steps, 3};
static const struct sqlite_schema other = {0x11223345, "another thing", steps, 1};

static int64_t
number_of(struct sqlite *sqlite, const char *sql)
{
    int64_t number = -1;
    assert_ok(sqlite_query_number(sqlite, sql, &number, fault));
    return number;
}

static void
what_is_not_ours_is_refused(void **state)
{
    struct sqlite sqlite = {0};
    const char *path = fixture_path("db");

    (void)state;
    assert_fault(sqlite_open(path, &first, &sqlite, fault), KH_ERR_NOT_FOUND, "db");
    assert_ok(sqlite_create(path, &first, &sqlite, fault));
    sqlite_close(&sqlite);
    assert_fault(sqlite_create(path, &first, &sqlite, fault), KH_ERR_EXISTS, "db");
    assert_fault(sqlite_open(path, &other, &sqlite, fault), KH_ERR_DATABASE, "not another thing");
    assert_int_equal(chmod(path, 0640), 0);
    assert_fault(sqlite_open(path, &first, &sqlite, fault), KH_ERR_PERMISSION, "chmod 600");
    assert_null(sqlite.db);
}

static void
a_statement_that_lacks_a_value_is_not_run(void **state)
{
    struct sqlite sqlite;
    enum kh_err err;

    (void)state;
    assert_ok(sqlite_create(fixture_path("db"), &first, &sqlite, fault));
    assert_ok(sqlite_exec(&sqlite, "INSERT INTO a VALUES (7)", fault));
    for (int bad = 1; bad <= 3; bad++) {
        // NULL would be taken for the value: no row is deleted, and nobody hears of it.
        STMT_AUTO *stmt = NULL;
        assert_ok(sqlite_prepare(&sqlite, "DELETE FROM a WHERE n = ?1", &stmt, fault));
        if (bad == 1)
            sqlite_bind_number(stmt, 2, 7);
        else if (bad == 2)
            sqlite_bind_text_bytes(stmt, 2, BYTES("7"));
        else
            sqlite_bind_blob_bytes(stmt, 0, BYTES("7"));
        assert_fault(sqlite_run(&sqlite, stmt, fault), KH_ERR_DATABASE, "db");
        assert_fault(sqlite_run_one(&sqlite, stmt, fault), KH_ERR_DATABASE, "db");
        assert_false(sqlite_next(&sqlite, stmt, &err, NULL));
        assert_int_equal(err, KH_ERR_DATABASE);
        assert_int_equal(number_of(&sqlite, "SELECT count(*) FROM a"), 1);
    }
    { // the one after it is whole
        STMT_AUTO *stmt = NULL;
        assert_ok(sqlite_prepare(&sqlite, "DELETE FROM a WHERE n = ?1", &stmt, fault));
        sqlite_bind_number(stmt, 1, 7);
        assert_ok(sqlite_run_one(&sqlite, stmt, fault));
    }
    sqlite_close(&sqlite);
}

static void
migrations_run_once_and_whole(void **state)
{
    struct sqlite sqlite;
    const char *path = fixture_path("db");

    (void)state;
    assert_ok(sqlite_create(path, &first, &sqlite, fault));
    assert_int_equal(number_of(&sqlite, "PRAGMA user_version"), 1);
    assert_ok(sqlite_exec(&sqlite, "INSERT INTO a VALUES (7)", fault));
    sqlite_close(&sqlite);
    assert_ok(sqlite_open(path, &second, &sqlite, fault));
    assert_int_equal(number_of(&sqlite, "PRAGMA user_version"), 3);
    assert_int_equal(number_of(&sqlite, "SELECT n FROM a"), 7);
    sqlite_close(&sqlite);
    assert_fault(sqlite_open(path, &first, &sqlite, fault), KH_ERR_DATABASE, "newer");
    // A step that fails half-way leaves nothing of itself.
    assert_fault(sqlite_open(path, &broken, &sqlite, fault), KH_ERR_DATABASE, "0004_broken");
    assert_ok(sqlite_open(path, &second, &sqlite, fault));
    assert_int_equal(number_of(&sqlite, "SELECT count(*) FROM sqlite_schema WHERE name = 'c'"), 0);
    sqlite_close(&sqlite);
    // A database that could not be made whole is not left behind.
    assert_fault(sqlite_create(fixture_path("new"), &broken, &sqlite, fault), KH_ERR_DATABASE,
                 "0004_broken");
    assert_int_equal(access(fixture_path("new"), F_OK), -1);
}

// The way back to the program before: what it had, under its version.
static void
what_was_there_is_kept_before_it_is_changed(void **state)
{
    struct sqlite sqlite;
    const char *path = fixture_path("db");
    struct stat st;

    (void)state;
    assert_ok(sqlite_create(path, &first, &sqlite, fault));
    assert_ok(sqlite_exec(&sqlite, "INSERT INTO a VALUES (7)", fault));
    sqlite_close(&sqlite);
    assert_ok(sqlite_open(path, &first, &sqlite, fault));
    sqlite_close(&sqlite);
    assert_int_equal(access(fixture_path("db.before-1"), F_OK), -1); // nothing was to be changed
    assert_ok(sqlite_open(path, &second, &sqlite, fault));
    assert_ok(sqlite_exec(&sqlite, "INSERT INTO a VALUES (8)", fault));
    sqlite_close(&sqlite);
    assert_int_equal(stat(fixture_path("db.before-1"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_ok(sqlite_open(fixture_path("db.before-1"), &first, &sqlite, fault));
    assert_int_equal(number_of(&sqlite, "SELECT sum(n) FROM a"), 7);
    sqlite_close(&sqlite);
}

static void
a_newer_one_is_refused_and_not_touched(void **state)
{
    struct sqlite sqlite = {0};
    const char *path = fixture_path("db");
    int64_t version = 0;
    BUFFER_AUTO before = {0};
    BUFFER_AUTO after = {0};

    (void)state;
    assert_ok(sqlite_create(path, &second, &sqlite, fault));
    sqlite_close(&sqlite);
    buffer_init(&before, 1 << 20);
    assert_ok(private_file_read(path, 1 << 20, true, &before, fault));
    assert_fault(sqlite_open(path, &first, &sqlite, fault), KH_ERR_DATABASE, "newer");
    assert_null(sqlite.db);
    assert_fault(sqlite_examine(path, &first, &version, fault), KH_ERR_DATABASE, "newer");
    assert_fault(sqlite_snapshot(path, &first, fixture_path("copy"), &version, fault),
                 KH_ERR_DATABASE, "newer");
    assert_int_equal(access(fixture_path("copy"), F_OK), -1);
    assert_int_equal(access(fixture_path("db.before-3"), F_OK), -1);
    buffer_init(&after, 1 << 20);
    assert_ok(private_file_read(path, 1 << 20, true, &after, fault));
    assert_true(bytes_equal(buffer_bytes(&after), buffer_bytes(&before)));
}

static void
settings_are_in_effect(void **state)
{
    struct sqlite sqlite;

    (void)state;
    assert_ok(sqlite_create(fixture_path("db"), &second, &sqlite, fault));
    assert_int_equal(number_of(&sqlite, "PRAGMA foreign_keys"), 1);
    assert_int_equal(number_of(&sqlite, "PRAGMA synchronous"), 2);
    assert_int_equal(number_of(&sqlite, "PRAGMA secure_delete"), 1);
    assert_fault(sqlite_exec(&sqlite, "INSERT INTO b VALUES (9)", fault), KH_ERR_DATABASE,
                 "FOREIGN KEY");
    assert_fault(sqlite_exec(&sqlite, "INSERT INTO a VALUES ('x')", fault), KH_ERR_DATABASE,
                 "TEXT");
    assert_ok(sqlite_exec(&sqlite, "INSERT INTO a VALUES (1)", fault));
    assert_fault(sqlite_exec(&sqlite, "INSERT INTO a VALUES (1)", fault), KH_ERR_EXISTS, "a.n");
    sqlite_close(&sqlite);
}

static void
groups_are_all_or_nothing(void **state)
{
    struct sqlite sqlite;
    bool outer, inner;

    (void)state;
    assert_ok(sqlite_create(fixture_path("db"), &first, &sqlite, fault));
    assert_fault(sqlite_commit(&sqlite, fault), KH_ERR_INTERNAL, "no transaction");
    assert_ok(sqlite_group_begin(&sqlite, &outer, fault));
    assert_fault(sqlite_begin(&sqlite, fault), KH_ERR_INTERNAL, "open");
    assert_ok(sqlite_exec(&sqlite, "INSERT INTO a VALUES (1)", fault));
    assert_ok(sqlite_group_begin(&sqlite, &inner, fault));
    assert_true(outer);
    assert_false(inner);
    // The inner one's success is not the outer one's.
    assert_ok(sqlite_group_end(&sqlite, inner, KH_OK, fault));
    assert_int_equal(sqlite_group_end(&sqlite, outer, KH_ERR_RANGE, NULL), KH_ERR_RANGE);
    assert_int_equal(number_of(&sqlite, "SELECT count(*) FROM a"), 0);
    assert_ok(sqlite_group_begin(&sqlite, &outer, fault));
    assert_ok(sqlite_exec(&sqlite, "INSERT INTO a VALUES (1)", fault));
    assert_ok(sqlite_group_end(&sqlite, outer, KH_OK, fault));
    assert_int_equal(number_of(&sqlite, "SELECT count(*) FROM a"), 1);
    sqlite_close(&sqlite);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(what_is_not_ours_is_refused),
        fixture_test(a_statement_that_lacks_a_value_is_not_run),
        fixture_test(migrations_run_once_and_whole),
        fixture_test(what_was_there_is_kept_before_it_is_changed),
        fixture_test(a_newer_one_is_refused_and_not_touched),
        fixture_test(settings_are_in_effect),
        fixture_test(groups_are_all_or_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
