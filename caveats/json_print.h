/* SPDX-License-Identifier: Apache-2.0
 *
 * JSON into a buffer, with no copy of the text on the way that would have to be wiped.
 */
#ifndef KEYHOLE_JSON_PRINT_H
#define KEYHOLE_JSON_PRINT_H

#include "bytes.h"

#include <jansson.h>

/* `flags` as for json_dumps. The buffer fails when `json` is NULL, and when memory is used up. */
void json_print(const json_t *json, size_t flags, struct buffer *out);

#endif
