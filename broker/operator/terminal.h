/* SPDX-License-Identifier: Apache-2.0
 *
 * The person at the terminal: secrets come in without echo, text goes out without surprises.
 */
#ifndef KEYHOLE_OPERATOR_TERMINAL_H
#define KEYHOLE_OPERATOR_TERMINAL_H

#include "../../caveats/errors.h"
#include "../../caveats/screen/screen.h"

#include <stdio.h>

enum { TERMINAL_SECRET_MAX = 65536 };

enum terminal_colour { COLOUR_NONE = 0, COLOUR_GOOD, COLOUR_BAD, COLOUR_DIM, COLOUR_STRONG };

/* --color: for all that follows. */
void terminal_choose_colour(enum screen_colour wanted);
/* With what is chosen. */
void terminal_look(FILE *stream, struct screen *out);

/* Escape sequences where there is colour (caveats/screen/screen.h), "" elsewhere. */
const char *terminal_colour(FILE *stream, enum terminal_colour colour);

/* Text that somebody else wrote, as text_put_safe shows it: a request cannot rewrite the operator's
 * screen. */
void terminal_print_safe(FILE *stream, const char *text);

/*
 * A secret, from descriptor `fd` if that is not -1, else from a terminal on standard input (with
 * `prompt`, without echo; `twice` asks again and compares), else from standard input to its end.
 * One newline at the end is removed. Empty is KH_ERR_USAGE. `out` is a secret buffer.
 */
KH_MUST_CHECK enum kh_err terminal_read_secret(int fd, const char *prompt, bool twice,
                                               struct buffer *out, struct fault *fault);

/* A line from a terminal on standard input, with its echo: without what surrounds it, perhaps
 * empty. KH_ERR_IO at its end, KH_ERR_TOO_LONG beyond `size`. */
KH_MUST_CHECK enum kh_err terminal_read_line(const char *prompt, char *out, size_t size,
                                             struct fault *fault);

#endif
