/* SPDX-License-Identifier: Apache-2.0
 *
 * config.reload and config.diff: who has an admin socket cannot read the configuration. The
 * supervisor reads it and says what came of it; whoever asked waits.
 */
#ifndef KEYHOLE_ADMIN_RELOAD_H
#define KEYHOLE_ADMIN_RELOAD_H

#include "../channel.h"
#include "server.h"

#include <sys/queue.h>

struct admin_reloads {
    struct channel *supervisor; /* borrowed; NULL: there is nobody to ask */
    enum message_type ask;
    /* What came of a reload goes on record before its answer leaves, and fails it if it cannot. Not
     * called where somebody only looked. NULL: no record is kept. */
    enum kh_err (*record)(void *context, uint32_t uid, bool reloaded, size_t changes,
                          struct fault *fault);
    void *context;
    LIST_HEAD(, admin_reload) waiting; /* zeroed to begin with */
    uint64_t last;
};

/* Within a request of `server` (NULL: of none) by that user: its answer comes with
 * admin_reload_done. With `look` nothing changes. KH_ERR_UNSUPPORTED: not in such a request. */
KH_MUST_CHECK enum kh_err admin_reload_ask(struct admin_reloads *reloads,
                                           struct admin_server *server, uint32_t uid, bool look,
                                           struct fault *fault);

/* What the supervisor said, the body of its message (reload_report.h). False: it breaks the
 * protocol. Whoever asked may have gone. */
KH_MUST_CHECK bool admin_reload_done(struct admin_reloads *reloads, uint64_t id, struct bytes body);

#endif
