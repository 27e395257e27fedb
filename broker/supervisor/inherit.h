/* SPDX-License-Identifier: Apache-2.0
 *
 * Sockets that the service manager passed on, sd_listen_fds(3): those of its socket units, and
 * those that an earlier life of this broker left with it (notify_keep). They are looked for by
 * address wherever a socket would be made, so that the configuration alone says what is served and
 * how.
 *
 * Descriptors and environment belong to the process, and so does what is kept here.
 */
#ifndef KEYHOLE_SUPERVISOR_INHERIT_H
#define KEYHOLE_SUPERVISOR_INHERIT_H

#include "../../caveats/errors.h"

#include <sys/socket.h>

/* The name of those that we left ourselves. */
#define INHERIT_KEPT "keyholed-kept"

enum {
    INHERIT_FIRST_FD = 3,
    INHERIT_MAX = 128,
};

/* Takes over what LISTEN_FDS says, when LISTEN_PID says that it is for this process; the variables
 * go away. A descriptor that is no socket of a kind that is served here is a fault. */
KH_MUST_CHECK enum kh_err inherit_init(struct fault *fault);
void inherit_fini(void); /* closes what nobody took */

struct inherited {
    int fd;    /* -1: there is none */
    bool kept; /* our own from before, and not a socket unit's */
};

/* The one that is bound to this address, not blocking and closed by execve. */
struct inherited inherit_take(const struct sockaddr *address, int type);
/* The one that is bound to this path, which is there. */
struct inherited inherit_take_path(const char *path);

/* After everything was opened. What an earlier life left and nobody wants any more is closed, and
 * `*left` says that there was some. A socket unit's that is not in the configuration is a fault:
 * clients would wait there for ever. */
KH_MUST_CHECK enum kh_err inherit_finish(bool *left, struct fault *fault);

#endif
