/* SPDX-License-Identifier: Apache-2.0
 *
 * A closed room: a program in user, network, mount, process and IPC namespaces of its own, where a
 * loopback is all the network there is. Sockets that listen inside are handed out of the room, so
 * that whoever started it decides what becomes of a connection; nothing in the room holds one.
 */
#ifndef KEYHOLE_CLIENT_ROOM_H
#define KEYHOLE_CLIENT_ROOM_H

#include "../caveats/errors.h"

#include <sys/types.h>

/* Inside every room. 198.18.0.0/15 is for tests of networks (RFC 2544): nobody's real address. */
#define ROOM_ADDRESS       "198.18.0.1" /* what allowed names resolve to */
#define ROOM_PROXY_ADDRESS "127.0.0.1"  /* for programs that know of proxies */
enum { ROOM_PROXY_PORT = 8437, ROOM_PORTS_MAX = 64, ROOM_PATHS_MAX = 64 };

/* The longest path that is given decides what a file is; under none it is as the user sees it, or
 * read-only as soon as one `rw` is given (but for /tmp and /var/tmp). What is hidden is an empty
 * directory of the room's own, or an empty file. Every path must be there. */
struct room_settings {
    const char *ro[ROOM_PATHS_MAX], *rw[ROOM_PATHS_MAX], *hide[ROOM_PATHS_MAX]; /* absolute */
    size_t ro_count, rw_count, hide_count;
    uint16_t port[ROOM_PORTS_MAX]; /* of ROOM_ADDRESS that are listened on; 80 and 443 always */
    size_t port_count;
    const char *bundle; /* a file or directory that is seen inside, read-only, under its own name
                           (certificates); NULL: none */
    const char *roots;  /* a file that stands in the place of the system's roots, for programs that
                           no  variable tells of another; NULL: theirs */
    bool unix_sockets;  /* the program may open unix sockets; none of those outside is seen
                           either way */
};

/* A descriptor that somebody else closes (a relay) is to be set to -1. */
struct room {
    pid_t pid;      /* of the process to wait for, by room_ended */
    int control_fd; /* readable: call room_attend */
    int proxy_fd;   /* listens on ROOM_PROXY_ADDRESS:ROOM_PROXY_PORT inside */
    int transparent_fd[ROOM_PORTS_MAX + 3]; /* listen on ROOM_ADDRESS */
    size_t transparent_count;
    bool redirected; /* the last of those takes every port that has no socket of its own; false:
                        this kernel or the lack of `nft` does not allow for it */
    int dns_udp_fd, dns_tcp_fd; /* port 53 of the room's resolver */

    int program_fd;     /* a pidfd of the program */
    pid_t program;      /* its number outside, and that of its process group */
    int terminal;       /* 0 to 2, where the program has a terminal; else -1 */
    bool terminal_lent; /* the program's group is in the foreground of it */
};

/* Start `argv` with the environment `envp` in a room, in a process group of its own; variables that
 * lead to agents and buses outside are left out. The program runs when room_go was called.
 * KH_ERR_UNSUPPORTED, KH_ERR_NOT_FOUND (no such program inside), KH_ERR_USAGE (a path of the
 * settings; a network socket or a directory as standard input or output), KH_ERR_IO; on failure
 * nothing runs. */
KH_MUST_CHECK enum kh_err room_start(const struct room_settings *settings, char *const argv[],
                                     char *const envp[], struct room *out, struct fault *fault);
/* Let it run. Where this process is in the foreground of a terminal, the program is from here on:
 * Ctrl-C is the program's alone. */
KH_MUST_CHECK enum kh_err room_go(struct room *room, struct fault *fault);
/* The program stopped (Ctrl-Z): stop as well, as a job of the shell, and go on together. False when
 * nothing will be heard of the room any more. */
bool room_attend(struct room *room);
/* Hand a signal on to the program; for SIGTSTP, stop together as in room_attend. */
void room_signal(struct room *room, int number);
/* Whether it ended; the exit status then, 128 and more for a signal. Does not wait. */
KH_MUST_CHECK bool room_ended(struct room *room, int *status);
/* Kill what is left of it, take the terminal back, close its descriptors. */
void room_end(struct room *room);

#endif
