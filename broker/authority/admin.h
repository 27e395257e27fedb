/* SPDX-License-Identifier: Apache-2.0
 *
 * The authority's admin socket (docs/PROTOCOL.admin.md). Nothing here takes a token as proof of
 * anything.
 */
#ifndef KEYHOLE_ADMIN_H
#define KEYHOLE_ADMIN_H

#include "../admin/server.h"
#include "authority.h"

/* First thing in the process: jansson wipes what it frees, and seeds its hash tables. */
void admin_init(void);

/* Takes the listening descriptor over; admin_server_free ends it. */
KH_MUST_CHECK enum kh_err admin_new(struct authority *authority, int fd, struct admin_server **out,
                                    struct fault *fault);

/* One request (without its newline) and its answer (with one), appended to `out`. */
void admin_answer(struct authority *authority, struct bytes line, struct buffer *out);

#endif
