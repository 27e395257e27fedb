/* SPDX-License-Identifier: Apache-2.0
 *
 * Which command is meant, what it is told, and what it says.
 */
#include "cli.h"

#include "../caveats/token.h"
#include "help.h"
#include "text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { CLI_MESSAGE_MAX = 16384 };

void
cli_say(const struct cli *cli, const char *format, ...)
{
    char *text = NULL;
    va_list arguments;
    va_start(arguments, format);
    int length = vasprintf(&text, format, arguments);
    va_end(arguments);
    if (length < 0)
        return;
    BUFFER_AUTO safe;
    buffer_init(&safe, CLI_MESSAGE_MAX);
    text_put_message(&safe, bytes_of(text, (size_t)length));
    fprintf(cli->err, "keyhole%s%s: %s\n", cli->command != NULL ? " " : "",
            cli->command != NULL ? cli->command : "", buffer_text(&safe));
    free(text);
}

enum cli_exit
cli_fail(const struct cli *cli, const struct fault *fault)
{
    const char *detail = fault->detail[0] != '\0' ? fault->detail : kh_err_sentence(fault->err);
    cli_say(cli, "%s", detail);
    if (fault->err == KH_ERR_USAGE) {
        fprintf(cli->err, "See keyhole %s%s--help\n", cli->command != NULL ? cli->command : "",
                cli->command != NULL ? " " : "");
        return CLI_USAGE;
    }
    return fault->err == KH_ERR_DENIED ? CLI_DENIED : CLI_FAILED;
}

enum cli_exit
cli_result(const struct cli *cli, const struct buffer *result)
{
    if (result->failed) {
        cli_say(cli, "the result is too long, or memory is used up; nothing was written");
        return CLI_FAILED;
    }
    errno = 0;
    if ((result->n > 0 && fwrite(result->p, 1, result->n, cli->out) != result->n) ||
        fflush(cli->out) != 0) {
        cli_say(cli, "writing the result failed: %s", strerror(errno));
        return CLI_FAILED;
    }
    return CLI_DONE;
}

enum kh_err
cli_look(const struct cli *cli, const char *when, struct screen *out, struct fault *fault)
{
    enum screen_colour wanted = SCREEN_AUTO;
    if (when != NULL && !screen_colour_parse(when, &wanted))
        return fault_set(fault, KH_ERR_USAGE, "--color is auto, always or never");
    screen_look(cli->out, wanted, out);
    return KH_OK;
}

static enum cli_exit
cli_help(const struct cli *cli, const struct command *command)
{
    BUFFER_AUTO text;
    buffer_init(&text, CLI_MESSAGE_MAX);
    if (command != NULL)
        help_put_command(command, &text);
    else
        help_put_program(&text);
    return cli_result(cli, &text);
}

static enum cli_exit
cli_run_command(struct cli *cli, const struct command *command, int argc, char *const *argv)
{
    struct fault fault = {.err = KH_ERR_INTERNAL};
    struct options options;
    cli->command = command->name;
    enum kh_err err = command->program
                          ? options_parse_program(command->option, argc, argv, &options, &fault)
                          : options_parse(command->option, argc, argv, &options, &fault);
    if (err != KH_OK)
        return cli_fail(cli, &fault);
    enum cli_exit status = options.help ? cli_help(cli, command) : command->run(cli, &options);
    options_free(&options);
    return status;
}

// `keyhole help`, `keyhole help COMMAND`.
static enum cli_exit
cli_run_help(struct cli *cli, int argc, char *const *argv)
{
    struct fault fault;
    if (argc == 0)
        return cli_help(cli, NULL);
    const struct command *command = help_find(bytes_str(argv[0]));
    if (command == NULL) {
        help_unknown(bytes_str(argv[0]), &fault);
        return cli_fail(cli, &fault);
    }
    return cli_help(cli, command);
}

int
keyhole_main(int argc, char *const *argv, FILE *in, FILE *out, FILE *err)
{
    struct cli cli = {.in = in, .out = out, .err = err, .now = (int64_t)time(NULL)};
    struct fault fault;
    if (argc < 2) {
        BUFFER_AUTO text;
        buffer_init(&text, CLI_MESSAGE_MAX);
        help_put_program(&text);
        fputs(buffer_text(&text), err);
        return CLI_USAGE;
    }
    const char *name = argv[1];
    if (strcmp(name, "help") == 0)
        return cli_run_help(&cli, argc - 2, argv + 2);
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
        return cli_help(&cli, NULL);
    if (strcmp(name, "--version") == 0) {
        fprintf(out, "keyhole %s\n", KEYHOLE_VERSION);
        return fflush(out) == 0 ? CLI_DONE : CLI_FAILED;
    }
    if (name[0] == '-' || token_is_shaped(bytes_str(name))) {
        fault_set(&fault, KH_ERR_USAGE, "a command comes first, as in: keyhole inspect --json");
        return cli_fail(&cli, &fault);
    }
    const struct command *command = help_find(bytes_str(name));
    if (command == NULL) {
        help_unknown(bytes_str(name), &fault);
        return cli_fail(&cli, &fault);
    }
    return cli_run_command(&cli, command, argc - 2, argv + 2);
}
