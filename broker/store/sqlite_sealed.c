/* SPDX-License-Identifier: Apache-2.0
 *
 * Every sealed column, whatever table it is in.
 */
#include "sqlite_store.h"

enum { SEALED_TEXT_MAX = 1 << 20 };

// A retired root key has an empty one.
#define SEALED_TABLE(table, id)                                                                    \
    {                                                                                              \
        table,                                                                                     \
            "SELECT " id ", sealed FROM " table " WHERE " id                                       \
            " > ?1 AND length(sealed) > 0 ORDER BY " id " LIMIT 1",                                \
            "UPDATE " table " SET sealed = ?2 WHERE " id " = ?1",                                  \
    }
static const struct sealed_table {
    const char *table, *next, *update;
} tables[] = {
    SEALED_TABLE("root_key", "id"),
    SEALED_TABLE("credential", "id"),
    SEALED_TABLE("credential_previous", "credential_id"),
};

static enum kh_err
update(struct store *store, const struct sealed_table *table, int64_t id, struct bytes sealed,
       struct fault *fault)
{
    STMT_AUTO *stmt = NULL;
    enum kh_err err = sqlite_prepare(&store->sqlite, table->update, &stmt, fault);

    if (err)
        return err;
    sqlite_bind_number(stmt, 1, id);
    sqlite_bind_blob_bytes(stmt, 2, sealed);
    return sqlite_run_one(&store->sqlite, stmt, fault);
}

// The row after `*id`, by a statement of its own: none is open while rows change.
static enum kh_err
change_next(struct store *store, const struct sealed_table *table, store_sealed_fn *fn,
            void *context, int64_t *id, bool *more, struct fault *fault)
{
    STMT_AUTO *stmt = NULL;
    BUFFER_AUTO changed;
    enum kh_err err = sqlite_prepare(&store->sqlite, table->next, &stmt, fault);

    buffer_init(&changed, SEALED_TEXT_MAX);
    if (err)
        return err;
    sqlite_bind_number(stmt, 1, *id);
    *more = sqlite_next(&store->sqlite, stmt, &err, fault);
    if (!*more)
        return err;
    *id = sqlite3_column_int64(stmt, 0);
    err = fn(context, table->table, *id, sqlite_column_bytes_of(stmt, 1), &changed, fault);
    (void)sqlite3_reset(stmt);
    return err ? err : update(store, table, *id, buffer_bytes(&changed), fault);
}

enum kh_err
store_sealed_change(struct store *store, store_sealed_fn *fn, void *context, struct fault *fault)
{
    enum kh_err err = KH_OK;

    for (size_t i = 0; !err && i < sizeof tables / sizeof tables[0]; i++) {
        int64_t id = INT64_MIN;
        bool more = true;
        while (!err && more)
            err = change_next(store, &tables[i], fn, context, &id, &more, fault);
    }
    return err;
}
