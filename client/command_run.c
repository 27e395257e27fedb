/* SPDX-License-Identifier: Apache-2.0
 *
 * keyhole run
 */
#include "command_run.h"
#include "commands.h"
#include "run.h"

#include <stdlib.h>

const struct option_spec command_run_options[] = {
    RUN_OPTIONS,
    {RUN_OPTION_ALLOW_HOST, "allow-host", "HOST", true,
     "nothing but these hosts and those of the credentials can be reached; *.example.com stands "
     "for "
     "those below"},
    {RUN_OPTION_NO_REVOKE, "no-revoke", NULL, false,
     "leave the tokens alive when the program ends"},
    {RUN_OPTION_REPORT, "report", "FILE", false,
     "write what became of it to FILE, as JSON: status, tokens, refusals"},
    {RUN_OPTION_ISOLATE, "isolate", NULL, false,
     "in a closed room: a network whose only way out is the broker, processes and sockets of its "
     "own; what cannot be closed here does not run"},
    {RUN_OPTION_RO, "ro", "PATH", true, "with --isolate: PATH and what is below cannot be written"},
    {RUN_OPTION_RW, "rw", "PATH", true,
     "with --isolate: PATH can be written, and the rest, but for /tmp, cannot"},
    {RUN_OPTION_HIDE, "hide", "PATH", true,
     "with --isolate: PATH is an empty directory of the room's own, or an empty file; the longest "
     "path of --ro, --rw and --hide decides"},
    {RUN_OPTION_UNIX_SOCKETS, "unix-sockets", NULL, false,
     "with --isolate: the program may open unix sockets, for what it starts itself"},
    {0},
};

static enum cli_exit
run_refuse(const struct cli *cli, const struct fault *fault)
{
    // As shells do: a program that is not there, or is none.
    enum cli_exit status = cli_fail(cli, fault);
    if (fault->err == KH_ERR_NOT_FOUND)
        return (enum cli_exit)CHILD_NOT_FOUND;
    return fault->err == KH_ERR_PERMISSION ? (enum cli_exit)CHILD_NOT_EXECUTABLE : status;
}

// A NULL behind the operands, as exec wants it.
static char **
run_arguments(const struct options *options)
{
    char **argv = calloc(options->positional_count + 1, sizeof *argv);
    for (size_t i = 0; argv != NULL && i < options->positional_count; i++) {
        union {
            const char *given;
            char *taken;
        } argument = {.given = options->positional[i]};
        argv[i] = argument.taken;
    }
    return argv;
}

static int
run_program(struct run_setup *setup, char *const argv[])
{
    struct run run;
    struct fault fault = {.err = KH_ERR_INTERNAL};
    int status;
    if (run_prepare(&run, setup, &fault) != KH_OK)
        status = cli_fail(setup->cli, &fault);
    else if (run_start(&run, argv, &fault) != KH_OK)
        status = run_refuse(setup->cli, &fault);
    else
        status = run_wait(&run);
    run_end(&run, status);
    return status;
}

static bool
run_has_room_option(const struct options *options)
{
    return options_has(options, RUN_OPTION_RO) || options_has(options, RUN_OPTION_RW) ||
           options_has(options, RUN_OPTION_HIDE) || options_has(options, RUN_OPTION_UNIX_SOCKETS);
}

enum cli_exit
command_run(struct cli *cli, const struct options *options)
{
    struct fault fault = {.err = KH_ERR_INTERNAL};
    if (!options_has(options, RUN_OPTION_ISOLATE) && run_has_room_option(options)) {
        fault_set(&fault, KH_ERR_USAGE, "--ro, --rw, --hide and --unix-sockets are for --isolate");
        return cli_fail(cli, &fault);
    }
    if (options->positional_count == 0 || options->positional[0][0] == '\0') {
        fault_set(&fault, KH_ERR_USAGE, "what is to be run? Give a program: keyhole run … -- CMD");
        return cli_fail(cli, &fault);
    }
    char **argv = run_arguments(options);
    struct run_setup *setup = calloc(1, sizeof *setup);
    int status = CLI_FAILED;
    if (argv == NULL || setup == NULL) {
        cli_say(cli, "memory is used up");
    } else {
        status = run_setup_read(setup, cli, options, argv[0], true);
        if (status == CLI_DONE)
            status = run_program(setup, argv);
        run_setup_free(setup);
    }
    free(setup);
    free(argv);
    return (enum cli_exit)status;
}
