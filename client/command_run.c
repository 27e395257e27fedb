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

enum cli_exit
command_run(struct cli *cli, const struct options *options)
{
    struct fault fault = {.err = KH_ERR_INTERNAL};
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
