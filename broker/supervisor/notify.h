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
void notify_stopping(const struct notify *notify, const char *status);
void notify_status(const struct notify *notify, const char *status);
void notify_watchdog(const struct notify *notify);

#endif
