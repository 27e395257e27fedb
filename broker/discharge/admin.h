/* SPDX-License-Identifier: Apache-2.0
 *
 * The discharger's admin socket (docs/PROTOCOL.discharge.md): users, invitations, authenticators.
 */
#ifndef KEYHOLE_DISCHARGE_ADMIN_H
#define KEYHOLE_DISCHARGE_ADMIN_H

#include "../admin/reload.h"
#include "../admin/request.h"
#include "../admin/server.h"
#include "service.h"

struct discharge_admin {
    struct discharger self;
    struct discharge_store *store; /* borrowed, and so is the service */
    struct service *service;
    int64_t started_at;
    int64_t (*now)(void);         /* seconds since 1970 */
    struct admin_server *server;  /* borrowed; whose request is carried out; NULL: none */
    struct admin_reloads reloads; /* who waits for what comes of the configuration */
};

/* An admin_server_fn: one request and its answer. `context` is a struct discharge_admin. */
void discharge_admin_answer(void *context, uint32_t uid, struct bytes line, struct buffer *out);

#endif
