/* SPDX-License-Identifier: Apache-2.0
 *
 * Listening sockets of the discharger.
 */
#ifndef KEYHOLE_DISCHARGE_LISTEN_H
#define KEYHOLE_DISCHARGE_LISTEN_H

#include "server.h"

#include <openssl/ssl.h>

struct listener {
    TAILQ_ENTRY(listener) entry;
    struct server *server;
    int fd;
    SSL_CTX *context; /* NULL: plain */
    struct event *readable, *pause;
    char name[128];
};

void listener_accept(struct listener *listener); /* from now on */
void listener_close(struct listener *listener);  /* no more; connections stay */
void listener_free(struct listener *listener);

#endif
