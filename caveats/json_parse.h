/* SPDX-License-Identifier: Apache-2.0
 *
 * JSON to values, or not at all. jansson 2.14 goes on when it cannot grow the text of a string: a
 * byte is dropped, and what comes out is another text than what came in (or an assertion of its
 * own, when the byte stood behind a backslash). What is judged must be what was sent.
 */
#ifndef KEYHOLE_JSON_PARSE_H
#define KEYHOLE_JSON_PARSE_H

#include "bytes.h"

#include <jansson.h>

enum { JSON_PARSE_RESERVE = 65536 }; /* bytes that a parse may take when there is no memory */

/* As json_loadb; NULL also when memory was short at any time during the call, in a process whose
 * allocation functions are those below. */
KH_MUST_CHECK json_t *json_parse(struct bytes text, size_t flags, json_error_t *error);

/* For json_set_alloc_funcs. Without memory they take from a reserve, so that a parse comes to its
 * end, to be thrown away; what is freed is wiped. One thread. */
void *json_parse_malloc(size_t n);
void *json_parse_reserve(size_t n); /* when there is no memory; NULL: nor is there a reserve */
void json_parse_free(void *p);

#endif
