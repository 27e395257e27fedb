/* SPDX-License-Identifier: Apache-2.0
 *
 * The command line of `keyhole`: a table of commands, messages, exit statuses.
 *
 * A command is one file, command_NAME.c: it reads options, calls something that prints nothing, and
 * prints. stdout carries the result alone; talk goes to stderr.
 */
#ifndef KEYHOLE_CLIENT_CLI_H
#define KEYHOLE_CLIENT_CLI_H

#include "../caveats/errors.h"
#include "../caveats/screen/screen.h"
#include "options.h"

#include <stdio.h>

enum cli_exit { CLI_DONE = 0, CLI_FAILED = 1, CLI_USAGE = 2, CLI_DENIED = 3 };

struct cli {
    FILE *in, *out, *err;
    int64_t now;         /* seconds since 1970; one moment for the whole command */
    const char *command; /* for messages; NULL before a command is known */
};

struct command {
    const char *name;
    const char *synopsis; /* after the name */
    const char *summary;  /* one line for the list of commands */
    const char *details;  /* paragraphs; may be NULL */
    const struct option_spec *option;
    const char *examples; /* lines as one types them, with what they do */
    enum cli_exit (*run)(struct cli *cli, const struct options *options);
    bool program; /* what follows its options is a program with options of its own */
};

/* Every command, in the order of the help; ends with a NULL name. */
extern const struct command cli_command[];

/* The program. `argv` is only read. */
int keyhole_main(int argc, char *const *argv, FILE *in, FILE *out, FILE *err);

/* A message to stderr: "keyhole attenuate: …" and a newline. Control characters are escaped. */
void cli_say(const struct cli *cli, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Say what is wrong; the exit status that goes with it. */
enum cli_exit cli_fail(const struct cli *cli, const struct fault *fault);

/* Write a result and flush; CLI_FAILED when it did not get out whole (a full disk, a closed
 * pipe). A buffer that failed is not written at all. */
KH_MUST_CHECK enum cli_exit cli_result(const struct cli *cli, const struct buffer *result);

/* Where the result is printed; `when` is the value of --color, NULL: it was not given. KH_ERR_USAGE
 * when it is none. */
KH_MUST_CHECK enum kh_err cli_look(const struct cli *cli, const char *when, struct screen *out,
                                   struct fault *fault);

/* An environment variable; NULL when it is not set or empty. */
const char *cli_environment(const char *name);

#endif
