/* SPDX-License-Identifier: Apache-2.0
 *
 * status, key.*, ca.show, audit.head, audit.rotate.
 */
#include "admin_request.h"

#include "../log.h"

#include <string.h>
#include <unistd.h>

static enum kh_err
no_memory(struct fault *fault)
{
    return fault_set(fault, KH_ERR_MEMORY, "memory is used up");
}

// ---- status ----

static enum kh_err
append_process(json_t *array, const struct authority_process *process, struct fault *fault)
{
    json_t *object =
        json_pack("{s:s, s:i, s:I, s:b, s:i, s:s}", "role", role_name(process->role), "index",
                  (int)process->index, "pid", (json_int_t)process->pid, "running", process->running,
                  "restarts", (int)process->restarts, "note", process->note);

    return object && json_array_append_new(array, object) == 0 ? KH_OK : no_memory(fault);
}

static bool
knows_itself(const struct authority *authority)
{
    for (size_t i = 0; i < authority->process_count; i++) {
        if (authority->process[i].role == ROLE_AUTHORITY)
            return true;
    }
    return false;
}

static enum kh_err
put_processes(const struct authority *authority, json_t *result, struct fault *fault)
{
    struct authority_process parent = {
        .role = ROLE_SUPERVISOR, .pid = (uint32_t)getppid(), .running = true};
    struct authority_process self = {
        .role = ROLE_AUTHORITY, .pid = (uint32_t)getpid(), .running = true};
    json_t *array = json_array();
    enum kh_err err = array ? append_process(array, &parent, fault) : no_memory(fault);

    if (!err && !knows_itself(authority))
        err = append_process(array, &self, fault);
    for (size_t i = 0; !err && i < authority->process_count; i++)
        err = append_process(array, &authority->process[i], fault);
    if (err) {
        json_decref(array);
        return err;
    }
    return admin_put(result, "processes", array, fault);
}

static enum kh_err
put_listeners(const struct authority *authority, json_t *result, struct fault *fault)
{
    struct bytes rest = buffer_bytes(&authority->listeners), line;
    json_t *array = json_array();
    enum kh_err err = array ? KH_OK : no_memory(fault);

    while (!err && bytes_cut(&rest, '\n', &line)) {
        if (line.n > 0)
            err = admin_append_text(array, line, fault);
    }
    if (err) {
        json_decref(array);
        return err;
    }
    return admin_put(result, "listeners", array, fault);
}

// Name and address apart; the key as it stands in an address.
static enum kh_err
append_discharger(json_t *array, const struct discharger *discharger, struct fault *fault)
{
    BUFFER_AUTO address;

    buffer_init(&address, 1024);
    discharger_print(discharger, &address);
    const char *text = buffer_text(&address);
    const char *key = text ? strchr(text, '#') : NULL;
    json_t *object = key ? json_pack("{s:s, s:s, s:s}", "name", discharger->name, "url",
                                     discharger->url, "public_key", key + 1)
                         : NULL;
    return object && json_array_append_new(array, object) == 0 ? KH_OK : no_memory(fault);
}

static enum kh_err
put_dischargers(const struct authority *authority, json_t *result, struct fault *fault)
{
    const struct message_dischargers *list = &authority->dischargers;
    json_t *array = json_array();
    enum kh_err err = array ? KH_OK : no_memory(fault);

    for (size_t i = 0; !err && i < list->count; i++)
        err = append_discharger(array, &list->discharger[i], fault);
    if (err) {
        json_decref(array);
        return err;
    }
    return admin_put(result, "dischargers", array, fault);
}

static enum kh_err
put_audit(const struct authority *authority, json_t *result, struct fault *fault)
{
    struct audit_head head;

    audit_position(authority->audit, &head);
    json_t *object = json_pack("{s:I, s:s, s:s}", "seq", (json_int_t)head.seq, "hash", head.hash,
                               "file", audit_path(authority->audit));
    return object ? admin_put(result, "audit", object, fault) : no_memory(fault);
}

static size_t
keys_in_use(const struct authority *authority)
{
    size_t n = 0;

    for (size_t i = 0; i < authority->keys.count; i++)
        n += authority->keys.key[i].retired_at == 0;
    return n;
}

static enum kh_err
put_counts(struct authority *authority, json_t *result, struct fault *fault)
{
    uint64_t tokens = 0;
    enum kh_err err = store_token_count(authority->store, &tokens, fault);

    if (!err)
        err = admin_put_number(result, "credentials", (int64_t)authority->credentials.count, fault);
    if (!err)
        err = admin_put_number(result, "tokens_minted", (int64_t)tokens, fault);
    if (!err)
        err = admin_put_number(result, "revocations",
                               (int64_t)revocations_count(&authority->revocations), fault);
    if (!err)
        err = admin_put_number(result, "keys", (int64_t)keys_in_use(authority), fault);
    if (!err)
        err = admin_put_number(result, "policy_version", authority->policy_version, fault);
    if (err)
        return err;
    json_t *decisions = json_pack("{s:I, s:I}", "allow", (json_int_t)authority->allowed, "deny",
                                  (json_int_t)authority->denied);
    return decisions ? admin_put(result, "decisions", decisions, fault) : no_memory(fault);
}

// Credentials whose key the upstream refuses, and those whose answers are tokens.
static const struct {
    const char *member;
    size_t counted; // of struct credential
    enum kh_err (*put)(json_t *out, const struct credential *credential, struct fault *fault);
} refused[] = {
    {"keys_refused", offsetof(struct credential, health), admin_put_health},
    {"token_answers_refused", offsetof(struct credential, tokens), admin_put_token_answers},
};

static enum kh_err
append_refused(json_t *array, const struct credential *credential, size_t kind, struct fault *fault)
{
    struct key_health counted;
    json_t *object;

    memcpy(&counted, (const char *)credential + refused[kind].counted, sizeof counted);
    if (counted.refused == 0)
        return KH_OK;
    object = json_object();
    if (object == NULL || json_array_append_new(array, object))
        return no_memory(fault);
    enum kh_err err = admin_put_text(object, "name", credential->row.name, fault);
    return err ? err : refused[kind].put(object, credential, fault);
}

static enum kh_err
put_refused(const struct authority *authority, json_t *result, size_t kind, struct fault *fault)
{
    json_t *array = json_array();
    enum kh_err err = array ? KH_OK : no_memory(fault);

    for (size_t i = 0; !err && i < authority->credentials.count; i++)
        err = append_refused(array, authority->credentials.item[i], kind, fault);
    if (err) {
        json_decref(array);
        return err;
    }
    return admin_put(result, refused[kind].member, array, fault);
}

static enum kh_err
admin_status(void *context, const json_t *request, json_t *result, struct fault *fault)
{
    struct authority *authority = context;
    (void)request;
    enum kh_err err = admin_put_text(result, "version", BYTES(KEYHOLE_VERSION), fault);
    if (!err)
        err = admin_put_time(result, "started_at", authority->started_at, fault);
    if (!err)
        err = put_listeners(authority, result, fault);
    if (!err)
        err = put_processes(authority, result, fault);
    if (!err)
        err = put_dischargers(authority, result, fault);
    if (!err)
        err = put_counts(authority, result, fault);
    for (size_t kind = 0; !err && kind < sizeof refused / sizeof refused[0]; kind++)
        err = put_refused(authority, result, kind, fault);
    return err ? err : put_audit(authority, result, fault);
}

// ---- keys ----

static enum kh_err
key_list(void *context, const json_t *request, json_t *result, struct fault *fault)
{
    struct authority *authority = context;
    const struct root_key *active = root_keys_active(&authority->keys);
    json_t *array = json_array();
    enum kh_err err = array ? KH_OK : no_memory(fault);

    (void)request;
    for (size_t i = 0; !err && i < authority->keys.count; i++) {
        const struct root_key *key = &authority->keys.key[i];
        json_t *object = json_object();
        if (object == NULL || json_array_append_new(array, object)) {
            err = no_memory(fault);
            break;
        }
        err = admin_put_number(object, "id", key->id, fault);
        if (!err)
            err = admin_put_time(object, "created_at", key->created_at, fault);
        if (!err && key->retired_at)
            err = admin_put_time(object, "retired_at", key->retired_at, fault);
        if (!err)
            err = admin_put(object, "active", json_boolean(key == active), fault);
    }
    if (err) {
        json_decref(array);
        return err;
    }
    return admin_put(result, "keys", array, fault);
}

static struct audit_record
key_record(const char *command, uint32_t id, struct buffer *subject)
{
    buffer_printf(subject, "key %u", id);
    return (struct audit_record){
        .kind = AUDIT_ADMIN, .command = bytes_str(command), .subject = buffer_bytes(subject)};
}

static enum kh_err
key_rotate(void *context, const json_t *request, json_t *result, struct fault *fault)
{
    struct authority *authority = context;
    struct root_key key = {0};
    BUFFER_AUTO subject;
    enum kh_err err = change_begin(authority, fault);

    (void)request;
    buffer_init(&subject, 64);
    if (err)
        return err;
    err = root_keys_insert(&authority->keys, authority->store, authority->seal,
                           clock_now_s(&authority->clock), &key, fault);
    if (err) {
        change_abort(authority);
        return err;
    }
    struct audit_record record = key_record("key.rotate", key.id, &subject);
    if ((err = change_commit(authority, &record, fault))) {
        secret_free(&key.secret);
        return err;
    }
    uint32_t id = key.id;
    root_keys_adopt(&authority->keys, &key);
    chain_cache_clear(authority->chains);
    return admin_put_number(result, "id", id, fault);
}

static enum kh_err
key_retire(void *context, const json_t *request, json_t *result, struct fault *fault)
{
    struct authority *authority = context;
    int64_t id = admin_number(request, "id"), now = clock_now_s(&authority->clock);
    BUFFER_AUTO subject;

    buffer_init(&subject, 64);
    if (id <= 0 || id > UINT32_MAX)
        return fault_set(fault, KH_ERR_NOT_FOUND, "there is no key of that id");
    enum kh_err err = change_begin(authority, fault);
    if (err)
        return err;
    err = root_keys_retire(&authority->keys, authority->store, (uint32_t)id, now, fault);
    if (err) {
        change_abort(authority);
        return err;
    }
    struct audit_record record = key_record("key.retire", (uint32_t)id, &subject);
    if ((err = change_commit(authority, &record, fault)))
        return err;
    root_keys_forget(&authority->keys, (uint32_t)id, now);
    chain_cache_clear(authority->chains);
    if (store_erase_removed(authority->store, fault))
        log_warning("erase", "%s", fault->detail);
    publish_rejudge(authority);
    return admin_put_number(result, "id", id, fault);
}

// ---- the local CA, the audit log ----

static enum kh_err
ca_show(void *context, const json_t *request, json_t *result, struct fault *fault)
{
    struct authority *authority = context;
    char sha256[LOCAL_CA_SHA256_HEX];
    BUFFER_AUTO pem;

    (void)request;
    buffer_init(&pem, 16384);
    local_ca_pem(authority->ca, &pem);
    local_ca_sha256(authority->ca, sha256);
    if (pem.failed || sha256[0] == '\0')
        return no_memory(fault);
    enum kh_err err = admin_put_text(result, "pem", buffer_bytes(&pem), fault);
    if (!err)
        err = admin_put_time(result, "expires_at", local_ca_expires_at(authority->ca), fault);
    return err ? err : admin_put_text(result, "sha256", bytes_str(sha256), fault);
}

static enum kh_err
audit_head(void *context, const json_t *request, json_t *result, struct fault *fault)
{
    struct authority *authority = context;
    struct audit_head head;

    (void)request;
    audit_position(authority->audit, &head);
    enum kh_err err = admin_put_number(result, "seq", (int64_t)head.seq, fault);
    return err ? err : admin_put_text(result, "hash", bytes_str(head.hash), fault);
}

static enum kh_err
audit_rotate_now(void *context, const json_t *request, json_t *result, struct fault *fault)
{
    struct authority *authority = context;
    struct audit_rotated rotated;

    (void)request;
    enum kh_err err = audit_rotate(authority->audit, &authority->actor_uid, &rotated, fault);
    if (!err)
        err = admin_put_text(result, "file", bytes_str(rotated.name), fault);
    if (!err)
        err = admin_put_number(result, "first", (int64_t)rotated.first, fault);
    if (!err)
        err = admin_put_number(result, "seq", (int64_t)rotated.last.seq, fault);
    return err ? err : admin_put_text(result, "hash", bytes_str(rotated.last.hash), fault);
}

const struct admin_command admin_state_commands[] = {
    {"status", admin_status, {{0}}},
    {"key.rotate", key_rotate, {{0}}},
    {"key.list", key_list, {{0}}},
    {"key.retire", key_retire, {{"id", ADMIN_NUMBER, true}}},
    {"ca.show", ca_show, {{0}}},
    {"audit.head", audit_head, {{0}}},
    {"audit.rotate", audit_rotate_now, {{0}}},
    {0},
};
