/* SPDX-License-Identifier: Apache-2.0
 *
 * Addresses of clients. IPv4 in IPv6's clothes is IPv4.
 */
#include "peer.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

enum { NETWORK_SIZE = 8 };

static void
read_v4(const struct in_addr *address, struct peer *out)
{
    out->network[0] = 4;
    memcpy(out->network + 1, address, sizeof *address);
    if (inet_ntop(AF_INET, address, out->text, sizeof out->text) == NULL)
        out->text[0] = '\0';
}

static void
read_v6(const struct in6_addr *address, struct peer *out)
{
    struct in_addr mapped;

    if (IN6_IS_ADDR_V4MAPPED(address)) {
        memcpy(&mapped, address->s6_addr + 12, sizeof mapped);
        read_v4(&mapped, out);
        return;
    }
    out->network[0] = 6;
    memcpy(out->network + 1, address->s6_addr, NETWORK_SIZE);
    if (inet_ntop(AF_INET6, address, out->text, sizeof out->text) == NULL)
        out->text[0] = '\0';
}

void
peer_read(const struct sockaddr *address, struct peer *out)
{
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;

    *out = (struct peer){.text = "unix"};
    if (address->sa_family == AF_INET) {
        memcpy(&v4, address, sizeof v4);
        read_v4(&v4.sin_addr, out);
    } else if (address->sa_family == AF_INET6) {
        memcpy(&v6, address, sizeof v6);
        read_v6(&v6.sin6_addr, out);
    }
}

bool
peer_is_same(const struct peer *a, const struct peer *b)
{
    return memcmp(a->network, b->network, sizeof a->network) == 0;
}
