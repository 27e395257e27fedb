/* SPDX-License-Identifier: Apache-2.0
 *
 * Which bytes RFC 3986 allows where, for the files that read and write URLs.
 */
#ifndef KEYHOLE_PATH_BYTES_H
#define KEYHOLE_PATH_BYTES_H

#include "bytes.h"

/* Section 2.3. */
bool path_byte_is_unreserved(uint8_t c);
/* Section 3.3, but for the escapes. */
bool path_byte_is_pchar(uint8_t c);
/* "%41" at the beginning of `text`. */
KH_MUST_CHECK bool path_escape_read(struct bytes text, uint8_t *out);

#endif
