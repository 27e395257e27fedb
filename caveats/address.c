/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses and networks, read strictly: no octal, no short forms, no host bits in a network. */

#include "address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

enum { MAPPED_BITS = 96 };

static const uint8_t mapped_prefix[12] = {[10] = 0xff, [11] = 0xff};

bool
address_read(struct bytes text, uint8_t out[ADDRESS_SIZE])
{
    char s[INET6_ADDRSTRLEN];
    struct in_addr v4;
    struct in6_addr v6;
    if (text.n == 0 || text.n >= sizeof s)
        return false;
    memcpy(s, text.p, text.n);
    s[text.n] = '\0';
    if (strlen(s) != text.n)
        return false;
    if (inet_pton(AF_INET, s, &v4) == 1) {
        memcpy(out, mapped_prefix, sizeof mapped_prefix);
        memcpy(out + sizeof mapped_prefix, &v4, sizeof v4);
        return true;
    }
    if (inet_pton(AF_INET6, s, &v6) != 1)
        return false;
    memcpy(out, &v6, ADDRESS_SIZE);
    return true;
}

static bool
bit(const uint8_t address[ADDRESS_SIZE], unsigned i)
{
    return address[i / 8] >> (7 - i % 8) & 1;
}

bool
address_network_read(struct bytes text, uint8_t out[ADDRESS_SIZE], uint8_t *prefix_bits)
{
    uint8_t address[ADDRESS_SIZE];
    size_t slash = bytes_index(text, '/');
    struct bytes host = bytes_slice(text, 0, slash);
    bool is_v4 = bytes_index(host, ':') == host.n;
    uint64_t bits = is_v4 ? 32 : 128;
    if (!address_read(host, address))
        return false;
    if (slash < text.n) {
        uint64_t given;
        if (!bytes_to_u64(bytes_from(text, slash + 1), &given) || given > bits)
            return false;
        bits = given;
    }
    bits += is_v4 ? MAPPED_BITS : 0;
    for (unsigned i = (unsigned)bits; i < 128; i++) {
        if (bit(address, i))
            return false;
    }
    memcpy(out, address, ADDRESS_SIZE);
    *prefix_bits = (uint8_t)bits;
    return true;
}

void
address_network_print(const uint8_t address[ADDRESS_SIZE], uint8_t prefix_bits,
                      char out[ADDRESS_TEXT_SIZE])
{
    char text[INET6_ADDRSTRLEN] = "";
    bool is_v4 =
        prefix_bits >= MAPPED_BITS && memcmp(address, mapped_prefix, sizeof mapped_prefix) == 0;
    if (is_v4)
        inet_ntop(AF_INET, address + sizeof mapped_prefix, text, sizeof text);
    else
        inet_ntop(AF_INET6, address, text, sizeof text);
    if (prefix_bits == 128)
        snprintf(out, ADDRESS_TEXT_SIZE, "%s", text);
    else
        snprintf(out, ADDRESS_TEXT_SIZE, "%s/%d", text, prefix_bits - (is_v4 ? MAPPED_BITS : 0));
}

bool
address_in_network(const uint8_t address[ADDRESS_SIZE], const uint8_t network[ADDRESS_SIZE],
                   uint8_t prefix_bits)
{
    unsigned whole = prefix_bits / 8, rest = prefix_bits % 8;
    if (prefix_bits > 128 || memcmp(address, network, whole) != 0)
        return false;
    return rest == 0 || (address[whole] ^ network[whole]) >> (8 - rest) == 0;
}
