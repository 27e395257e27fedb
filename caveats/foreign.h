/* SPDX-License-Identifier: Apache-2.0
 *
 * Macaroons as other libraries write them, for people who attenuate with those.
 *
 *     FOREIGN_V1       base64url of packets, one macaroon a line: libmacaroons, pymacaroons
 *     FOREIGN_V2       base64url of V2 binary, one macaroon after the other: go-macaroon's Slice
 *     FOREIGN_V2_JSON  an object, or an array of the root and its discharges: js-macaroon's
 *                      exportJSON, go-macaroon, pymacaroons' JsonSerializer
 *
 * pymacaroons reads V1 with identifiers of UTF-8 alone, and ours are binary: it takes V2 and JSON.
 * All base64 is url-safe, without padding and canonical; members that are not known, given twice or
 * given in two encodings are refused. The limits are those of token.h.
 */
#ifndef KEYHOLE_FOREIGN_H
#define KEYHOLE_FOREIGN_H

#include "token.h"

enum { FOREIGN_TEXT_MAX = 32768 };

enum foreign_format { FOREIGN_V1, FOREIGN_V2, FOREIGN_V2_JSON };

/* The format is told from the first byte. The token's text is appended to `kh1_text`; it passes
 * token_scan. KH_ERR_MALFORMED, KH_ERR_GRAPH. */
KH_MUST_CHECK enum kh_err foreign_import(struct bytes text, struct buffer *kh1_text,
                                         struct fault *fault);

/* The vendor prefix is left out: other libraries know none. */
KH_MUST_CHECK enum kh_err foreign_export(const struct token *token, enum foreign_format format,
                                         struct buffer *out, struct fault *fault);

#endif
