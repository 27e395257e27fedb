/* SPDX-License-Identifier: Apache-2.0
 *
 * The sqlite store: its migrations, opening, transactions.
 */
#include "sqlite_store.h"

#include <stdlib.h>

static const struct sqlite_migration migrations[] = {
#include "migrations.inc"
};

static const struct sqlite_schema schema = {
    .application_id = SQLITE_ID_BROKER,
    .name = "a Keyhole database",
    .migration = migrations,
    .migration_count = sizeof migrations / sizeof migrations[0],
};

typedef enum kh_err connect_fn(const char *path, const struct sqlite_schema *schema,
                               struct sqlite *out, struct fault *fault);

static enum kh_err
connect_store(connect_fn *connect, const char *path, struct store **out, struct fault *fault)
{
    struct store *store = calloc(1, sizeof *store);

    if (store == NULL)
        return fault_set(fault, KH_ERR_MEMORY, "%s: memory is used up", path);
    enum kh_err err = connect(path, &schema, &store->sqlite, fault);
    if (err) {
        free(store);
        return err;
    }
    *out = store;
    return KH_OK;
}

enum kh_err
store_create(const char *path, struct store **out, struct fault *fault)
{
    return connect_store(sqlite_create, path, out, fault);
}

enum kh_err
store_open(const char *path, struct store **out, struct fault *fault)
{
    return connect_store(sqlite_open, path, out, fault);
}

void
store_close(struct store **store)
{
    if (*store == NULL)
        return;
    sqlite_close(&(*store)->sqlite);
    free(*store);
    *store = NULL;
}

enum kh_err
store_begin(struct store *store, struct fault *fault)
{
    return sqlite_begin(&store->sqlite, fault);
}

enum kh_err
store_commit(struct store *store, struct fault *fault)
{
    return sqlite_commit(&store->sqlite, fault);
}

void
store_rollback(struct store *store)
{
    sqlite_rollback(&store->sqlite);
}

enum kh_err
store_erase_removed(struct store *store, struct fault *fault)
{
    // secure_delete zeroes the pages; the old ones stand in the log until it is cut off.
    return sqlite_exec(&store->sqlite, "PRAGMA wal_checkpoint(TRUNCATE)", fault);
}
