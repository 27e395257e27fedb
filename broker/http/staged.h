/* SPDX-License-Identifier: Apache-2.0
 *
 * A socket below TLS with a little memory each way, so that reading from it, decrypting, encrypting
 * and writing to it can be stages of their own (turn.h). What lies in it is TLS records: nothing
 * here is a secret.
 */
#ifndef KEYHOLE_STAGED_H
#define KEYHOLE_STAGED_H

#include <openssl/bio.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    STAGED_SIZE = 8 * 1024 + 512, /* each way: 8 KiB in one record, and alerts */
    /* So many bytes may come without one for the owner, and a record has 16 KiB. What is TLS's own
     * (key updates, tickets) is read in one loop with what follows it: a peer that sends nothing
     * else would have the process for itself. */
    STAGED_SILENT_MAX = 96 * 1024,
};

struct staged_piece;

/* Zeroed is empty, and of no socket. */
struct staged {
    int fd;
    bool on;                       /* there is a BIO */
    bool holds;                    /* what is written stays here until staged_send() */
    bool ended;                    /* the socket has been read to its end */
    size_t silent;                 /* bytes that came since the owner got one */
    int error;                     /* errno of a read that failed: told once, as the socket does */
    struct staged_piece *in, *out; /* NULL while there is nothing */
};

/* For SSL_set_bio; `staged` has to outlive it. NULL: no memory. Whoever reads data from TLS puts
 * `silent` back to 0. */
BIO *staged_bio_new(struct staged *staged, int fd);
/* Gives the memory back, with whatever lies in it. The BIO is gone. */
void staged_free(struct staged *staged);

/* Take what is there, with one system call, unless something lies here already. */
void staged_receive(struct staged *staged);
/* Write what lies here. False: some of it still does, and the socket takes no more, or never will
 * (that is found by the next write). */
bool staged_send(struct staged *staged);
/* Whether that many bytes more can be held. */
bool staged_has_room(const struct staged *staged, size_t n);

#endif
