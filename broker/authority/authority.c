/* SPDX-License-Identifier: Apache-2.0
 *
 * The authority's state: opened, checked, kept and closed.
 */
#include "authority.h"
#include "grace.h"

#include "../../caveats/path.h"
#include "../database/private_file.h"
#include "../log.h"
#include "../metrics.h"
#include "policy_version.h"
#include "state.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

enum { PRUNE_EVERY_S = 3600 };

static enum kh_err
open_store(struct authority *authority, const struct master_key_source *source, struct fault *fault)
{
    char path[PATH_MAX];
    enum kh_err err = private_directory_check(source->directory, fault);

    if (!err)
        err = state_path(source->directory, AUTHORITY_DATABASE_FILE, path, fault);
    if (!err)
        err = store_open(path, &authority->store, fault);
    if (err == KH_ERR_NOT_FOUND)
        return fault_set(fault, KH_ERR_NOT_FOUND,
                         "%s: holds no broker; make one first: keyholed init --dir %s",
                         source->directory, source->directory);
    return err ? err : master_key_load(source, authority->store, &authority->seal, fault);
}

static enum kh_err
load_tables(struct authority *authority, struct fault *fault)
{
    struct store *store = authority->store;
    const struct seal *seal = authority->seal;
    enum kh_err err = root_keys_load(&authority->keys, store, seal, fault);

    if (!err && chain_cache_new(AUTHORITY_CHAINS_MAX, &authority->chains) != KH_OK)
        err = fault_set(fault, KH_ERR_MEMORY, "no memory for the verified chains");
    if (!err)
        err = credentials_load(&authority->credentials, store, seal, fault);
    if (!err)
        err = grace_load(&authority->credentials, store, seal, fault);
    if (!err)
        // With all that has expired: it is dropped by the tick, which notes it first.
        err = revocations_load(&authority->revocations, store, 0, fault);
    if (!err)
        err = store_token_last_issued(store, &authority->last_issued_at, fault);
    if (!err)
        err = counters_open(store, &authority->clock, &authority->counters, fault);
    if (!err)
        err = policy_version_load(authority, fault);
    if (!err)
        err = local_ca_load(store, seal, &authority->ca, fault);
    return err;
}

// Whatever changed between the backup and now, this log does not tell.
static enum kh_err
put_restored(struct store *store, struct buffer *detail, struct fault *fault)
{
    BUFFER_AUTO when;

    buffer_init(&when, 128);
    enum kh_err err = store_meta_get(store, STATE_META_RESTORED, &when, fault);
    if (!err)
        buffer_printf(detail, "; restored from a backup of %s", buffer_text(&when));
    return err == KH_ERR_NOT_FOUND ? KH_OK : err;
}

static enum kh_err
write_start_record(struct authority *authority, bool fresh, const struct audit_head *remembered,
                   struct fault *fault)
{
    BUFFER_AUTO detail;
    struct audit_record record = {.kind = AUDIT_START};

    buffer_init(&detail, 512);
    buffer_printf(&detail, "keyholed %s", KEYHOLE_VERSION);
    if (fresh && remembered->seq > 0) {
        buffer_printf(&detail, "; a new log: the one before ended with record %llu, hash %s",
                      (unsigned long long)remembered->seq, remembered->hash);
        log_warning("audit-new", "%s begins anew; the one before ended with record %llu",
                    audit_path(authority->audit), (unsigned long long)remembered->seq);
    }
    enum kh_err err = put_restored(authority->store, &detail, fault);
    record.detail = buffer_bytes(&detail);
    if (!err)
        err = audit_write(authority->audit, &record, fault);
    return err ? err : store_meta_remove(authority->store, STATE_META_RESTORED, fault);
}

static enum kh_err
open_audit(struct authority *authority, struct fault *fault)
{
    struct audit_head remembered, position;
    bool fresh = false;
    enum kh_err err =
        state_audit_key_load(authority->store, authority->seal, &authority->audit_key, fault);

    if (!err)
        err = state_audit_position_load(authority->store, &remembered, fault);
    if (!err)
        err = audit_open(authority->directory, authority->audit_key, &authority->clock,
                         &authority->audit, &fresh, fault);
    if (err)
        return err;
    // An old head with the old log under it fits together; the database remembers better.
    audit_position(authority->audit, &position);
    if (!fresh && position.seq < remembered.seq)
        return fault_set(fault, KH_ERR_AUDIT_BROKEN,
                         "%s: ends with record %llu, but the database remembers record %llu: log "
                         "and head were put back to an older state. Move audit.log and audit.head "
                         "elsewhere, audit.log.* with them, and a new log begins",
                         audit_path(authority->audit), (unsigned long long)position.seq,
                         (unsigned long long)remembered.seq);
    err = write_start_record(authority, fresh, &remembered, fault);
    if (!err)
        audit_position(authority->audit, &position);
    return err ? err : state_audit_position_store(authority->store, &position, fault);
}

// People copy ca.pem away; when it was deleted it comes back.
static void
write_ca_file(const struct authority *authority)
{
    char path[PATH_MAX];
    BUFFER_AUTO pem;
    struct fault fault = {0};

    buffer_init(&pem, 16384);
    local_ca_pem(authority->ca, &pem);
    if (pem.failed || state_path(authority->directory, AUTHORITY_CA_FILE, path, &fault))
        return;
    enum kh_err err = private_file_create(path, 0644, buffer_bytes(&pem), &fault);
    if (err && err != KH_ERR_EXISTS)
        log_warning("ca-file", "%s", fault.detail);
}

enum kh_err
authority_open(struct authority *authority, const struct master_key_source *source,
               struct wall_clock clock, struct fault *fault)
{
    memset(authority, 0, sizeof *authority);
    authority->directory = source->directory;
    authority->clock = clock;
    authority->actor_uid = UINT32_MAX;
    authority->started_at = authority->pruned_at = clock_now_s(&clock);
    config_init(&authority->config);
    buffer_init(&authority->listeners, 65536);
    authority->runs = runs_new();
    enum kh_err err = open_store(authority, source, fault);
    if (!err)
        err = load_tables(authority, fault);
    if (!err)
        err = open_audit(authority, fault);
    if (!err)
        write_ca_file(authority);
    authority->opened = !err;
    return err;
}

static void
close_audit(struct authority *authority)
{
    struct audit_record record = {.kind = AUDIT_STOP};
    struct audit_head position;
    struct fault fault = {0};

    // What did not start leaves the log as it was.
    if (!authority->opened) {
        audit_abandon(&authority->audit);
        return;
    }
    enum kh_err err = audit_write(authority->audit, &record, &fault);
    audit_position(authority->audit, &position);
    if (!err)
        err = state_audit_position_store(authority->store, &position, &fault);
    if (err)
        log_error("audit", "%s", fault.detail);
    audit_close(&authority->audit);
}

void
authority_close(struct authority *authority)
{
    close_audit(authority);
    secret_free(&authority->audit_key);
    local_ca_free(&authority->ca);
    if (authority->opened)
        counters_close(&authority->counters);
    counters_drop(&authority->counters);
    revocations_free(&authority->revocations);
    policy_free(&authority->policy);
    contents_free(&authority->contents);
    runs_free(&authority->runs);
    credentials_free(&authority->credentials);
    pass_through_free(&authority->pass_through);
    chain_cache_free(&authority->chains);
    root_keys_free(&authority->keys);
    seal_free(&authority->seal);
    store_close(&authority->store);
    config_free(&authority->config);
    buffer_free(&authority->listeners);
}

enum kh_err
authority_flush_audit(struct authority *authority, struct fault *fault)
{
    struct fault own = {0};
    enum kh_err err = audit_flush(authority->audit, fault ? fault : &own);

    if (err && !authority->audit_failing)
        log_error("audit-write", "%s; requests are denied until it works",
                  fault ? fault->detail : own.detail);
    if (!err && authority->audit_failing)
        log_info("audit-write", "the audit log can be written again");
    authority->audit_failing = err != KH_OK;
    metrics_set(METRIC_AUDIT_FAILING, authority->audit_failing);
    return err;
}

static void
sync_audit(struct authority *authority)
{
    struct fault fault = {0};
    bool failed = audit_tick(authority->audit, &fault) != KH_OK;

    if (failed && !authority->sync_failing)
        log_error("audit-sync", "%s", fault.detail);
    authority->sync_failing = failed;
}

// Whoever watches keeps requests away while the log cannot be written, so that none would show that
// it can again: a record of our own does, and says that there is a gap before it.
static void
retry_audit(struct authority *authority)
{
    struct audit_record record = {
        .kind = AUDIT_RESUME,
        .detail = BYTES("records could not be written before; what they would have allowed was "
                        "denied"),
    };
    if (!authority->audit_failing)
        return;
    audit_append(authority->audit, &record);
    if (authority_flush_audit(authority, NULL))
        log_debug("audit-write", "it still fails");
}

// For whoever watches: what requests alone would not show.
static void
note_state(struct authority *authority)
{
    struct fault fault = {0};
    int64_t newest;
    bool failing = store_policy_newest(authority->store, &newest, &fault) != KH_OK;

    if (failing && !authority->database_failing)
        log_error("database", "%s", fault.detail);
    authority->database_failing = failing;
    metrics_set(METRIC_DATABASE_FAILING, failing);
    metrics_set(METRIC_CREDENTIALS, authority->credentials.count);
    metrics_set(METRIC_POLICY_VERSION, authority->policy ? (uint64_t)authority->policy_version : 0);
    metrics_set(METRIC_CA_EXPIRY, (uint64_t)local_ca_expires_at(authority->ca) * 1000000);
}

// A clock that goes forward and back again must not bring a revoked token to life: what is dropped
// is noted first.
static enum kh_err
prune_revocations(struct authority *authority, int64_t now, struct fault *fault)
{
    int64_t until = now - COUNTERS_CLOCK_SLACK_S;

    if (!revocations_any_until(&authority->revocations, until))
        return KH_OK;
    enum kh_err err = counters_note_dropped(authority->counters, now, fault);
    return err ? err : revocations_prune(&authority->revocations, authority->store, until, fault);
}

void
authority_tick(struct authority *authority)
{
    struct fault fault = {0};
    struct audit_head position;
    int64_t now = clock_now_s(&authority->clock);

    sync_audit(authority);
    retry_audit(authority);
    note_state(authority);
    if (authority->publish_again) {
        authority->publish_again = false;
        publish_routes_to_all(authority);
    }
    contents_expire(&authority->contents, now);
    grace_expire(authority, now);
    if (now - authority->pruned_at < PRUNE_EVERY_S)
        return;
    authority->pruned_at = now;
    audit_position(authority->audit, &position);
    if (prune_revocations(authority, now, &fault) || counters_prune(authority->counters, &fault) ||
        state_audit_position_store(authority->store, &position, &fault))
        log_error("prune", "%s", fault.detail);
}

// ---- names ----

// The host part of "127.0.0.1:8437" or "[::1]:8437".
static bool
listener_has_host(struct bytes listener, struct bytes host)
{
    BUFFER_AUTO name;
    uint16_t port;

    buffer_init(&name, 512);
    return authority_split(listener, &name, &port) == KH_OK &&
           bytes_equal(buffer_bytes(&name), host);
}

bool
authority_is_own_name(const struct authority *authority, struct bytes host)
{
    struct bytes rest = buffer_bytes(&authority->listeners), line, word;

    if (bytes_is(host, "localhost") || bytes_is(host, "127.0.0.1") || bytes_is(host, "::1"))
        return true;
    for (size_t i = 0; i < authority->config.name_count; i++) {
        if (bytes_equal(bytes_str(authority->config.name[i]), host))
            return true;
    }
    while (bytes_cut(&rest, '\n', &line)) {
        while (bytes_cut(&line, ' ', &word)) {
            size_t equals = bytes_index(word, '=');
            if (equals < word.n)
                word = bytes_from(word, equals + 1);
            if (word.n > 0 && listener_has_host(word, host))
                return true;
        }
    }
    return false;
}

// ---- changes ----

enum kh_err
change_begin(struct authority *authority, struct fault *fault)
{
    return store_begin(authority->store, fault);
}

enum kh_err
change_commit(struct authority *authority, const struct audit_record *record, struct fault *fault)
{
    struct audit_record actual = *record;

    if (authority->actor_uid != UINT32_MAX) {
        actual.has_uid = true;
        actual.uid = authority->actor_uid;
    }
    audit_append(authority->audit, &actual);
    enum kh_err err = authority_flush_audit(authority, fault);
    if (err) {
        store_rollback(authority->store);
        return err;
    }
    err = store_commit(authority->store, fault);
    if (err) {
        // The log says that it was done: say that it was not.
        actual.detail = BYTES("not done: the database refused");
        audit_append(authority->audit, &actual);
        if (authority_flush_audit(authority, NULL))
            log_error("change", "the audit log's last record was not carried out");
    }
    return err;
}

void
change_abort(struct authority *authority)
{
    store_rollback(authority->store);
}
