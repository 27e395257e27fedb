/* SPDX-License-Identifier: Apache-2.0 */
/* keyholed credential add, list, show, test, rotate, disable, enable, remove. */
#include "admin.h"
#include "credential_ask.h"
#include "credential_print.h"
#include "credential_put.h"
#include "secret_input.h"
#include "terminal.h"
#include "values.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

// "credential": what add, rotate, disable and enable answer with.
static enum operator_exit
ask_and_tell(const struct invocation *invocation, const char *command,
             struct admin_request *request, const char *done)
{
    json_t *result = NULL;
    enum operator_exit status = admin_ask(invocation->directory, command, request, &result);
    if (status != EXIT_DONE)
        return status;
    if (invocation->json)
        admin_print_json(result);
    else
        fprintf(stderr, "%s %s\n", invocation->operand[0], done);
    json_decref(result);
    return EXIT_DONE;
}

static enum operator_exit
put_secret(const struct invocation *invocation, struct admin_request *request)
{
    struct fault fault = {0};
    int fd;
    char prompt[128];
    BUFFER_AUTO secret;
    buffer_init_secret(&secret, TERMINAL_SECRET_MAX);
    enum operator_exit status = secret_input_fd(invocation, "secret-fd", &fd);
    if (status != EXIT_DONE)
        return status;
    snprintf(prompt, sizeof(prompt), "the real key of %.64s", invocation->operand[0]);
    if (terminal_read_secret(fd, prompt, false, &secret, &fault) != KH_OK)
        return command_failed("the secret: %s", fault.detail);
    admin_put_bytes(request, "secret", buffer_bytes(&secret));
    return EXIT_DONE;
}

static enum operator_exit
put_options(const struct invocation *invocation, struct admin_request *request)
{
    admin_put_text(request, "preset", invocation_value(invocation, "preset"));
    if (invocation_flag(invocation, "plain"))
        admin_put(request, "plain", json_true());
    if (invocation_flag(invocation, "no-scrub"))
        admin_put(request, "scrub", json_false());
    return credential_put_settings(invocation, request);
}

static void
put_one(struct admin_request *request, const char *member, const char *value)
{
    if (value[0] == '\0')
        return;
    json_t *list = json_array();
    if (json_array_append_new(list, json_string(value)) != 0)
        request->failed = member;
    admin_put(request, member, list);
}

// What is missing is asked for where somebody can answer.
static enum operator_exit
complete_by_asking(struct invocation *invocation, struct credential_answers *answers)
{
    struct fault fault = {0};
    bool somebody = isatty(STDIN_FILENO) && isatty(STDERR_FILENO) &&
                    invocation_value(invocation, "secret-fd") == NULL;
    *answers = (struct credential_answers){0};
    if (somebody && credential_is_open(invocation)) {
        if (credential_ask(invocation, answers, &fault) != KH_OK)
            return command_failed("%s", fault.detail);
        if (answers->name[0] != '\0')
            invocation->operand[invocation->operand_count++] = answers->name;
        return EXIT_DONE;
    }
    if (invocation->operand_count == 0)
        return usage_fault(invocation, "NAME is missing");
    if (invocation_value(invocation, "preset") == NULL &&
        invocation_values(invocation, "host")->count == 0)
        return usage_fault(invocation, "--preset, or --host with --slot and --inject, is missing");
    return EXIT_DONE;
}

static enum operator_exit
credential_add(const struct invocation *given)
{
    struct admin_request request;
    struct credential_answers answers;
    struct invocation completed = *given, *invocation = &completed;
    enum operator_exit status = complete_by_asking(invocation, &answers);
    if (status != EXIT_DONE)
        return status;
    admin_request_init(&request);
    admin_put_text(&request, "name", invocation->operand[0]);
    status = put_options(invocation, &request);
    if (status == EXIT_DONE) {
        if (answers.preset[0] != '\0')
            admin_put_text(&request, "preset", answers.preset);
        put_one(&request, "hosts", answers.host);
        put_one(&request, "slots", answers.slot);
        const char *inject = invocation_value(invocation, "inject");
        if (inject != NULL && strncmp(inject, "several:", 8) == 0)
            admin_put_text(&request, "secret", "-"); // its members have secrets
        else
            status = put_secret(invocation, &request);
    }
    if (status != EXIT_DONE) {
        json_decref(request.object);
        return status;
    }
    return ask_and_tell(invocation, "credential.add", &request,
                        "is stored; next: a token for it, with keyholed mint");
}

static enum operator_exit
rotate_back(const struct invocation *invocation)
{
    struct admin_request request;
    if (invocation_value(invocation, "grace") || invocation_value(invocation, "secret-fd"))
        return usage_fault(invocation, "--back takes no other option");
    admin_request_init(&request);
    admin_put_text(&request, "name", invocation->operand[0]);
    return ask_and_tell(invocation, "credential.rotate-back", &request,
                        "has its earlier secret again, which the next request gets");
}

static enum operator_exit
credential_rotate(const struct invocation *invocation)
{
    struct admin_request request;
    struct fault fault = {0};
    int64_t grace_s = 0;
    const char *grace = invocation_value(invocation, "grace");
    if (invocation_flag(invocation, "back"))
        return rotate_back(invocation);
    if (grace != NULL && value_duration_s(grace, &grace_s, &fault) != KH_OK)
        return usage_fault(invocation, "--grace: %s", fault.detail);
    admin_request_init(&request);
    admin_put_text(&request, "name", invocation->operand[0]);
    if (grace != NULL)
        admin_put(&request, "grace_s", json_integer((json_int_t)grace_s));
    enum operator_exit status = put_secret(invocation, &request);
    if (status != EXIT_DONE) {
        json_decref(request.object);
        return status;
    }
    return ask_and_tell(invocation, "credential.rotate", &request,
                        "has a new secret, which the next request gets");
}

static enum operator_exit
by_name(const struct invocation *invocation, const char *command, const char *done)
{
    struct admin_request request;
    admin_request_init(&request);
    admin_put_text(&request, "name", invocation->operand[0]);
    return ask_and_tell(invocation, command, &request, done);
}

static enum operator_exit
credential_disable(const struct invocation *invocation)
{
    return by_name(invocation, "credential.disable", "is disabled, from the next request on");
}

static enum operator_exit
credential_enable(const struct invocation *invocation)
{
    return by_name(invocation, "credential.enable", "is enabled");
}

static enum operator_exit
credential_remove(const struct invocation *invocation)
{
    return by_name(invocation, "credential.remove", "is removed");
}

static enum operator_exit
credential_show(const struct invocation *invocation)
{
    struct admin_request request;
    json_t *result = NULL;
    admin_request_init(&request);
    admin_put_text(&request, "name", invocation->operand[0]);
    enum operator_exit status =
        admin_ask(invocation->directory, "credential.show", &request, &result);
    return admin_show(invocation, status, result, credential_print);
}

static enum operator_exit
credential_list(const struct invocation *invocation)
{
    struct admin_request request;
    json_t *result = NULL;
    admin_request_init(&request);
    enum operator_exit status =
        admin_ask(invocation->directory, "credential.list", &request, &result);
    return admin_show(invocation, status, result, credential_print_list);
}

static enum operator_exit
credential_test(const struct invocation *invocation)
{
    struct admin_request request;
    json_t *result = NULL;
    admin_request_init(&request);
    admin_put_text(&request, "name", invocation->operand[0]);
    admin_put_text(&request, "path", invocation_value(invocation, "path"));
    admin_put_text(&request, "host", invocation_value(invocation, "host"));
    enum operator_exit status =
        admin_ask(invocation->directory, "credential.test", &request, &result);
    bool accepted = json_is_true(json_object_get(result, "accepted"));
    status = admin_show(invocation, status, result, credential_print_trial);
    return status == EXIT_DONE && !accepted ? EXIT_FAILED : status;
}

/* ---- the table ---- */

static const struct operator_option test_options[] = {
    {"path", 0, "PATH", false, "ask for this path (default: the preset's, else /)"},
    {"host", 0, "HOST", false, "of this one of its hosts (default: the first)"},
    {0},
};

static const struct operator_option add_options[] = {
    {"preset", 0, "PRESET", false, "hosts, slots and injection of a known service, as openai"},
    {"host", 0, "HOST", true, "where it may go: a name, or *.name"},
    {"port", 0, "N", true, "ports of these hosts (default: the scheme's)"},
    {"slot", 0, "SLOT", true,
     "where clients put the token: bearer, basic, header:NAME, query:NAME, cookie:NAME, path, "
     "field:NAME, subprotocol[:PREFIX], aws"},
    {"inject", 0, "INJECTION", false,
     "how the key is put: 'header:NAME: … {secret}', basic, query:NAME, cookie:NAME, "
     "path:TEMPLATE, field:NAME, subprotocol:TEMPLATE, sigv4, hmac:…, oauth2, jwt, mtls, "
     "several:NAME,NAME"},
    {"option", 0, "NAME=VALUE", true,
     "what the injection needs to know, as region=eu-west-1; and what may come back: "
     "token-answers=refuse|pass|seal:NAME, set-cookie=pass|drop|NAME,NAME, "
     "drop-answer-headers=NAME,NAME"},
    {"secret-fd", 0, "N", false, "the secret from descriptor N, not from standard input"},
    {"resolve", 0, "HOST:PORT:ADDRESS:PORT", true, "connect there instead, as curl's"},
    {"upstream-ca", 0, "FILE", false, "trust these CAs (PEM) instead of the system's"},
    {"allow-network", 0, "CIDR", true, "a private network that the hosts may resolve to"},
    {"plain", 0, NULL, false, "HTTP to the upstream; inside an --allow-network only"},
    {"no-scrub", 0, NULL, false, "do not search answers for the key (large downloads)"},
    {"foreign", 0, "refuse|pass", false, "requests that carry another key than a token"},
    {"path-exception", 0, "X", true, "accept escaped-slash, semicolon or empty-segment in paths"},
    {0},
};

static const struct operator_option rotate_options[] = {
    {"grace", 0, "DURATION", false, "keep the secret before for so long, as 10m; at most 30d"},
    {"back", 0, NULL, false, "put the secret before back, while its grace lasts"},
    {"secret-fd", 0, "N", false, "the secret from descriptor N, not from standard input"},
    {0},
};

const struct operator_command credential_commands[] = {
    {
        .name = "credential add",
        .operands = "[NAME]",
        .operands_max = 1,
        .summary = "Store a real key; the key comes on standard input",
        .text =
            "On a terminal what is missing is asked for, and the key is not shown; else NAME and\n"
            "--preset or --host are needed, and all of standard input is the key, without one\n"
            "newline at its end. It is never shown again.\n"
            "What is given beside --preset replaces that part of the preset.",
        .examples =
            "  keyholed credential add\n"
            "  keyholed credential add openai --preset openai\n"
            "  pass show stripe | keyholed credential add stripe --preset stripe\n"
            "  keyholed credential add tickets --host tickets.example.com \\\n"
            "      --slot header:x-api-key --inject 'header:X-Api-Key: {secret}' < key.txt\n"
            "  keyholed credential add s3 --host s3.eu-west-1.amazonaws.com --inject sigv4 \\\n"
            "      --option region=eu-west-1 < access-key-and-secret-key.txt\n"
            "  keyholed credential add login --host login.example.com --slot bearer \\\n"
            "      --option token-answers=seal:tickets < key.txt",
        .option = add_options,
        .json = true,
        .run = credential_add,
    },
    {
        .name = "credential list",
        .operands = "",
        .summary = "List the credentials",
        .examples = "  keyholed credential list\n"
                    "  keyholed credential list --json | jq -r '.credentials[].name'",
        .json = true,
        .run = credential_list,
    },
    {
        .name = "credential show",
        .operands = "NAME",
        .operands_min = 1,
        .operands_max = 1,
        .summary = "Show everything about a credential but its secret",
        .examples = "  keyholed credential show openai",
        .json = true,
        .run = credential_show,
    },
    {
        .name = "credential test",
        .operands = "NAME",
        .operands_min = 1,
        .operands_max = 1,
        .summary = "Make one harmless request with the real key, and say what happened",
        .text = "Exit status 0: the upstream took the key (2xx). Nothing of its answer is shown.",
        .examples = "  keyholed credential test openai\n"
                    "  keyholed credential test tickets --path /v1/me",
        .option = test_options,
        .json = true,
        .run = credential_test,
    },
    {
        .name = "credential rotate",
        .operands = "NAME",
        .operands_min = 1,
        .operands_max = 1,
        .summary = "Replace the real key; tokens stay as they are",
        .text = "With --grace the secret before is kept, sealed, for that time: answers are "
                "searched for\n"
                "it too, and --back puts it in its place again. After that it is erased.",
        .examples = "  keyholed credential rotate openai < new-key.txt\n"
                    "  keyholed credential rotate openai --grace 10m < new-key.txt\n"
                    "  keyholed credential rotate openai --back",
        .option = rotate_options,
        .json = true,
        .run = credential_rotate,
    },
    {
        .name = "credential disable",
        .operands = "NAME",
        .operands_min = 1,
        .operands_max = 1,
        .summary = "Refuse every request for a credential, until it is enabled",
        .examples = "  keyholed credential disable openai",
        .json = true,
        .run = credential_disable,
    },
    {
        .name = "credential enable",
        .operands = "NAME",
        .operands_min = 1,
        .operands_max = 1,
        .summary = "Allow a disabled credential again",
        .examples = "  keyholed credential enable openai",
        .json = true,
        .run = credential_enable,
    },
    {
        .name = "credential remove",
        .operands = "NAME",
        .operands_min = 1,
        .operands_max = 1,
        .summary = "Forget a credential and its key",
        .examples = "  keyholed credential remove openai",
        .json = true,
        .run = credential_remove,
    },
    {0},
};
