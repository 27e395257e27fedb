/* SPDX-License-Identifier: Apache-2.0
 *
 * Writing JSON strings (RFC 8259 section 7). The proxy writes one small object and reads none.
 */
#ifndef KEYHOLE_JSON_TEXT_H
#define KEYHOLE_JSON_TEXT_H

#include "../../caveats/bytes.h"

/* `text` with its quotes. Bytes that are no UTF-8 become U+FFFD. */
void json_text_put(struct buffer *out, struct bytes text);
/* `,"name":"text"`, without the comma when the object has just begun ('{' is the last byte). */
void json_text_member(struct buffer *out, const char *name, struct bytes text);

#endif
