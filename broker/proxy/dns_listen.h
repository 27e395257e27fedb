/* SPDX-License-Identifier: Apache-2.0
 *
 * The UDP socket of a DNS responder. Datagrams of anybody: a bounded number at a time and in a
 * second, none of them forwarded.
 */
#ifndef KEYHOLE_PROXY_DNS_LISTEN_H
#define KEYHOLE_PROXY_DNS_LISTEN_H

#include "listen.h"

enum {
    DNS_DATAGRAMS_MAX = 64, /* at one wake-up */
    DNS_RATE_PER_S = 2000,  /* answers, of one socket; what is beyond is not answered */
};

KH_MUST_CHECK bool dns_rate_take(struct dns_rate *rate, int64_t now_ms);

/* Answer what came; the callback of a listener of that kind. */
void dns_listen_ready(evutil_socket_t fd, short what, void *listener);

#endif
