/* SPDX-License-Identifier: Apache-2.0 */
/* Which command is meant, what it prints about itself, and calling it. */
#include "admin.h"
#include "arguments.h"
#include "operator.h"
#include "suggest.h"
#include "terminal.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { WIDTH = 26 }; // of the first column

static const struct operator_command *const groups[] = {
    service_commands,     reload_commands,  credential_commands, credential_set_commands,
    token_commands,       policy_commands,  explain_commands,    key_commands,
    master_key_commands,  backup_commands,  restore_commands,    audit_commands,
    audit_query_commands, status_commands,  discharger_commands, people_commands,
    attestation_commands, gateway_commands, completion_commands,
};
enum { GROUPS = sizeof(groups) / sizeof(groups[0]) };

#define FOR_EACH_COMMAND(command)                                                                  \
    for (size_t group_ = 0; group_ < GROUPS; group_++)                                             \
        for (const struct operator_command *command = groups[group_]; command->name != NULL;       \
             command++)

const struct operator_command *
operator_command_at(size_t index)
{
    FOR_EACH_COMMAND(command)
    {
        if (index-- == 0)
            return command;
    }
    return NULL;
}

/* ---- messages ---- */

static void
usage_line(FILE *stream, const struct operator_command *command)
{
    fprintf(stream, "usage: keyholed %s%s%s%s\n", command->name,
            command->option != NULL ? " [OPTIONS]" : "", command->operands[0] != '\0' ? " " : "",
            command->operands);
}

enum operator_exit
usage_fault(const struct invocation *invocation, const char *format, ...)
{
    va_list arguments;
    const char *name = invocation->command->name;
    va_start(arguments, format);
    fprintf(stderr, "keyholed %s: ", name);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    usage_line(stderr, invocation->command);
    fprintf(stderr, "more:  keyholed help %s\n", name);
    va_end(arguments);
    return EXIT_USAGE;
}

enum operator_exit
command_failed(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("keyholed: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    return EXIT_FAILED;
}

/* ---- help ---- */

static void
help_option(FILE *stream, char letter, const char *name, const char *argument, bool repeat,
            const char *help)
{
    char text[96];
    snprintf(text, sizeof(text), "%s%c%s--%s%s%s", letter != 0 ? "-" : "",
             letter != 0 ? letter : ' ', letter != 0 ? ", " : "   ", name,
             argument != NULL ? " " : "", argument != NULL ? argument : "");
    if (strlen(text) >= WIDTH)
        fprintf(stream, "  %s\n  %-*s", text, WIDTH, "");
    else
        fprintf(stream, "  %-*s", WIDTH, text);
    fprintf(stream, "%s%s\n", help, repeat ? " (may be repeated)" : "");
}

static void
help_command(FILE *stream, const struct operator_command *command)
{
    usage_line(stream, command);
    fprintf(stream, "\n%s.\n", command->summary);
    if (command->text != NULL)
        fprintf(stream, "\n%s\n", command->text);
    fputs("\noptions:\n", stream);
    for (const struct operator_option *o = command->option; o != NULL && o->name != NULL; o++)
        help_option(stream, o->letter, o->name, o->argument, o->repeat, o->help);
    if (command->json)
        help_option(stream, 0, "json", NULL, false, "the result as JSON");
    help_option(stream, 0, "color", "WHEN", false, "auto (on a terminal), always or never");
    help_option(stream, 0, "dir", "DIR", false, "the state directory (default: see keyholed(8))");
    help_option(stream, 'h', "help", NULL, false, "this text");
    fprintf(stream, "\nexamples:\n%s\n\nmanual: keyholed-%.*s(8)\n", command->examples,
            (int)strcspn(command->name, " "), command->name);
}

static void
help_all(FILE *stream)
{
    fputs("keyholed, the credential broker: programs hold tokens, it holds the real keys.\n\n"
          "usage: keyholed COMMAND [OPTIONS]\n\n",
          stream);
    FOR_EACH_COMMAND(command)
    {
        fprintf(stream, "  %-*s%s\n", WIDTH, command->name, command->summary);
    }
    fputs("  help [COMMAND]            What a command takes, with examples\n"
          "  --version                 The version\n\n"
          "The first steps:\n"
          "  keyholed init                                   a state directory, once\n"
          "  keyholed run                                    the broker\n"
          "  keyholed credential add openai --preset openai  the real key, on standard input\n"
          "  keyholed mint --credential openai --for 12h     a token for a program\n",
          stream);
}

/* ---- finding the command ---- */

// How many words of argv the command's name takes: 0 when it is another command.
static int
command_matches(const struct operator_command *command, int argc, char **argv)
{
    const char *space = strchr(command->name, ' ');
    if (space == NULL)
        return argc >= 1 && strcmp(argv[0], command->name) == 0 ? 1 : 0;
    size_t first = (size_t)(space - command->name);
    return argc >= 2 && strlen(argv[0]) == first && strncmp(argv[0], command->name, first) == 0 &&
                   strcmp(argv[1], space + 1) == 0
               ? 2
               : 0;
}

static const struct operator_command *
command_find(int argc, char **argv, int *words)
{
    FOR_EACH_COMMAND(command)
    {
        if ((*words = command_matches(command, argc, argv)) > 0)
            return command;
    }
    return NULL;
}

static bool
is_group(const char *word, size_t n, const struct operator_command *command)
{
    return strncmp(command->name, word, n) == 0 && command->name[n] == ' ';
}

static bool
is_any_group(const char *word)
{
    FOR_EACH_COMMAND(command)
    {
        if (is_group(word, strlen(word), command))
            return true;
    }
    return false;
}

// "credential" alone, or with something that is none of its commands. False: no such group.
static bool
help_group(FILE *stream, const char *word)
{
    bool any = false;
    size_t n = strlen(word);
    FOR_EACH_COMMAND(command)
    {
        if (!is_group(word, n, command))
            continue;
        fprintf(stream, "%s keyholed %-*s%s\n", any ? "      " : "usage:", WIDTH, command->name,
                command->summary);
        any = true;
    }
    return any;
}

// The command that was meant. With a group that there is, only the second word is in question.
static const char *
nearest_command(const char *first, const char *second, const char *both)
{
    static const char *const group_names[] = {"credential",  "policy",     "key",  "ca",
                                              "audit",       "discharger", "user", "authenticator",
                                              "attestation", "gateway"};
    struct suggestion word, pair, rest;
    const char *in_group = NULL;
    suggest_init(&word, first);
    suggest_init(&pair, both);
    suggest_init(&rest, second != NULL ? second : "");
    for (size_t i = 0; i < sizeof(group_names) / sizeof(group_names[0]); i++)
        suggest_offer(&word, group_names[i]);
    FOR_EACH_COMMAND(command)
    {
        const char *space = strchr(command->name, ' ');
        if (space == NULL) {
            suggest_offer(&word, command->name);
        } else if (second != NULL && is_group(first, strlen(first), command)) {
            suggest_offer(&rest, space + 1);
            if (rest.best == space + 1)
                in_group = command->name;
        } else if (second != NULL) {
            suggest_offer(&pair, command->name);
        }
    }
    if (is_any_group(first))
        return in_group;
    return pair.best != NULL && (word.best == NULL || pair.distance <= word.distance) ? pair.best
                                                                                      : word.best;
}

static void
fault_unknown_command(const char *first, const char *second)
{
    char both[96];
    snprintf(both, sizeof(both), "%.40s%s%.40s", first, second != NULL ? " " : "",
             second != NULL ? second : "");
    const char *nearest = nearest_command(first, second, both);
    fputs("keyholed: there is no command ", stderr);
    terminal_print_safe(stderr, both);
    if (nearest != NULL)
        fprintf(stderr, "; did you mean keyholed %s?\n", nearest);
    else
        fputs("; keyholed help lists them\n", stderr);
}

static bool
is_command_word(const char *text)
{
    size_t n = strspn(text, "abcdefghijklmnopqrstuvwxyz");
    return n > 0 && n <= 16 && text[n] == '\0';
}

static enum operator_exit
wrong_command(int argc, char **argv)
{
    // Repeated only if it looks like a word of a command: it may be a token.
    const char *second = argc > 1 && is_command_word(argv[1]) ? argv[1] : NULL;
    if (second != NULL || !is_any_group(argv[0]))
        fault_unknown_command(argv[0], second);
    help_group(stderr, argv[0]);
    return EXIT_USAGE;
}

static enum operator_exit
run_help(int argc, char **argv)
{
    int words;
    if (argc == 0) {
        help_all(stdout);
        return EXIT_DONE;
    }
    const struct operator_command *command = command_find(argc, argv, &words);
    if (command != NULL) {
        help_command(stdout, command);
        return EXIT_DONE;
    }
    return help_group(stdout, argv[0]) ? EXIT_DONE : wrong_command(argc, argv);
}

static enum operator_exit
run_command(const struct operator_command *command, int argc, char **argv)
{
    char directory[PATH_MAX];
    struct invocation invocation;
    switch (arguments_parse(command, argc, argv, directory, &invocation)) {
    case ARGUMENTS_HELP:
        help_command(stdout, command);
        return EXIT_DONE;
    case ARGUMENTS_RUN:
        return command->run(&invocation);
    default:
        return EXIT_USAGE;
    }
}

static enum operator_exit
operator_dispatch(int argc, char **argv)
{
    int words;
    if (argc < 2) {
        help_all(stderr);
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
        puts("keyholed " KEYHOLE_VERSION);
        return EXIT_DONE;
    }
    if (strcmp(argv[1], "help") == 0 || strcmp(argv[1], "--help") == 0 ||
        strcmp(argv[1], "-h") == 0)
        return run_help(argc - 2, argv + 2);
    const struct operator_command *command = command_find(argc - 1, argv + 1, &words);
    if (command != NULL)
        return run_command(command, argc - words, argv + words);
    // "keyholed credential --help" is a question too.
    if (argc == 3 && (strcmp(argv[2], "--help") == 0 || strcmp(argv[2], "-h") == 0) &&
        help_group(stdout, argv[1]))
        return EXIT_DONE;
    return wrong_command(argc - 1, argv + 1);
}

int
operator_main(int argc, char **argv)
{
    admin_init();
    enum operator_exit status = operator_dispatch(argc, argv);
    // A result that did not reach its reader was not given.
    errno = 0;
    if (fflush(stdout) != 0 || ferror(stdout)) {
        // Why an earlier write failed is not known any more.
        if (status == EXIT_DONE)
            status = command_failed("standard output could not be written: %s",
                                    errno != 0 ? strerror(errno) : "no room, or nobody to read it");
    }
    return (int)status;
}
