/* SPDX-License-Identifier: Apache-2.0
 *
 * The sqlite store: opening, migrations, transactions, and the small helpers that the files with
 * the tables' own statements use.
 */
#include "sqlite.h"

#include "private_file.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Marks the file as ours in its header ("KhDb"). */
#define APPLICATION_ID 0x4b684462

struct migration {
    int number;
    const char *name;
    const char *text;
};

static const struct migration migrations[] = {
#include "migrations.inc"
};

enum { MIGRATION_COUNT = sizeof migrations / sizeof migrations[0] };

enum kh_err
sqlite_fault(const struct store *store, int code, struct fault *fault)
{
    const char *reason = store->db ? sqlite3_errmsg(store->db) : sqlite3_errstr(code);

    switch (code & 0xff) {
    case SQLITE_FULL:
        return fault_set(fault, KH_ERR_IO, "%s: the disk is full; nothing was changed",
                         store->path);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return fault_set(fault, KH_ERR_DATABASE,
                         "%s: the database is damaged (%s); restore it from a copy", store->path,
                         reason);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return fault_set(fault, KH_ERR_DATABASE,
                         "%s: another program holds the database (%s); end it and try again",
                         store->path, reason);
    case SQLITE_NOMEM:
        return fault_set(fault, KH_ERR_MEMORY, "%s: memory is used up", store->path);
    case SQLITE_IOERR:
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
        return fault_set(fault, KH_ERR_IO, "%s: %s", store->path, reason);
    case SQLITE_CONSTRAINT:
        if (code == SQLITE_CONSTRAINT_PRIMARYKEY || code == SQLITE_CONSTRAINT_UNIQUE)
            return fault_set(fault, KH_ERR_EXISTS, "%s: %s", store->path, reason);
        break;
    default:
        break;
    }
    return fault_set(fault, KH_ERR_DATABASE, "%s: %s", store->path, reason);
}

// ---- statements ----

enum kh_err
sqlite_prepare(struct store *store, const char *sql, sqlite3_stmt **out, struct fault *fault)
{
    int code = sqlite3_prepare_v2(store->db, sql, -1, out, NULL);
    return code == SQLITE_OK ? KH_OK : sqlite_fault(store, code, fault);
}

void
sqlite_stmt_cleanup(sqlite3_stmt **stmt)
{
    (void)sqlite3_finalize(*stmt);
}

// A bind that fails leaves NULL, which every column refuses.
void
sqlite_bind_text_bytes(sqlite3_stmt *stmt, int index, struct bytes text)
{
    (void)sqlite3_bind_text64(stmt, index, text.n ? (const char *)text.p : "", text.n,
                              SQLITE_STATIC, SQLITE_UTF8);
}

void
sqlite_bind_blob_bytes(sqlite3_stmt *stmt, int index, struct bytes blob)
{
    (void)sqlite3_bind_blob64(stmt, index, blob.n ? (const void *)blob.p : "", blob.n,
                              SQLITE_STATIC);
}

struct bytes
sqlite_column_bytes_of(sqlite3_stmt *stmt, int column)
{
    const void *p = sqlite3_column_blob(stmt, column);
    return bytes_of(p, p ? (size_t)sqlite3_column_bytes(stmt, column) : 0);
}

enum kh_err
sqlite_run(struct store *store, sqlite3_stmt *stmt, struct fault *fault)
{
    int code = sqlite3_step(stmt);

    if (code != SQLITE_DONE && code != SQLITE_ROW)
        return sqlite_fault(store, sqlite3_extended_errcode(store->db), fault);
    return KH_OK;
}

enum kh_err
sqlite_run_one(struct store *store, sqlite3_stmt *stmt, struct fault *fault)
{
    enum kh_err err = sqlite_run(store, stmt, fault);

    if (!err && sqlite3_changes(store->db) != 1)
        err = fault_set(fault, KH_ERR_NOT_FOUND, "%s: there is no such row", store->path);
    return err;
}

bool
sqlite_next(struct store *store, sqlite3_stmt *stmt, enum kh_err *err, struct fault *fault)
{
    int code = sqlite3_step(stmt);

    *err = KH_OK;
    if (code == SQLITE_ROW)
        return true;
    if (code != SQLITE_DONE)
        *err = sqlite_fault(store, sqlite3_extended_errcode(store->db), fault);
    return false;
}

enum kh_err
sqlite_exec(struct store *store, const char *sql, struct fault *fault)
{
    if (sqlite3_exec(store->db, sql, NULL, NULL, NULL) != SQLITE_OK)
        return sqlite_fault(store, sqlite3_extended_errcode(store->db), fault);
    return KH_OK;
}

enum kh_err
sqlite_query_number(struct store *store, const char *sql, int64_t *out, struct fault *fault)
{
    STMT_AUTO *stmt = NULL;
    enum kh_err err = sqlite_prepare(store, sql, &stmt, fault);

    if (err)
        return err;
    if (!sqlite_next(store, stmt, &err, fault))
        return err ? err : fault_set(fault, KH_ERR_DATABASE, "%s: no answer", store->path);
    *out = sqlite3_column_int64(stmt, 0);
    return KH_OK;
}

// ---- transactions ----

enum kh_err
store_begin(struct store *store, struct fault *fault)
{
    if (store->in_transaction)
        return fault_set(fault, KH_ERR_INTERNAL, "%s: a transaction is open", store->path);
    enum kh_err err = sqlite_exec(store, "BEGIN IMMEDIATE", fault);
    store->in_transaction = !err;
    return err;
}

enum kh_err
store_commit(struct store *store, struct fault *fault)
{
    if (!store->in_transaction)
        return fault_set(fault, KH_ERR_INTERNAL, "%s: no transaction is open", store->path);
    enum kh_err err = sqlite_exec(store, "COMMIT", fault);
    if (err)
        store_rollback(store);
    store->in_transaction = false;
    return err;
}

void
store_rollback(struct store *store)
{
    // Fails only where sqlite has rolled back already.
    if (store->in_transaction)
        (void)sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
    store->in_transaction = false;
}

enum kh_err
sqlite_group_begin(struct store *store, bool *own, struct fault *fault)
{
    *own = !store->in_transaction;
    return *own ? store_begin(store, fault) : KH_OK;
}

enum kh_err
sqlite_group_end(struct store *store, bool own, enum kh_err err, struct fault *fault)
{
    if (!own)
        return err;
    if (!err)
        return store_commit(store, fault);
    store_rollback(store);
    return err;
}

enum kh_err
store_erase_removed(struct store *store, struct fault *fault)
{
    // secure_delete zeroes the pages; the old ones stand in the log until it is cut off.
    return sqlite_exec(store, "PRAGMA wal_checkpoint(TRUNCATE)", fault);
}

// ---- opening ----

static enum kh_err
migrate(struct store *store, struct fault *fault)
{
    int64_t version = 0;
    enum kh_err err = sqlite_query_number(store, "PRAGMA user_version", &version, fault);

    if (err)
        return err;
    int newest = migrations[MIGRATION_COUNT - 1].number;
    if (version > newest)
        return fault_set(fault, KH_ERR_DATABASE,
                         "%s: was written by a newer keyholed (tables version %lld, this one knows "
                         "%d); use the newer one",
                         store->path, (long long)version, newest);
    for (size_t i = 0; i < MIGRATION_COUNT; i++) {
        char mark[64];
        if (migrations[i].number <= version)
            continue;
        if ((err = store_begin(store, fault)))
            return err;
        snprintf(mark, sizeof mark, "PRAGMA user_version = %d", migrations[i].number);
        err = sqlite_exec(store, migrations[i].text, fault);
        if (!err)
            err = sqlite_exec(store, mark, fault);
        if (!err)
            err = store_commit(store, fault);
        if (err) {
            store_rollback(store);
            fault_prefix(fault, "migration %s: ", migrations[i].name);
            return err;
        }
    }
    return KH_OK;
}

static enum kh_err
check_ours(struct store *store, struct fault *fault)
{
    int64_t id = 0;
    enum kh_err err = sqlite_query_number(store, "PRAGMA application_id", &id, fault);

    if (!err && id != APPLICATION_ID)
        err = fault_set(fault, KH_ERR_DATABASE,
                        "%s: is not a Keyhole database, or was emptied; restore it from a copy",
                        store->path);
    return err;
}

static enum kh_err
check_integrity(struct store *store, struct fault *fault)
{
    STMT_AUTO *stmt = NULL;
    enum kh_err err = sqlite_prepare(store, "PRAGMA quick_check(1)", &stmt, fault);

    if (err)
        return err;
    if (!sqlite_next(store, stmt, &err, fault))
        return err ? err : fault_set(fault, KH_ERR_DATABASE, "%s: cannot be checked", store->path);
    struct bytes answer = sqlite_column_bytes_of(stmt, 0);
    if (!bytes_is(answer, "ok"))
        return fault_set(fault, KH_ERR_DATABASE,
                         "%s: the database is damaged (%.*s); restore it from a copy", store->path,
                         answer.n > 200 ? 200 : (int)answer.n, (const char *)answer.p);

    STMT_AUTO *keys = NULL;
    if ((err = sqlite_prepare(store, "PRAGMA foreign_key_check", &keys, fault)))
        return err;
    if (sqlite_next(store, keys, &err, fault))
        return fault_set(fault, KH_ERR_DATABASE,
                         "%s: the database is damaged (a row refers to one that is gone); restore "
                         "it from a copy",
                         store->path);
    return err;
}

static enum kh_err
set_up(struct store *store, struct fault *fault)
{
    // FULL: what COMMIT acknowledged survives a power cut, in WAL mode as well.
    static const char settings[] = "PRAGMA trusted_schema = OFF;"
                                   "PRAGMA cell_size_check = ON;"
                                   "PRAGMA temp_store = MEMORY;"
                                   "PRAGMA secure_delete = ON;"
                                   "PRAGMA foreign_keys = ON;"
                                   "PRAGMA journal_mode = WAL;"
                                   "PRAGMA synchronous = FULL;";

    (void)sqlite3_extended_result_codes(store->db, 1);
    (void)sqlite3_busy_timeout(store->db, 5000);
    (void)sqlite3_db_config(store->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    return sqlite_exec(store, settings, fault);
}

static enum kh_err
connect_file(const char *path, struct store **out, struct fault *fault)
{
    struct store *store = calloc(1, sizeof *store);

    if (store == NULL || (store->path = strdup(path)) == NULL) {
        free(store);
        return fault_set(fault, KH_ERR_MEMORY, "%s: memory is used up", path);
    }
    int code =
        sqlite3_open_v2(path, &store->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_FULLMUTEX, NULL);
    enum kh_err err = code == SQLITE_OK ? KH_OK : sqlite_fault(store, code, fault);
    if (err)
        store_close(&store);
    *out = store;
    return err;
}

enum kh_err
store_create(const char *path, struct store **out, struct fault *fault)
{
    char mark[64];
    struct store *store = NULL;
    enum kh_err err = private_file_create(path, 0600, BYTES_EMPTY, fault);

    if (err)
        return err;
    snprintf(mark, sizeof mark, "PRAGMA application_id = %d", APPLICATION_ID);
    err = connect_file(path, &store, fault);
    if (!err)
        err = set_up(store, fault);
    if (!err)
        err = sqlite_exec(store, mark, fault);
    if (!err)
        err = migrate(store, fault);
    if (err) {
        store_close(&store);
        (void)unlink(path);
        return err;
    }
    *out = store;
    return KH_OK;
}

// The files that sqlite keeps beside the database are part of it.
static enum kh_err
check_files(const char *path, struct fault *fault)
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
store_open(const char *path, struct store **out, struct fault *fault)
{
    struct store *store = NULL;
    enum kh_err err = check_files(path, fault);

    if (err)
        return err;
    // Before the settings: they would turn a foreign or an emptied file into a database of ours.
    err = connect_file(path, &store, fault);
    if (!err)
        err = check_ours(store, fault);
    if (!err)
        err = set_up(store, fault);
    if (!err)
        err = check_integrity(store, fault);
    if (!err)
        err = migrate(store, fault);
    if (err) {
        store_close(&store);
        return err;
    }
    *out = store;
    return KH_OK;
}

void
store_close(struct store **store)
{
    if (*store == NULL)
        return;
    store_rollback(*store);
    (void)sqlite3_close((*store)->db);
    free((*store)->path);
    free(*store);
    *store = NULL;
}
