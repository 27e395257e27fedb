/* SPDX-License-Identifier: Apache-2.0
 *
 * Statements of the tables token, token_item and revocation.
 */
#include "sqlite_store.h"

static enum kh_err
insert_row(struct store *store, const struct store_token *row, struct fault *fault)
{
    STMT_AUTO *stmt = NULL;
    enum kh_err err = sqlite_prepare(&store->sqlite,
                                     "INSERT INTO token (id, key_id, user, issued_at, expires_at)"
                                     " VALUES (?1, ?2, ?3, ?4, ?5)",
                                     &stmt, fault);

    if (err)
        return err;
    sqlite_bind_blob_bytes(stmt, 1, row->id);
    sqlite_bind_number(stmt, 2, row->key_id);
    sqlite_bind_text_bytes(stmt, 3, row->user);
    sqlite_bind_number(stmt, 4, row->issued_at);
    sqlite_bind_number(stmt, 5, row->expires_at);
    return sqlite_run_one(&store->sqlite, stmt, fault);
}

static enum kh_err
insert_items(struct store *store, struct bytes id, const char *list, const struct bytes *value,
             size_t count, struct fault *fault)
{
    STMT_AUTO *stmt = NULL;
    enum kh_err err = sqlite_prepare(&store->sqlite,
                                     "INSERT INTO token_item (token_id, list, position, value)"
                                     " VALUES (?1, ?2, ?3, ?4)",
                                     &stmt, fault);

    for (size_t i = 0; !err && i < count; i++) {
        (void)sqlite3_reset(stmt);
        sqlite_bind_blob_bytes(stmt, 1, id);
        sqlite_bind_text_bytes(stmt, 2, bytes_str(list));
        sqlite_bind_number(stmt, 3, (int64_t)i);
        sqlite_bind_text_bytes(stmt, 4, value[i]);
        err = sqlite_run_one(&store->sqlite, stmt, fault);
    }
    return err;
}

enum kh_err
store_token_insert(struct store *store, const struct store_token *row, struct fault *fault)
{
    bool own;
    enum kh_err err = sqlite_group_begin(&store->sqlite, &own, fault);

    if (err)
        return err;
    err = insert_row(store, row, fault);
    if (!err)
        err = insert_items(store, row->id, "credentials", row->credential, row->credential_count,
                           fault);
    if (!err)
        err = insert_items(store, row->id, "labels", row->label, row->label_count, fault);
    return sqlite_group_end(&store->sqlite, own, err, fault);
}

enum kh_err
store_token_expiry(struct store *store, struct bytes id, int64_t *expires_at, struct fault *fault)
{
    STMT_AUTO *stmt = NULL;
    enum kh_err err =
        sqlite_prepare(&store->sqlite, "SELECT expires_at FROM token WHERE id = ?1", &stmt, fault);

    if (err)
        return err;
    sqlite_bind_blob_bytes(stmt, 1, id);
    if (!sqlite_next(&store->sqlite, stmt, &err, fault))
        return err ? err
                   : fault_set(fault, KH_ERR_NOT_FOUND, "%s: there is no such token",
                               store->sqlite.path);
    *expires_at = sqlite3_column_int64(stmt, 0);
    return KH_OK;
}

enum kh_err
store_token_last_issued(struct store *store, int64_t *issued_at, struct fault *fault)
{
    return sqlite_query_number(&store->sqlite, "SELECT max(issued_at) FROM token", issued_at,
                               fault);
}

enum kh_err
store_token_count(struct store *store, uint64_t *count, struct fault *fault)
{
    int64_t number = 0;
    enum kh_err err =
        sqlite_query_number(&store->sqlite, "SELECT count(*) FROM token", &number, fault);

    if (!err)
        *count = (uint64_t)number;
    return err;
}

enum kh_err
store_revocation_put(struct store *store, const struct store_revocation *row, struct fault *fault)
{
    STMT_AUTO *stmt = NULL;
    enum kh_err err =
        sqlite_prepare(&store->sqlite,
                       "INSERT INTO revocation (kind, subject, token_id, at, expires_at)"
                       " VALUES (?1, ?2, ?3, ?4, ?5)"
                       " ON CONFLICT (kind, subject) DO UPDATE SET at = max(at, excluded.at),"
                       " expires_at = max(expires_at, excluded.expires_at)",
                       &stmt, fault);

    if (err)
        return err;
    sqlite_bind_text_bytes(stmt, 1, row->kind);
    sqlite_bind_text_bytes(stmt, 2, row->subject);
    if (row->token_id.n > 0)
        sqlite_bind_blob_bytes(stmt, 3, row->token_id);
    sqlite_bind_number(stmt, 4, row->at);
    sqlite_bind_number(stmt, 5, row->expires_at);
    return sqlite_run_one(&store->sqlite, stmt, fault);
}

enum kh_err
store_revocation_prune(struct store *store, int64_t now, struct fault *fault)
{
    STMT_AUTO *stmt = NULL;
    enum kh_err err = sqlite_prepare(&store->sqlite, "DELETE FROM revocation WHERE expires_at < ?1",
                                     &stmt, fault);

    if (err)
        return err;
    sqlite_bind_number(stmt, 1, now);
    return sqlite_run(&store->sqlite, stmt, fault);
}

enum kh_err
store_revocation_each(struct store *store, store_revocation_fn *fn, void *context,
                      struct fault *fault)
{
    STMT_AUTO *stmt = NULL;
    enum kh_err err = sqlite_prepare(
        &store->sqlite, "SELECT kind, subject, token_id, at, expires_at FROM revocation", &stmt,
        fault);

    while (!err && sqlite_next(&store->sqlite, stmt, &err, fault)) {
        struct store_revocation row = {
            .kind = sqlite_column_bytes_of(stmt, 0),
            .subject = sqlite_column_bytes_of(stmt, 1),
            .token_id = sqlite_column_bytes_of(stmt, 2),
            .at = sqlite3_column_int64(stmt, 3),
            .expires_at = sqlite3_column_int64(stmt, 4),
        };
        err = fn(context, &row, fault);
    }
    return err;
}
