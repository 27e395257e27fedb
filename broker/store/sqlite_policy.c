/* SPDX-License-Identifier: Apache-2.0
 *
 * Statements of the table policy_version.
 */
#include "sqlite_store.h"

enum kh_err
store_policy_insert(struct store *store, const struct store_policy *row, struct fault *fault)
{
    STMT_AUTO *stmt = NULL;
    enum kh_err err = sqlite_prepare(&store->sqlite,
                                     "INSERT INTO policy_version (number, text, uid, applied_at,"
                                     " comment, changes, restores)"
                                     " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                                     &stmt, fault);

    if (err)
        return err;
    sqlite_bind_number(stmt, 1, row->number);
    sqlite_bind_text_bytes(stmt, 2, row->text);
    sqlite_bind_number(stmt, 3, row->uid);
    sqlite_bind_number(stmt, 4, row->applied_at);
    sqlite_bind_text_bytes(stmt, 5, row->comment);
    sqlite_bind_text_bytes(stmt, 6, row->changes);
    if (row->restores >= 0)
        sqlite_bind_number(stmt, 7, row->restores);
    return sqlite_run_one(&store->sqlite, stmt, fault);
}

enum kh_err
store_policy_each(struct store *store, int64_t number, store_policy_fn *fn, void *context,
                  struct fault *fault)
{
    STMT_AUTO *stmt = NULL;
    enum kh_err err = sqlite_prepare(
        &store->sqlite,
        "SELECT number, text, uid, applied_at, comment, changes, ifnull(restores, -1)"
        " FROM policy_version WHERE ?1 < 0 OR number = ?1 ORDER BY number DESC",
        &stmt, fault);

    if (!err)
        sqlite_bind_number(stmt, 1, number);
    while (!err && sqlite_next(&store->sqlite, stmt, &err, fault)) {
        struct store_policy row = {
            .number = sqlite3_column_int64(stmt, 0),
            .text = sqlite_column_bytes_of(stmt, 1),
            .uid = (uint32_t)sqlite3_column_int64(stmt, 2),
            .applied_at = sqlite3_column_int64(stmt, 3),
            .comment = sqlite_column_bytes_of(stmt, 4),
            .changes = sqlite_column_bytes_of(stmt, 5),
            .restores = sqlite3_column_int64(stmt, 6),
        };
        err = fn(context, &row, fault);
    }
    return err;
}

enum kh_err
store_policy_newest(struct store *store, int64_t *number, struct fault *fault)
{
    STMT_AUTO *stmt = NULL;
    enum kh_err err = sqlite_prepare(
        &store->sqlite, "SELECT ifnull(max(number), 0) FROM policy_version", &stmt, fault);

    if (err)
        return err;
    if (!sqlite_next(&store->sqlite, stmt, &err, fault))
        return err ? err : fault_set(fault, KH_ERR_DATABASE, "%s: no answer", store->sqlite.path);
    *number = sqlite3_column_int64(stmt, 0);
    return KH_OK;
}
