/* SPDX-License-Identifier: Apache-2.0
 *
 * Words of the caveat language: bare, or quoted as JSON strings (RFC 8259 section 7).
 */
#ifndef KEYHOLE_QUOTED_H
#define KEYHOLE_QUOTED_H

#include "bytes.h"
#include "errors.h"

/* UTF-8 without control characters (C0, DEL, C1) and without the bidirectional controls that make
 * a line look like another one. Such characters can be said with escapes. */
KH_MUST_CHECK bool quoted_text_is_clean(struct bytes text);

/* Bytes that a bare word is made of: printable ASCII but space, comma and quotation mark; in keys
 * no brackets either. */
bool quoted_is_bare(uint8_t c, bool is_key);

/*
 * Read a word at `*cursor`, bare or quoted, and move past it. What it says is written to `out`,
 * which has room for the rest of `whole`: it is never longer than it was written. KH_ERR_SYNTAX,
 * with the place in the fault. A bare word has at least one byte; `or` cannot be one as a value.
 */
KH_MUST_CHECK enum kh_err quoted_read(struct bytes whole, size_t *cursor, bool is_key, uint8_t *out,
                                      size_t *n, struct fault *fault);

/* The canonical spelling: bare where it can be. */
void quoted_print(struct bytes word, bool is_key, struct buffer *out);
/* Always in quotation marks: where a bare word would mean something else. */
void quoted_print_string(struct bytes word, struct buffer *out);

/* ---- characters, for whoever has escapes of another form ---- */

/* The character at `*i` of valid UTF-8; moves past it. */
uint32_t quoted_code_point(struct bytes text, size_t *i);
/* Control characters and those that make a line look like another one: never raw. */
bool quoted_is_hidden(uint32_t c);
/* As UTF-8; `c` is a character below 0x110000. */
void quoted_put_code_point(uint32_t c, struct buffer *out);

#endif
