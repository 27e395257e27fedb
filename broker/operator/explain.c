/* SPDX-License-Identifier: Apache-2.0 */
/* keyholed explain: what the broker would say to a request, and why. */
#include "admin.h"
#include "policy_file.h"
#include "secret_input.h"
#include "terminal.h"

#include "../../caveats/explain.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SHOWN_MAX = 4 << 20, BODY_FILE_MAX = 1 << 20 };

static enum operator_exit
put_token(const struct invocation *invocation, struct admin_request *request)
{
    BUFFER_AUTO text;
    buffer_init_secret(&text, TERMINAL_SECRET_MAX);
    enum operator_exit status = secret_input_token(invocation->operand[0], &text);
    if (status == EXIT_DONE)
        admin_put_bytes(request, "token", bytes_trim(buffer_bytes(&text)));
    return status;
}

static enum operator_exit
put_body(const char *path, struct admin_request *request)
{
    struct fault fault = {0};
    if (path == NULL)
        return EXIT_DONE;
    BUFFER_AUTO text;
    buffer_init(&text, BODY_FILE_MAX);
    if (policy_file_read_text(path, path, BODY_FILE_MAX / 2, &text, &fault) != KH_OK)
        return command_failed("%s", fault.detail);
    admin_put_bytes(request, "body", buffer_bytes(&text));
    return EXIT_DONE;
}

static enum operator_exit
show(const struct invocation *invocation, const json_t *result)
{
    bool allow = strcmp(admin_text(result, "verdict"), "allow") == 0;
    BUFFER_AUTO text;
    buffer_init(&text, SHOWN_MAX);
    if (invocation->json) {
        admin_print_json(result);
    } else {
        struct screen screen;
        terminal_look(stdout, &screen);
        explain_print(result, &screen, &text);
        if (text.failed)
            return command_failed("the explanation is too long: use --json");
        fputs(buffer_text(&text), stdout);
    }
    return allow ? EXIT_DONE : EXIT_DENIED;
}

static enum operator_exit
explain_run(const struct invocation *invocation)
{
    struct admin_request request;
    json_t *result = NULL;
    if (invocation_value(invocation, "request") == NULL)
        return usage_fault(invocation, "--request is missing");
    admin_request_init(&request);
    enum operator_exit status = put_token(invocation, &request);
    if (status != EXIT_DONE) {
        json_decref(request.object);
        return status;
    }
    status = put_body(invocation_value(invocation, "body"), &request);
    if (status != EXIT_DONE) {
        json_decref(request.object);
        return status;
    }
    admin_put_text(&request, "request", invocation_value(invocation, "request"));
    admin_put_text(&request, "credential", invocation_value(invocation, "credential"));
    admin_put_list(&request, "headers", invocation_values(invocation, "header"));
    admin_put_text(&request, "client", invocation_value(invocation, "client"));
    admin_put_text(&request, "time", invocation_value(invocation, "at"));
    status = admin_ask(invocation->directory, "explain", &request, &result);
    if (status == EXIT_DONE)
        status = show(invocation, result);
    json_decref(result);
    return status;
}

static const struct operator_option explain_options[] = {
    {"request", 0, "REQUEST", false, "method and URL, as 'GET https://api.example.com/v1/x'"},
    {"header", 0, "FIELD", true, "a header field, as 'content-type: application/json'"},
    {"body", 0, "FILE", false, "a file with the body (default: the request has none)"},
    {"credential", 0, "NAME", false, "the one that may be used (default: any of the token's)"},
    {"client", 0, "ADDRESS", false, "where the request comes from, or unix"},
    {"at", 0, "TIME", false, "when, as 2026-12-01T00:00:00Z (default now)"},
    {0},
};

const struct operator_command explain_commands[] = {
    {
        .name = "explain",
        .operands = "[TOKEN | -]",
        .operands_max = 1,
        .summary = "Say what a request with a token would get, and why",
        .text =
            "Every check, caveat and rule, who added it, whether it holds, and what would have\n"
            "to change. Nothing is sent and nothing is used up. Exit status 0 when it would be\n"
            "allowed, 3 when not. Without TOKEN or with - it is read from standard input.",
        .examples =
            "  echo \"$TOKEN\" | keyholed explain - --request 'GET https://api.github.com/user'\n"
            "  keyholed explain - --request 'POST https://api.openai.com/v1/files' --json",
        .option = explain_options,
        .json = true,
        .run = explain_run,
    },
    {0},
};
