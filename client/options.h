/* SPDX-License-Identifier: Apache-2.0
 *
 * Options of a command line, from a table that also makes the help.
 */
#ifndef KEYHOLE_CLIENT_OPTIONS_H
#define KEYHOLE_CLIENT_OPTIONS_H

#include "../caveats/bytes.h"
#include "../caveats/errors.h"

struct option_spec {
    int id;            /* not 0; a table ends with 0 */
    const char *name;  /* without "--" */
    const char *value; /* what it takes, as shown in help; NULL: a flag */
    bool repeat;       /* may be given several times */
    const char *help;
};

struct option_given {
    int id;
    const char *value; /* borrowed from argv; NULL for a flag */
};

struct options {
    struct option_given *given; /* in the order of the command line */
    size_t given_count;
    const char **positional; /* "-" and whatever does not begin with "-" */
    size_t positional_count;
    bool help;
};

/* Read what follows the command's name: --name value, --name=value, -h, and after "--" nothing is
 * an option. KH_ERR_USAGE with a sentence; free with options_free. */
KH_MUST_CHECK enum kh_err options_parse(const struct option_spec *spec, int argc, char *const *argv,
                                        struct options *out, struct fault *fault);
/* The same for a command that runs another one: its first operand is the program, and nothing
 * behind it is an option of ours. */
KH_MUST_CHECK enum kh_err options_parse_program(const struct option_spec *spec, int argc,
                                                char *const *argv, struct options *out,
                                                struct fault *fault);
void options_free(struct options *options);

bool options_has(const struct options *options, int id);
const char *options_value(const struct options *options, int id); /* NULL when not given */

#endif
