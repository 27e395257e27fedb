/* SPDX-License-Identifier: Apache-2.0
 *
 * Checking and adjusting what was unpacked.
 */
#include "restore_state.h"

#include "../authority/authority.h"
#include "../authority/grace.h"
#include "../authority/mint.h"
#include "../authority/state.h"
#include "../database/private_file.h"
#include "contents.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { HEAD_MAX = 1024 };

static enum kh_err
put(json_t *report, const char *member, json_t *value, struct fault *fault)
{
    return json_object_set_new(report, member, value)
               ? fault_set(fault, KH_ERR_MEMORY, "memory is used up")
               : KH_OK;
}

// ---- databases ----

static enum kh_err
examine(const struct restore_state *state, const char *name, const struct sqlite_schema *schema,
        bool *there, struct fault *fault)
{
    char path[PATH_MAX];
    int64_t version = 0;
    enum kh_err err = state_path(state->directory, name, path, fault);

    *there = !err && access(path, F_OK) == 0;
    return err || !*there ? err : sqlite_examine(path, schema, &version, fault);
}

// Each sealed value, by the code that a start loads it with.
static enum kh_err
open_sealed(const struct restore_state *state, struct store *store, struct secret **audit_key,
            struct fault *fault)
{
    const struct master_key_source source = {.directory = state->directory,
                                             .key = (struct secret *)(uintptr_t)state->master_key};
    struct seal *seal = NULL;
    struct root_keys keys = {0};
    struct credentials credentials = {0};
    struct local_ca *ca = NULL;
    enum kh_err err = master_key_load(&source, store, &seal, fault);

    if (!err)
        err = root_keys_load(&keys, store, seal, fault);
    if (!err)
        err = credentials_load(&credentials, store, seal, fault);
    if (!err)
        err = grace_load(&credentials, store, seal, fault);
    if (!err)
        err = local_ca_load(store, seal, &ca, fault);
    if (!err)
        err = state_audit_key_load(store, seal, audit_key, fault);
    local_ca_free(&ca);
    credentials_free(&credentials);
    root_keys_free(&keys);
    seal_free(&seal);
    return err;
}

// ---- what time has done ----

static enum kh_err
revoke_before(struct store *store, int64_t now, struct fault *fault)
{
    const struct store_revocation row = {
        .kind = bytes_str(revocation_kind_name(REVOCATION_MINTED_BEFORE)),
        .at = now + 1,
        .expires_at = now + 1 + MINT_LIFETIME_MAX_S,
    };

    return store_revocation_put(store, &row, fault);
}

static enum kh_err
adjust(const struct restore_state *state, struct store *store, json_t *report, struct fault *fault)
{
    const struct wall_clock clock = clock_system();
    int64_t now = clock_now_s(&clock);
    char text[CLOCK_TEXT_SIZE];
    enum kh_err err = store_begin(store, fault);

    if (err)
        return err;
    err = counters_note_restored(store, now, fault);
    if (!err)
        err = store_meta_put(store, STATE_META_RESTORED, bytes_str(state->created_at), fault);
    if (!err && state->revoke_before)
        err = revoke_before(store, now, fault);
    if (err)
        store_rollback(store);
    else
        err = store_commit(store, fault);
    clock_print_s(now + 1, text);
    return err || !state->revoke_before ? err
                                        : put(report, "revoked_before", json_string(text), fault);
}

// ---- the audit log ----

static enum kh_err
read_head(const struct restore_state *state, const struct secret *key, struct audit_head *head,
          struct fault *fault)
{
    char path[PATH_MAX];
    BUFFER_AUTO text;

    buffer_init(&text, 2 * HEAD_MAX);
    audit_head_init(head);
    enum kh_err err = state_path(state->directory, AUDIT_HEAD_FILE, path, fault);
    if (!err)
        err = private_file_read(path, HEAD_MAX, true, &text, fault);
    return err ? err : audit_head_parse(buffer_bytes(&text), key, path, head, fault);
}

static enum kh_err
check_file(const char *path, const struct audit_head *before, const struct audit_head *head,
           struct audit_part *part, struct fault *fault)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

    if (fd < 0)
        return fault_set(fault, KH_ERR_IO, "%s: %s", path, strerror(errno));
    enum kh_err err = audit_verify(fd, path, before, head, part, fault);
    close(fd);
    return err;
}

// From the oldest that is there; what was before it was not backed up either.
static enum kh_err
check_files(const char *directory, const struct audit_names *names, const struct audit_head *head,
            uint64_t *records, struct fault *fault)
{
    struct audit_part part = {0};
    char path[PATH_MAX];

    for (size_t i = 0; i <= names->count; i++) {
        bool current = i == names->count;
        struct audit_head before = part.last;
        enum kh_err err = audit_name_path(directory, current ? 0 : names->first[i], path, fault);
        if (!err)
            err = check_file(path, i > 0 ? &before : NULL, current ? head : NULL, &part, fault);
        if (!err && !current && part.before.seq + 1 != names->first[i])
            err = fault_set(fault, KH_ERR_AUDIT_BROKEN, "%s: begins with record %llu", path,
                            (unsigned long long)part.before.seq + 1);
        if (!err && i > 0 && part.before.seq != before.seq)
            err = fault_set(fault, KH_ERR_AUDIT_BROKEN,
                            "%s: begins anew, and does not go on from record %llu", path,
                            (unsigned long long)before.seq);
        if (err)
            return err;
        *records += part.last.seq - part.before.seq;
    }
    return KH_OK;
}

// Without the key the chain alone.
static enum kh_err
check_audit(const struct restore_state *state, const struct secret *key, json_t *report,
            struct fault *fault)
{
    struct audit_head head;
    struct audit_names names;
    char path[PATH_MAX];
    uint64_t records = 0;

    audit_head_init(&head);
    enum kh_err err = state_path(state->directory, AUDIT_LOG_FILE, path, fault);
    if (err || access(path, F_OK) != 0)
        return err;
    if (key && (err = read_head(state, key, &head, fault)))
        return err;
    err = audit_names_list(state->directory, &names, fault);
    if (!err)
        err = check_files(state->directory, &names, key ? &head : NULL, &records, fault);
    audit_names_free(&names);
    return err ? err : put(report, "audit_records", json_integer((json_int_t)records), fault);
}

// ---- all ----

// The backup itself is the copy from before.
static void
remove_copies(const struct restore_state *state)
{
    char path[PATH_MAX];

    for (int version = 0; version < sqlite_schema_newest(&contents_broker_schema); version++) {
        char name[64];
        snprintf(name, sizeof name, AUTHORITY_DATABASE_FILE ".before-%d", version);
        if (!state_path(state->directory, name, path, NULL))
            (void)unlink(path);
    }
}

static enum kh_err
check_broker(const struct restore_state *state, json_t *report, struct fault *fault)
{
    SECRET_AUTO *audit_key = NULL;
    struct store *store = NULL;
    char path[PATH_MAX];
    enum kh_err err = state_path(state->directory, AUTHORITY_DATABASE_FILE, path, fault);

    if (!err)
        err = store_open(path, &store, fault);
    if (!err && state->master_key)
        err = open_sealed(state, store, &audit_key, fault);
    if (!err)
        err = put(report, "sealed_values", json_string(state->master_key ? "open" : "not-checked"),
                  fault);
    if (!err)
        err = check_audit(state, audit_key, report, fault);
    if (!err && !state->check)
        err = adjust(state, store, report, fault);
    if (!err && !state->check)
        err = store_erase_removed(store, fault);
    store_close(&store);
    remove_copies(state);
    return err;
}

enum kh_err
restore_state_check(const struct restore_state *state, json_t *report, struct fault *fault)
{
    bool broker = false, discharger = false;
    enum kh_err err = examine(state, CONTENTS_DATABASE, &contents_broker_schema, &broker, fault);

    if (!err)
        err = examine(state, CONTENTS_DISCHARGER_DATABASE, &contents_discharger_schema, &discharger,
                      fault);
    if (!err && ((!broker && !discharger) || state->created_at == NULL))
        err = fault_set(fault, KH_ERR_CRYPTO, "there is no database in it");
    return err || !broker ? err : check_broker(state, report, fault);
}
