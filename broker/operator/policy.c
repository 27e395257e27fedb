/* SPDX-License-Identifier: Apache-2.0 */
/* keyholed policy …: what needs the broker asks it, what is in a file is judged here. */
#include "admin.h"
#include "policy_file.h"
#include "policy_log.h"
#include "terminal.h"
#include "values.h"

#include <stdio.h>
#include <string.h>

/* ---- what is shown of an answer ---- */

static void
say_list(const json_t *result, const char *member, const char *before)
{
    const json_t *list = json_object_get(result, member), *item;
    size_t i;
    json_array_foreach(list, i, item)
    {
        fputs(before, stderr);
        terminal_print_safe(stderr, json_string_value(item) ? json_string_value(item) : "");
        fputc('\n', stderr);
    }
}

static void
put_file(struct admin_request *request, const struct policy_file *file)
{
    admin_request_init(request);
    admin_put_bytes(request, "text", buffer_bytes(&file->text));
    admin_put_text(request, "name", file->name);
}

/* ---- check and test: with and without a broker ---- */

static enum operator_exit
check_run(const struct invocation *invocation)
{
    struct policy_file file;
    struct fault fault = {0};
    size_t passed = 0;
    json_t *result = NULL;
    enum operator_exit status = EXIT_FAILED;
    if (policy_file_read(invocation->operand[0], &file)) {
        if (policy_tests_run(file.policy, file.name, &passed, &fault) != KH_OK) {
            status = command_failed("%s", fault.detail);
        } else {
            struct admin_request request;
            put_file(&request, &file);
            // Credentials are known to a running broker alone; without one there is no more to say.
            if (admin_ask_request_quietly(invocation->directory, "policy.check", &request,
                                          &result) == KH_OK)
                say_list(result, "notes", "note: ");
            fprintf(stderr, "%s: fine: %zu grants, %zu forbids, %zu tests passed\n", file.name,
                    file.policy->grant_count, file.policy->forbid_count, passed);
            status = EXIT_DONE;
        }
    }
    if (status == EXIT_DONE && invocation->json) {
        json_t *object =
            json_pack("{s:I, s:I, s:I, s:O*}", "grants", (json_int_t)file.policy->grant_count,
                      "forbids", (json_int_t)file.policy->forbid_count, "tests", (json_int_t)passed,
                      "notes", json_object_get(result, "notes"));
        admin_print_json(object);
        json_decref(object);
    }
    json_decref(result);
    policy_file_free(&file);
    return status;
}

static void
show_test(const char *name, const struct policy_test *test, size_t number, bool passes,
          const char *got)
{
    fprintf(stdout, "%s%s%s  %s:%zu  ", terminal_colour(stdout, passes ? COLOUR_GOOD : COLOUR_BAD),
            passes ? "ok  " : "FAIL", terminal_colour(stdout, COLOUR_NONE), name, test->line);
    BUFFER_AUTO text;
    buffer_init(&text, 65536);
    buffer_printf(&text, "test %zu: %.*s, %.*s: %.*s", number, BYTES_ARG(test->request),
                  BYTES_ARG(test->user), BYTES_ARG(test->expect));
    if (!passes)
        buffer_printf(&text, "; got %s", got);
    terminal_print_safe(stdout, buffer_text(&text));
    putchar('\n');
}

static enum operator_exit
run_tests(const struct invocation *invocation, const char *name, const struct policy *policy)
{
    json_t *array = json_array();
    size_t failed = 0;
    for (size_t i = 0; i < policy->test_count; i++) {
        const struct policy_test *test = &policy->test[i];
        BUFFER_AUTO got;
        buffer_init(&got, 16384);
        bool passes = policy_test_run(policy, test, &got);
        failed += !passes;
        if (invocation->json)
            (void)json_array_append_new(array, json_pack("{s:I, s:s%, s:s%, s:s%, s:s, s:b}",
                                                         "line", (json_int_t)test->line, "request",
                                                         test->request.p, test->request.n, "user",
                                                         test->user.p, test->user.n, "expect",
                                                         test->expect.p, test->expect.n, "got",
                                                         buffer_text(&got), "passes", passes));
        else
            show_test(name, test, i + 1, passes, buffer_text(&got));
    }
    size_t passed = policy->test_count - failed;
    if (invocation->json) {
        json_t *object = json_pack("{s:I, s:I, s:O}", "passed", (json_int_t)passed, "failed",
                                   (json_int_t)failed, "tests", array);
        admin_print_json(object);
        json_decref(object);
    }
    json_decref(array);
    fprintf(stderr, "%zu passed, %zu failed\n", passed, failed);
    return failed == 0 ? EXIT_DONE : EXIT_FAILED;
}

// The policy in force, from the broker.
static enum operator_exit
read_active(const struct invocation *invocation, struct policy **out)
{
    struct admin_request request;
    struct fault fault = {0};
    json_t *result = NULL;
    admin_request_init(&request);
    enum operator_exit status = admin_ask(invocation->directory, "policy.show", &request, &result);
    if (status == EXIT_DONE && admin_text(result, "text")[0] == '\0')
        status = command_failed("there is no policy in force");
    else if (status == EXIT_DONE &&
             policy_read("policy", bytes_str(admin_text(result, "text")), out, &fault) != KH_OK)
        status = command_failed("%s", fault.detail);
    json_decref(result);
    return status;
}

static enum operator_exit
test_run(const struct invocation *invocation)
{
    struct policy *active = NULL;
    struct policy_file file;
    if (invocation->operand_count == 0) {
        enum operator_exit status = read_active(invocation, &active);
        if (status == EXIT_DONE)
            status = run_tests(invocation, "policy", active);
        policy_free(&active);
        return status;
    }
    enum operator_exit status = EXIT_FAILED;
    if (policy_file_read(invocation->operand[0], &file))
        status = run_tests(invocation, file.name, file.policy);
    policy_file_free(&file);
    return status;
}

/* ---- apply, rollback ---- */

static void
tell_applied(const struct invocation *invocation, json_t *result)
{
    (void)invocation;
    say_list(result, "changes", "  ");
    say_list(result, "notes", "note: ");
    fprintf(stderr, "policy version %lld is in force, for tokens already out there too\n",
            (long long)admin_number(result, "version"));
}

static enum operator_exit
ask_and_show(const struct invocation *invocation, const char *command,
             struct admin_request *request)
{
    json_t *result = NULL;
    enum operator_exit status = admin_ask(invocation->directory, command, request, &result);
    return admin_show(invocation, status, result, tell_applied);
}

static enum operator_exit
apply_run(const struct invocation *invocation)
{
    struct policy_file file;
    enum operator_exit status = EXIT_FAILED;
    if (policy_file_read(invocation->operand[0], &file)) {
        struct admin_request request;
        put_file(&request, &file);
        admin_put_text(&request, "comment", invocation_value(invocation, "comment"));
        status = ask_and_show(invocation, "policy.apply", &request);
    }
    policy_file_free(&file);
    return status;
}

static enum operator_exit
read_version(const struct invocation *invocation, struct admin_request *request)
{
    struct fault fault = {0};
    uint64_t number;
    if (value_number(invocation->operand[0], 0, INT32_MAX, &number, &fault) != KH_OK)
        return usage_fault(invocation, "VERSION: %s", fault.detail);
    admin_request_init(request);
    admin_put(request, "version", json_integer((json_int_t)number));
    return EXIT_DONE;
}

static enum operator_exit
rollback_run(const struct invocation *invocation)
{
    struct admin_request request;
    enum operator_exit status = read_version(invocation, &request);
    if (status != EXIT_DONE)
        return status;
    admin_put_text(&request, "comment", invocation_value(invocation, "comment"));
    return ask_and_show(invocation, "policy.rollback", &request);
}

/* ---- show, list ---- */

static void
show_policy(const struct invocation *invocation, json_t *result)
{
    (void)invocation;
    if (admin_text(result, "text")[0] == '\0')
        fputs("no policy: whatever the operator mints is granted\n", stderr);
    else
        fputs(admin_text(result, "text"), stdout);
}

static enum operator_exit
show_run(const struct invocation *invocation)
{
    struct admin_request request;
    json_t *result = NULL;
    enum operator_exit status = EXIT_DONE;
    if (invocation->operand_count == 0)
        admin_request_init(&request);
    else
        status = read_version(invocation, &request);
    if (status == EXIT_DONE)
        status = admin_ask(invocation->directory, "policy.show", &request, &result);
    return admin_show(invocation, status, result, show_policy);
}

static void
show_version(const json_t *version)
{
    const json_t *changes = json_object_get(version, "changes"), *change;
    const json_t *restores = json_object_get(version, "restores");
    size_t i;
    printf("%s%-5lld%s %s  uid %lld", terminal_colour(stdout, COLOUR_STRONG),
           (long long)admin_number(version, "version"), terminal_colour(stdout, COLOUR_NONE),
           admin_text(version, "applied_at"), (long long)admin_number(version, "uid"));
    if (restores != NULL)
        printf("  as version %lld was", (long long)json_integer_value(restores));
    if (json_is_true(json_object_get(version, "active")))
        printf("  %sin force%s", terminal_colour(stdout, COLOUR_GOOD),
               terminal_colour(stdout, COLOUR_NONE));
    if (admin_text(version, "comment")[0] != '\0') {
        fputs("  ", stdout);
        terminal_print_safe(stdout, admin_text(version, "comment"));
    }
    putchar('\n');
    json_array_foreach(changes, i, change)
    {
        fputs("      ", stdout);
        terminal_print_safe(stdout, json_string_value(change) ? json_string_value(change) : "");
        putchar('\n');
    }
}

static void
show_versions(const struct invocation *invocation, json_t *result)
{
    const json_t *versions = json_object_get(result, "versions"), *version;
    size_t i;
    (void)invocation;
    json_array_foreach(versions, i, version)
    {
        show_version(version);
    }
    if (json_array_size(versions) == 0)
        fputs("no policy was ever applied: whatever the operator mints is granted\n", stderr);
}

static enum operator_exit
list_run(const struct invocation *invocation)
{
    struct admin_request request;
    json_t *result = NULL;
    admin_request_init(&request);
    enum operator_exit status = admin_ask(invocation->directory, "policy.list", &request, &result);
    return admin_show(invocation, status, result, show_versions);
}

/* ---- the table ---- */

static const struct operator_option apply_options[] = {
    {"comment", 'm', "TEXT", false, "why, for policy list and the audit log"},
    {0},
};

static const struct operator_option diff_options[] = {
    {"since", 0, "TIME", false, "from then on: 2026-12-01T00:00:00Z, or 7d (ago; default 24h)"},
    {0},
};

static const struct operator_option suggest_options[] = {
    {"user", 0, "U", false, "whose requests"},
    {"since", 0, "TIME", false, "from then on: 2026-12-01T00:00:00Z, or 30d (ago; default 7d)"},
    {0},
};

const struct operator_command policy_commands[] = {
    {
        .name = "policy check",
        .operands = "FILE|-",
        .operands_min = 1,
        .operands_max = 1,
        .summary = "Read a policy and run its tests; say what is wrong",
        .text =
            "Needs no running broker. With one, names of credentials that it does not have are\n"
            "noted.",
        .examples = "  keyholed policy check policy.yaml",
        .json = true,
        .run = check_run,
    },
    {
        .name = "policy apply",
        .operands = "FILE|-",
        .operands_min = 1,
        .operands_max = 1,
        .summary = "Put a policy in force, from the next request on",
        .text = "The whole of it or nothing: a fault or a test that fails refuses it. Tokens that\n"
                "are out already are judged by it, and running requests are judged again.",
        .examples = "  keyholed policy apply policy.yaml -m 'bob may use openai'",
        .option = apply_options,
        .json = true,
        .run = apply_run,
    },
    {
        .name = "policy show",
        .operands = "[VERSION]",
        .operands_max = 1,
        .summary = "Print the policy in force, or that version of it",
        .examples = "  keyholed policy show > policy.yaml\n"
                    "  keyholed policy show 3",
        .json = true,
        .run = show_run,
    },
    {
        .name = "policy list",
        .operands = "",
        .summary = "List the versions: who applied them, when, what they changed",
        .examples = "  keyholed policy list",
        .json = true,
        .run = list_run,
    },
    {
        .name = "policy rollback",
        .operands = "VERSION",
        .operands_min = 1,
        .operands_max = 1,
        .summary = "Put an older version in force again",
        .text = "It becomes the newest version, with the older one's text. Version 0 is the time\n"
                "before the first policy: whatever the operator minted is granted.",
        .examples = "  keyholed policy rollback 3 -m 'version 4 locked the agents out'",
        .option = apply_options,
        .json = true,
        .run = rollback_run,
    },
    {
        .name = "policy diff",
        .operands = "FILE|-",
        .operands_min = 1,
        .operands_max = 1,
        .summary = "Say which requests of the last day a policy would decide otherwise",
        .text =
            "Reads the audit log, and judges again what it has: user, credential, method, host,\n"
            "path, time, address, and those values that some rule looked at then. Where a rule\n"
            "looks at more, it cannot tell, and says so. Caveats of tokens are not judged again.",
        .examples = "  keyholed policy diff policy.yaml\n"
                    "  keyholed policy diff policy.yaml --since 7d --json",
        .option = diff_options,
        .json = true,
        .run = policy_log_diff,
    },
    {
        .name = "policy test",
        .operands = "[FILE|-]",
        .operands_max = 1,
        .summary = "Run the tests of a policy",
        .text = "Without a file, those of the policy in force.",
        .examples = "  keyholed policy test policy.yaml",
        .json = true,
        .run = test_run,
    },
    {
        .name = "policy suggest",
        .operands = "",
        .summary = "Write the narrowest grants that allow what a user used",
        .text =
            "Reads the audit log, and needs no running broker. A starting point for a person: in\n"
            "paths, what looks like an id is replaced by *.",
        .examples = "  keyholed policy suggest --user agent-7 --since 7d > agent-7.yaml",
        .option = suggest_options,
        .run = policy_log_suggest,
    },
    {0},
};
