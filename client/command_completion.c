/* SPDX-License-Identifier: Apache-2.0
 *
 * keyhole completion
 */
#include "../caveats/completion/completion.h"
#include "commands.h"

#include <string.h>

const struct option_spec command_completion_options[] = {{0}};

#define METHODS "GET HEAD POST PUT PATCH DELETE OPTIONS"

static const struct completion_value values[] = {
    {NULL, "color", COMPLETION_WORDS, "auto always never"},
    {NULL, "method", COMPLETION_WORDS, METHODS},
    {NULL, "broker", COMPLETION_FILES, NULL},
    {NULL, "device", COMPLETION_FILES, NULL},
    {NULL, "ro", COMPLETION_FILES, NULL},
    {NULL, "rw", COMPLETION_FILES, NULL},
    {NULL, "hide", COMPLETION_FILES, NULL},
    {NULL, "credential", COMPLETION_NAMES, "keyholed credential list"},
    {NULL, "discharger", COMPLETION_NAMES, "keyhole trust --list"},
    {"trust", "remove", COMPLETION_NAMES, "keyhole trust --list"},
    {"convert", "to", COMPLETION_WORDS, "keyhole v1 v2 json"},
    {"run", "token", COMPLETION_TEXT, NULL},
    {"run", "", COMPLETION_PROGRAM, NULL},
    {"enroll", "", COMPLETION_FILES, NULL}, // behind --ssh
    {"completion", "", COMPLETION_WORDS, "bash zsh fish"},
    {"help", "", COMPLETION_COMMANDS, NULL},
    {NULL, "", COMPLETION_TEXT, NULL}, // a token is nothing that a shell knows
    {0},
};

static size_t
command_count(void)
{
    size_t n = 0;
    while (cli_command[n].name != NULL)
        n++;
    return n;
}

static bool
table_command(size_t i, struct completion_command *out)
{
    static const struct completion_command help = {"help", "[COMMAND]", "what a command does"};
    size_t n = command_count();
    if (i > n)
        return false;
    *out = i == n ? help
                  : (struct completion_command){cli_command[i].name, cli_command[i].synopsis,
                                                cli_command[i].summary};
    return true;
}

static bool
table_option(size_t command, size_t i, struct completion_option *out)
{
    static const struct option_spec help = {1, "help", NULL, false, "what it does, with examples"};
    static const struct option_spec none = {0};
    const struct option_spec *spec = &none;
    if (command < command_count())
        spec = cli_command[command].option;
    for (; i > 0 && spec->id != 0; i--)
        spec++;
    if (i == 0 && spec->id == 0)
        spec = &help;
    else if (spec->id == 0)
        return false;
    *out = (struct completion_option){spec->name, 0, spec->value, spec->repeat, spec->help};
    return true;
}

enum cli_exit
command_completion(struct cli *cli, const struct options *options)
{
    static const struct completion tables = {"keyhole", table_command, table_option, values};
    struct fault fault = {.err = KH_ERR_INTERNAL};
    enum completion_shell shell;
    if (options->positional_count != 1 || !completion_shell_parse(options->positional[0], &shell)) {
        fault_set(&fault, KH_ERR_USAGE, "for which shell? bash, zsh or fish");
        return cli_fail(cli, &fault);
    }
    BUFFER_AUTO out;
    buffer_init(&out, COMPLETION_OUTPUT_MAX);
    completion_put(&tables, shell, &out);
    return cli_result(cli, &out);
}
