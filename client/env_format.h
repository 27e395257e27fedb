/* SPDX-License-Identifier: Apache-2.0
 *
 * Variables as shells and other programs read them.
 */
#ifndef KEYHOLE_CLIENT_ENV_FORMAT_H
#define KEYHOLE_CLIENT_ENV_FORMAT_H

#include "variables.h"

/* The formats' names, with `|` between. */
#define ENV_FORMATS "shell|fish|dotenv|docker|systemd|json|github"

struct env_format;
const struct env_format *env_format_find(const char *name); /* NULL: none of that name */

/* Append them all. KH_ERR_USAGE, with the variable, when the format cannot say a value. */
KH_MUST_CHECK enum kh_err env_format_print(const struct env_format *format,
                                           const struct variables *variables, struct buffer *out,
                                           struct fault *fault);

#endif
