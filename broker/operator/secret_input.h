/* SPDX-License-Identifier: Apache-2.0
 *
 * Secrets that a command takes: from a descriptor, a terminal or standard input.
 */
#ifndef KEYHOLE_OPERATOR_SECRET_INPUT_H
#define KEYHOLE_OPERATOR_SECRET_INPUT_H

#include "operator.h"

#include "../../caveats/bytes.h"

enum { SECRET_INPUT_PASSPHRASE_MAX = 1024 };

/* All say what is wrong. `out` is a secret buffer. */

/* The descriptor that the option names; -1 without the option. */
KH_MUST_CHECK enum operator_exit secret_input_fd(const struct invocation *invocation,
                                                 const char *option, int *fd);

/* A passphrase, or a key in digits: from the descriptor of `option` (or NULL); without one as
 * terminal_read_secret does with `prompt` and `twice`; and without a prompt (NULL) none, and `out`
 * stays empty. */
KH_MUST_CHECK enum operator_exit secret_input_passphrase(const struct invocation *invocation,
                                                         const char *option, const char *prompt,
                                                         bool twice, struct buffer *out);

/* A token, or the id of one: `text`, or standard input where it is "-" or NULL. */
KH_MUST_CHECK enum operator_exit secret_input_token(const char *text, struct buffer *out);

#endif
