/* SPDX-License-Identifier: Apache-2.0
 *
 * The person at the terminal. It is asked at /dev/tty: standard input may be a token.
 */
#ifndef KEYHOLE_CLIENT_TERMINAL_H
#define KEYHOLE_CLIENT_TERMINAL_H

#include "../caveats/errors.h"

enum { TERMINAL_LINE_MAX = 256 };

/* One line, without its newline; with `hidden`, without echo. KH_ERR_NOT_FOUND when there is no
 * terminal, KH_ERR_USAGE when nothing was typed. */
KH_MUST_CHECK enum kh_err terminal_ask(const char *prompt, bool hidden, struct buffer *out,
                                       struct fault *fault);

/* KH_OK for yes, KH_ERR_DENIED for anything else, KH_ERR_NOT_FOUND when there is no terminal. */
KH_MUST_CHECK enum kh_err terminal_confirm(const char *prompt, struct fault *fault);

/* A secret from a descriptor: its first line. KH_ERR_IO, KH_ERR_USAGE when it is empty. */
KH_MUST_CHECK enum kh_err terminal_read_descriptor(int fd, struct buffer *out, struct fault *fault);

#endif
