/* SPDX-License-Identifier: Apache-2.0 */
/* keyholed policy diff, suggest: policies and the audit log, which is read here, without the
 * broker. */
#include "policy_log.h"

#include "admin.h"
#include "audit_filter.h"
#include "audit_lines.h"
#include "policy_diff.h"
#include "policy_file.h"
#include "policy_suggest.h"
#include "recover.h"
#include "values.h"

#include <stdio.h>
#include <time.h>

typedef enum kh_err record_fn(void *context, const json_t *record, struct fault *fault);

static enum kh_err
each_record(const struct invocation *invocation, const struct audit_filter *filter, record_fn *fn,
            void *context, struct fault *fault)
{
    struct audit_lines lines;
    struct bytes line;
    bool more = true;
    recover_mention(invocation->directory);
    enum kh_err err = audit_lines_open(invocation->directory, &lines, fault);
    if (err != KH_OK)
        return err;
    if (filter->since != INT64_MIN)
        err = audit_lines_seek_time(&lines, filter->since, fault);
    while (err == KH_OK && more) {
        err = audit_lines_next(&lines, &line, &more, fault);
        if (err != KH_OK || !more)
            break;
        json_t *record = json_loadb((const char *)line.p, line.n, JSON_ALLOW_NUL, NULL);
        if (json_is_object(record) && audit_filter_fits(filter, record))
            err = fn(context, record, fault);
        json_decref(record);
    }
    audit_lines_close(&lines);
    return err;
}

static enum operator_exit
read_since(const struct invocation *invocation, const char *standard, struct audit_filter *filter)
{
    struct fault fault = {0};
    const char *since = invocation_value(invocation, "since");
    audit_filter_init(filter);
    if (value_time_or_ago(since != NULL ? since : standard, (int64_t)time(NULL), &filter->since,
                          &fault) != KH_OK)
        return usage_fault(invocation, "--since: %s", fault.detail);
    return EXIT_DONE;
}

static enum operator_exit
log_fault(enum kh_err err, const struct fault *fault)
{
    (void)command_failed("%s", fault->detail);
    return err == KH_ERR_PERMISSION ? EXIT_DENIED : EXIT_FAILED;
}

static enum kh_err
add_to_diff(void *context, const json_t *record, struct fault *fault)
{
    return policy_diff_add(context, record, fault);
}

enum operator_exit
policy_log_diff(const struct invocation *invocation)
{
    struct policy_file file;
    struct audit_filter filter;
    struct policy_diff diff;
    struct fault fault = {0};
    enum operator_exit status = read_since(invocation, "24h", &filter);
    if (status != EXIT_DONE)
        return status;
    if (!policy_file_read(invocation->operand[0], &file)) {
        policy_file_free(&file);
        return EXIT_FAILED;
    }
    policy_diff_init(&diff, file.policy);
    enum kh_err err = each_record(invocation, &filter, add_to_diff, &diff, &fault);
    if (err != KH_OK) {
        status = log_fault(err, &fault);
    } else if (invocation->json) {
        json_t *result = policy_diff_json(&diff);
        admin_print_json(result);
        json_decref(result);
    } else {
        policy_diff_show(stdout, &diff);
    }
    policy_diff_free(&diff);
    policy_file_free(&file);
    return status;
}

static enum kh_err
add_to_suggestion(void *context, const json_t *record, struct fault *fault)
{
    return policy_suggest_add(context, record, fault);
}

enum operator_exit
policy_log_suggest(const struct invocation *invocation)
{
    struct audit_filter filter;
    struct policy_suggest suggest;
    struct policy *policy = NULL;
    struct fault fault = {0};
    size_t passed;
    const char *user = invocation_value(invocation, "user");
    enum operator_exit status = read_since(invocation, "7d", &filter);
    if (status != EXIT_DONE)
        return status;
    if (user == NULL)
        return usage_fault(invocation, "--user is missing");
    BUFFER_AUTO text;
    buffer_init(&text, POLICY_TEXT_MAX);
    audit_filter_add(&filter, "user", user);
    policy_suggest_init(&suggest, bytes_str(user));
    enum kh_err err = each_record(invocation, &filter, add_to_suggestion, &suggest, &fault);
    if (err == KH_OK)
        err = policy_suggest_print(&suggest, &text, &fault);
    // What is handed out was read the way that it will be, and does what it says.
    if (err == KH_OK)
        err = policy_read("suggestion", buffer_bytes(&text), &policy, &fault);
    if (err == KH_OK)
        err = policy_tests_run(policy, "suggestion", &passed, &fault);
    if (err == KH_OK)
        fputs(buffer_text(&text), stdout);
    else
        status = log_fault(err, &fault);
    policy_free(&policy);
    policy_suggest_free(&suggest);
    return status;
}
