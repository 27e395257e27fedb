/* SPDX-License-Identifier: Apache-2.0
 *
 * Statements of the table counter.
 */
#include "sqlite_store.h"

enum kh_err
store_counter_put(struct store *store, const struct store_counter *row, struct fault *fault)
{
    STMT_AUTO *stmt = NULL;
    enum kh_err err =
        sqlite_prepare(&store->sqlite,
                       "INSERT INTO counter (lineage, token_id, window_s, bound, used, log,"
                       " expires_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"
                       " ON CONFLICT (lineage) DO UPDATE SET used = excluded.used,"
                       " log = excluded.log",
                       &stmt, fault);

    if (err)
        return err;
    sqlite_bind_blob_bytes(stmt, 1, row->lineage);
    sqlite_bind_blob_bytes(stmt, 2, row->token_id);
    sqlite_bind_number(stmt, 3, row->window_s);
    sqlite_bind_number(stmt, 4, row->bound);
    sqlite_bind_number(stmt, 5, row->used);
    sqlite_bind_blob_bytes(stmt, 6, row->log);
    sqlite_bind_number(stmt, 7, row->expires_at);
    return sqlite_run_one(&store->sqlite, stmt, fault);
}

enum kh_err
store_counter_remove(struct store *store, struct bytes lineage, struct fault *fault)
{
    STMT_AUTO *stmt = NULL;
    enum kh_err err =
        sqlite_prepare(&store->sqlite, "DELETE FROM counter WHERE lineage = ?1", &stmt, fault);

    if (err)
        return err;
    sqlite_bind_blob_bytes(stmt, 1, lineage);
    return sqlite_run(&store->sqlite, stmt, fault);
}

enum kh_err
store_counter_exhaust(struct store *store, struct fault *fault)
{
    return sqlite_exec(&store->sqlite, "UPDATE counter SET used = bound, log = x''", fault);
}

enum kh_err
store_counter_each(struct store *store, store_counter_fn *fn, void *context, struct fault *fault)
{
    STMT_AUTO *stmt = NULL;
    enum kh_err err = sqlite_prepare(
        &store->sqlite,
        "SELECT lineage, token_id, window_s, bound, used, log, expires_at FROM counter", &stmt,
        fault);

    while (!err && sqlite_next(&store->sqlite, stmt, &err, fault)) {
        struct store_counter row = {
            .lineage = sqlite_column_bytes_of(stmt, 0),
            .token_id = sqlite_column_bytes_of(stmt, 1),
            .window_s = (uint32_t)sqlite3_column_int64(stmt, 2),
            .bound = sqlite3_column_int64(stmt, 3),
            .used = sqlite3_column_int64(stmt, 4),
            .log = sqlite_column_bytes_of(stmt, 5),
            .expires_at = sqlite3_column_int64(stmt, 6),
        };
        err = fn(context, &row, fault);
    }
    return err;
}
