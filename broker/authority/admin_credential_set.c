/* SPDX-License-Identifier: Apache-2.0
 *
 * credential.set: a credential with other settings and the same secret. What is built from them
 * goes through the checks of a new one, so that nothing can be set that could not have been added;
 * what other credentials ask of this one has to hold as well.
 */
#include "admin_request.h"

#include "../admin/suggest.h"
#include "credential_answer.h"
#include "credential_change.h"
#include "inject.h"
#include "sealing.h"

#include <string.h>

enum { CHANGES_TEXT_MAX = 65536 };

// ---- the settings ----

static struct bytes
option_name(struct bytes item)
{
    return bytes_slice(item, 0, bytes_index(item, '='));
}

static bool
names_option(const struct bytes *list, size_t count, struct bytes name)
{
    for (size_t i = 0; i < count; i++) {
        if (bytes_equal(option_name(list[i]), name))
            return true;
    }
    return false;
}

static enum kh_err
check_unset(const struct store_credential *old, const struct bytes *unset, size_t unset_count,
            const struct bytes *given, size_t given_count, struct fault *fault)
{
    for (size_t i = 0; i < unset_count; i++) {
        struct suggestion suggestion;
        const struct bytes *options = old->item[STORE_LIST_OPTIONS];
        if (names_option(given, given_count, unset[i]))
            return fault_set(fault, KH_ERR_USAGE, "unset: %.*s is given a value as well",
                             (int)(unset[i].n < 64 ? unset[i].n : 64), (const char *)unset[i].p);
        if (names_option(options, old->item_count[STORE_LIST_OPTIONS], unset[i]))
            continue;
        suggest_begin(&suggestion, unset[i]);
        for (size_t j = 0; j < old->item_count[STORE_LIST_OPTIONS]; j++)
            suggest_offer(&suggestion, option_name(options[j]));
        return fault_set(fault, KH_ERR_NOT_FOUND, "unset: it has no such option%s",
                         suggest_text(&suggestion));
    }
    return KH_OK;
}

// Those that are not named stay, where they are.
static enum kh_err
read_options(const json_t *request, const struct store_credential *old,
             struct store_credential *row, struct fault *fault)
{
    struct bytes given[STORE_LIST_MAX], unset[STORE_LIST_MAX];
    size_t given_count, unset_count, n = 0;
    enum kh_err err = admin_texts(request, "options", given, STORE_LIST_MAX, &given_count, fault);

    if (!err)
        err = admin_texts(request, "unset", unset, STORE_LIST_MAX, &unset_count, fault);
    if (!err)
        err = check_unset(old, unset, unset_count, given, given_count, fault);
    if (err)
        return err;
    for (size_t i = 0; i < old->item_count[STORE_LIST_OPTIONS]; i++) {
        struct bytes item = old->item[STORE_LIST_OPTIONS][i], name = option_name(item);
        if (!names_option(unset, unset_count, name) && !names_option(given, given_count, name))
            row->item[STORE_LIST_OPTIONS][n++] = item;
    }
    if (given_count > STORE_LIST_MAX - n)
        return fault_set(fault, KH_ERR_TOO_LONG, "options: there are too many");
    for (size_t i = 0; i < given_count; i++)
        row->item[STORE_LIST_OPTIONS][n++] = given[i];
    row->item_count[STORE_LIST_OPTIONS] = n;
    return KH_OK;
}

static enum kh_err
read_lists(const json_t *request, struct store_credential *row, struct buffer *text,
           struct fault *fault)
{
    enum kh_err err = KH_OK;

    for (int list = 0; !err && list < STORE_LIST_COUNT; list++) {
        const char *name = store_list_name(list);
        if (list == STORE_LIST_OPTIONS || !admin_has(request, name))
            continue;
        err = list == STORE_LIST_PORTS ? admin_read_ports(request, row, text, fault)
                                       : admin_texts(request, name, row->item[list], STORE_LIST_MAX,
                                                     &row->item_count[list], fault);
    }
    return err;
}

// What is left out stays as it is.
static enum kh_err
read_row(const json_t *request, const struct credential *credential, struct store_credential *row,
         struct buffer *text, struct fault *fault)
{
    struct bytes foreign = admin_text(request, "foreign");

    *row = credential->row;
    if (admin_has(request, "inject"))
        row->inject = admin_text(request, "inject");
    if (admin_has(request, "upstream_ca"))
        row->upstream_ca = admin_text(request, "upstream_ca");
    row->plain = admin_flag(request, "plain", row->plain);
    row->scrub = admin_flag(request, "scrub", row->scrub);
    if (admin_has(request, "foreign")) {
        row->foreign_pass = bytes_is(foreign, "pass");
        if (!row->foreign_pass && !bytes_is(foreign, "refuse"))
            return fault_set(fault, KH_ERR_UNKNOWN, "foreign: it is refuse or pass");
    }
    enum kh_err err = read_lists(request, row, text, fault);
    return err ? err : read_options(request, &credential->row, row, fault);
}

// ---- whether that can be ----

// A set has no secret, and what has one is no set: neither becomes the other.
static enum kh_err
check_secret(const struct credential *old, const struct credential *fresh, struct fault *fault)
{
    bool was = old->route.inject_kind == INJECT_SEVERAL;

    if (was != (fresh->route.inject_kind == INJECT_SEVERAL))
        return fault_set(fault, KH_ERR_USAGE, "inject: %s: remove the credential, and add it anew",
                         was ? "a set has no secret of its own that could be put on a request"
                             : "the secret would be of no use in a set");
    enum kh_err err = credential_check_secret(fresh, secret_bytes(old->secret), fault);
    if (err)
        fault_prefix(fault, "inject: the secret that is stored is none of that kind: ");
    return err;
}

// Sets that it is one of, and credentials whose answers bring it a secret.
static enum kh_err
check_others(const struct credentials *all, const struct credential *fresh, struct fault *fault)
{
    enum kh_err err = KH_OK;

    for (size_t i = 0; !err && i < all->count; i++) {
        const struct credential *other = all->item[i];
        if (injection_has_member(other, fresh->row.name))
            err = injection_check_members(other, all, fault);
        if (!err && other != fresh && bytes_equal(credential_seals_for(other), fresh->row.name))
            err = sealing_check(all, other, fault);
        if (err)
            fault_prefix(fault, "credential %.*s would not work: ", BYTES_ARG(other->row.name));
    }
    return err;
}

// The table is as it would be while they are looked at.
static enum kh_err
check(struct credentials *all, struct credential *old, struct credential *fresh,
      struct fault *fault)
{
    enum kh_err err = check_secret(old, fresh, fault);
    size_t place = 0;

    if (!err)
        err = sealing_check(all, fresh, fault);
    if (err)
        return err;
    while (place < all->count && all->item[place] != old)
        place++;
    if (place == all->count)
        return fault_set(fault, KH_ERR_INTERNAL, "the credential is gone");
    all->item[place] = fresh;
    err = injection_check_members(fresh, all, fault);
    if (!err)
        err = check_others(all, fresh, fault);
    all->item[place] = old;
    return err;
}

// ---- the command ----

static void
put_detail(struct buffer *out, struct bytes changes)
{
    struct bytes line;

    while (bytes_cut(&changes, '\n', &line)) {
        if (out->n > 0)
            buffer_put_str(out, "; ");
        buffer_put(out, line);
    }
}

static enum kh_err
write_change(struct authority *authority, const struct credential *fresh, struct bytes changes,
             struct fault *fault)
{
    struct audit_record record = admin_record_of_credential("credential.set", fresh->row.name);
    BUFFER_AUTO detail;

    buffer_init(&detail, 2 * CHANGES_TEXT_MAX);
    put_detail(&detail, changes);
    if (detail.failed)
        return fault_set(fault, KH_ERR_MEMORY, "memory is used up");
    enum kh_err err = change_begin(authority, fault);
    if (err)
        return err;
    record.detail = buffer_bytes(&detail);
    err = store_credential_update(authority->store, &fresh->row, fault);
    if (err)
        change_abort(authority);
    else
        err = change_commit(authority, &record, fault);
    return err;
}

static enum kh_err
put_changes(json_t *result, struct bytes changes, struct fault *fault)
{
    json_t *array = json_array();
    enum kh_err err = array ? KH_OK : fault_set(fault, KH_ERR_MEMORY, "memory is used up");
    struct bytes rest = changes, line;

    while (!err && bytes_cut(&rest, '\n', &line))
        err = admin_append_text(array, line, fault);
    if (err) {
        json_decref(array);
        return err;
    }
    return admin_put(result, "changes", array, fault);
}

static enum kh_err
apply(struct authority *authority, const json_t *request, struct credential *credential,
      json_t *result, struct fault *fault)
{
    struct store_credential row;
    struct credential *fresh = NULL;
    BUFFER_AUTO ports, changes;

    buffer_init(&ports, 1024);
    buffer_init(&changes, CHANGES_TEXT_MAX);
    enum kh_err err = read_row(request, credential, &row, &ports, fault);
    if (!err)
        err = credential_build(&row, false, &fresh, fault);
    if (!err)
        err = check(&authority->credentials, credential, fresh, fault);
    if (!err)
        err = credential_change_print(&credential->row, &fresh->row, &changes, fault);
    if (!err)
        err = put_changes(result, buffer_bytes(&changes), fault);
    if (!err && changes.n > 0)
        err = write_change(authority, fresh, buffer_bytes(&changes), fault);
    if (!err && changes.n > 0) {
        credentials_take_changed(&authority->credentials, credential, &fresh);
        admin_credential_changed(authority);
    }
    credential_free(&fresh);
    return err;
}

static enum kh_err
credential_set(void *context, const json_t *request, json_t *result, struct fault *fault)
{
    struct authority *authority = context;
    struct bytes name = admin_text(request, "name");
    struct credential *credential;
    enum kh_err err = credentials_get(&authority->credentials, name, &credential, fault);

    if (!err && json_object_size(request) <= 2) // "command" and "name"
        err = fault_set(fault, KH_ERR_USAGE, "say what is to be changed");
    if (!err)
        err = apply(authority, request, credential, result, fault);
    if (!err)
        err = credentials_get(&authority->credentials, name, &credential, fault);
    return err ? err : admin_put_credential(result, credential, fault);
}

const struct admin_command admin_set_commands[] = {
    {"credential.set",
     credential_set,
     {{"name", ADMIN_TEXT, true},
      {"hosts", ADMIN_TEXTS, false},
      {"ports", ADMIN_NUMBERS, false},
      {"slots", ADMIN_TEXTS, false},
      {"inject", ADMIN_TEXT, false},
      {"options", ADMIN_TEXTS, false},
      {"unset", ADMIN_TEXTS, false},
      {"resolve", ADMIN_TEXTS, false},
      {"upstream_ca", ADMIN_TEXT, false},
      {"allow_networks", ADMIN_TEXTS, false},
      {"plain", ADMIN_FLAG, false},
      {"scrub", ADMIN_FLAG, false},
      {"foreign", ADMIN_TEXT, false},
      {"path_exceptions", ADMIN_TEXTS, false}}},
    {0},
};
