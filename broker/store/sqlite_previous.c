/* SPDX-License-Identifier: Apache-2.0
 *
 * Statements of the table credential_previous.
 */
#include "sqlite_store.h"

enum kh_err
store_previous_put(struct store *store, const struct store_previous *row, struct fault *fault)
{
    STMT_AUTO *stmt = NULL;
    enum kh_err err =
        sqlite_prepare(&store->sqlite,
                       "INSERT INTO credential_previous (credential_id, sealed, expires_at)"
                       " VALUES (?1, ?2, ?3) ON CONFLICT (credential_id) DO UPDATE"
                       " SET sealed = excluded.sealed, expires_at = excluded.expires_at",
                       &stmt, fault);

    if (err)
        return err;
    sqlite_bind_number(stmt, 1, row->credential_id);
    sqlite_bind_blob_bytes(stmt, 2, row->sealed);
    sqlite_bind_number(stmt, 3, row->expires_at);
    return sqlite_run_one(&store->sqlite, stmt, fault);
}

enum kh_err
store_previous_remove(struct store *store, int64_t credential_id, struct fault *fault)
{
    STMT_AUTO *stmt = NULL;
    enum kh_err err = sqlite_prepare(
        &store->sqlite, "DELETE FROM credential_previous WHERE credential_id = ?1", &stmt, fault);

    if (err)
        return err;
    sqlite_bind_number(stmt, 1, credential_id);
    while (sqlite_next(&store->sqlite, stmt, &err, fault))
        continue;
    return err;
}

enum kh_err
store_previous_each(struct store *store, store_previous_fn *fn, void *context, struct fault *fault)
{
    STMT_AUTO *stmt = NULL;
    enum kh_err err = sqlite_prepare(
        &store->sqlite, "SELECT credential_id, sealed, expires_at FROM credential_previous", &stmt,
        fault);

    while (!err && sqlite_next(&store->sqlite, stmt, &err, fault)) {
        struct store_previous row = {.credential_id = sqlite3_column_int64(stmt, 0),
                                     .sealed = sqlite_column_bytes_of(stmt, 1),
                                     .expires_at = sqlite3_column_int64(stmt, 2)};
        err = fn(context, &row, fault);
    }
    return err;
}
