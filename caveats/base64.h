/* SPDX-License-Identifier: Apache-2.0
 *
 * Base64 (RFC 4648), canonical: no white space, no stray bits, one text for one value.
 */
#ifndef KEYHOLE_BASE64_H
#define KEYHOLE_BASE64_H

#include "bytes.h"

enum base64_kind {
    BASE64_URL,     /* section 5, no padding: tokens, macaroons of other libraries, JSON */
    BASE64_STANDARD /* section 4, padded: Basic authorization */
};

/* Decoded bytes are appended to `out`; false and nothing appended on any deviation. */
KH_MUST_CHECK bool base64_decode(enum base64_kind kind, struct bytes text, struct buffer *out);
void base64_encode(enum base64_kind kind, struct bytes data, struct buffer *out);

#endif
