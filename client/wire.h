/* SPDX-License-Identifier: Apache-2.0
 *
 * A connection that never blocks: to a broker (a unix socket, TCP, or TLS) or from a client. Steps,
 * and no event loop: whoever calls waits for what the result says.
 */
#ifndef KEYHOLE_CLIENT_WIRE_H
#define KEYHOLE_CLIENT_WIRE_H

#include "broker.h"

#include <openssl/ssl.h>

/* ---- where to ---- */

struct wire_target;

/* Looks the broker's host up and reads roots now, so that what is wrong shows early. `broker` and
 * `ca_file` (NULL: the system's roots) must outlive it. KH_ERR_USAGE, KH_ERR_NOT_FOUND, KH_ERR_IO.
 */
KH_MUST_CHECK enum kh_err wire_target_new(const struct broker_address *broker, const char *ca_file,
                                          struct wire_target **out, struct fault *fault);
void wire_target_free(struct wire_target **target);

/* ---- one connection ---- */

enum wire_result {
    WIRE_DONE = 0,
    WIRE_WANT_READ,
    WIRE_WANT_WRITE,
    WIRE_LATER, /* the listener's queue is full, and nothing tells when it is not: ask again */
    WIRE_END,   /* the peer has said that nothing more comes */
    WIRE_FAILED,
};

struct wire {
    int fd; /* -1: none */
    SSL *ssl;
    struct wire_target *target; /* NULL: somebody connected to us */
    size_t next;                /* address to try */
    unsigned stage;
};

void wire_init(struct wire *wire, struct wire_target *target);
/* One that was accepted; takes `fd` over. */
void wire_init_accepted(struct wire *wire, int fd);
/* Until WIRE_DONE; the descriptor may be another one after each call. WIRE_FAILED when no address
 * answers, or what answers is not the broker. */
enum wire_result wire_connect(struct wire *wire);
/* `*n` is at least 1 on WIRE_DONE. */
enum wire_result wire_read(struct wire *wire, uint8_t *p, size_t cap, size_t *n);
enum wire_result wire_write(struct wire *wire, const uint8_t *p, size_t len, size_t *n);
/* Say that nothing more comes from us; reading goes on. Again until WIRE_DONE. */
enum wire_result wire_end(struct wire *wire);
/* With `abort` the peer sees that it was cut: a reset, or TLS without its end. */
void wire_close(struct wire *wire, bool abort);

#endif
