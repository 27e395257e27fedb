/* SPDX-License-Identifier: Apache-2.0 */
/* For bash: three functions that are tables, and one that reads the command line. */
#include "completion_internal.h"

// Commands, options (= behind what takes a value, * before what may be repeated), and values.
static void
bash_put_options(const struct completion *completion, struct buffer *out)
{
    struct completion_command command;
    struct completion_option option;
    completion_put_script(completion, "_PROGRAM_options()\n{\n    case $1 in\n", out);
    for (size_t c = 0; completion->command(c, &command); c++) {
        buffer_printf(out, "    '%s') options='", command.name);
        for (size_t i = 0; completion->option(c, i, &option); i++) {
            const char *repeat = option.repeat ? "*" : "", *takes = option.argument ? "=" : "";
            buffer_printf(out, " %s--%s%s", repeat, option.name, takes);
            if (option.letter != 0)
                buffer_printf(out, " %s-%c%s", repeat, option.letter, takes);
        }
        buffer_put_str(out, " ' ;;\n");
    }
    buffer_put_str(out, "    *) options='' ;;\n    esac\n}\n\n");
}

static void
bash_put_value(const struct completion_value *value, const char *command, const char *option,
               char letter, struct buffer *out)
{
    static const char *const kinds[] = {
        [COMPLETION_WORDS] = "words",         [COMPLETION_FILES] = "files",
        [COMPLETION_DIRECTORIES] = "folders", [COMPLETION_NAMES] = "names",
        [COMPLETION_COMMANDS] = "commands",   [COMPLETION_PROGRAM] = "program",
    };
    if (value->kind == COMPLETION_TEXT)
        return;
    buffer_printf(out, "    '%s %s%s'", command, option[0] != '\0' ? "--" : "operand", option);
    if (letter != 0)
        buffer_printf(out, " | '%s -%c'", command, letter);
    buffer_printf(out, ") kind=%s", kinds[value->kind]);
    if (value->kind == COMPLETION_WORDS || value->kind == COMPLETION_NAMES) {
        struct bytes words = bytes_str(value->words), word;
        buffer_put_str(out, " values='");
        for (size_t i = 0; completion_next_word(&words, &word); i++)
            buffer_printf(out, "%s%.*s", i > 0 ? " " : "", BYTES_ARG(word));
        buffer_put_byte(out, '\'');
    }
    buffer_put_str(out, " ;;\n");
}

static void
bash_put_values(const struct completion *completion, struct buffer *out)
{
    struct completion_command command;
    struct completion_option option;
    completion_put_script(completion, "_PROGRAM_value()\n{\n    case \"$1 $2\" in\n", out);
    for (size_t c = 0; completion->command(c, &command); c++) {
        struct completion_value value =
            completion_value_find(completion, command.name, "", command.operands);
        bash_put_value(&value, command.name, "", 0, out);
        for (size_t i = 0; completion->option(c, i, &option); i++) {
            if (option.argument == NULL)
                continue;
            value = completion_value_find(completion, command.name, option.name, option.argument);
            bash_put_value(&value, command.name, option.name, option.letter, out);
        }
    }
    buffer_put_str(out, "    *) kind=text values='' ;;\n    esac\n}\n\n");
}

static void
bash_put_commands(const struct completion *completion, struct buffer *out)
{
    struct completion_command command;
    completion_put_script(completion, "_PROGRAM_commands='\n", out);
    for (size_t c = 0; completion->command(c, &command); c++)
        buffer_printf(out, "%s\n", command.name);
    buffer_put_str(out, "'\n\n");
}

static const char head[] =
    "# SPDX-License-Identifier: Apache-2.0\n"
    "# Completion of PROGRAM for bash. Printed by PROGRAM completion bash, from its own tables.\n"
    "# shellcheck shell=bash disable=SC2034\n\n";

// Names come from outside, and compgen -W would expand what stands in them: they are compared, and
// what is no plain name is left out.
static const char body[] =
    "# Those of $* that begin as the word does.\n"
    "_PROGRAM_offer()\n"
    "{\n"
    "    local word\n"
    "    for word in \"$@\"; do\n"
    "        [[ $word == \"$value\"* ]] && COMPREPLY+=(\"${word#\"$cut\"}\")\n"
    "    done\n"
    "    [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *[:=] ]] && compopt -o nospace\n"
    "    return 0\n"
    "}\n\n"
    "_PROGRAM_names()\n"
    "{\n"
    "    local name rest dir='' i\n"
    "    local -a names=()\n"
    "    for ((i = 1; i < count - 1; i++)); do\n"
    "        case ${words[i]} in\n"
    "        --dir) dir=${words[i + 1]} ;;\n"
    "        --dir=*) dir=${words[i]#--dir=} ;;\n"
    "        esac\n"
    "    done\n"
    "    while read -r name rest; do\n"
    "        [[ $name =~ ^[A-Za-z0-9._@+-]+$ ]] && names+=(\"$name\")\n"
    "    done < <(\"$@\" ${dir:+--dir \"${dir/#\\~/$HOME}\"} 2>/dev/null </dev/null)\n"
    "    _PROGRAM_offer \"${names[@]}\"\n"
    "}\n\n"
    "# Words of commands that begin with $1, which is empty or ends in a space.\n"
    "_PROGRAM_subcommands()\n"
    "{\n"
    "    local name\n"
    "    local -a names=()\n"
    "    while read -r name; do\n"
    "        [[ -n $name && $name == \"$1\"* ]] || continue\n"
    "        name=${name#\"$1\"}\n"
    "        [[ \" ${names[*]} \" == *\" ${name%% *} \"* ]] || names+=(\"${name%% *}\")\n"
    "    done <<<\"$_PROGRAM_commands\"\n"
    "    _PROGRAM_offer \"${names[@]}\"\n"
    "}\n\n"
    "_PROGRAM_is_command() { [[ $_PROGRAM_commands == *$'\\n'\"$1\"$'\\n'* ]]; }\n\n"
    "_PROGRAM_files()\n"
    "{\n"
    "    compopt -o filenames\n"
    "    mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen \"$1\" -- \"${value#\"$cut\"}\")\n"
    "}\n\n"
    "_PROGRAM_value_of()\n"
    "{\n"
    "    local kind values\n"
    "    _PROGRAM_value \"$1\" \"$2\"\n"
    "    case $kind in\n"
    "    words) read -ra list <<<\"$values\" && _PROGRAM_offer \"${list[@]}\" ;;\n"
    "    names) read -ra list <<<\"$values\" && _PROGRAM_names \"${list[@]}\" ;;\n"
    "    files) _PROGRAM_files -f ;;\n"
    "    folders) _PROGRAM_files -d ;;\n"
    "    commands)\n"
    "        local before=\"${words[*]:2:count-3}\"\n"
    "        _PROGRAM_subcommands \"${before:+$before }\"\n"
    "        ;;\n"
    "    program) if ((operands == 0)); then mapfile -t COMPREPLY < <(compgen -c -- \"$value\"); "
    "fi ;;\n"
    "    esac\n"
    "}\n\n"
    "# Options that were not given yet, or may be repeated.\n"
    "_PROGRAM_offer_options()\n"
    "{\n"
    "    local option\n"
    "    for option in $options; do\n"
    "        [[ $option == '*'* || $given != *\" ${option%=} \"* ]] || continue\n"
    "        option=${option#'*'}\n"
    "        _PROGRAM_offer \"${option%=}\"\n"
    "    done\n"
    "}\n\n"
    "_PROGRAM()\n"
    "{\n"
    "    local -a words=() list=()\n"
    "    local i at=0 word between real=$2 value cut='' command='' first=2 pending='' given=' '\n"
    "    local options count operands=0 ended=''\n"
    "    COMPREPLY=()\n"
    "    # The shell's words end at : and =, those of the program do not.\n"
    "    for ((i = 0; i <= COMP_CWORD; i++)); do\n"
    "        word=${COMP_WORDS[i]}\n"
    "        between=${COMP_LINE:at}\n"
    "        between=${between%%\"$word\"*}\n"
    "        if ((i > 0)) && [[ -z $between && -n $word ]]; then\n"
    "            words[${#words[@]} - 1]+=$word\n"
    "        else\n"
    "            words+=(\"$word\")\n"
    "        fi\n"
    "        at=$((at + ${#between} + ${#word}))\n"
    "    done\n"
    "    count=${#words[@]}\n"
    "    value=${words[count - 1]}\n"
    "    [[ $value == *\"$real\" ]] && cut=${value%\"$real\"}\n"
    "    if ((count > 3)) && _PROGRAM_is_command \"${words[1]} ${words[2]}\"; then\n"
    "        command=\"${words[1]} ${words[2]}\" first=3\n"
    "    elif ((count > 2)) && _PROGRAM_is_command \"${words[1]}\"; then\n"
    "        command=${words[1]}\n"
    "    fi\n"
    "    if ((count == 2)); then\n"
    "        _PROGRAM_subcommands ''\n"
    "        _PROGRAM_offer --help --version\n"
    "        return\n"
    "    fi\n"
    "    ((count == 3)) && _PROGRAM_subcommands \"${words[1]} \"\n"
    "    [[ -n $command ]] || return\n"
    "    _PROGRAM_options \"$command\"\n"
    "    for ((i = first; i < count - 1; i++)); do\n"
    "        word=${words[i]}\n"
    "        if [[ -n $ended || $word != -?* ]]; then\n"
    "            ((operands++))\n"
    "            local kind values\n"
    "            _PROGRAM_value \"$command\" operand\n"
    "            if [[ $kind == program ]]; then\n"
    "                if declare -F _command_offset >/dev/null; then\n"
    "                    _command_offset \"$i\"\n"
    "                else\n"
    "                    _PROGRAM_files -f\n"
    "                fi\n"
    "                return\n"
    "            fi\n"
    "        elif [[ $word == -- ]]; then\n"
    "            ended=yes\n"
    "        else\n"
    "            given+=\"${word%%=*} \"\n"
    "            if [[ $word != *=* && \"${options//'*'/}\" == *\" $word= \"* ]]; then\n"
    "                ((++i == count - 1)) && pending=$word\n"
    "            fi\n"
    "        fi\n"
    "    done\n"
    "    if [[ -n $pending ]]; then\n"
    "        _PROGRAM_value_of \"$command\" \"$pending\"\n"
    "    elif [[ -z $ended && $value == --*=* ]]; then\n"
    "        word=${value%%=*} value=${value#*=}\n"
    "        cut=${cut#\"$word=\"}\n"
    "        [[ \"${options//'*'/}\" == *\" $word= \"* ]] && _PROGRAM_value_of \"$command\" "
    "\"$word\"\n"
    "    elif [[ -z $ended && $value == -* ]]; then\n"
    "        _PROGRAM_offer_options\n"
    "    else\n"
    "        _PROGRAM_value_of \"$command\" operand\n"
    "        [[ -n $value || -n $ended || ${#COMPREPLY[@]} -gt 0 ]] || _PROGRAM_offer_options\n"
    "    fi\n"
    "    return 0\n"
    "}\n\n"
    "complete -F _PROGRAM PROGRAM\n";

void
completion_put_bash(const struct completion *completion, struct buffer *out)
{
    completion_put_script(completion, head, out);
    bash_put_commands(completion, out);
    bash_put_options(completion, out);
    bash_put_values(completion, out);
    completion_put_script(completion, body, out);
}
