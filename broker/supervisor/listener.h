/* SPDX-License-Identifier: Apache-2.0
 *
 * Listening sockets. The supervisor makes them all, keeps them, and hands copies to its children,
 * so that a child that died loses no connection that waits to be accepted.
 */
#ifndef KEYHOLE_SUPERVISOR_LISTENER_H
#define KEYHOLE_SUPERVISOR_LISTENER_H

#include "../config.h"
#include "../messages.h"

#include <sys/socket.h>

enum {
    LISTENER_BACKLOG = 1024,
    LISTENER_UNSENT_MAX = 131072, /* bytes of an answer that wait in the kernel for one client */
    LISTENER_PEM_MAX = 32768,     /* bytes, of the certificates and of the key */
};

struct listener {
    struct config_listener config; /* as asked for, "127.0.0.1:0"; owned; empty for a unix socket */
    char *name;                    /* as bound, "127.0.0.1:40123", or a path */
    bool local;                    /* a unix socket */
    struct message_listener_gateway gateway; /* for gateways alone (gateway.h) */
    bool metrics;                            /* for whoever watches alone (watch.h) */
    enum listener_kind dns;                  /* of a DNS responder (dns.h); else LISTENER_UNSET */
    uint8_t answer[4];                       /* of one */
    int fd;
    bool held;    /* the service manager has it too: its name stays when it is closed here */
    bool of_unit; /* by one of its socket units */
    struct buffer certificate; /* PEM, empty for a leaf of the local CA */
    struct bytes key;          /* PEM, owned, in locked memory */
};

/* "ADDRESS:PORT" or "[ADDRESS]:PORT", numbers alone. */
KH_MUST_CHECK enum kh_err listener_parse_address(const char *text, struct sockaddr_storage *out,
                                                 socklen_t *size, struct fault *fault);
bool listener_is_loopback(const struct sockaddr_storage *address);

/* What listener_open_tcp checks before it makes a socket: the address, what may be plain, the files
 * of the certificate. For `keyholed check`. */
KH_MUST_CHECK enum kh_err listener_check(const struct config_listener *config, struct fault *fault);

/* In place of a socket of their own these take one that the service manager passed on (inherit.h).
 */
KH_MUST_CHECK enum kh_err listener_open_tcp(const struct config_listener *config,
                                            struct listener *out, struct fault *fault);
/* Mode 0600. A socket that is there already is removed once nobody answers on it. */
KH_MUST_CHECK enum kh_err listener_open_unix(const char *path, struct listener *out,
                                             struct fault *fault);
/* A bound socket: one that was passed on, with `*held` and `*of_unit` set, or a new one; listening
 * when it is a stream. -1 with errno. */
int listener_socket(const struct sockaddr_storage *address, socklen_t size, int type, bool *held,
                    bool *of_unit);
/* The address as bound: port 0 has become a number. NULL: no memory. */
char *listener_bound_name(int fd);
void listener_close(struct listener *listener); /* a unix socket's name is removed, unless held */

/* The one line on standard output that says: it serves. `discharger` is its URL, or "". */
void listener_ready_line(const struct listener *listener, size_t count, const char *admin,
                         const char *discharger, struct buffer *out);

#endif
