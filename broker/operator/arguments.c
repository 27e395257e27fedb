/* SPDX-License-Identifier: Apache-2.0 */
/* Options by the command's table, with getopt_long. */
#include "arguments.h"

#include "suggest.h"
#include "terminal.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { OPTION_DIR = 1000, OPTION_JSON, OPTION_COLOR, OPTION_HELP, OPTION_FIRST = 2000 };

static const struct operator_option no_options[] = {{0}};

static const struct operator_option *
command_options(const struct operator_command *command)
{
    return command->option != NULL ? command->option : no_options;
}

static size_t
command_find_option(const struct operator_command *command, const char *name)
{
    const struct operator_option *option = command_options(command);
    for (size_t i = 0; option[i].name != NULL; i++)
        if (strcmp(option[i].name, name) == 0)
            return i;
    abort(); // a command asked for an option that is not in its table: our own mistake
}

const struct invocation_values *
invocation_values(const struct invocation *invocation, const char *option)
{
    return &invocation->values[command_find_option(invocation->command, option)];
}

const char *
invocation_value(const struct invocation *invocation, const char *option)
{
    const struct invocation_values *values = invocation_values(invocation, option);
    return values->count > 0 ? values->value[0] : NULL;
}

bool
invocation_flag(const struct invocation *invocation, const char *option)
{
    return invocation_values(invocation, option)->count > 0;
}

/* ---- getopt's tables ---- */

struct getopt_tables {
    struct option option[OPERATOR_OPTIONS_MAX + 5];
    char letters[2 * OPERATOR_OPTIONS_MAX + 4];
};

static void
getopt_fill(const struct operator_command *command, struct getopt_tables *out)
{
    size_t n = 0, letters = 0;
    const struct operator_option *option = command_options(command);
    *out = (struct getopt_tables){0};
    out->letters[letters++] = ':'; // a missing argument is told apart from an unknown option
    for (; n < OPERATOR_OPTIONS_MAX && option[n].name != NULL; n++) {
        bool takes = option[n].argument != NULL;
        out->option[n] = (struct option){option[n].name, takes ? required_argument : no_argument,
                                         NULL, OPTION_FIRST + (int)n};
        if (option[n].letter != 0)
            out->letters[letters++] = option[n].letter;
        if (option[n].letter != 0 && takes)
            out->letters[letters++] = ':';
    }
    out->letters[letters++] = 'h';
    out->option[n++] = (struct option){"dir", required_argument, NULL, OPTION_DIR};
    out->option[n++] = (struct option){"color", required_argument, NULL, OPTION_COLOR};
    out->option[n++] = (struct option){"help", no_argument, NULL, OPTION_HELP};
    if (command->json)
        out->option[n++] = (struct option){"json", no_argument, NULL, OPTION_JSON};
}

static void
fault_unknown(const struct invocation *invocation, const struct getopt_tables *tables,
              const char *word)
{
    char given[64];
    struct suggestion suggestion;
    if (word[0] != '-' || word[1] != '-') {
        usage_fault(invocation, "there is no option -%c", optopt != 0 ? optopt : '?');
        return;
    }
    snprintf(given, sizeof(given), "%.*s", (int)strcspn(word + 2, "="), word + 2);
    // getopt accepts a beginning of a name that fits one option; this one fits several, or none, or
    // a flag was given a value.
    suggest_init(&suggestion, given);
    for (const struct option *o = tables->option; o->name != NULL; o++) {
        if (strcmp(o->name, given) == 0) {
            usage_fault(invocation, "--%s takes no value", given);
            return;
        }
        suggest_offer(&suggestion, o->name);
    }
    if (suggestion.best != NULL)
        usage_fault(invocation, "there is no option --%s; did you mean --%s?", given,
                    suggestion.best);
    else
        usage_fault(invocation, "there is no option --%s", given);
}

static bool
store_value(struct invocation *invocation, size_t index, const char *value)
{
    const struct operator_option *option = &command_options(invocation->command)[index];
    struct invocation_values *values = &invocation->values[index];
    if (values->count > 0 && !option->repeat && option->argument != NULL) {
        usage_fault(invocation, "--%s is given twice", option->name);
        return false;
    }
    if (values->count == OPERATOR_VALUES_MAX) {
        usage_fault(invocation, "--%s is given more than %d times", option->name,
                    OPERATOR_VALUES_MAX);
        return false;
    }
    values->value[values->count++] = value;
    return true;
}

static int
find_letter(const struct operator_command *command, int letter)
{
    const struct operator_option *option = command_options(command);
    for (int i = 0; option[i].name != NULL; i++)
        if (option[i].letter == letter)
            return i;
    return -1;
}

// One option that getopt found. False: stop, with *result set.
static bool
take_option(struct invocation *invocation, const struct getopt_tables *tables, int found,
            char **argv, enum arguments_result *result)
{
    *result = ARGUMENTS_WRONG;
    if (found == OPTION_HELP || (found == 'h' && find_letter(invocation->command, 'h') < 0)) {
        *result = ARGUMENTS_HELP;
        return false;
    }
    if (found == ':') {
        usage_fault(invocation, "%s needs a value", argv[optind - 1]);
        return false;
    }
    if (found == '?') {
        fault_unknown(invocation, tables, argv[optind - 1]);
        return false;
    }
    if (found == OPTION_COLOR) {
        enum screen_colour wanted;
        if (!screen_colour_parse(optarg, &wanted)) {
            usage_fault(invocation, "--color is auto, always or never");
            return false;
        }
        terminal_choose_colour(wanted);
        return true;
    }
    if (found == OPTION_JSON) {
        invocation->json = true;
        return true;
    }
    if (found == OPTION_DIR) {
        invocation->directory = optarg;
        return true;
    }
    int index =
        found >= OPTION_FIRST ? found - OPTION_FIRST : find_letter(invocation->command, found);
    return index >= 0 && store_value(invocation, (size_t)index, optarg != NULL ? optarg : "");
}

static enum arguments_result
take_operands(struct invocation *invocation, int argc, char **argv)
{
    const struct operator_command *command = invocation->command;
    int count = argc - optind;
    if (count > command->operands_max) {
        usage_fault(invocation, "\"%s\" is one word too many",
                    argv[optind + command->operands_max]);
        return ARGUMENTS_WRONG;
    }
    if (count < command->operands_min) {
        usage_fault(invocation, "%s is missing", command->operands);
        return ARGUMENTS_WRONG;
    }
    for (int i = 0; i < count; i++)
        invocation->operand[i] = argv[optind + i];
    invocation->operand_count = count;
    return ARGUMENTS_RUN;
}

enum arguments_result
arguments_parse(const struct operator_command *command, int argc, char **argv, char *directory,
                struct invocation *out)
{
    struct getopt_tables tables;
    enum arguments_result result;
    int found;
    getopt_fill(command, &tables);
    *out = (struct invocation){.command = command};
    opterr = 0;
    optind = 0; // glibc: start anew, and forget what a call before has permuted
    while ((found = getopt_long(argc, argv, tables.letters, tables.option, NULL)) != -1)
        if (!take_option(out, &tables, found, argv, &result))
            return result;
    if ((result = take_operands(out, argc, argv)) != ARGUMENTS_RUN)
        return result;
    if (out->directory != NULL && out->directory[0] == '\0') {
        usage_fault(out, "--dir is empty");
        return ARGUMENTS_WRONG;
    }
    if (out->directory == NULL) {
        struct fault fault = {0};
        if (directory_default(directory, PATH_MAX, &fault) != KH_OK) {
            usage_fault(out, "%s", fault.detail);
            return ARGUMENTS_WRONG;
        }
        out->directory = directory;
    }
    return ARGUMENTS_RUN;
}

/* ---- the state directory ---- */

// Set and not empty; the XDG specification says that a relative path is to be ignored.
static const char *
absolute_variable(const char *name)
{
    const char *value = getenv(name);
    return value != NULL && value[0] == '/' ? value : NULL;
}

enum kh_err
directory_default(char *out, size_t cap, struct fault *fault)
{
    const char *base = absolute_variable("STATE_DIRECTORY"), *below = "";
    if (base == NULL && geteuid() == 0)
        base = "/var/lib/keyholed";
    if (base == NULL && (base = absolute_variable("XDG_STATE_HOME")) != NULL)
        below = "/keyholed";
    if (base == NULL && (base = absolute_variable("HOME")) != NULL)
        below = "/.local/state/keyholed";
    if (base == NULL) {
        const struct passwd *user = getpwuid(geteuid());
        base = user != NULL && user->pw_dir[0] == '/' ? user->pw_dir : NULL;
        below = "/.local/state/keyholed";
    }
    if (base == NULL)
        return fault_set(fault, KH_ERR_NOT_FOUND, "there is no home directory: use --dir DIR");
    // systemd names several directories with colons between them; the first is ours.
    if (snprintf(out, cap, "%.*s%s", (int)strcspn(base, ":"), base, below) >= (int)cap)
        return fault_set(fault, KH_ERR_TOO_LONG, "the state directory's name is too long");
    return KH_OK;
}
