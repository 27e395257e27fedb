/* SPDX-License-Identifier: Apache-2.0
 *
 * The small grammars of HTTP/1.1 and URIs, one predicate each. Strict: what RFC 9110, 9112 and 3986
 * do not generate is not accepted, with the exceptions that are said here.
 */
#ifndef KEYHOLE_GRAMMAR_H
#define KEYHOLE_GRAMMAR_H

#include "../../caveats/bytes.h"

bool grammar_is_token(struct bytes text);       /* RFC 9110 5.6.2, at least one byte */
bool grammar_is_field_value(struct bytes text); /* no control characters but HTAB */
bool grammar_is_control(uint8_t c);             /* HTAB is none */

/* How many bytes at the front are a token, and whether capital letters and '_' are among them. */
size_t grammar_token(struct bytes text, bool *has_capital, bool *has_underscore);

bool grammar_is_method(struct bytes text); /* [A-Z][A-Z0-9-]{0,31} */

/* RFC 3986 path beginning with '/', escapes well-formed. */
bool grammar_is_path(struct bytes text);
/* RFC 3986 query, escapes well-formed. '[' and ']' are taken as well: RFC 3986 wants them escaped,
 * and every Stripe client sends them raw. The canonical request escapes them. */
bool grammar_is_query(struct bytes text);

/* uri-host [":" port] as in Host: names of letters, digits, '-', '_', dotted quads, "[v6]". A port
 * is 1 to 65535. No user information, no trailing dot, no escapes. */
bool grammar_is_authority(struct bytes text);
bool grammar_has_port(struct bytes authority); /* of text that is an authority */

/* 0 or [1-9][0-9]{0,17}: no sign, no list, no overflow. */
KH_MUST_CHECK bool grammar_content_length(struct bytes text, uint64_t *out);
/* 1 to 15 hexadecimal digits. */
KH_MUST_CHECK bool grammar_chunk_size(struct bytes text, uint64_t *out);
/* RFC 9112 7.1.1 without the bad white space; empty, or beginning with ';'. */
bool grammar_is_chunk_extension(struct bytes text);

#endif
