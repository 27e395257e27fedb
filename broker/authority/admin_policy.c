/* SPDX-License-Identifier: Apache-2.0
 *
 * policy.*: checking, applying, showing and rolling back. What reads the audit log (diff, suggest)
 * is done by the operator's command, so that no decision waits for it.
 */
#include "admin_request.h"

#include "../admin/suggest.h"
#include "policy_version.h"

#include <stdio.h>

enum { POLICY_PATH_MAX = 256, NOTES_MAX = 64, GOT_MAX = 4096 };

// ---- reading ----

// The file's name as the operator knows it, for messages.
static void
read_path(const json_t *request, char out[POLICY_PATH_MAX])
{
    struct bytes name = admin_text(request, "name");
    bool plain = name.n > 0 && name.n < POLICY_PATH_MAX;

    for (size_t i = 0; plain && i < name.n; i++)
        plain = name.p[i] > 0x20 && name.p[i] < 0x7f;
    snprintf(out, POLICY_PATH_MAX, "%.*s", BYTES_ARG(plain ? name : BYTES("policy")));
}

static enum kh_err
read_policy(const json_t *request, char path[POLICY_PATH_MAX], struct policy **out,
            struct fault *fault)
{
    read_path(request, path);
    return policy_read(path, admin_text(request, "text"), out, fault);
}

// ---- notes: what is not wrong, and perhaps not meant ----

static enum kh_err
note_credential(const struct authority *authority, struct bytes rule, struct bytes name,
                json_t *notes, struct fault *fault)
{
    struct suggestion suggestion;

    if (credentials_find(&authority->credentials, name) || json_array_size(notes) >= NOTES_MAX)
        return KH_OK;
    suggest_begin(&suggestion, name);
    for (size_t i = 0; i < authority->credentials.count; i++)
        suggest_offer(&suggestion, authority->credentials.item[i]->row.name);
    BUFFER_AUTO text;
    buffer_init(&text, 512);
    buffer_printf(&text, "%.*s: there is no credential %.*s%s", BYTES_ARG(rule), BYTES_ARG(name),
                  suggest_text(&suggestion));
    return admin_append_text(notes, buffer_bytes(&text), fault);
}

static enum kh_err
note_caveats(const struct authority *authority, struct bytes rule,
             const struct policy_caveat *caveat, size_t count, json_t *notes, struct fault *fault)
{
    enum kh_err err = KH_OK;

    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < caveat[i].caveat->count; k++) {
            const struct predicate *p = &caveat[i].caveat->predicate[k];
            bool names =
                p->operator_kind != OPERATOR_MATCHES && p->operator_kind != OPERATOR_NOT_MATCHES;
            if (p->attribute != ATTRIBUTE_CREDENTIAL || !names)
                continue;
            for (size_t v = 0; !err && v < p->count; v++)
                err = note_credential(authority, rule, p->value[v].text, notes, fault);
        }
    }
    return err;
}

static enum kh_err
put_notes(const struct authority *authority, const struct policy *policy, json_t *result,
          struct fault *fault)
{
    json_t *notes = json_array();
    enum kh_err err = notes ? KH_OK : fault_set(fault, KH_ERR_MEMORY, "memory is used up");

    for (size_t i = 0; !err && policy && i < policy->grant_count; i++) {
        const struct policy_grant *grant = &policy->grant[i];
        for (size_t k = 0; !err && k < grant->credential_count; k++)
            err = note_credential(authority, grant->name, grant->credential[k], notes, fault);
        if (!err)
            err = note_caveats(authority, grant->name, grant->caveat, grant->caveat_count, notes,
                               fault);
    }
    for (size_t i = 0; !err && policy && i < policy->forbid_count; i++)
        err = note_caveats(authority, policy->forbid[i].name, policy->forbid[i].when,
                           policy->forbid[i].when_count, notes, fault);
    if (err) {
        json_decref(notes);
        return err;
    }
    return admin_put(result, "notes", notes, fault);
}

// ---- writing ----

static enum kh_err
put_lines(json_t *result, const char *name, struct bytes lines, struct fault *fault)
{
    json_t *array = json_array();
    struct bytes line;
    enum kh_err err = array ? KH_OK : fault_set(fault, KH_ERR_MEMORY, "memory is used up");

    while (!err && bytes_cut(&lines, '\n', &line)) {
        if (line.n > 0)
            err = admin_append_text(array, line, fault);
    }
    if (err) {
        json_decref(array);
        return err;
    }
    return admin_put(result, name, array, fault);
}

static enum kh_err
put_counts(const struct policy *policy, json_t *result, struct fault *fault)
{
    enum kh_err err = admin_put_number(result, "grants", (int64_t)policy->grant_count, fault);

    if (!err)
        err = admin_put_number(result, "forbids", (int64_t)policy->forbid_count, fault);
    if (!err)
        err = admin_put_number(result, "groups", (int64_t)policy->group_count, fault);
    return err ? err : admin_put_number(result, "tests", (int64_t)policy->test_count, fault);
}

// ---- check, test ----

static enum kh_err
policy_check(void *context, const json_t *request, json_t *result, struct fault *fault)
{
    struct authority *authority = context;
    char path[POLICY_PATH_MAX];
    struct policy *policy = NULL;
    size_t passed = 0;
    BUFFER_AUTO changes;
    enum kh_err err = read_policy(request, path, &policy, fault);

    buffer_init(&changes, POLICY_CHANGES_MAX);
    if (!err)
        err = policy_tests_run(policy, path, &passed, fault);
    if (!err) {
        policy_print_changes(authority->policy, policy, &changes);
        err = put_counts(policy, result, fault);
    }
    if (!err)
        err = put_notes(authority, policy, result, fault);
    if (!err)
        err = put_lines(result, "changes", buffer_bytes(&changes), fault);
    policy_free(&policy);
    return err;
}

static enum kh_err
append_test(const struct policy *policy, const struct policy_test *test, json_t *array,
            int64_t *failed, struct fault *fault)
{
    json_t *object = json_object();

    if (object == NULL || json_array_append_new(array, object))
        return fault_set(fault, KH_ERR_MEMORY, "memory is used up");
    BUFFER_AUTO got;
    buffer_init(&got, GOT_MAX);
    bool passes = policy_test_run(policy, test, &got);
    *failed += !passes;
    enum kh_err err = admin_put_number(object, "line", (int64_t)test->line, fault);
    if (!err)
        err = admin_put_text(object, "request", test->request, fault);
    if (!err)
        err = admin_put_text(object, "user", test->user, fault);
    if (!err)
        err = admin_put_text(object, "expect", test->expect, fault);
    if (!err)
        err = admin_put_text(object, "got", buffer_bytes(&got), fault);
    return err ? err : admin_put(object, "passes", json_boolean(passes), fault);
}

static enum kh_err
put_tests(const struct policy *policy, json_t *result, struct fault *fault)
{
    json_t *array = json_array();
    int64_t failed = 0;
    enum kh_err err = array ? KH_OK : fault_set(fault, KH_ERR_MEMORY, "memory is used up");

    for (size_t i = 0; !err && i < policy->test_count; i++)
        err = append_test(policy, &policy->test[i], array, &failed, fault);
    if (err) {
        json_decref(array);
        return err;
    }
    err = admin_put(result, "tests", array, fault);
    if (!err)
        err = admin_put_number(result, "passed", (int64_t)policy->test_count - failed, fault);
    return err ? err : admin_put_number(result, "failed", failed, fault);
}

static enum kh_err
policy_test(void *context, const json_t *request, json_t *result, struct fault *fault)
{
    struct authority *authority = context;
    char path[POLICY_PATH_MAX];
    struct policy *policy = NULL;

    if (!admin_has(request, "text"))
        return authority->policy
                   ? put_tests(authority->policy, result, fault)
                   : fault_set(fault, KH_ERR_NOT_FOUND, "there is no policy in force");
    enum kh_err err = read_policy(request, path, &policy, fault);
    if (!err)
        err = put_tests(policy, result, fault);
    policy_free(&policy);
    return err;
}

// ---- apply, rollback ----

static enum kh_err
apply(struct authority *authority, const struct policy_version_request *request, json_t *result,
      struct fault *fault)
{
    BUFFER_AUTO changes;

    buffer_init(&changes, POLICY_CHANGES_MAX);
    enum kh_err err = policy_version_apply(authority, request, &changes, fault);
    if (!err)
        err = admin_put_number(result, "version", authority->policy_version, fault);
    if (!err)
        err =
            admin_put_number(result, "passed",
                             authority->policy ? (int64_t)authority->policy->test_count : 0, fault);
    if (!err)
        err = put_lines(result, "changes", buffer_bytes(&changes), fault);
    return err ? err : put_notes(authority, authority->policy, result, fault);
}

static enum kh_err
policy_apply(void *context, const json_t *request, json_t *result, struct fault *fault)
{
    struct authority *authority = context;
    char path[POLICY_PATH_MAX];
    struct policy_version_request wanted = {
        .path = path,
        .text = admin_text(request, "text"),
        .comment = admin_text(request, "comment"),
        .restores = -1,
    };

    read_path(request, path);
    // An empty text is no policy at all, and that is said by name: roll back to version 0.
    if (wanted.text.n == 0)
        return fault_set(fault, KH_ERR_CONFIG, "%s:1: the policy is empty", path);
    return apply(authority, &wanted, result, fault);
}

static enum kh_err
policy_rollback(void *context, const json_t *request, json_t *result, struct fault *fault)
{
    struct authority *authority = context;
    char path[64];
    int64_t number = admin_number(request, "version");
    BUFFER_AUTO text;

    buffer_init(&text, POLICY_TEXT_MAX);
    enum kh_err err = policy_version_text(authority, number, &text, fault);
    if (err)
        return err;
    snprintf(path, sizeof path, "policy version %lld", (long long)number);
    const struct policy_version_request wanted = {
        .path = path,
        .text = buffer_bytes(&text),
        .comment = admin_text(request, "comment"),
        .restores = number,
    };
    return apply(authority, &wanted, result, fault);
}

// ---- show, list ----

struct showing {
    const struct authority *authority;
    json_t *array; // or
    json_t *object;
};

static enum kh_err
put_version(const struct authority *authority, const struct store_policy *row, json_t *object,
            struct fault *fault)
{
    enum kh_err err = admin_put_number(object, "version", row->number, fault);

    if (!err)
        err = admin_put(object, "active", json_boolean(row->number == authority->policy_version),
                        fault);
    if (!err)
        err = admin_put_time(object, "applied_at", row->applied_at, fault);
    if (!err)
        err = admin_put_number(object, "uid", row->uid, fault);
    if (!err && row->comment.n > 0)
        err = admin_put_text(object, "comment", row->comment, fault);
    if (!err && row->restores >= 0)
        err = admin_put_number(object, "restores", row->restores, fault);
    return err ? err : put_lines(object, "changes", row->changes, fault);
}

static enum kh_err
list_row(void *context, const struct store_policy *row, struct fault *fault)
{
    struct showing *showing = context;
    json_t *object = json_object();

    if (object == NULL || json_array_append_new(showing->array, object))
        return fault_set(fault, KH_ERR_MEMORY, "memory is used up");
    return put_version(showing->authority, row, object, fault);
}

static enum kh_err
show_row(void *context, const struct store_policy *row, struct fault *fault)
{
    struct showing *showing = context;
    enum kh_err err = put_version(showing->authority, row, showing->object, fault);

    return err ? err : admin_put_text(showing->object, "text", row->text, fault);
}

static enum kh_err
policy_list(void *context, const json_t *request, json_t *result, struct fault *fault)
{
    struct authority *authority = context;
    struct showing showing = {.authority = authority, .array = json_array()};
    enum kh_err err = showing.array ? KH_OK : fault_set(fault, KH_ERR_MEMORY, "memory is used up");

    (void)request;
    if (!err)
        err = store_policy_each(authority->store, -1, list_row, &showing, fault);
    if (err) {
        json_decref(showing.array);
        return err;
    }
    err = admin_put_number(result, "active", authority->policy_version, fault);
    if (err) {
        json_decref(showing.array);
        return err;
    }
    return admin_put(result, "versions", showing.array, fault);
}

static enum kh_err
policy_show(void *context, const json_t *request, json_t *result, struct fault *fault)
{
    struct authority *authority = context;
    struct showing showing = {.authority = authority, .object = result};
    int64_t number = admin_has(request, "version") ? admin_number(request, "version")
                                                   : authority->policy_version;

    if (number == 0) { // before the first
        enum kh_err err = admin_put_number(result, "version", 0, fault);
        if (!err)
            err = admin_put(result, "active", json_boolean(authority->policy_version == 0), fault);
        return err ? err : admin_put_text(result, "text", BYTES_EMPTY, fault);
    }
    if (number < 0 || number > authority->policy_version)
        return fault_set(fault, KH_ERR_NOT_FOUND,
                         "there is no version %lld of the policy; the newest is %lld",
                         (long long)number, (long long)authority->policy_version);
    return store_policy_each(authority->store, number, show_row, &showing, fault);
}

const struct admin_command admin_policy_commands[] = {
    {"policy.check", policy_check, {{"text", ADMIN_TEXT, true}, {"name", ADMIN_TEXT, false}}},
    {"policy.test", policy_test, {{"text", ADMIN_TEXT, false}, {"name", ADMIN_TEXT, false}}},
    {"policy.apply",
     policy_apply,
     {{"text", ADMIN_TEXT, true}, {"name", ADMIN_TEXT, false}, {"comment", ADMIN_TEXT, false}}},
    {"policy.rollback",
     policy_rollback,
     {{"version", ADMIN_NUMBER, true}, {"comment", ADMIN_TEXT, false}}},
    {"policy.show", policy_show, {{"version", ADMIN_NUMBER, false}}},
    {"policy.list", policy_list, {{0}}},
    {0},
};
