/* SPDX-License-Identifier: Apache-2.0
 *
 * Statements of the tables meta and root_key.
 */
#include "sqlite_store.h"

enum kh_err
store_meta_get(struct store *store, const char *name, struct buffer *out, struct fault *fault)
{
    STMT_AUTO *stmt = NULL;
    enum kh_err err =
        sqlite_prepare(&store->sqlite, "SELECT value FROM meta WHERE name = ?1", &stmt, fault);

    if (err)
        return err;
    sqlite_bind_text_bytes(stmt, 1, bytes_str(name));
    if (!sqlite_next(&store->sqlite, stmt, &err, fault))
        return err ? err
                   : fault_set(fault, KH_ERR_NOT_FOUND, "%s: there is no value %s",
                               store->sqlite.path, name);
    buffer_put(out, sqlite_column_bytes_of(stmt, 0));
    return out->failed ? fault_set(fault, KH_ERR_MEMORY, "%s: the value %s is too long",
                                   store->sqlite.path, name)
                       : KH_OK;
}

enum kh_err
store_meta_put(struct store *store, const char *name, struct bytes value, struct fault *fault)
{
    STMT_AUTO *stmt = NULL;
    enum kh_err err = sqlite_prepare(&store->sqlite,
                                     "INSERT INTO meta (name, value) VALUES (?1, ?2)"
                                     " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                                     &stmt, fault);

    if (err)
        return err;
    sqlite_bind_text_bytes(stmt, 1, bytes_str(name));
    sqlite_bind_blob_bytes(stmt, 2, value);
    return sqlite_run(&store->sqlite, stmt, fault);
}

enum kh_err
store_meta_remove(struct store *store, const char *name, struct fault *fault)
{
    STMT_AUTO *stmt = NULL;
    enum kh_err err =
        sqlite_prepare(&store->sqlite, "DELETE FROM meta WHERE name = ?1", &stmt, fault);

    if (err)
        return err;
    sqlite_bind_text_bytes(stmt, 1, bytes_str(name));
    return sqlite_run(&store->sqlite, stmt, fault);
}

enum kh_err
store_root_key_insert(struct store *store, const struct store_root_key *row, struct fault *fault)
{
    STMT_AUTO *stmt = NULL;
    enum kh_err err = sqlite_prepare(
        &store->sqlite, "INSERT INTO root_key (id, sealed, created_at) VALUES (?1, ?2, ?3)", &stmt,
        fault);

    if (err)
        return err;
    sqlite_bind_number(stmt, 1, row->id);
    sqlite_bind_blob_bytes(stmt, 2, row->sealed);
    sqlite_bind_number(stmt, 3, row->created_at);
    return sqlite_run_one(&store->sqlite, stmt, fault);
}

enum kh_err
store_root_key_retire(struct store *store, uint32_t id, int64_t retired_at, struct fault *fault)
{
    STMT_AUTO *stmt = NULL;
    enum kh_err err = sqlite_prepare(&store->sqlite,
                                     "UPDATE root_key SET sealed = x'', retired_at = ?2"
                                     " WHERE id = ?1 AND retired_at IS NULL",
                                     &stmt, fault);

    if (err)
        return err;
    sqlite_bind_number(stmt, 1, id);
    sqlite_bind_number(stmt, 2, retired_at);
    return sqlite_run_one(&store->sqlite, stmt, fault);
}

enum kh_err
store_root_key_each(struct store *store, store_root_key_fn *fn, void *context, struct fault *fault)
{
    STMT_AUTO *stmt = NULL;
    enum kh_err err = sqlite_prepare(
        &store->sqlite, "SELECT id, sealed, created_at, retired_at FROM root_key ORDER BY id",
        &stmt, fault);

    while (!err && sqlite_next(&store->sqlite, stmt, &err, fault)) {
        struct store_root_key row = {
            .id = (uint32_t)sqlite3_column_int64(stmt, 0),
            .sealed = sqlite_column_bytes_of(stmt, 1),
            .created_at = sqlite3_column_int64(stmt, 2),
            .retired_at = sqlite3_column_int64(stmt, 3), // NULL reads as 0
        };
        err = fn(context, &row, fault);
    }
    return err;
}
