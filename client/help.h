/* SPDX-License-Identifier: Apache-2.0
 *
 * Help: made from the tables of commands and options, so that it cannot drift from them.
 */
#ifndef KEYHOLE_CLIENT_HELP_H
#define KEYHOLE_CLIENT_HELP_H

#include "cli.h"

void help_put_program(struct buffer *out);
void help_put_command(const struct command *command, struct buffer *out);

/* The command of that name, or NULL. */
const struct command *help_find(struct bytes name);
/* Say that there is no such command, and which one may have been meant. */
enum kh_err help_unknown(struct bytes name, struct fault *fault);

#endif
