/* SPDX-License-Identifier: Apache-2.0
 *
 * The discharger's store: opening it, users, invitations, what was declined.
 */
#include "store_sqlite.h"

#include "../database/private_file.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct sqlite_migration migrations[] = {
#include "discharge_migrations.inc"
};

static const struct sqlite_schema schema = {
    .application_id = SQLITE_ID_DISCHARGER,
    .name = "the database of a Keyhole discharger",
    .migration = migrations,
    .migration_count = sizeof migrations / sizeof migrations[0],
};

static bool
is_missing(const char *path)
{
    struct stat st;
    return lstat(path, &st) != 0 && errno == ENOENT;
}

// Under another name until it is whole: a start that fails or is killed half-way leaves no file
// that the next one takes for a database which somebody emptied.
static enum kh_err
make_database(const char *path, struct fault *fault)
{
    static const char *const suffix[] = {"", "-wal", "-shm", "-journal"};
    char name[4][PATH_MAX];
    struct sqlite sqlite;

    for (size_t i = 0; i < 4; i++) {
        int n = snprintf(name[i], sizeof name[i], "%s.new%s", path, suffix[i]);
        if (n < 0 || (size_t)n >= sizeof name[i])
            return fault_set(fault, KH_ERR_TOO_LONG, "%s: the name is too long", path);
        (void)unlink(name[i]);
    }
    enum kh_err err = sqlite_create(name[0], &schema, &sqlite, fault);
    if (err)
        return err;
    sqlite_close(&sqlite);
    // What could not be moved from the log into the file would stay behind.
    if (!is_missing(name[1]) || rename(name[0], path) != 0)
        return fault_set(fault, KH_ERR_IO, "%s: the new database cannot be put in place", path);
    return private_file_sync_parent(path, fault);
}

enum kh_err
discharge_store_open(const char *path, struct discharge_store **out, struct fault *fault)
{
    struct discharge_store *store = calloc(1, sizeof *store);

    if (store == NULL)
        return fault_set(fault, KH_ERR_MEMORY, "%s: memory is used up", path);
    enum kh_err err = is_missing(path) ? make_database(path, fault) : KH_OK;
    if (!err)
        err = sqlite_open(path, &schema, &store->sqlite, fault);
    if (err) {
        free(store);
        return err;
    }
    *out = store;
    return KH_OK;
}

void
discharge_store_close(struct discharge_store **store)
{
    if (*store == NULL)
        return;
    sqlite_close(&(*store)->sqlite);
    free(*store);
    *store = NULL;
}

// ---- users ----

static enum kh_err
no_such_user(struct bytes name, struct fault *fault)
{
    return fault_set(fault, KH_ERR_NOT_FOUND,
                     "there is no user %.*s: keyholed user list shows whom there is, keyholed user "
                     "add makes one",
                     BYTES_ARG(name));
}

enum kh_err
discharge_user_add(struct discharge_store *store, struct bytes name, int64_t now,
                   struct fault *fault)
{
    STMT_AUTO *stmt = NULL;
    enum kh_err err = sqlite_prepare(
        &store->sqlite, "INSERT INTO user (name, created_at) VALUES (?1, ?2)", &stmt, fault);

    if (err)
        return err;
    sqlite_bind_text_bytes(stmt, 1, name);
    sqlite_bind_number(stmt, 2, now);
    err = sqlite_run_one(&store->sqlite, stmt, fault);
    if (err == KH_ERR_EXISTS)
        return fault_set(fault, err, "there is a user %.*s already", BYTES_ARG(name));
    return err;
}

enum kh_err
discharge_user_remove(struct discharge_store *store, struct bytes name, struct fault *fault)
{
    STMT_AUTO *stmt = NULL;
    enum kh_err err =
        sqlite_prepare(&store->sqlite, "DELETE FROM user WHERE name = ?1", &stmt, fault);

    if (err)
        return err;
    sqlite_bind_text_bytes(stmt, 1, name);
    err = sqlite_run_one(&store->sqlite, stmt, fault);
    return err == KH_ERR_NOT_FOUND ? no_such_user(name, fault) : err;
}

enum kh_err
discharge_user_each(struct discharge_store *store, discharge_user_fn *fn, void *context,
                    struct fault *fault)
{
    STMT_AUTO *stmt = NULL;
    enum kh_err err =
        sqlite_prepare(&store->sqlite,
                       "SELECT name, created_at, (SELECT count(*) FROM authenticator AS a"
                       " WHERE a.user = u.name) FROM user AS u ORDER BY name",
                       &stmt, fault);

    while (!err && sqlite_next(&store->sqlite, stmt, &err, fault)) {
        struct discharge_user row = {
            .name = sqlite_column_bytes_of(stmt, 0),
            .created_at = sqlite3_column_int64(stmt, 1),
            .authenticators = (uint32_t)sqlite3_column_int64(stmt, 2),
        };
        err = fn(context, &row, fault);
    }
    return err;
}

enum kh_err
discharge_user_exists(struct discharge_store *store, struct bytes name, bool *exists,
                      struct fault *fault)
{
    STMT_AUTO *stmt = NULL;
    enum kh_err err =
        sqlite_prepare(&store->sqlite, "SELECT 1 FROM user WHERE name = ?1", &stmt, fault);

    if (err)
        return err;
    sqlite_bind_text_bytes(stmt, 1, name);
    bool found = sqlite_next(&store->sqlite, stmt, &err, fault);
    if (!err)
        *exists = found;
    return err;
}

// ---- invitations ----

static enum kh_err
insert_invitation(struct discharge_store *store, struct bytes user, const uint8_t hash[32],
                  int64_t expires_at, struct fault *fault)
{
    STMT_AUTO *old = NULL;
    STMT_AUTO *stmt = NULL;
    enum kh_err err =
        sqlite_prepare(&store->sqlite, "DELETE FROM invitation WHERE user = ?1", &old, fault);

    if (err)
        return err;
    sqlite_bind_text_bytes(old, 1, user);
    if ((err = sqlite_run(&store->sqlite, old, fault)))
        return err;
    err = sqlite_prepare(&store->sqlite,
                         "INSERT INTO invitation (hash, user, expires_at)"
                         " SELECT ?1, name, ?3 FROM user WHERE name = ?2",
                         &stmt, fault);
    if (err)
        return err;
    sqlite_bind_blob_bytes(stmt, 1, bytes_of(hash, 32));
    sqlite_bind_text_bytes(stmt, 2, user);
    sqlite_bind_number(stmt, 3, expires_at);
    err = sqlite_run_one(&store->sqlite, stmt, fault);
    return err == KH_ERR_NOT_FOUND ? no_such_user(user, fault) : err;
}

enum kh_err
discharge_invitation_add(struct discharge_store *store, struct bytes user, const uint8_t hash[32],
                         int64_t expires_at, struct fault *fault)
{
    bool own;
    enum kh_err err = sqlite_group_begin(&store->sqlite, &own, fault);

    if (err)
        return err;
    err = insert_invitation(store, user, hash, expires_at, fault);
    return sqlite_group_end(&store->sqlite, own, err, fault);
}

static enum kh_err
no_such_invitation(struct fault *fault)
{
    return fault_set(fault, KH_ERR_NOT_FOUND, "the code is wrong, was used, or is too old");
}

enum kh_err
discharge_invitation_find(struct discharge_store *store, const uint8_t hash[32], int64_t now,
                          struct buffer *user, struct fault *fault)
{
    STMT_AUTO *stmt = NULL;
    enum kh_err err = sqlite_prepare(
        &store->sqlite, "SELECT user FROM invitation WHERE hash = ?1 AND expires_at > ?2", &stmt,
        fault);

    if (err)
        return err;
    sqlite_bind_blob_bytes(stmt, 1, bytes_of(hash, 32));
    sqlite_bind_number(stmt, 2, now);
    if (!sqlite_next(&store->sqlite, stmt, &err, fault))
        return err ? err : no_such_invitation(fault);
    buffer_put(user, sqlite_column_bytes_of(stmt, 0));
    return user->failed ? fault_set(fault, KH_ERR_MEMORY, "the user's name does not fit") : KH_OK;
}

enum kh_err
discharge_invitation_use(struct discharge_store *store, const uint8_t hash[32], struct bytes user,
                         int64_t now, struct fault *fault)
{
    STMT_AUTO *stmt = NULL;
    enum kh_err err = sqlite_prepare(
        &store->sqlite, "DELETE FROM invitation WHERE hash = ?1 AND user = ?2 AND expires_at > ?3",
        &stmt, fault);

    if (err)
        return err;
    sqlite_bind_blob_bytes(stmt, 1, bytes_of(hash, 32));
    sqlite_bind_text_bytes(stmt, 2, user);
    sqlite_bind_number(stmt, 3, now);
    err = sqlite_run_one(&store->sqlite, stmt, fault);
    return err == KH_ERR_NOT_FOUND ? no_such_invitation(fault) : err;
}

// ---- what was declined ----

enum kh_err
discharge_decline(struct discharge_store *store, const uint8_t ticket[TICKET_HASH_SIZE],
                  int64_t expires_at, struct fault *fault)
{
    STMT_AUTO *stmt = NULL;
    enum kh_err err = sqlite_prepare(&store->sqlite,
                                     "INSERT INTO declined (ticket, expires_at) VALUES (?1, ?2)"
                                     " ON CONFLICT (ticket) DO UPDATE SET"
                                     " expires_at = max(expires_at, excluded.expires_at)",
                                     &stmt, fault);

    if (err)
        return err;
    sqlite_bind_blob_bytes(stmt, 1, bytes_of(ticket, TICKET_HASH_SIZE));
    sqlite_bind_number(stmt, 2, expires_at);
    return sqlite_run_one(&store->sqlite, stmt, fault);
}

enum kh_err
discharge_is_declined(struct discharge_store *store, const uint8_t ticket[TICKET_HASH_SIZE],
                      bool *declined, struct fault *fault)
{
    STMT_AUTO *stmt = NULL;
    enum kh_err err =
        sqlite_prepare(&store->sqlite, "SELECT 1 FROM declined WHERE ticket = ?1", &stmt, fault);

    if (err)
        return err;
    sqlite_bind_blob_bytes(stmt, 1, bytes_of(ticket, TICKET_HASH_SIZE));
    bool found = sqlite_next(&store->sqlite, stmt, &err, fault);
    if (!err)
        *declined = found;
    return err;
}

static enum kh_err
prune_table(struct discharge_store *store, const char *sql, int64_t now, struct fault *fault)
{
    STMT_AUTO *stmt = NULL;
    enum kh_err err = sqlite_prepare(&store->sqlite, sql, &stmt, fault);

    if (err)
        return err;
    sqlite_bind_number(stmt, 1, now);
    return sqlite_run(&store->sqlite, stmt, fault);
}

enum kh_err
discharge_store_prune(struct discharge_store *store, int64_t now, struct fault *fault)
{
    enum kh_err err =
        prune_table(store, "DELETE FROM invitation WHERE expires_at <= ?1", now, fault);

    return err ? err
               : prune_table(store, "DELETE FROM declined WHERE expires_at <= ?1", now, fault);
}
