/* SPDX-License-Identifier: Apache-2.0 */
/* For fish: a line for each command and option, under the condition that its command is meant. */
#include "completion_internal.h"

#include <string.h>

static void
fish_put_text(const char *text, struct buffer *out)
{
    for (; *text != '\0'; text++) {
        if (*text == '\'' || *text == '\\')
            buffer_put_byte(out, '\\');
        buffer_put_byte(out, (uint8_t)*text);
    }
}

static void
fish_put_value(const struct completion_value *value, bool operand, struct buffer *out)
{
    struct bytes words = bytes_str(value->words != NULL ? value->words : ""), word;
    const char *files = operand ? " -F" : " -r -F", *others = operand ? "" : " -x";
    switch (value->kind) {
    case COMPLETION_FILES:
        buffer_put_str(out, files);
        return;
    case COMPLETION_DIRECTORIES:
        buffer_printf(out, "%s -a '(__fish_complete_directories (commandline -ct))'", others);
        return;
    case COMPLETION_WORDS:
        buffer_printf(out, "%s -a '", others);
        for (size_t i = 0; completion_next_word(&words, &word); i++)
            buffer_printf(out, "%s%.*s", i > 0 ? " " : "", BYTES_ARG(word));
        buffer_put_byte(out, '\'');
        return;
    case COMPLETION_NAMES:
        buffer_printf(out, "%s -a '(__PROGRAM_names %s)'", others, value->words);
        return;
    case COMPLETION_COMMANDS:
        buffer_printf(out, "%s -a '(__PROGRAM_help)'", others);
        return;
    case COMPLETION_PROGRAM:
        buffer_printf(out, "%s -a '(__PROGRAM_program)'", others);
        return;
    case COMPLETION_TEXT:
    default:
        buffer_put_str(out, others);
    }
}

static void
fish_put_command(const struct completion *completion, size_t index, struct buffer *out)
{
    struct completion_command command;
    struct completion_option option;
    if (!completion->command(index, &command))
        return;
    size_t group = completion_group(command.name);
    buffer_printf(out, "\ncomplete -c PROGRAM -n '__PROGRAM_before \"%.*s\"' -a %s -d '",
                  (int)group, command.name, command.name + group + (group > 0));
    fish_put_text(command.summary, out);
    buffer_put_str(out, "'\n");
    struct completion_value value =
        completion_value_find(completion, command.name, "", command.operands);
    if (value.kind != COMPLETION_TEXT) {
        buffer_printf(out, "complete -c PROGRAM -n '__PROGRAM_is \"%s\"'", command.name);
        fish_put_value(&value, true, out);
        buffer_put_byte(out, '\n');
    }
    for (size_t i = 0; completion->option(index, i, &option); i++) {
        buffer_printf(out, "complete -c PROGRAM -n '__PROGRAM_is \"%s\"' -l %s", command.name,
                      option.name);
        if (option.letter != 0)
            buffer_printf(out, " -s %c", option.letter);
        if (option.argument != NULL) {
            value = completion_value_find(completion, command.name, option.name, option.argument);
            fish_put_value(&value, false, out);
        }
        buffer_put_str(out, " -d '");
        fish_put_text(option.help, out);
        buffer_put_str(out, "'\n");
    }
}

// Names of two words, and the options of a command that runs another one which take a value.
static void
fish_put_lists(const struct completion *completion, struct buffer *out)
{
    struct completion_command command;
    struct completion_option option;
    buffer_put_str(out, "set -g __PROGRAM_pairs");
    for (size_t c = 0; completion->command(c, &command); c++)
        if (completion_group(command.name) > 0)
            buffer_printf(out, " '%s'", command.name);
    buffer_put_str(out, "\nset -g __PROGRAM_taking");
    for (size_t c = 0; completion->command(c, &command); c++) {
        if (completion_value_find(completion, command.name, "", command.operands).kind !=
            COMPLETION_PROGRAM)
            continue;
        for (size_t i = 0; completion->option(c, i, &option); i++)
            if (option.argument != NULL)
                buffer_printf(out, " --%s", option.name);
    }
    buffer_put_str(out, "\n");
}

static const char head[] = "# SPDX-License-Identifier: Apache-2.0\n"
                           "# Completion of PROGRAM for fish. Printed by PROGRAM completion fish, "
                           "from its own tables.\n\n";

static const char functions[] =
    "\n"
    "# Whether the next word is the command, or with a group its second word.\n"
    "function __PROGRAM_before --argument-names group\n"
    "    set -l words (commandline -opc)[2..]\n"
    "    test \"$words\" = \"$group\"\n"
    "end\n\n"
    "function __PROGRAM_is --argument-names command\n"
    "    set -l words (commandline -opc)[2..]\n"
    "    set -l is $words[1]\n"
    "    contains -- \"$words[1] $words[2]\" $__PROGRAM_pairs; and set is \"$words[1] $words[2]\"\n"
    "    test \"$is\" = \"$command\"\n"
    "end\n\n"
    "# First words of what a command prints.\n"
    "function __PROGRAM_names\n"
    "    set -l words (commandline -opc)\n"
    "    set -l dir\n"
    "    for i in (seq (count $words))\n"
    "        switch $words[$i]\n"
    "            case --dir\n"
    "                set dir --dir $words[(math $i + 1)]\n"
    "            case '--dir=*'\n"
    "                set dir $words[$i]\n"
    "        end\n"
    "    end\n"
    "    $argv $dir 2>/dev/null </dev/null | string match -r '^[A-Za-z0-9._@+-]+(?= |$)'\n"
    "end\n\n"
    "function __PROGRAM_help\n"
    "    set -l before (commandline -opc)[3..]\n"
    "    complete -C \"PROGRAM \"(string join ' ' -- $before '') | string match -v -- '-*'\n"
    "end\n\n"
    "# The program that is run completes its own arguments.\n"
    "function __PROGRAM_program\n"
    "    set -l words (commandline -opc)[3..]\n"
    "    while string match -q -- '-*' $words[1]\n"
    "        set -l option $words[1]\n"
    "        set -e words[1]\n"
    "        contains -- $option $__PROGRAM_taking; and set -e words[1]\n"
    "    end\n"
    "    set -l line (string join ' ' -- (string escape -- $words) (commandline -ct))\n"
    "    string match -q -- '-*' $line; or complete \"--do-complete=$line\"\n"
    "end\n\n"
    "complete -c PROGRAM -f\n"
    "complete -c PROGRAM -n '__PROGRAM_before \"\"' -l help -d 'What there is'\n"
    "complete -c PROGRAM -n '__PROGRAM_before \"\"' -l version -d 'The version'\n";

static void
fish_put_groups(const struct completion *completion, struct buffer *out)
{
    struct completion_command command;
    for (size_t c = 0; completion->command(c, &command); c++) {
        size_t n = completion_group(command.name);
        if (n > 0 && !completion_group_seen(completion, c))
            buffer_printf(out, "complete -c PROGRAM -n '__PROGRAM_before \"\"' -a %.*s\n", (int)n,
                          command.name);
    }
}

void
completion_put_fish(const struct completion *completion, struct buffer *out)
{
    struct completion_command command;
    BUFFER_AUTO text;
    buffer_init(&text, COMPLETION_OUTPUT_MAX);
    buffer_put_str(&text, head);
    fish_put_lists(completion, &text);
    buffer_put_str(&text, functions);
    fish_put_groups(completion, &text);
    for (size_t c = 0; completion->command(c, &command); c++)
        fish_put_command(completion, c, &text);
    completion_put_script(completion, buffer_text(&text), out);
}
