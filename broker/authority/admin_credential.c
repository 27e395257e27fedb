/* SPDX-License-Identifier: Apache-2.0
 *
 * credential.*: each change is checked, recorded and committed before memory and the proxies
 * follow.
 */
#include "admin_request.h"

#include "../log.h"
#include "grace.h"
#include "inject.h"
#include "revoke_token.h"
#include "rotation.h"

#include <string.h>

enum { ENVIRONMENT_MAX = 4096 };

// ---- showing ----

static enum kh_err
put_list(json_t *out, const struct credential *credential, enum store_list list,
         struct fault *fault)
{
    json_t *array = json_array();
    enum kh_err err = array ? KH_OK : fault_set(fault, KH_ERR_MEMORY, "memory is used up");

    for (size_t i = 0; !err && i < credential->row.item_count[list]; i++) {
        struct bytes item = credential->row.item[list][i];
        uint64_t number = 0;
        if (list != STORE_LIST_PORTS)
            err = admin_append_text(array, item, fault);
        else if (!bytes_to_u64(item, &number) ||
                 json_array_append_new(array, json_integer((json_int_t)number)))
            err = fault_set(fault, KH_ERR_MEMORY, "memory is used up");
    }
    if (err) {
        json_decref(array);
        return err;
    }
    return admin_put(out, store_list_name(list), array, fault);
}

// "{base}" becomes the broker's URL, which this process does not know, and the credential's path.
static enum kh_err
put_environment(json_t *out, const struct credential *credential, struct fault *fault)
{
    json_t *array = json_array();
    enum kh_err err = array ? KH_OK : fault_set(fault, KH_ERR_MEMORY, "memory is used up");
    struct bytes rest = bytes_str(credential->preset ? credential->preset->environment : ""), word;
    BUFFER_AUTO text;

    buffer_init(&text, ENVIRONMENT_MAX);
    while (!err && preset_word(&rest, &word)) {
        size_t base = bytes_find(word, BYTES("{base}"));
        buffer_clear(&text);
        buffer_put(&text, bytes_slice(word, 0, base));
        if (base < word.n) {
            buffer_put_str(&text, "{broker}/~");
            buffer_put(&text, credential->row.name);
            buffer_put(&text, bytes_from(word, base + strlen("{base}")));
        }
        err = text.failed ? fault_set(fault, KH_ERR_MEMORY, "memory is used up")
                          : admin_append_text(array, buffer_bytes(&text), fault);
    }
    if (err) {
        json_decref(array);
        return err;
    }
    return admin_put(out, "environment", array, fault);
}

static enum kh_err
put_flags(json_t *out, const struct credential *credential, struct fault *fault)
{
    const struct store_credential *row = &credential->row;
    enum kh_err err = admin_put(out, "plain", json_boolean(row->plain), fault);

    if (!err)
        err = admin_put(out, "scrub", json_boolean(row->scrub), fault);
    if (!err)
        err =
            admin_put_text(out, "foreign", bytes_str(row->foreign_pass ? "pass" : "refuse"), fault);
    if (!err)
        err = admin_put(out, "enabled", json_boolean(row->enabled), fault);
    return err;
}

static enum kh_err
put_counted(json_t *out, const char *member, const struct key_health *health, struct fault *fault)
{
    json_t *object;

    if (health->refused == 0)
        return KH_OK;
    object = json_object();
    enum kh_err err = object ? admin_put_number(object, "count", (int64_t)health->refused, fault)
                             : fault_set(fault, KH_ERR_MEMORY, "memory is used up");
    if (!err)
        err = admin_put_time(object, "since", health->since, fault);
    if (!err)
        err = admin_put_time(object, "last", health->last, fault);
    if (err) {
        json_decref(object);
        return err;
    }
    return admin_put(out, member, object, fault);
}

enum kh_err
admin_put_health(json_t *out, const struct credential *credential, struct fault *fault)
{
    return put_counted(out, "refused_by_upstream", &credential->health, fault);
}

enum kh_err
admin_put_token_answers(json_t *out, const struct credential *credential, struct fault *fault)
{
    return put_counted(out, "token_answers_refused", &credential->tokens, fault);
}

static enum kh_err
put_credential(json_t *out, const struct credential *credential, struct fault *fault)
{
    const struct store_credential *row = &credential->row;
    BUFFER_AUTO path;

    buffer_init(&path, 128);
    buffer_put_str(&path, "/~");
    buffer_put(&path, row->name);
    enum kh_err err = path.failed ? fault_set(fault, KH_ERR_MEMORY, "memory is used up")
                                  : admin_put_text(out, "name", row->name, fault);
    if (!err)
        err = admin_put(out, "preset",
                        row->preset.n ? json_stringn((const char *)row->preset.p, row->preset.n)
                                      : json_null(),
                        fault);
    for (int list = 0; !err && list < STORE_LIST_COUNT; list++)
        err = put_list(out, credential, list, fault);
    if (!err)
        err = admin_put_text(out, "inject", row->inject, fault);
    if (!err && row->upstream_ca.n)
        err = admin_put_text(out, "upstream_ca", row->upstream_ca, fault);
    if (!err)
        err = put_flags(out, credential, fault);
    if (!err)
        err = admin_put_time(out, "created_at", row->created_at, fault);
    if (!err)
        err = row->rotated_at ? admin_put_time(out, "rotated_at", row->rotated_at, fault)
                              : admin_put(out, "rotated_at", json_null(), fault);
    if (!err && credential->previous)
        err = admin_put_time(out, "previous_until", credential->previous_until, fault);
    if (!err)
        err = admin_put_health(out, credential, fault);
    if (!err)
        err = admin_put_token_answers(out, credential, fault);
    if (!err)
        err = admin_put_text(out, "base_url_path", buffer_bytes(&path), fault);
    return err ? err : put_environment(out, credential, fault);
}

enum kh_err
admin_put_credential(json_t *result, const struct credential *credential, struct fault *fault)
{
    json_t *object = json_object();
    enum kh_err err = object ? put_credential(object, credential, fault)
                             : fault_set(fault, KH_ERR_MEMORY, "memory is used up");
    if (err) {
        json_decref(object);
        return err;
    }
    return admin_put(result, "credential", object, fault);
}

static enum kh_err
credential_show(void *context, const json_t *request, json_t *result, struct fault *fault)
{
    struct authority *authority = context;
    struct credential *credential;
    enum kh_err err =
        credentials_get(&authority->credentials, admin_text(request, "name"), &credential, fault);
    return err ? err : put_credential(result, credential, fault);
}

static enum kh_err
credential_list(void *context, const json_t *request, json_t *result, struct fault *fault)
{
    struct authority *authority = context;
    json_t *array = json_array();
    enum kh_err err = array ? KH_OK : fault_set(fault, KH_ERR_MEMORY, "memory is used up");

    (void)request;
    for (size_t i = 0; !err && i < authority->credentials.count; i++) {
        json_t *object = json_object();
        err = object ? put_credential(object, authority->credentials.item[i], fault)
                     : fault_set(fault, KH_ERR_MEMORY, "memory is used up");
        if (err)
            json_decref(object);
        else if (json_array_append_new(array, object))
            err = fault_set(fault, KH_ERR_MEMORY, "memory is used up");
    }
    if (err) {
        json_decref(array);
        return err;
    }
    return admin_put(result, "credentials", array, fault);
}

// ---- changing ----

struct audit_record
admin_record_of_credential(const char *command, struct bytes name)
{
    return (struct audit_record){
        .kind = AUDIT_ADMIN, .command = bytes_str(command), .credential = name, .subject = name};
}

void
admin_credential_changed(struct authority *authority)
{
    publish_routes_to_all(authority);
    publish_rejudge(authority);
}

static void
erase(struct authority *authority)
{
    struct fault fault = {0};

    if (store_erase_removed(authority->store, &fault))
        log_warning("erase", "%s", fault.detail);
}

enum kh_err
admin_read_ports(const json_t *request, struct store_credential *row, struct buffer *text,
                 struct fault *fault)
{
    const json_t *array = json_object_get(request, "ports"), *value;
    size_t i, start[STORE_LIST_MAX] = {0};

    if (json_array_size(array) > ROUTE_PORTS_MAX)
        return fault_set(fault, KH_ERR_TOO_LONG, "ports: there are more than %d", ROUTE_PORTS_MAX);
    json_array_foreach(array, i, value)
    {
        start[i] = text->n;
        buffer_printf(text, "%lld ", (long long)json_integer_value(value));
    }
    if (text->failed)
        return fault_set(fault, KH_ERR_MEMORY, "memory is used up");
    size_t count = json_array_size(array);
    for (i = 0; i < count; i++) {
        size_t end = i + 1 < count ? start[i + 1] : text->n;
        row->item[STORE_LIST_PORTS][i] = bytes_of(text->p + start[i], end - start[i] - 1);
    }
    row->item_count[STORE_LIST_PORTS] = count;
    return KH_OK;
}

static enum kh_err
read_row(const json_t *request, int64_t now, struct store_credential *row, struct buffer *text,
         struct fault *fault)
{
    struct bytes foreign = admin_text(request, "foreign");
    enum kh_err err = KH_OK;

    *row = (struct store_credential){
        .name = admin_text(request, "name"),
        .preset = admin_text(request, "preset"),
        .inject = admin_text(request, "inject"),
        .upstream_ca = admin_text(request, "upstream_ca"),
        .enabled = true,
        .plain = admin_flag(request, "plain", false),
        .scrub = admin_flag(request, "scrub", true),
        .foreign_pass = bytes_is(foreign, "pass"),
        .created_at = now,
    };
    if (foreign.n > 0 && !row->foreign_pass && !bytes_is(foreign, "refuse"))
        return fault_set(fault, KH_ERR_UNKNOWN, "foreign: it is refuse or pass");
    for (int list = 0; !err && list < STORE_LIST_COUNT; list++) {
        if (list != STORE_LIST_PORTS)
            err = admin_texts(request, store_list_name(list), row->item[list], STORE_LIST_MAX,
                              &row->item_count[list], fault);
    }
    return err ? err : admin_read_ports(request, row, text, fault);
}

static enum kh_err
credential_add(void *context, const json_t *request, json_t *result, struct fault *fault)
{
    struct authority *authority = context;
    struct store_credential row;
    struct credential *credential = NULL;
    BUFFER_AUTO text;

    buffer_init(&text, 1024);
    enum kh_err err = read_row(request, clock_now_s(&authority->clock), &row, &text, fault);
    if (!err)
        err = credential_build(&row, true, &credential, fault);
    if (!err)
        err = injection_check_members(credential, &authority->credentials, fault);
    if (!err)
        err = sealing_check(&authority->credentials, credential, fault);
    if (!err)
        err = change_begin(authority, fault);
    if (err) {
        credential_free(&credential);
        return err;
    }
    struct audit_record record = admin_record_of_credential("credential.add", credential->row.name);
    err = credentials_insert(&authority->credentials, authority->store, authority->seal, credential,
                             admin_text(request, "secret"), fault);
    if (err)
        change_abort(authority);
    else
        err = change_commit(authority, &record, fault);
    if (err) {
        credential_free(&credential);
        return err;
    }
    credentials_adopt(&authority->credentials, credential);
    admin_credential_changed(authority);
    return admin_put_credential(result, credential, fault);
}

// The secret before is kept until then, when its grace is longer than nothing.
static enum kh_err
grace_of(const json_t *request, int64_t now, int64_t *until, struct fault *fault)
{
    int64_t grace_s = admin_number(request, "grace_s");

    if (grace_s < 0 || grace_s > GRACE_MAX_S)
        return fault_set(fault, KH_ERR_RANGE, "grace_s: from 0 to %d", GRACE_MAX_S);
    *until = grace_s == 0 ? 0 : now + grace_s;
    return KH_OK;
}

static enum kh_err
credential_rotate(void *context, const json_t *request, json_t *result, struct fault *fault)
{
    struct authority *authority = context;
    struct credential *credential;
    int64_t until = 0;
    enum kh_err err =
        credentials_get(&authority->credentials, admin_text(request, "name"), &credential, fault);

    if (!err)
        err = grace_of(request, clock_now_s(&authority->clock), &until, fault);
    if (err)
        return err;
    struct audit_record record =
        admin_record_of_credential("credential.rotate", credential->row.name);
    err =
        rotation_apply(authority, credential, admin_text(request, "secret"), until, &record, fault);
    return err ? err : admin_put_credential(result, credential, fault);
}

// The two change places: who went back by mistake can do so again.
static enum kh_err
credential_rotate_back(void *context, const json_t *request, json_t *result, struct fault *fault)
{
    struct authority *authority = context;
    struct credential *credential;
    enum kh_err err =
        credentials_get(&authority->credentials, admin_text(request, "name"), &credential, fault);

    if (err)
        return err;
    if (grace_secret(credential, clock_now_s(&authority->clock)).n == 0)
        return fault_set(fault, KH_ERR_NOT_FOUND,
                         "no earlier secret of %.*s is kept: there was no rotation with a grace "
                         "time, or it is over",
                         BYTES_ARG(credential->row.name));
    struct audit_record record =
        admin_record_of_credential("credential.rotate-back", credential->row.name);
    err = rotation_apply(authority, credential, secret_bytes(credential->previous),
                         credential->previous_until, &record, fault);
    return err ? err : admin_put_credential(result, credential, fault);
}

static enum kh_err
set_enabled(struct authority *authority, const json_t *request, json_t *result, bool enabled,
            struct fault *fault)
{
    struct credential *credential;
    enum kh_err err =
        credentials_get(&authority->credentials, admin_text(request, "name"), &credential, fault);

    if (!err)
        err = change_begin(authority, fault);
    if (err)
        return err;
    struct audit_record record = admin_record_of_credential(
        enabled ? "credential.enable" : "credential.disable", credential->row.name);
    err = store_credential_enable(authority->store, credential->row.id, enabled, fault);
    if (err)
        change_abort(authority);
    else
        err = change_commit(authority, &record, fault);
    if (err)
        return err;
    credentials_take_enabled(credential, enabled);
    admin_credential_changed(authority);
    return admin_put_credential(result, credential, fault);
}

static enum kh_err
credential_enable(void *context, const json_t *request, json_t *result, struct fault *fault)
{
    struct authority *authority = context;
    return set_enabled(authority, request, result, true, fault);
}

static enum kh_err
credential_disable(void *context, const json_t *request, json_t *result, struct fault *fault)
{
    struct authority *authority = context;
    return set_enabled(authority, request, result, false, fault);
}

static enum kh_err
credential_remove(void *context, const json_t *request, json_t *result, struct fault *fault)
{
    struct authority *authority = context;
    struct credential *credential;
    struct revocation ended;
    enum kh_err err =
        credentials_get(&authority->credentials, admin_text(request, "name"), &credential, fault);

    // Should the name come back, with another key, its old tokens must not come back with it.
    if (!err)
        err = revoke_by_operator(
            authority, &(struct revoke_request){.credential = credential->row.name}, &ended, fault);
    if (!err)
        err = admin_put_text(result, "name", admin_text(request, "name"), fault);
    if (!err)
        err = change_begin(authority, fault);
    if (err)
        return err;
    struct audit_record record =
        admin_record_of_credential("credential.remove", credential->row.name);
    err = store_credential_remove(authority->store, credential->row.id, fault);
    if (err)
        change_abort(authority);
    else
        err = change_commit(authority, &record, fault);
    if (err)
        return err;
    credentials_drop(&authority->credentials, credential);
    erase(authority);
    admin_credential_changed(authority);
    return KH_OK;
}

const struct admin_command admin_credential_commands[] = {
    {"credential.add",
     credential_add,
     {{"name", ADMIN_TEXT, true},
      {"secret", ADMIN_TEXT, true},
      {"preset", ADMIN_TEXT, false},
      {"hosts", ADMIN_TEXTS, false},
      {"ports", ADMIN_NUMBERS, false},
      {"slots", ADMIN_TEXTS, false},
      {"inject", ADMIN_TEXT, false},
      {"options", ADMIN_TEXTS, false},
      {"resolve", ADMIN_TEXTS, false},
      {"upstream_ca", ADMIN_TEXT, false},
      {"allow_networks", ADMIN_TEXTS, false},
      {"plain", ADMIN_FLAG, false},
      {"scrub", ADMIN_FLAG, false},
      {"foreign", ADMIN_TEXT, false},
      {"path_exceptions", ADMIN_TEXTS, false}}},
    {"credential.list", credential_list, {{0}}},
    {"credential.show", credential_show, {{"name", ADMIN_TEXT, true}}},
    {"credential.rotate",
     credential_rotate,
     {{"name", ADMIN_TEXT, true}, {"secret", ADMIN_TEXT, true}, {"grace_s", ADMIN_NUMBER, false}}},
    {"credential.rotate-back", credential_rotate_back, {{"name", ADMIN_TEXT, true}}},
    {"credential.disable", credential_disable, {{"name", ADMIN_TEXT, true}}},
    {"credential.enable", credential_enable, {{"name", ADMIN_TEXT, true}}},
    {"credential.remove", credential_remove, {{"name", ADMIN_TEXT, true}}},
    {0},
};
