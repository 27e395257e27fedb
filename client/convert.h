/* SPDX-License-Identifier: Apache-2.0
 *
 * Tokens in the formats of other macaroon libraries (docs/TOKENS.md). Nothing is verified or
 * changed: the same macaroons, written otherwise.
 */
#ifndef KEYHOLE_CLIENT_CONVERT_H
#define KEYHOLE_CLIENT_CONVERT_H

#include "../caveats/token.h"

enum convert_format {
    CONVERT_UNSET = 0,
    CONVERT_KEYHOLE,
    CONVERT_V1,
    CONVERT_V2,
    CONVERT_JSON,
};

/* CONVERT_UNSET for a name that is none. */
enum convert_format convert_format_read(struct bytes name);

/* Append the text, without a newline. What a format cannot hold is an error, never left out. */
KH_MUST_CHECK enum kh_err convert_token(const struct token *token, enum convert_format format,
                                        struct buffer *out, struct fault *fault);

#endif
