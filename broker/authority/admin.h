/* SPDX-License-Identifier: Apache-2.0
 *
 * The admin socket (docs/PROTOCOL.admin.md): one line of JSON each way.
 *
 * Nothing here takes a token as proof of anything: who may connect is decided by the socket's file
 * rights and the peer's user id.
 */
#ifndef KEYHOLE_ADMIN_H
#define KEYHOLE_ADMIN_H

#include "authority.h"

enum { ADMIN_LINE_MAX = 1 << 20, ADMIN_CONNECTIONS_MAX = 64 };

struct admin;

/* First thing in the process: jansson wipes what it frees, and seeds its hash tables. */
void admin_init(void);

/* Takes the listening descriptor over. */
KH_MUST_CHECK enum kh_err admin_new(struct authority *authority, int fd, struct admin **out,
                                    struct fault *fault);
void admin_free(struct admin **admin);

/* One request (without its newline) and its answer (with one), appended to `out`. */
void admin_answer(struct authority *authority, struct bytes line, struct buffer *out);

#endif
