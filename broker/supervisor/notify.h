/* SPDX-License-Identifier: Apache-2.0
 *
 * The service manager's notification protocol, sd_notify(3): datagrams to $NOTIFY_SOCKET.
 */
#ifndef KEYHOLE_SUPERVISOR_NOTIFY_H
#define KEYHOLE_SUPERVISOR_NOTIFY_H

#include "../../caveats/errors.h"

struct notify {
    int fd;                /* -1: nobody asked to be notified */
    int64_t watchdog_usec; /* 0: no watchdog */
};

/* From the environment (NOTIFY_SOCKET, WATCHDOG_USEC, WATCHDOG_PID). Nothing asked for is success;
 * an address that cannot be used is a fault, which the caller logs and goes on. */
KH_MUST_CHECK enum kh_err notify_init(struct notify *notify, struct fault *fault);
void notify_fini(struct notify *notify);

void notify_ready(const struct notify *notify, const char *status);
void notify_reloading(const struct notify *notify);
/* `limit_ms`: how long it may take. */
void notify_stopping(const struct notify *notify, const char *status, int64_t limit_ms);
void notify_watchdog(const struct notify *notify);

/* Leave a copy of a descriptor with the service manager until the next start, under this name.
 * False when it did not take it, or there is none. Whether it keeps it, it does not say. */
bool notify_keep(const struct notify *notify, const char *name, int fd);
/* It drops all that were left under the name. */
void notify_forget(const struct notify *notify, const char *name);

#endif
