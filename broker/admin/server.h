/* SPDX-License-Identifier: Apache-2.0
 *
 * An admin socket (docs/PROTOCOL.admin.md): one line each way, for the owner of the state directory
 * and root alone. Who may connect is decided by the socket's file rights and the peer's user id.
 */
#ifndef KEYHOLE_ADMIN_SERVER_H
#define KEYHOLE_ADMIN_SERVER_H

#include "../../caveats/bytes.h"
#include "../../caveats/errors.h"

#include <event2/event.h>

enum { ADMIN_LINE_MAX = 1 << 20, ADMIN_CONNECTIONS_MAX = 64 };

struct admin_server;

/* One request of that user (without its newline); append its answer (with one). */
typedef void admin_server_fn(void *context, uint32_t uid, struct bytes line, struct buffer *out);

/* Takes the listening descriptor over, on failure too. */
KH_MUST_CHECK enum kh_err admin_server_new(struct event_base *base, int fd, admin_server_fn *answer,
                                           void *context, struct admin_server **out,
                                           struct fault *fault);
/* Within the call for a request: its answer comes later, and what was appended is dropped. One that
 * ends before calls `gone`, and the handle is not to be used any more. NULL: not within a call. */
struct admin_later;
struct admin_later *admin_server_later(struct admin_server *server, void (*gone)(void *context),
                                       void *context);
/* The line with its newline; the handle is used up. */
void admin_later_answer(struct admin_later **later, struct bytes line);

void admin_server_free(struct admin_server **server);

#endif
