/* SPDX-License-Identifier: Apache-2.0
 *
 * Start a child program: its channel as descriptor 3, a clean environment, and nothing else.
 */
#ifndef KEYHOLE_SUPERVISOR_SPAWN_H
#define KEYHOLE_SUPERVISOR_SPAWN_H

#include "../../caveats/errors.h"

#include <sys/types.h>

enum {
    SPAWN_CHANNEL_FD = 3,
    SPAWN_EXTRA_FD = 4,
    SPAWN_METRICS_FD = 5,
    SPAWN_JOURNAL_FD = 6,
    SPAWN_FD_END
};

struct spawn {
    const char *program;     /* absolute */
    const char *const *argv; /* ends with NULL */
    const char *const *keep; /* names of variables that the child gets, ends with NULL */
    int channel_fd;          /* becomes SPAWN_CHANNEL_FD */
    int extra_fd;            /* becomes SPAWN_EXTRA_FD, or -1 */
    int metrics_fd;          /* becomes SPAWN_METRICS_FD, or -1 */
    int journal_fd;          /* becomes SPAWN_JOURNAL_FD, or -1 */
    int null_fd;             /* standard input and output */
};

/* Descriptors stay the caller's. The child is killed when this process ends. */
KH_MUST_CHECK enum kh_err spawn_child(const struct spawn *spawn, pid_t *pid, struct fault *fault);

/* The directory of keyhole-proxy and keyhole-authority: KEYHOLE_LIBEXEC when built with one, else
 * ../libexec/keyhole beside this program. */
KH_MUST_CHECK enum kh_err spawn_find_program(const char *name, char *out, size_t cap,
                                             struct fault *fault);

#endif
