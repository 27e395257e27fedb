/* SPDX-License-Identifier: Apache-2.0
 *
 * Statements of the tables credential and credential_item.
 */
#include "sqlite_store.h"

static const char *const list_name[STORE_LIST_COUNT] = {
    [STORE_LIST_HOSTS] = "hosts",
    [STORE_LIST_PORTS] = "ports",
    [STORE_LIST_SLOTS] = "slots",
    [STORE_LIST_RESOLVE] = "resolve",
    [STORE_LIST_NETWORKS] = "allow_networks",
    [STORE_LIST_PATH_EXCEPTIONS] = "path_exceptions",
    [STORE_LIST_OPTIONS] = "options",
};

const char *
store_list_name(enum store_list list)
{
    return (unsigned)list < STORE_LIST_COUNT ? list_name[list] : "";
}

static enum kh_err
insert_items(struct store *store, const struct store_credential *row, struct fault *fault)
{
    STMT_AUTO *stmt = NULL;
    enum kh_err err = sqlite_prepare(&store->sqlite,
                                     "INSERT INTO credential_item (credential_id, list, position,"
                                     " value) VALUES (?1, ?2, ?3, ?4)",
                                     &stmt, fault);

    for (int list = 0; !err && list < STORE_LIST_COUNT; list++) {
        for (size_t i = 0; !err && i < row->item_count[list]; i++) {
            (void)sqlite3_reset(stmt);
            sqlite_bind_number(stmt, 1, row->id);
            sqlite_bind_text_bytes(stmt, 2, bytes_str(list_name[list]));
            sqlite_bind_number(stmt, 3, (int64_t)i);
            sqlite_bind_text_bytes(stmt, 4, row->item[list][i]);
            err = sqlite_run_one(&store->sqlite, stmt, fault);
        }
    }
    return err;
}

static enum kh_err
insert_row(struct store *store, const struct store_credential *row, struct fault *fault)
{
    STMT_AUTO *stmt = NULL;
    enum kh_err err = sqlite_prepare(
        &store->sqlite,
        "INSERT INTO credential (id, name, preset, inject, upstream_ca, enabled, plain, scrub,"
        " foreign_pass, sealed, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        &stmt, fault);

    if (err)
        return err;
    sqlite_bind_number(stmt, 1, row->id);
    sqlite_bind_text_bytes(stmt, 2, row->name);
    sqlite_bind_text_bytes(stmt, 3, row->preset);
    sqlite_bind_text_bytes(stmt, 4, row->inject);
    sqlite_bind_text_bytes(stmt, 5, row->upstream_ca);
    sqlite_bind_number(stmt, 6, row->enabled);
    sqlite_bind_number(stmt, 7, row->plain);
    sqlite_bind_number(stmt, 8, row->scrub);
    sqlite_bind_number(stmt, 9, row->foreign_pass);
    sqlite_bind_blob_bytes(stmt, 10, row->sealed);
    sqlite_bind_number(stmt, 11, row->created_at);
    return sqlite_run_one(&store->sqlite, stmt, fault);
}

enum kh_err
store_credential_insert(struct store *store, const struct store_credential *row,
                        struct fault *fault)
{
    bool own;
    enum kh_err err = sqlite_group_begin(&store->sqlite, &own, fault);

    if (err)
        return err;
    err = insert_row(store, row, fault);
    if (!err)
        err = insert_items(store, row, fault);
    return sqlite_group_end(&store->sqlite, own, err, fault);
}

static enum kh_err
update_row(struct store *store, const struct store_credential *row, struct fault *fault)
{
    STMT_AUTO *stmt = NULL;
    enum kh_err err =
        sqlite_prepare(&store->sqlite,
                       "UPDATE credential SET inject = ?2, upstream_ca = ?3, plain = ?4,"
                       " scrub = ?5, foreign_pass = ?6 WHERE id = ?1",
                       &stmt, fault);

    if (err)
        return err;
    sqlite_bind_number(stmt, 1, row->id);
    sqlite_bind_text_bytes(stmt, 2, row->inject);
    sqlite_bind_text_bytes(stmt, 3, row->upstream_ca);
    sqlite_bind_number(stmt, 4, row->plain);
    sqlite_bind_number(stmt, 5, row->scrub);
    sqlite_bind_number(stmt, 6, row->foreign_pass);
    return sqlite_run_one(&store->sqlite, stmt, fault);
}

static enum kh_err
remove_items(struct store *store, int64_t id, struct fault *fault)
{
    STMT_AUTO *stmt = NULL;
    enum kh_err err = sqlite_prepare(
        &store->sqlite, "DELETE FROM credential_item WHERE credential_id = ?1", &stmt, fault);

    if (err)
        return err;
    sqlite_bind_number(stmt, 1, id);
    return sqlite_run(&store->sqlite, stmt, fault);
}

enum kh_err
store_credential_update(struct store *store, const struct store_credential *row,
                        struct fault *fault)
{
    bool own;
    enum kh_err err = sqlite_group_begin(&store->sqlite, &own, fault);

    if (err)
        return err;
    err = update_row(store, row, fault);
    if (!err)
        err = remove_items(store, row->id, fault);
    if (!err)
        err = insert_items(store, row, fault);
    return sqlite_group_end(&store->sqlite, own, err, fault);
}

enum kh_err
store_credential_enable(struct store *store, int64_t id, bool enabled, struct fault *fault)
{
    STMT_AUTO *stmt = NULL;
    enum kh_err err = sqlite_prepare(
        &store->sqlite, "UPDATE credential SET enabled = ?2 WHERE id = ?1", &stmt, fault);

    if (err)
        return err;
    sqlite_bind_number(stmt, 1, id);
    sqlite_bind_number(stmt, 2, enabled);
    return sqlite_run_one(&store->sqlite, stmt, fault);
}

enum kh_err
store_credential_rotate(struct store *store, int64_t id, struct bytes sealed, int64_t rotated_at,
                        struct fault *fault)
{
    STMT_AUTO *stmt = NULL;
    enum kh_err err = sqlite_prepare(
        &store->sqlite, "UPDATE credential SET sealed = ?2, rotated_at = ?3 WHERE id = ?1", &stmt,
        fault);

    if (err)
        return err;
    sqlite_bind_number(stmt, 1, id);
    sqlite_bind_blob_bytes(stmt, 2, sealed);
    sqlite_bind_number(stmt, 3, rotated_at);
    return sqlite_run_one(&store->sqlite, stmt, fault);
}

enum kh_err
store_credential_remove(struct store *store, int64_t id, struct fault *fault)
{
    STMT_AUTO *stmt = NULL;
    enum kh_err err =
        sqlite_prepare(&store->sqlite, "DELETE FROM credential WHERE id = ?1", &stmt, fault);

    if (err)
        return err;
    sqlite_bind_number(stmt, 1, id);
    return sqlite_run_one(&store->sqlite, stmt, fault);
}

// A statement's texts last until its next step, so the items of a row are copied; their slices are
// made when the copy no longer moves.
enum { ITEMS_MAX = STORE_LIST_COUNT * STORE_LIST_MAX, ITEM_TEXT_MAX = 1 << 20 };

struct item_copies {
    struct buffer text;
    size_t count;
    struct {
        int list;
        size_t start, n;
    } item[ITEMS_MAX];
};

static bool
copy_item(sqlite3_stmt *stmt, struct item_copies *copies)
{
    struct bytes name = sqlite_column_bytes_of(stmt, 0);
    struct bytes value = sqlite_column_bytes_of(stmt, 1);

    for (int list = 0; list < STORE_LIST_COUNT && copies->count < ITEMS_MAX; list++) {
        if (!bytes_is(name, list_name[list]))
            continue;
        copies->item[copies->count].list = list;
        copies->item[copies->count].start = copies->text.n;
        copies->item[copies->count].n = value.n;
        copies->count++;
        buffer_put(&copies->text, value);
        return !copies->text.failed;
    }
    return false;
}

static bool
list_items(const struct item_copies *copies, struct store_credential *row)
{
    struct bytes text = buffer_bytes(&copies->text);

    for (size_t i = 0; i < copies->count; i++) {
        int list = copies->item[i].list;
        if (row->item_count[list] == STORE_LIST_MAX)
            return false;
        row->item[list][row->item_count[list]++] =
            bytes_slice(text, copies->item[i].start, copies->item[i].n);
    }
    return true;
}

static enum kh_err
read_items(struct store *store, struct store_credential *row, struct item_copies *copies,
           struct fault *fault)
{
    STMT_AUTO *stmt = NULL;
    enum kh_err err = sqlite_prepare(&store->sqlite,
                                     "SELECT list, value FROM credential_item"
                                     " WHERE credential_id = ?1 ORDER BY list, position",
                                     &stmt, fault);
    bool copied = true;

    if (err)
        return err;
    sqlite_bind_number(stmt, 1, row->id);
    while (copied && sqlite_next(&store->sqlite, stmt, &err, fault))
        copied = copy_item(stmt, copies);
    if (!err && (!copied || !list_items(copies, row)))
        err = fault_set(fault, KH_ERR_DATABASE,
                        "%s: the lists of credential %.*s cannot be read; restore the database "
                        "from a copy",
                        store->sqlite.path, BYTES_ARG(row->name));
    return err;
}

static void
read_row(sqlite3_stmt *stmt, struct store_credential *row)
{
    *row = (struct store_credential){
        .id = sqlite3_column_int64(stmt, 0),
        .name = sqlite_column_bytes_of(stmt, 1),
        .preset = sqlite_column_bytes_of(stmt, 2),
        .inject = sqlite_column_bytes_of(stmt, 3),
        .upstream_ca = sqlite_column_bytes_of(stmt, 4),
        .enabled = sqlite3_column_int(stmt, 5) == 1,
        .plain = sqlite3_column_int(stmt, 6) == 1,
        .scrub = sqlite3_column_int(stmt, 7) == 1,
        .foreign_pass = sqlite3_column_int(stmt, 8) == 1,
        .sealed = sqlite_column_bytes_of(stmt, 9),
        .created_at = sqlite3_column_int64(stmt, 10),
        .rotated_at = sqlite3_column_int64(stmt, 11), // NULL reads as 0
    };
}

enum kh_err
store_credential_each(struct store *store, store_credential_fn *fn, void *context,
                      struct fault *fault)
{
    STMT_AUTO *stmt = NULL;
    enum kh_err err = sqlite_prepare(
        &store->sqlite,
        "SELECT id, name, preset, inject, upstream_ca, enabled, plain, scrub, foreign_pass, sealed,"
        " created_at, rotated_at FROM credential ORDER BY name",
        &stmt, fault);

    while (!err && sqlite_next(&store->sqlite, stmt, &err, fault)) {
        struct store_credential row;
        struct item_copies copies = {.count = 0};
        buffer_init(&copies.text, ITEM_TEXT_MAX);
        read_row(stmt, &row);
        err = read_items(store, &row, &copies, fault);
        if (!err)
            err = fn(context, &row, fault);
        buffer_free(&copies.text);
    }
    return err;
}
