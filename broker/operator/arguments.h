/* SPDX-License-Identifier: Apache-2.0
 *
 * From argv to an invocation.
 */
#ifndef KEYHOLE_OPERATOR_ARGUMENTS_H
#define KEYHOLE_OPERATOR_ARGUMENTS_H

#include "operator.h"

enum arguments_result {
    ARGUMENTS_RUN = 0,
    ARGUMENTS_HELP,  /* --help was given */
    ARGUMENTS_WRONG, /* usage_fault was called */
};

/* `argv[0]` is ignored, options and operands may be mixed. `directory` (PATH_MAX bytes) holds the
 * state directory's name. Values point into argv. */
enum arguments_result arguments_parse(const struct operator_command *command, int argc, char **argv,
                                      char *directory, struct invocation *out);

/* --dir's default: $STATE_DIRECTORY, /var/lib/keyholed for root, else below $XDG_STATE_HOME or
 * ~/.local/state. */
KH_MUST_CHECK enum kh_err directory_default(char *out, size_t cap, struct fault *fault);

#endif
