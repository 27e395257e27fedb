/* SPDX-License-Identifier: Apache-2.0 */
/* For zsh: a specification for _arguments for each command. */
#include "completion_internal.h"

#include <string.h>

// A text inside of an _arguments specification, which is in single quotes.
static void
zsh_put_text(const char *text, struct buffer *out)
{
    for (; *text != '\0'; text++) {
        if (*text == '\'')
            buffer_put_str(out, "'\\''");
        else if (strchr("[]:\\", *text) != NULL)
            buffer_printf(out, "\\%c", *text);
        else
            buffer_put_byte(out, (uint8_t)*text);
    }
}

// ":message:action"
static void
zsh_put_value(const struct completion_value *value, const char *message, struct buffer *out)
{
    struct bytes words = bytes_str(value->words != NULL ? value->words : ""), word;
    buffer_put_byte(out, ':');
    zsh_put_text(message, out);
    buffer_put_byte(out, ':');
    switch (value->kind) {
    case COMPLETION_FILES:
        buffer_put_str(out, "_files");
        break;
    case COMPLETION_DIRECTORIES:
        buffer_put_str(out, "_files -/");
        break;
    case COMPLETION_WORDS:
    case COMPLETION_NAMES:
        buffer_put_str(out,
                       value->kind == COMPLETION_WORDS ? " _PROGRAM_words" : " _PROGRAM_names");
        while (completion_next_word(&words, &word)) {
            BUFFER_AUTO text;
            buffer_init(&text, 256);
            buffer_put(&text, word);
            buffer_put_byte(out, ' ');
            zsh_put_text(buffer_text(&text), out);
        }
        break;
    case COMPLETION_COMMANDS:
        buffer_put_str(out, " _PROGRAM_help");
        break;
    case COMPLETION_PROGRAM:
    case COMPLETION_TEXT:
    default:
        buffer_put_byte(out, ' ');
        break;
    }
}

static void
zsh_put_option(const struct completion *completion, const char *command,
               const struct completion_option *option, bool by_letter, struct buffer *out)
{
    buffer_put_str(out, " \\\n            '");
    if (option->repeat)
        buffer_put_byte(out, '*');
    else if (option->letter != 0)
        buffer_printf(out, "(-%c --%s)", option->letter, option->name);
    if (by_letter)
        buffer_printf(out, "-%c%s", option->letter, option->argument != NULL ? "+" : "");
    else
        buffer_printf(out, "--%s%s", option->name, option->argument != NULL ? "=" : "");
    buffer_put_byte(out, '[');
    zsh_put_text(option->help, out);
    buffer_put_byte(out, ']');
    if (option->argument != NULL) {
        struct completion_value value =
            completion_value_find(completion, command, option->name, option->argument);
        zsh_put_value(&value, option->argument, out);
    }
    buffer_put_byte(out, '\'');
}

static void
zsh_put_operands(const struct completion *completion, const struct completion_command *command,
                 struct buffer *out)
{
    struct completion_value value =
        completion_value_find(completion, command->name, "", command->operands);
    if (value.kind == COMPLETION_PROGRAM) {
        buffer_put_str(out, " \\\n            '(-)1:program: _command_names -e'"
                            " \\\n            '*::arguments: _normal'");
    } else if (command->operands[0] != '\0') {
        buffer_put_str(out, " \\\n            '*");
        zsh_put_value(&value, command->operands, out);
        buffer_put_byte(out, '\'');
    }
}

static void
zsh_put_cases(const struct completion *completion, struct buffer *out)
{
    struct completion_command command;
    struct completion_option option;
    for (size_t c = 0; completion->command(c, &command); c++) {
        buffer_printf(out, "    '%s')\n        _arguments -S", command.name);
        for (size_t i = 0; completion->option(c, i, &option); i++) {
            zsh_put_option(completion, command.name, &option, false, out);
            if (option.letter != 0)
                zsh_put_option(completion, command.name, &option, true, out);
        }
        zsh_put_operands(completion, &command, out);
        buffer_put_str(out, "\n        ;;\n");
    }
}

// "name:summary" of what may be the first word, and behind each group the second.
static void
zsh_put_commands(const struct completion *completion, struct buffer *out)
{
    struct completion_command command, other;
    completion_put_script(completion, "_PROGRAM_commands=(\n", out);
    for (size_t c = 0; completion->command(c, &command); c++) {
        buffer_printf(out, "    '%s:", command.name);
        zsh_put_text(command.summary, out);
        buffer_put_str(out, "'\n");
    }
    completion_put_script(completion, ")\n_PROGRAM_groups=(\n", out);
    for (size_t c = 0; completion->command(c, &command); c++) {
        size_t n = completion_group(command.name);
        if (n == 0 || completion_group_seen(completion, c))
            continue;
        buffer_printf(out, "    '%.*s:", (int)n, command.name);
        for (size_t i = c; completion->command(i, &other); i++)
            if (completion_group(other.name) == n && strncmp(other.name, command.name, n) == 0)
                buffer_printf(out, "%s%s", i > c ? ", " : "", other.name + n + 1);
        buffer_put_str(out, "'\n");
    }
    buffer_put_str(out, ")\n\n");
}

static const char head[] =
    "#compdef PROGRAM\n"
    "# SPDX-License-Identifier: Apache-2.0\n"
    "# Completion of PROGRAM for zsh. Printed by PROGRAM completion zsh, from its own tables.\n\n"
    "local -a _PROGRAM_commands _PROGRAM_groups\n";

static const char functions[] =
    "_PROGRAM_words() {\n"
    "    local -a beginnings\n"
    "    beginnings=(${(M)@:#*[:=]})\n"
    "    (( $#beginnings )) && compadd -S '' -- $beginnings\n"
    "    compadd -- ${@:#*[:=]}\n"
    "}\n\n"
    "# First words of what a command prints; one that is no plain name is left out.\n"
    "_PROGRAM_names() {\n"
    "    local -a names dir\n"
    "    local i\n"
    "    for (( i = 1; i < CURRENT; i++ )); do\n"
    "        case $words[i] in\n"
    "            --dir) dir=(--dir ${(Q)words[i + 1]/#\\~/$HOME}) ;;\n"
    "            --dir=*) dir=(--dir ${(Q)${words[i]#--dir=}/#\\~/$HOME}) ;;\n"
    "        esac\n"
    "    done\n"
    "    names=(${(f)\"$(\"$@\" $dir 2>/dev/null </dev/null)\"})\n"
    "    names=(${(M)${names%% *}:#[A-Za-z0-9._@+-]##})\n"
    "    compadd -a names\n"
    "}\n\n"
    "# Commands that begin with $1, which is empty or ends in a space.\n"
    "_PROGRAM_describe() {\n"
    "    local -a list\n"
    "    list=(${${(M)_PROGRAM_commands:#$1*}#$1})\n"
    "    list=(${list:#[^:]#\\ *})\n"
    "    [[ -n $1 ]] || list+=($_PROGRAM_groups)\n"
    "    (( $#list )) && _describe -V command list\n"
    "}\n\n"
    "_PROGRAM_help() {\n"
    "    local before=\"${(j. .)words[2,CURRENT-1]}\"\n"
    "    _PROGRAM_describe \"${before:+$before }\"\n"
    "}\n\n"
    "_PROGRAM() {\n"
    "    setopt localoptions extendedglob\n"
    "    local command first=2\n"
    "    local curcontext=$curcontext\n"
    "    typeset -A opt_args\n"
    "    if (( CURRENT == 2 )); then\n"
    "        _PROGRAM_describe ''\n"
    "        compadd -- --help --version\n"
    "        return\n"
    "    fi\n"
    "    command=$words[2]\n"
    "    if (( CURRENT > 3 )) && [[ -n ${(M)_PROGRAM_commands:#\"$words[2] $words[3]\":*} ]]; "
    "then\n"
    "        command=\"$words[2] $words[3]\" first=3\n"
    "    elif (( CURRENT == 3 )); then\n"
    "        _PROGRAM_describe \"$words[2] \"\n"
    "    fi\n"
    "    words=(\"${(@)words[first,-1]}\")\n"
    "    (( CURRENT -= first - 1 ))\n"
    "    case $command in\n";

static const char tail[] = "    esac\n"
                           "}\n\n"
                           "_PROGRAM \"$@\"\n";

void
completion_put_zsh(const struct completion *completion, struct buffer *out)
{
    BUFFER_AUTO cases;
    buffer_init(&cases, COMPLETION_OUTPUT_MAX);
    zsh_put_cases(completion, &cases);
    completion_put_script(completion, head, out);
    zsh_put_commands(completion, out);
    completion_put_script(completion, functions, out);
    completion_put_script(completion, buffer_text(&cases), out);
    completion_put_script(completion, tail, out);
}
