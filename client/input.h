/* SPDX-License-Identifier: Apache-2.0
 *
 * Where a command's token comes from: TOKEN, else `-` for standard input, else KEYHOLE_TOKEN, else
 * standard input.
 */
#ifndef KEYHOLE_CLIENT_INPUT_H
#define KEYHOLE_CLIENT_INPUT_H

#include "../caveats/token.h"
#include "cli.h"

enum { INPUT_TEXT_MAX = 65536 }; /* bytes: JSON of other libraries is longer than a token */

/* Find, read and scan it. Text of other macaroon libraries is read as well (caveats/foreign.h).
 * The caller owns `*out` (token_free, which wipes). KH_ERR_USAGE, KH_ERR_IO, KH_ERR_MALFORMED, … */
KH_MUST_CHECK enum kh_err input_token(const struct cli *cli, const struct options *options,
                                      struct token **out, struct fault *fault);

/* The same from text at hand; white space around it is no part of it. */
KH_MUST_CHECK enum kh_err input_scan(struct bytes text, struct token **out, struct fault *fault);

#endif
