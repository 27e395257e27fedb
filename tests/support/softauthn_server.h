/* SPDX-License-Identifier: Apache-2.0
 *
 * The software authenticator behind a SEQPACKET socket: what a USB port is to a key.
 *
 * Every client of the socket sees every report, as with /dev/hidraw. On stdout, a line for each
 * thing that happens: "ready", "waiting" (to be touched), "touched", "denied", "cancelled",
 * "timeout", "wink". On stdin, lines:
 *
 *     touch | deny                        once, for presence "line"
 *     presence MODE | lie WORD | counter N
 *     unplug                              as SIGTERM
 */
#ifndef KEYHOLE_TESTS_SOFTAUTHN_SERVER_H
#define KEYHOLE_TESTS_SOFTAUTHN_SERVER_H

#include "softauthn.h"

struct softauthn_server_options {
    struct softauthn_options authenticator; /* `touch` and `arg` are the server's */
    const char *path;                       /* of the socket */
    const char *root;                       /* write the attestation root there, PEM; or NULL */
    /* auto; deny; never: waits until it is cancelled; timeout: waits, and gives up; line: for a
     * line on stdin; file:PATH: until the file is there, and removes it */
    const char *presence;
    int control; /* stdin, or -1 */
    int events;  /* stdout, or -1 */
};

/* Ends with the process, or gives the reason why it could not begin. */
const char *softauthn_serve(const struct softauthn_server_options *options);
KH_MUST_CHECK bool softauthn_presence_known(const char *mode);

#endif
