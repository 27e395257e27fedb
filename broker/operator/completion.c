/* SPDX-License-Identifier: Apache-2.0 */
/* keyholed completion. */
#include "../../caveats/completion/completion.h"
#include "operator.h"

#include <stdio.h>

static const char presets[] =
#define KH_PRESET(name, hosts, slots, inject, basic_user, environment, path_exceptions,            \
                  token_prefix, doc, options, probe)                                               \
    name " "
#include "../../schema/presets.def"
    ;
#undef KH_PRESET

static const char reasons[] =
#define KH_REASON(name, code, http_status, sentence, advice) code " "
#include "../../schema/errors.def"
    ;

static const char credential_options[] =
#define KH_OPTION(name, kinds, type, values, doc) name "= "
#include "../../schema/credential_options.def"
    ;

static const char unset_options[] =
#define KH_OPTION(name, kinds, type, values, doc) name " "
#include "../../schema/credential_options.def"
    "port resolve upstream-ca allow-network path-exception";

#define CREDENTIALS "keyholed credential list"
#define USERS       "keyholed user list"

static const struct completion_value values[] = {
    {NULL, "preset", COMPLETION_WORDS, presets},
    {NULL, "slot", COMPLETION_WORDS,
     "bearer basic header: query: cookie: path field: subprotocol subprotocol: aws "
     "proxy-authorization"},
    {NULL, "inject", COMPLETION_WORDS,
     "header: basic query: cookie: path: field: subprotocol: mtls several: sigv4 oauth2 jwt hmac:"},
    {NULL, "option", COMPLETION_WORDS, credential_options},
    {NULL, "unset", COMPLETION_WORDS, unset_options},
    {NULL, "path-exception", COMPLETION_WORDS, "escaped-slash semicolon empty-segment"},
    {NULL, "color", COMPLETION_WORDS, "auto always never"},
    {NULL, "credential", COMPLETION_NAMES, CREDENTIALS},
    {NULL, "user", COMPLETION_NAMES, USERS},
    {"audit query", "method", COMPLETION_WORDS, "GET HEAD POST PUT PATCH DELETE OPTIONS CONNECT"},
    {"audit query", "code", COMPLETION_WORDS, reasons},
    {"audit query", "kind", COMPLETION_WORDS, "decision outcome admin revoke login start stop"},
    {"audit query", "group-by", COMPLETION_WORDS,
     "user credential host code method path label token client hour day"},
    {NULL, "gateway", COMPLETION_FILES, NULL},
    {"credential add", "", COMPLETION_TEXT, NULL}, // a new name
    {"credential show", "", COMPLETION_NAMES, CREDENTIALS},
    {"credential test", "", COMPLETION_NAMES, CREDENTIALS},
    {"credential set", "", COMPLETION_NAMES, CREDENTIALS},
    {"credential rotate", "", COMPLETION_NAMES, CREDENTIALS},
    {"credential disable", "", COMPLETION_NAMES, CREDENTIALS},
    {"credential enable", "", COMPLETION_NAMES, CREDENTIALS},
    {"credential remove", "", COMPLETION_NAMES, CREDENTIALS},
    {"user remove", "", COMPLETION_NAMES, USERS},
    {"invite", "", COMPLETION_NAMES, USERS},
    {"authenticator remove", "", COMPLETION_NAMES, USERS},
    {"key retire", "", COMPLETION_NAMES, "keyholed key list"},
    {"policy show", "", COMPLETION_NAMES, "keyholed policy list"},
    {"policy rollback", "", COMPLETION_NAMES, "keyholed policy list"},
    {"help", "", COMPLETION_COMMANDS, NULL},
    {0},
};

static size_t
command_count(void)
{
    size_t n = 0;
    while (operator_command_at(n) != NULL)
        n++;
    return n;
}

static bool
table_command(size_t i, struct completion_command *out)
{
    static const struct completion_command help = {"help", "[COMMAND]",
                                                   "What a command takes, with examples"};
    const struct operator_command *command = operator_command_at(i);
    if (command == NULL && i != command_count())
        return false;
    *out = command == NULL
               ? help
               : (struct completion_command){command->name, command->operands, command->summary};
    return true;
}

// Those that all commands take stand behind a command's own.
static bool
common_option(const struct operator_command *command, size_t i, struct completion_option *out)
{
    static const struct completion_option common[] = {
        {"json", 0, NULL, false, "the result as JSON"},
        {"color", 0, "WHEN", false, "auto (on a terminal), always or never"},
        {"dir", 0, "DIR", false, "the state directory"},
        {"help", 'h', NULL, false, "what the command takes, with examples"},
    };
    i += !command->json;
    if (i >= sizeof common / sizeof common[0])
        return false;
    *out = common[i];
    return true;
}

static bool
table_option(size_t index, size_t i, struct completion_option *out)
{
    const struct operator_command *command = operator_command_at(index);
    if (command == NULL)
        return false;
    const struct operator_option *option = command->option;
    for (; option != NULL && option->name != NULL; option++) {
        if (i-- > 0)
            continue;
        *out = (struct completion_option){option->name, option->letter, option->argument,
                                          option->repeat, option->help};
        return true;
    }
    return common_option(command, i, out);
}

static enum operator_exit
completion_run(const struct invocation *invocation)
{
    static const struct completion tables = {"keyholed", table_command, table_option, values};
    enum completion_shell shell;
    if (!completion_shell_parse(invocation->operand[0], &shell))
        return usage_fault(invocation, "for which shell? bash, zsh or fish");
    BUFFER_AUTO out;
    buffer_init(&out, COMPLETION_OUTPUT_MAX);
    completion_put(&tables, shell, &out);
    if (out.failed)
        return command_failed("no memory for the completions");
    fwrite(out.p, 1, out.n, stdout);
    return EXIT_DONE;
}

const struct operator_command completion_commands[] = {
    {
        .name = "completion",
        .operands = "bash|zsh|fish",
        .operands_min = 1,
        .operands_max = 1,
        .summary = "Print completions for a shell",
        .text = "From the tables that this help is made from. An installation has them already.\n"
                "Names of credentials, users and keys come from the running broker, for whoever\n"
                "may ask it.",
        .examples = "  keyholed completion bash > /etc/bash_completion.d/keyholed\n"
                    "  keyholed completion zsh > ~/.zfunc/_keyholed\n"
                    "  keyholed completion fish > ~/.config/fish/completions/keyholed.fish",
        .run = completion_run,
    },
    {0},
};
