/* SPDX-License-Identifier: Apache-2.0
 *
 * A sqlite database: opening, migrations, transactions, and the small helpers that the files with
 * the tables' own statements use.
 */
#include "sqlite.h"

#include "private_file.h"
#include "sqlite_internal.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BUSY_MS = 1000 };

enum kh_err
sqlite_fault(const struct sqlite *sqlite, int code, struct fault *fault)
{
    const char *reason = sqlite->db ? sqlite3_errmsg(sqlite->db) : sqlite3_errstr(code);

    switch (code & 0xff) {
    case SQLITE_FULL:
        return fault_set(fault, KH_ERR_IO, "%s: the disk is full; nothing was changed",
                         sqlite->path);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return fault_set(fault, KH_ERR_DATABASE,
                         "%s: the database is damaged (%s); restore it from a copy", sqlite->path,
                         reason);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return fault_set(fault, KH_ERR_DATABASE,
                         "%s: another program holds the database (%s); end it and try again",
                         sqlite->path, reason);
    case SQLITE_NOMEM:
        return fault_set(fault, KH_ERR_MEMORY, "%s: memory is used up", sqlite->path);
    case SQLITE_IOERR:
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
        return fault_set(fault, KH_ERR_IO, "%s: %s", sqlite->path, reason);
    case SQLITE_CONSTRAINT:
        if (code == SQLITE_CONSTRAINT_PRIMARYKEY || code == SQLITE_CONSTRAINT_UNIQUE)
            return fault_set(fault, KH_ERR_EXISTS, "%s: %s", sqlite->path, reason);
        break;
    default:
        break;
    }
    return fault_set(fault, KH_ERR_DATABASE, "%s: %s", sqlite->path, reason);
}

// ---- statements ----

// A rollback that failed (memory was used up) leaves sqlite inside of a transaction that nobody
// will commit: what comes after it must not become part of it.
static enum kh_err
leave_abandoned(struct sqlite *sqlite, struct fault *fault)
{
    if (sqlite->in_transaction || sqlite3_get_autocommit(sqlite->db))
        return KH_OK;
    return sqlite_exec(sqlite, "ROLLBACK", fault);
}

enum kh_err
sqlite_prepare(struct sqlite *sqlite, const char *sql, sqlite3_stmt **out, struct fault *fault)
{
    enum kh_err err = leave_abandoned(sqlite, fault);

    if (err)
        return err;
    int code = sqlite3_prepare_v2(sqlite->db, sql, -1, out, NULL);
    return code == SQLITE_OK ? KH_OK : sqlite_fault(sqlite, code, fault);
}

// A statement that lacks one of its values, or has that of the run before, is not run: NULL would
// be taken for the value, and in a condition it stands for no row.
static _Thread_local struct {
    const sqlite3_stmt *stmt;
    int code;
} incomplete;

static void
note_bind(const sqlite3_stmt *stmt, int code)
{
    if (code != SQLITE_OK) {
        incomplete.stmt = stmt;
        incomplete.code = code;
    }
}

void
sqlite_stmt_cleanup(sqlite3_stmt **stmt)
{
    if (*stmt == incomplete.stmt)
        incomplete.stmt = NULL;
    (void)sqlite3_finalize(*stmt);
}

void
sqlite_bind_number(sqlite3_stmt *stmt, int index, int64_t number)
{
    note_bind(stmt, sqlite3_bind_int64(stmt, index, number));
}

void
sqlite_bind_text_bytes(sqlite3_stmt *stmt, int index, struct bytes text)
{
    note_bind(stmt, sqlite3_bind_text64(stmt, index, text.n ? (const char *)text.p : "", text.n,
                                        SQLITE_STATIC, SQLITE_UTF8));
}

void
sqlite_bind_blob_bytes(sqlite3_stmt *stmt, int index, struct bytes blob)
{
    note_bind(stmt, sqlite3_bind_blob64(stmt, index, blob.n ? (const void *)blob.p : "", blob.n,
                                        SQLITE_STATIC));
}

// sqlite3_step; *err is set when there is neither a row nor an end.
static int
step(const struct sqlite *sqlite, sqlite3_stmt *stmt, enum kh_err *err, struct fault *fault)
{
    bool whole = stmt != incomplete.stmt;
    int code = whole ? sqlite3_step(stmt) : incomplete.code;

    *err = KH_OK;
    if (code != SQLITE_ROW && code != SQLITE_DONE)
        *err = sqlite_fault(sqlite, whole ? sqlite3_extended_errcode(sqlite->db) : code, fault);
    return code;
}

struct bytes
sqlite_column_bytes_of(sqlite3_stmt *stmt, int column)
{
    const void *p = sqlite3_column_blob(stmt, column);
    return bytes_of(p, p ? (size_t)sqlite3_column_bytes(stmt, column) : 0);
}

enum kh_err
sqlite_run(struct sqlite *sqlite, sqlite3_stmt *stmt, struct fault *fault)
{
    enum kh_err err;

    (void)step(sqlite, stmt, &err, fault);
    return err;
}

enum kh_err
sqlite_run_one(struct sqlite *sqlite, sqlite3_stmt *stmt, struct fault *fault)
{
    enum kh_err err = sqlite_run(sqlite, stmt, fault);

    if (!err && sqlite3_changes(sqlite->db) != 1)
        err = fault_set(fault, KH_ERR_NOT_FOUND, "%s: there is no such row", sqlite->path);
    return err;
}

bool
sqlite_next(struct sqlite *sqlite, sqlite3_stmt *stmt, enum kh_err *err, struct fault *fault)
{
    return step(sqlite, stmt, err, fault) == SQLITE_ROW;
}

enum kh_err
sqlite_exec(struct sqlite *sqlite, const char *sql, struct fault *fault)
{
    if (sqlite3_exec(sqlite->db, sql, NULL, NULL, NULL) != SQLITE_OK)
        return sqlite_fault(sqlite, sqlite3_extended_errcode(sqlite->db), fault);
    return KH_OK;
}

enum kh_err
sqlite_query_number(struct sqlite *sqlite, const char *sql, int64_t *out, struct fault *fault)
{
    STMT_AUTO *stmt = NULL;
    enum kh_err err = sqlite_prepare(sqlite, sql, &stmt, fault);

    if (err)
        return err;
    if (!sqlite_next(sqlite, stmt, &err, fault))
        return err ? err : fault_set(fault, KH_ERR_DATABASE, "%s: no answer", sqlite->path);
    *out = sqlite3_column_int64(stmt, 0);
    return KH_OK;
}

// ---- transactions ----

enum kh_err
sqlite_begin(struct sqlite *sqlite, struct fault *fault)
{
    if (sqlite->in_transaction)
        return fault_set(fault, KH_ERR_INTERNAL, "%s: a transaction is open", sqlite->path);
    enum kh_err err = leave_abandoned(sqlite, fault);
    if (!err)
        err = sqlite_exec(sqlite, "BEGIN IMMEDIATE", fault);
    sqlite->in_transaction = !err;
    return err;
}

enum kh_err
sqlite_commit(struct sqlite *sqlite, struct fault *fault)
{
    if (!sqlite->in_transaction)
        return fault_set(fault, KH_ERR_INTERNAL, "%s: no transaction is open", sqlite->path);
    enum kh_err err = sqlite_exec(sqlite, "COMMIT", fault);
    if (err)
        sqlite_rollback(sqlite);
    sqlite->in_transaction = false;
    return err;
}

void
sqlite_rollback(struct sqlite *sqlite)
{
    // Fails where sqlite has rolled back already, or memory is used up: leave_abandoned.
    if (sqlite->in_transaction)
        (void)sqlite3_exec(sqlite->db, "ROLLBACK", NULL, NULL, NULL);
    sqlite->in_transaction = false;
}

enum kh_err
sqlite_group_begin(struct sqlite *sqlite, bool *own, struct fault *fault)
{
    *own = !sqlite->in_transaction;
    return *own ? sqlite_begin(sqlite, fault) : KH_OK;
}

enum kh_err
sqlite_group_end(struct sqlite *sqlite, bool own, enum kh_err err, struct fault *fault)
{
    if (!own)
        return err;
    if (!err)
        return sqlite_commit(sqlite, fault);
    sqlite_rollback(sqlite);
    return err;
}

// ---- opening ----

static enum kh_err
migrate(struct sqlite *sqlite, const struct sqlite_schema *schema, struct fault *fault)
{
    int64_t version = 0;
    enum kh_err err = sqlite_query_number(sqlite, "PRAGMA user_version", &version, fault);

    for (size_t i = 0; !err && i < schema->migration_count; i++) {
        const struct sqlite_migration *migration = &schema->migration[i];
        char mark[64];
        if (migration->number <= version)
            continue;
        if ((err = sqlite_begin(sqlite, fault)))
            return err;
        snprintf(mark, sizeof mark, "PRAGMA user_version = %d", migration->number);
        err = sqlite_exec(sqlite, migration->text, fault);
        if (!err)
            err = sqlite_exec(sqlite, mark, fault);
        if (!err)
            err = sqlite_commit(sqlite, fault);
        if (err) {
            sqlite_rollback(sqlite);
            fault_prefix(fault, "migration %s: ", migration->name);
        }
    }
    return err;
}

// A copy of what is there, before it becomes something that the program before cannot read.
static enum kh_err
bring_up_to_date(struct sqlite *sqlite, const struct sqlite_schema *schema, struct fault *fault)
{
    int64_t version = 0;
    enum kh_err err = sqlite_query_number(sqlite, "PRAGMA user_version", &version, fault);

    if (!err && version < sqlite_schema_newest(schema))
        err = sqlite_keep_before(sqlite, version, fault);
    return err ? err : migrate(sqlite, schema, fault);
}

int
sqlite_schema_newest(const struct sqlite_schema *schema)
{
    return schema->migration[schema->migration_count - 1].number;
}

// Nothing in the file may have been changed when this says no.
enum kh_err
sqlite_check_ours(struct sqlite *sqlite, const struct sqlite_schema *schema, int64_t *version,
                  struct fault *fault)
{
    int64_t id = 0;
    enum kh_err err = sqlite_query_number(sqlite, "PRAGMA application_id", &id, fault);

    if (!err && id != schema->application_id)
        err = fault_set(fault, KH_ERR_DATABASE,
                        "%s: is not %s, or was emptied; restore it from a copy", sqlite->path,
                        schema->name);
    if (!err)
        err = sqlite_query_number(sqlite, "PRAGMA user_version", version, fault);
    if (!err && *version > sqlite_schema_newest(schema))
        err = fault_set(fault, KH_ERR_DATABASE,
                        "%s: was written by a newer keyholed (tables version %lld, this one knows "
                        "%d); use the newer one",
                        sqlite->path, (long long)*version, sqlite_schema_newest(schema));
    return err;
}

enum kh_err
sqlite_check_integrity(struct sqlite *sqlite, struct fault *fault)
{
    STMT_AUTO *stmt = NULL;
    enum kh_err err = sqlite_prepare(sqlite, "PRAGMA quick_check(1)", &stmt, fault);

    if (err)
        return err;
    if (!sqlite_next(sqlite, stmt, &err, fault))
        return err ? err : fault_set(fault, KH_ERR_DATABASE, "%s: cannot be checked", sqlite->path);
    struct bytes answer = sqlite_column_bytes_of(stmt, 0);
    if (!bytes_is(answer, "ok"))
        return fault_set(fault, KH_ERR_DATABASE,
                         "%s: the database is damaged (%.*s); restore it from a copy", sqlite->path,
                         answer.n > 200 ? 200 : (int)answer.n, (const char *)answer.p);

    STMT_AUTO *keys = NULL;
    if ((err = sqlite_prepare(sqlite, "PRAGMA foreign_key_check", &keys, fault)))
        return err;
    if (sqlite_next(sqlite, keys, &err, fault))
        return fault_set(fault, KH_ERR_DATABASE,
                         "%s: the database is damaged (a row refers to one that is gone); restore "
                         "it from a copy",
                         sqlite->path);
    return err;
}

static enum kh_err
set_up(struct sqlite *sqlite, struct fault *fault)
{
    // FULL: what COMMIT acknowledged survives a power cut, in WAL mode as well.
    static const char settings[] = "PRAGMA trusted_schema = OFF;"
                                   "PRAGMA cell_size_check = ON;"
                                   "PRAGMA temp_store = MEMORY;"
                                   "PRAGMA secure_delete = ON;"
                                   "PRAGMA foreign_keys = ON;"
                                   "PRAGMA journal_mode = WAL;"
                                   "PRAGMA synchronous = FULL;";

    (void)sqlite3_extended_result_codes(sqlite->db, 1);
    // Nobody else has business here, and who waits holds up every decision meanwhile.
    (void)sqlite3_busy_timeout(sqlite->db, BUSY_MS);
    (void)sqlite3_db_config(sqlite->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    return sqlite_exec(sqlite, settings, fault);
}

enum kh_err
sqlite_connect(const char *path, struct sqlite *out, struct fault *fault)
{
    *out = (struct sqlite){.path = strdup(path)};
    if (out->path == NULL)
        return fault_set(fault, KH_ERR_MEMORY, "%s: memory is used up", path);
    int code = sqlite3_open_v2(path, &out->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_FULLMUTEX, NULL);
    return code == SQLITE_OK ? KH_OK : sqlite_fault(out, code, fault);
}

static void
remove_database(const char *path)
{
    static const char *const suffix[] = {"", "-journal", "-wal", "-shm"};

    for (size_t i = 0; i < sizeof suffix / sizeof suffix[0]; i++) {
        char name[PATH_MAX];
        int n = snprintf(name, sizeof name, "%s%s", path, suffix[i]);
        if (n > 0 && (size_t)n < sizeof name)
            (void)unlink(name);
    }
}

enum kh_err
sqlite_create(const char *path, const struct sqlite_schema *schema, struct sqlite *out,
              struct fault *fault)
{
    char mark[64];
    struct sqlite sqlite;
    enum kh_err err = private_file_create(path, 0600, BYTES_EMPTY, fault);

    if (err)
        return err;
    snprintf(mark, sizeof mark, "PRAGMA application_id = %d", schema->application_id);
    err = sqlite_connect(path, &sqlite, fault);
    if (!err)
        err = set_up(&sqlite, fault);
    if (!err)
        err = sqlite_exec(&sqlite, mark, fault);
    if (!err)
        err = migrate(&sqlite, schema, fault);
    if (err) {
        sqlite_close(&sqlite);
        remove_database(path);
        return err;
    }
    *out = sqlite;
    return KH_OK;
}

// The files that sqlite keeps beside the database are part of it.
enum kh_err
sqlite_check_files(const char *path, struct fault *fault)
{
    static const char *const suffix[] = {"-wal", "-shm"};
    enum kh_err err = private_file_check(path, fault);

    for (size_t i = 0; !err && i < sizeof suffix / sizeof suffix[0]; i++) {
        char name[PATH_MAX];
        int n = snprintf(name, sizeof name, "%s%s", path, suffix[i]);
        if (n < 0 || (size_t)n >= sizeof name)
            return fault_set(fault, KH_ERR_TOO_LONG, "%s: the name is too long", path);
        err = private_file_check(name, fault);
        if (err == KH_ERR_NOT_FOUND)
            err = KH_OK;
    }
    return err;
}

enum kh_err
sqlite_open(const char *path, const struct sqlite_schema *schema, struct sqlite *out,
            struct fault *fault)
{
    struct sqlite sqlite;
    int64_t version = 0;
    enum kh_err err = sqlite_check_files(path, fault);

    if (err)
        return err;
    // Before the settings: they would turn a foreign or an emptied file into a database of ours.
    err = sqlite_connect(path, &sqlite, fault);
    if (!err)
        err = sqlite_check_ours(&sqlite, schema, &version, fault);
    if (!err)
        err = set_up(&sqlite, fault);
    if (!err)
        err = sqlite_check_integrity(&sqlite, fault);
    if (!err)
        err = bring_up_to_date(&sqlite, schema, fault);
    if (err) {
        sqlite_close(&sqlite);
        return err;
    }
    *out = sqlite;
    return KH_OK;
}

void
sqlite_close(struct sqlite *sqlite)
{
    sqlite_rollback(sqlite);
    (void)sqlite3_close(sqlite->db);
    free(sqlite->path);
    *sqlite = (struct sqlite){0};
}
