/* SPDX-License-Identifier: Apache-2.0
 *
 * Listening sockets: handed over by the supervisor, served once the proxy is ready.
 */
#ifndef KEYHOLE_PROXY_LISTEN_H
#define KEYHOLE_PROXY_LISTEN_H

#include "../messages.h"
#include "address.h"

#include <event2/event.h>
#include <openssl/ssl.h>
#include <sys/queue.h>

struct proxy;
struct metrics_listener;

/* How many answers may still go out by a UDP socket, and since when that is counted. */
struct dns_rate {
    int64_t since_ms;
    unsigned left;
};

struct listener {
    TAILQ_ENTRY(listener) entry;
    struct proxy *proxy;
    int fd;
    enum listener_kind kind;
    struct message_listener_gateway gateway; /* who may ask, when it is for gateways */
    uint8_t answer[4];                       /* of DNS */
    struct dns_rate rate;                    /* of DNS_UDP */
    uint16_t port;                           /* 0: unix */
    struct address bound;                    /* of TCP */
    SSL_CTX *context;                        /* NULL: plain */
    bool operator_certificate;
    bool transparent;
    bool metrics; /* for whoever watches (watch.h) */
    struct metrics_listener *counted;
    struct event *readable, *pause;
    char name[128];
};

TAILQ_HEAD(listener_list, listener);

/* Takes `fd` over, also on failure. */
KH_MUST_CHECK enum kh_err listen_add(struct proxy *proxy, const struct message_listener *message,
                                     int fd, struct fault *fault);
void listen_start_all(struct proxy *proxy); /* accept from now on */
void listen_mend(struct proxy *proxy);      /* what could neither accept nor pause, accepts again */
void listen_close_all(struct proxy *proxy); /* no more; memory stays for connections */
void listen_free_all(struct proxy *proxy);

#endif
