/* SPDX-License-Identifier: Apache-2.0
 *
 * `keyholed run`: the process that starts, watches and stops the others. It holds the listening
 * sockets and the configuration, and parses nothing that a peer sent.
 */
#ifndef KEYHOLE_SUPERVISOR_H
#define KEYHOLE_SUPERVISOR_H

#include "../config.h"

struct supervisor_options {
    const char *directory;     /* the state directory */
    const char *config_path;   /* NULL: DIR/keyholed.yaml when there is one */
    const char *const *listen; /* ADDRESS:PORT, in place of those of the configuration */
    size_t listen_count;
    struct buffer
        *passphrase;       /* for the master key; NULL or empty: none. Taken, and wiped there. */
    bool discharger_alone; /* no broker at all: the discharger, in a directory of its own */
    bool no_discharger;
    const char *discharger;     /* ADDRESS:PORT, in place of its listeners in the configuration */
    const char *discharger_url; /* in place of that in the configuration */
};

/* Serves until it is told to stop. Returns the exit status: 0 after a stop that was asked for, 1
 * when it could not start (the log says why). */
int supervisor_run(const struct supervisor_options *options);

/* Whether that may stand in `discharger`: the discharger is plain on loopback alone. */
KH_MUST_CHECK enum kh_err supervisor_check_discharger(const char *address, struct fault *fault);

/* The file, or the defaults when `path` is NULL and DIR/keyholed.yaml is not there. `used`
 * (PATH_MAX bytes) is the name of the file that was read, or "". */
KH_MUST_CHECK enum kh_err supervisor_read_config(const char *directory, const char *path,
                                                 struct config *config, char *used,
                                                 struct fault *fault);

#endif
