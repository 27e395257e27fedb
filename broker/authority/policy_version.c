/* SPDX-License-Identifier: Apache-2.0
 *
 * Versions of the policy: what is in the database, and what is in force.
 */
#include "policy_version.h"

#include <stdio.h>

// ---- the start ----

static enum kh_err
load_row(void *context, const struct store_policy *row, struct fault *fault)
{
    struct authority *authority = context;
    char path[64];

    authority->policy_version = row->number;
    if (row->text.n == 0)
        return KH_OK;
    snprintf(path, sizeof path, "policy version %lld", (long long)row->number);
    return policy_read(path, row->text, &authority->policy, fault);
}

enum kh_err
policy_version_load(struct authority *authority, struct fault *fault)
{
    int64_t newest = 0;
    enum kh_err err = store_policy_newest(authority->store, &newest, fault);

    if (err || newest == 0)
        return err;
    return store_policy_each(authority->store, newest, load_row, authority, fault);
}

// ---- a change ----

// Its own tests are run: what they say of it must be so.
static enum kh_err
read_and_test(const struct policy_version_request *request, struct policy **out,
              struct fault *fault)
{
    size_t passed;
    struct policy *policy = NULL;

    if (request->text.n == 0) // rolled back to before the first
        return KH_OK;
    enum kh_err err = policy_read(request->path, request->text, &policy, fault);
    if (!err)
        err = policy_tests_run(policy, request->path, &passed, fault);
    if (err)
        policy_free(&policy);
    else
        *out = policy;
    return err;
}

static enum kh_err
insert(struct authority *authority, const struct policy_version_request *request, int64_t number,
       const struct buffer *changes, struct fault *fault)
{
    struct store_policy row = {
        .number = number,
        .text = request->text,
        .uid = authority->actor_uid,
        .applied_at = clock_now_s(&authority->clock),
        .comment = request->comment,
        .changes = buffer_bytes(changes),
        .restores = request->restores,
    };
    return store_policy_insert(authority->store, &row, fault);
}

static enum kh_err
record_and_commit(struct authority *authority, const struct policy_version_request *request,
                  int64_t number, const struct buffer *changes, struct fault *fault)
{
    enum kh_err err = change_begin(authority, fault);

    if (err)
        return err;
    char subject[128];
    int n = snprintf(subject, sizeof subject, "policy version %lld", (long long)number);
    if (request->restores >= 0)
        snprintf(subject + n, sizeof subject - (size_t)n, ", as version %lld was",
                 (long long)request->restores);
    struct audit_record record = {
        .kind = AUDIT_ADMIN,
        .command = request->restores >= 0 ? BYTES("policy.rollback") : BYTES("policy.apply"),
        .subject = bytes_str(subject),
        .detail = request->comment,
    };
    err = insert(authority, request, number, changes, fault);
    if (err) {
        change_abort(authority);
        return err;
    }
    return change_commit(authority, &record, fault);
}

static enum kh_err
check_comment(struct bytes comment, struct fault *fault)
{
    if (comment.n > POLICY_COMMENT_MAX)
        return fault_set(fault, KH_ERR_TOO_LONG, "comment: at most %d bytes", POLICY_COMMENT_MAX);
    for (size_t i = 0; i < comment.n; i++) {
        if (comment.p[i] < 0x20 || comment.p[i] == 0x7f)
            return fault_set(fault, KH_ERR_SYNTAX, "comment: one line of text");
    }
    return KH_OK;
}

enum kh_err
policy_version_apply(struct authority *authority, const struct policy_version_request *request,
                     struct buffer *changes, struct fault *fault)
{
    struct policy *policy = NULL;
    int64_t number = authority->policy_version + 1;
    enum kh_err err = check_comment(request->comment, fault);

    if (!err)
        err = read_and_test(request, &policy, fault);
    if (err)
        return err;
    policy_print_changes(authority->policy, policy, changes);
    if (changes->failed)
        err = fault_set(fault, KH_ERR_TOO_LONG, "there are too many changes at once");
    if (!err)
        err = record_and_commit(authority, request, number, changes, fault);
    if (err) {
        policy_free(&policy);
        return err;
    }
    policy_free(&authority->policy);
    authority->policy = policy;
    authority->policy_version = number;
    publish_rejudge(authority);
    return KH_OK;
}

// ---- reading one back ----

static enum kh_err
copy_text(void *context, const struct store_policy *row, struct fault *fault)
{
    struct buffer *out = context;

    buffer_put(out, row->text);
    return out->failed ? fault_set(fault, KH_ERR_MEMORY, "memory is used up") : KH_OK;
}

enum kh_err
policy_version_text(struct authority *authority, int64_t number, struct buffer *out,
                    struct fault *fault)
{
    if (number < 0 || number > authority->policy_version)
        return fault_set(fault, KH_ERR_NOT_FOUND,
                         "there is no version %lld of the policy; the newest is %lld",
                         (long long)number, (long long)authority->policy_version);
    return store_policy_each(authority->store, number, copy_text, out, fault);
}
