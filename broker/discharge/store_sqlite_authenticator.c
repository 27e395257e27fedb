/* SPDX-License-Identifier: Apache-2.0
 *
 * The discharger's store: authenticators, how one is enrolled once, and their counters.
 */
#include "store_sqlite.h"

#include <string.h>

static const char *const kind_names[] = {
    [AUTHENTICATOR_UNSET] = "unset",
    [AUTHENTICATOR_FIDO2] = "fido2",
    [AUTHENTICATOR_SSH] = "ssh",
    [AUTHENTICATOR_SSH_SK] = "ssh-sk",
};
enum { KIND_COUNT = sizeof kind_names / sizeof kind_names[0] };

const char *
authenticator_kind_name(enum authenticator_kind kind)
{
    return kind_names[(size_t)kind < KIND_COUNT ? kind : AUTHENTICATOR_UNSET];
}

static enum authenticator_kind
kind_of(struct bytes name)
{
    for (size_t i = 1; i < KIND_COUNT; i++) {
        if (bytes_is(name, kind_names[i]))
            return (enum authenticator_kind)i;
    }
    return AUTHENTICATOR_UNSET;
}

// ---- reading ----

#define COLUMNS                                                                                    \
    "id, user, name, kind, credential_id, public_key, algorithm, counter, aaguid, firmware,"       \
    " attested, yubikey, u2f, verified, created_at, used_at, cloned_at"

// NULL reads as 0.
static enum kh_err
call_with_row(sqlite3_stmt *stmt, discharge_authenticator_fn *fn, void *context,
              struct fault *fault)
{
    struct discharge_authenticator row = {
        .id = sqlite3_column_int64(stmt, 0),
        .user = sqlite_column_bytes_of(stmt, 1),
        .name = sqlite_column_bytes_of(stmt, 2),
        .kind = kind_of(sqlite_column_bytes_of(stmt, 3)),
        .credential_id = sqlite_column_bytes_of(stmt, 4),
        .public_key = sqlite_column_bytes_of(stmt, 5),
        .algorithm = (int)sqlite3_column_int64(stmt, 6),
        .counter = (uint32_t)sqlite3_column_int64(stmt, 7),
        .firmware = (uint32_t)sqlite3_column_int64(stmt, 9),
        .attested = sqlite3_column_int64(stmt, 10) == 1,
        .yubikey = sqlite3_column_int64(stmt, 11) == 1,
        .u2f = sqlite3_column_int64(stmt, 12) == 1,
        .verified = sqlite3_column_int64(stmt, 13) == 1,
        .created_at = sqlite3_column_int64(stmt, 14),
        .used_at = sqlite3_column_int64(stmt, 15),
        .cloned_at = sqlite3_column_int64(stmt, 16),
    };
    struct bytes aaguid = sqlite_column_bytes_of(stmt, 8);

    if (aaguid.n != sizeof row.aaguid)
        return fault_set(fault, KH_ERR_DATABASE, "an AAGUID of %zu bytes is stored", aaguid.n);
    memcpy(row.aaguid, aaguid.p, sizeof row.aaguid);
    return fn(context, &row, fault);
}

enum kh_err
discharge_authenticator_find(struct discharge_store *store, struct bytes credential_id,
                             discharge_authenticator_fn *fn, void *context, struct fault *fault)
{
    STMT_AUTO *stmt = NULL;
    enum kh_err err = sqlite_prepare(
        &store->sqlite, "SELECT " COLUMNS " FROM authenticator WHERE credential_id = ?1", &stmt,
        fault);

    if (err)
        return err;
    sqlite_bind_blob_bytes(stmt, 1, credential_id);
    if (!sqlite_next(&store->sqlite, stmt, &err, fault))
        return err ? err : fault_set(fault, KH_ERR_NOT_FOUND, "there is no such authenticator");
    return call_with_row(stmt, fn, context, fault);
}

enum kh_err
discharge_authenticator_each(struct discharge_store *store, struct bytes user,
                             discharge_authenticator_fn *fn, void *context, struct fault *fault)
{
    STMT_AUTO *stmt = NULL;
    enum kh_err err = sqlite_prepare(&store->sqlite,
                                     "SELECT " COLUMNS " FROM authenticator"
                                     " WHERE ?1 = '' OR user = ?1 ORDER BY user, name",
                                     &stmt, fault);

    if (!err)
        sqlite_bind_text_bytes(stmt, 1, user);
    while (!err && sqlite_next(&store->sqlite, stmt, &err, fault))
        err = call_with_row(stmt, fn, context, fault);
    return err;
}

// ---- enrolling ----

static enum kh_err
check_room(struct discharge_store *store, const struct discharge_authenticator *row,
           bool *name_taken, struct fault *fault)
{
    STMT_AUTO *stmt = NULL;
    enum kh_err err = sqlite_prepare(&store->sqlite,
                                     "SELECT count(*), ifnull(sum(name = ?2), 0)"
                                     " FROM authenticator WHERE user = ?1",
                                     &stmt, fault);

    if (err)
        return err;
    sqlite_bind_text_bytes(stmt, 1, row->user);
    sqlite_bind_text_bytes(stmt, 2, row->name);
    if (!sqlite_next(&store->sqlite, stmt, &err, fault))
        return err ? err : fault_set(fault, KH_ERR_DATABASE, "there is no answer");
    if (sqlite3_column_int64(stmt, 1) != 0) {
        *name_taken = true;
        return fault_set(fault, KH_ERR_EXISTS, "%.*s has an authenticator %.*s already",
                         BYTES_ARG(row->user), BYTES_ARG(row->name));
    }
    if (sqlite3_column_int64(stmt, 0) >= DISCHARGE_AUTHENTICATORS_MAX)
        return fault_set(fault, KH_ERR_RANGE, "%.*s has %d authenticators, and may have no more",
                         BYTES_ARG(row->user), DISCHARGE_AUTHENTICATORS_MAX);
    return KH_OK;
}

static enum kh_err
insert_row(struct discharge_store *store, const struct discharge_authenticator *row, int64_t now,
           struct fault *fault)
{
    STMT_AUTO *stmt = NULL;
    enum kh_err err = sqlite_prepare(
        &store->sqlite,
        "INSERT INTO authenticator (user, name, kind, credential_id, public_key, algorithm,"
        " counter, aaguid, firmware, attested, yubikey, u2f, verified, created_at)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
        &stmt, fault);

    if (err)
        return err;
    sqlite_bind_text_bytes(stmt, 1, row->user);
    sqlite_bind_text_bytes(stmt, 2, row->name);
    sqlite_bind_text_bytes(stmt, 3, bytes_str(authenticator_kind_name(row->kind)));
    sqlite_bind_blob_bytes(stmt, 4, row->credential_id);
    sqlite_bind_blob_bytes(stmt, 5, row->public_key);
    sqlite_bind_number(stmt, 6, row->algorithm);
    sqlite_bind_number(stmt, 7, row->counter);
    sqlite_bind_blob_bytes(stmt, 8, bytes_of(row->aaguid, sizeof row->aaguid));
    sqlite_bind_number(stmt, 9, row->firmware);
    sqlite_bind_number(stmt, 10, row->attested);
    sqlite_bind_number(stmt, 11, row->yubikey);
    sqlite_bind_number(stmt, 12, row->u2f);
    sqlite_bind_number(stmt, 13, row->verified);
    sqlite_bind_number(stmt, 14, now);
    err = sqlite_run_one(&store->sqlite, stmt, fault);
    return err == KH_ERR_EXISTS
               ? fault_set(fault, err, "the authenticator's credential is enrolled already")
               : err;
}

enum kh_err
discharge_authenticator_enroll(struct discharge_store *store,
                               const struct discharge_authenticator *row,
                               const uint8_t invitation_hash[32], int64_t now, bool *name_taken,
                               struct fault *fault)
{
    bool own, taken = false;
    enum kh_err err = sqlite_group_begin(&store->sqlite, &own, fault);

    if (err)
        return err;
    // The code first: without one, nothing is learnt about names and credentials.
    err = discharge_invitation_use(store, invitation_hash, row->user, now, fault);
    if (!err)
        err = check_room(store, row, &taken, fault);
    if (!err)
        err = insert_row(store, row, now, fault);
    *name_taken = taken;
    return sqlite_group_end(&store->sqlite, own, err, fault);
}

enum kh_err
discharge_authenticator_remove(struct discharge_store *store, struct bytes user, struct bytes name,
                               struct fault *fault)
{
    STMT_AUTO *stmt = NULL;
    enum kh_err err = sqlite_prepare(
        &store->sqlite, "DELETE FROM authenticator WHERE user = ?1 AND name = ?2", &stmt, fault);

    if (err)
        return err;
    sqlite_bind_text_bytes(stmt, 1, user);
    sqlite_bind_text_bytes(stmt, 2, name);
    err = sqlite_run_one(&store->sqlite, stmt, fault);
    return err == KH_ERR_NOT_FOUND ? fault_set(fault, err, "%.*s has no authenticator %.*s",
                                               BYTES_ARG(user), BYTES_ARG(name))
                                   : err;
}

// ---- counters ----

// WebAuthn Level 2, 7.2 step 21: both zero means that there is no counter at all.
static enum kh_err
set_counter(struct discharge_store *store, int64_t id, uint32_t counter, int64_t now,
            struct fault *fault)
{
    STMT_AUTO *stmt = NULL;
    enum kh_err err = sqlite_prepare(&store->sqlite,
                                     "UPDATE authenticator SET counter = ?2, used_at = ?3"
                                     " WHERE id = ?1 AND cloned_at IS NULL"
                                     " AND (?2 > counter OR (?2 = 0 AND counter = 0))",
                                     &stmt, fault);

    if (err)
        return err;
    sqlite_bind_number(stmt, 1, id);
    sqlite_bind_number(stmt, 2, counter);
    sqlite_bind_number(stmt, 3, now);
    return sqlite_run_one(&store->sqlite, stmt, fault);
}

static enum kh_err
mark_cloned(struct discharge_store *store, int64_t id, int64_t now, struct fault *fault)
{
    STMT_AUTO *stmt = NULL;
    enum kh_err err =
        sqlite_prepare(&store->sqlite,
                       "UPDATE authenticator SET cloned_at = ifnull(cloned_at, max(?2, 1))"
                       " WHERE id = ?1",
                       &stmt, fault);

    if (err)
        return err;
    sqlite_bind_number(stmt, 1, id);
    sqlite_bind_number(stmt, 2, now);
    err = sqlite_run_one(&store->sqlite, stmt, fault);
    return err == KH_ERR_NOT_FOUND ? fault_set(fault, err, "there is no such authenticator") : err;
}

enum kh_err
discharge_authenticator_used(struct discharge_store *store, int64_t id, uint32_t counter,
                             int64_t now, bool *cloned, struct fault *fault)
{
    bool own, refused = false;
    enum kh_err err = sqlite_group_begin(&store->sqlite, &own, fault);

    if (err)
        return err;
    err = set_counter(store, id, counter, now, fault);
    if (err == KH_ERR_NOT_FOUND) {
        refused = true;
        err = mark_cloned(store, id, now, fault);
    }
    err = sqlite_group_end(&store->sqlite, own, err, fault);
    if (!err)
        *cloned = refused;
    return err;
}
