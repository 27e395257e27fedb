/* SPDX-License-Identifier: Apache-2.0 */
/* keyholed credential set: other settings, the same secret. */
#include "credential_put.h"
#include "terminal.h"

#include <stdio.h>
#include <string.h>

// What --unset takes beside the names of options: the setting is as if it had never been given.
static const struct {
    const char *option, *member;
    bool is_list;
} settings[] = {
    {"port", "ports", true},
    {"resolve", "resolve", true},
    {"upstream-ca", "upstream_ca", false},
    {"allow-network", "allow_networks", true},
    {"path-exception", "path_exceptions", true},
};
enum { SETTINGS = sizeof(settings) / sizeof(settings[0]) };

static enum operator_exit
put_unset(const struct invocation *invocation, struct admin_request *request)
{
    const struct invocation_values *values = invocation_values(invocation, "unset");
    struct invocation_values options = {.count = 0};
    for (size_t i = 0; i < values->count; i++) {
        size_t at = 0;
        while (at < SETTINGS && strcmp(values->value[i], settings[at].option) != 0)
            at++;
        if (at == SETTINGS)
            options.value[options.count++] = values->value[i];
        else if (invocation_values(invocation, settings[at].option)->count > 0)
            return usage_fault(invocation, "--unset %s: it is given as well", values->value[i]);
        else
            admin_put(request, settings[at].member,
                      settings[at].is_list ? json_array() : json_string(""));
    }
    admin_put_list(request, "unset", &options);
    return EXIT_DONE;
}

static enum operator_exit
put_flag(const struct invocation *invocation, struct admin_request *request, const char *member,
         const char *no)
{
    bool on = invocation_flag(invocation, member), off = invocation_flag(invocation, no);
    if (on && off)
        return usage_fault(invocation, "--%s and --%s: which?", member, no);
    if (on || off)
        admin_put(request, member, on ? json_true() : json_false());
    return EXIT_DONE;
}

static enum operator_exit
put_all(const struct invocation *invocation, struct admin_request *request)
{
    enum operator_exit status = credential_put_settings(invocation, request);
    if (status == EXIT_DONE)
        status = put_unset(invocation, request);
    if (status == EXIT_DONE)
        status = put_flag(invocation, request, "plain", "no-plain");
    if (status == EXIT_DONE)
        status = put_flag(invocation, request, "scrub", "no-scrub");
    if (status == EXIT_DONE && json_object_size(request->object) == 1 && request->failed == NULL)
        status = usage_fault(invocation, "what is to be changed is missing");
    return status;
}

static void
tell_changes(const struct invocation *invocation, json_t *result)
{
    const char *name = invocation->operand[0];
    const json_t *changes = json_object_get(result, "changes"), *change;
    size_t i;
    if (json_array_size(changes) == 0)
        fprintf(stderr, "%s is as it was\n", name);
    json_array_foreach(changes, i, change)
    {
        fprintf(stderr, "%s: ", name);
        terminal_print_safe(stderr,
                            json_string_value(change) != NULL ? json_string_value(change) : "");
        fputc('\n', stderr);
    }
}

static enum operator_exit
credential_set(const struct invocation *invocation)
{
    struct admin_request request;
    json_t *result = NULL;
    admin_request_init(&request);
    admin_put_text(&request, "name", invocation->operand[0]);
    enum operator_exit status = put_all(invocation, &request);
    if (status != EXIT_DONE) {
        json_decref(request.object);
        return status;
    }
    status = admin_ask(invocation->directory, "credential.set", &request, &result);
    return admin_show(invocation, status, result, tell_changes);
}

static const struct operator_option set_options[] = {
    {"option", 0, "NAME=VALUE", true, "this value for that option; the others stay"},
    {"unset", 0, "NAME", true,
     "without that option; or without port, resolve, upstream-ca, allow-network, path-exception"},
    {"host", 0, "HOST", true, "these hosts instead of those that it has"},
    {"port", 0, "N", true, "these ports"},
    {"slot", 0, "SLOT", true, "these slots"},
    {"inject", 0, "INJECTION", false, "another way to put the same key on the request"},
    {"resolve", 0, "HOST:PORT:ADDRESS:PORT", true, "connect there, as curl's"},
    {"upstream-ca", 0, "FILE", false, "trust these CAs (PEM)"},
    {"allow-network", 0, "CIDR", true, "these private networks"},
    {"path-exception", 0, "X", true, "these exceptions for paths"},
    {"foreign", 0, "refuse|pass", false, "requests that carry another key than a token"},
    {"scrub", 0, NULL, false, "search answers for the key"},
    {"no-scrub", 0, NULL, false, "do not (large downloads)"},
    {"plain", 0, NULL, false, "HTTP to the upstream; inside an --allow-network only"},
    {"no-plain", 0, NULL, false, "HTTPS"},
    {0},
};

const struct operator_command credential_set_commands[] = {
    {
        .name = "credential set",
        .operands = "NAME",
        .operands_min = 1,
        .operands_max = 1,
        .summary = "Change the settings of a credential; its key and its tokens stay",
        .text =
            "What is not named stays as it is. A list that is given (hosts, ports, slots, ...) "
            "takes\n"
            "the place of the whole list. Settings are those of credential add, which explains\n"
            "them. The next request gets them; what runs and is not allowed any more is cut.",
        .examples =
            "  keyholed credential set s3 --option region=eu-central-1\n"
            "  keyholed credential set crm --option 'scope=read write' --unset audience\n"
            "  keyholed credential set tickets --host tickets.example.com --host api.example.com\n"
            "  keyholed credential set models --no-scrub --unset port",
        .option = set_options,
        .json = true,
        .run = credential_set,
    },
    {0},
};
