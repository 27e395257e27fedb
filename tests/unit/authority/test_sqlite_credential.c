/* SPDX-License-Identifier: Apache-2.0 */
/* Migration 4 makes a table anew: what was in it stays, and goes with its credential as before. */
#include "fixture.h"

#include <sqlite3.h>

static void
run(sqlite3 *database, const char *text)
{
    char *why = NULL;
    if (sqlite3_exec(database, text, NULL, NULL, &why) != SQLITE_OK)
        fail_msg("%s: %s", text, why);
}

static void
migrate(sqlite3 *database, const char *path)
{
    struct buffer text;
    FILE *file = fopen(path, "r");
    char part[4096];
    size_t n;

    if (file == NULL)
        fail_msg("%s cannot be read: tests run in the project's directory", path);
    buffer_init(&text, 1 << 20);
    while ((n = fread(part, 1, sizeof part, file)) > 0)
        buffer_put(&text, bytes_of(part, n));
    fclose(file);
    run(database, buffer_text(&text));
    buffer_free(&text);
}

static int
count(sqlite3 *database, const char *query)
{
    sqlite3_stmt *statement = NULL;

    assert_int_equal(sqlite3_prepare_v2(database, query, -1, &statement, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    int n = sqlite3_column_int(statement, 0);
    sqlite3_finalize(statement);
    return n;
}

static void
options_come_and_lists_stay(void **state)
{
    sqlite3 *database = NULL;

    (void)state;
    assert_int_equal(sqlite3_open(":memory:", &database), SQLITE_OK);
    run(database, "PRAGMA foreign_keys = ON");
    migrate(database, "schema/sql/0001_state.sql");
    run(database,
        "INSERT INTO credential VALUES (7, 'x', '', 'basic', '', 1, 0, 1, 0, x'00', 5, NULL);"
        "INSERT INTO credential_item VALUES (7, 'hosts', 0, 'b.example');"
        "INSERT INTO credential_item VALUES (7, 'hosts', 1, 'a.example');"
        "INSERT INTO credential_item VALUES (7, 'slots', 0, 'basic')");
    run(database, "BEGIN");
    migrate(database, "schema/sql/0004_credential_option.sql");
    run(database, "COMMIT");
    assert_int_equal(count(database, "SELECT count(*) FROM credential_item"), 3);
    assert_int_equal(count(database, "SELECT position FROM credential_item"
                                     " WHERE list = 'hosts' AND value = 'a.example'"),
                     1);
    run(database, "INSERT INTO credential_item VALUES (7, 'options', 0, 'region=x')");
    assert_int_not_equal(sqlite3_exec(database,
                                      "INSERT INTO credential_item VALUES (7, 'other', 0, 'x')",
                                      NULL, NULL, NULL),
                         SQLITE_OK);
    assert_int_not_equal(sqlite3_exec(database,
                                      "INSERT INTO credential_item VALUES (8, 'hosts', 0, 'x')",
                                      NULL, NULL, NULL),
                         SQLITE_OK);
    run(database, "DELETE FROM credential WHERE id = 7");
    assert_int_equal(count(database, "SELECT count(*) FROM credential_item"), 0);
    sqlite3_close(database);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(options_come_and_lists_stay)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
