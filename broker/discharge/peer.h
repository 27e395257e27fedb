/* SPDX-License-Identifier: Apache-2.0
 *
 * Who connected: as text for people and limits, and what counts as one client.
 */
#ifndef KEYHOLE_DISCHARGE_PEER_H
#define KEYHOLE_DISCHARGE_PEER_H

#include "../../caveats/bytes.h"

#include <netinet/in.h>
#include <sys/socket.h>

struct peer {
    char text[INET6_ADDRSTRLEN]; /* "192.0.2.1", "2001:db8::1"; "unix" */
    uint8_t network[16];         /* IPv4: the address; IPv6: the /64, which is one subscriber's */
};

void peer_read(const struct sockaddr *address, struct peer *out);
bool peer_is_same(const struct peer *a, const struct peer *b); /* one client */

#endif
