/* SPDX-License-Identifier: Apache-2.0
 *
 * Between room_start (outside) and keyhole-room (inside): which descriptors it is started with, its
 * arguments, and what it says. Both are built together; this is no protocol for anybody else.
 *
 *     keyhole-room UID GID INODE,INODE,… PORT,PORT,… PROGRAM ARGUMENT…
 *
 * UID and GID are the user's own; the inodes are those of ROOM_NAMESPACES outside: if one is the
 * same inside, this is no room. The ports are those of ROOM_ADDRESS.
 */
#ifndef KEYHOLE_CLIENT_ROOM_WIRE_H
#define KEYHOLE_CLIENT_ROOM_WIRE_H

#include <stdint.h>

enum room_fd {
    ROOM_FD_CONTROL = 3, /* SEQPACKET: struct room_report out, one byte (go) in */
    ROOM_FD_COVERS,      /* names of sockets and directories to cover, each with a NUL behind it */
    ROOM_FD_CALLS,       /* the system call filter: struct sock_filter[] */
    ROOM_FD_STDERR,      /* the program's; on 2 is where complaints about the room go */
    ROOM_FD_HELPER,      /* keyhole-room itself, which may be hidden inside */
    ROOM_FD_DATA,        /* the first of the contents that bubblewrap puts in place */
};

/* In /proc/self/ns, in the order of the argument. */
#define ROOM_NAMESPACES                                                                            \
    {                                                                                              \
        "user", "mnt", "net", "pid", "ipc", "uts"                                                  \
    }
enum { ROOM_NAMESPACE_COUNT = 6 };

enum room_report_kind {
    ROOM_REPORT_FAILED = 1, /* value: enum room_failure; text: what and why */
    ROOM_REPORT_SOCKETS, /* with the descriptors proxy, DNS by UDP, by TCP, one for each port, and
                            one for the others if value is 1 */
    ROOM_REPORT_READY,   /* sent by the process that becomes the program, for its credentials */
    ROOM_REPORT_STOPPED, /* value: the signal that stopped the program */
};
enum room_failure {
    ROOM_FAILURE_FORBIDDEN = 1,
    ROOM_FAILURE_NO_PROGRAM,
    ROOM_FAILURE_NOT_EXECUTABLE,
    ROOM_FAILURE_OTHER,
};

enum { ROOM_TEXT_MAX = 240, ROOM_SOCKETS_FIXED = 3 };

struct room_report {
    int32_t kind, value;
    char text[ROOM_TEXT_MAX]; /* ends with a NUL */
};

#endif
