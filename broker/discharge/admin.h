/* SPDX-License-Identifier: Apache-2.0
 *
 * The discharger's admin socket (docs/PROTOCOL.discharge.md): users, invitations, authenticators.
 */
#ifndef KEYHOLE_DISCHARGE_ADMIN_H
#define KEYHOLE_DISCHARGE_ADMIN_H

#include "../admin/request.h"
#include "../admin/server.h"
#include "service.h"

#include <sys/queue.h>

struct discharge_admin {
    struct discharger self;
    struct discharge_store *store; /* borrowed, and so is the service */
    struct service *service;
    int64_t started_at;
    int64_t (*now)(void); /* seconds since 1970 */
    /* To have the configuration read again; NULL: nobody can. Both are borrowed. */
    struct channel *supervisor;
    struct admin_server *server;
    LIST_HEAD(, discharge_reload) reloads; /* who waits for what comes of it */
    uint64_t reload_id;
};

/* An admin_server_fn: one request and its answer. `context` is a struct discharge_admin. */
void discharge_admin_answer(void *context, uint32_t uid, struct bytes line, struct buffer *out);

#endif
