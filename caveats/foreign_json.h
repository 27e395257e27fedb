/* SPDX-License-Identifier: Apache-2.0
 *
 * The V2 JSON form of macaroons: for foreign.c alone.
 */
#ifndef KEYHOLE_FOREIGN_JSON_H
#define KEYHOLE_FOREIGN_JSON_H

#include "token.h"

/* V2 binary is appended to `binary`; lengths and the graph are not checked yet. */
KH_MUST_CHECK enum kh_err foreign_json_read(struct bytes text, struct buffer *binary,
                                            struct fault *fault);
void foreign_json_write(const struct token *token, struct buffer *out);

#endif
