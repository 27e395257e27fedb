/* SPDX-License-Identifier: Apache-2.0
 *
 * Which addresses an upstream may have (IANA special-purpose registries, RFC 6890, and the metadata
 * services of clouds). Forms of IPv6 that carry an IPv4 address are judged by both.
 */
#include "address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

struct block4 {
    uint8_t address[4];
    uint8_t bits;
    enum address_class class;
};

struct block6 {
    uint8_t address[16];
    uint8_t bits;
    enum address_class class;
};

static const struct block4 blocks4[] = {
    {{169, 254, 0, 0}, 16, ADDRESS_NEVER},     // link-local, and with it 169.254.169.254
    {{100, 100, 100, 200}, 32, ADDRESS_NEVER}, // metadata, Alibaba Cloud
    {{168, 63, 129, 16}, 32, ADDRESS_NEVER},   // platform services, Azure
    {{192, 0, 0, 192}, 32, ADDRESS_NEVER},     // metadata, Oracle Cloud
    {{0, 0, 0, 0}, 8, ADDRESS_INTERNAL},       // "this host": Linux connects 0.0.0.0 to itself
    {{10, 0, 0, 0}, 8, ADDRESS_INTERNAL},      // RFC 1918
    {{100, 64, 0, 0}, 10, ADDRESS_INTERNAL},   // shared address space, RFC 6598
    {{127, 0, 0, 0}, 8, ADDRESS_INTERNAL},     // loopback
    {{172, 16, 0, 0}, 12, ADDRESS_INTERNAL},   // RFC 1918
    {{192, 0, 0, 0}, 24, ADDRESS_INTERNAL},    // protocol assignments
    {{192, 0, 2, 0}, 24, ADDRESS_INTERNAL},    // documentation, RFC 5737
    {{192, 88, 99, 0}, 24, ADDRESS_INTERNAL},  // 6to4 relays
    {{192, 168, 0, 0}, 16, ADDRESS_INTERNAL},  // RFC 1918
    {{198, 18, 0, 0}, 15, ADDRESS_INTERNAL},   // benchmarks
    {{198, 51, 100, 0}, 24, ADDRESS_INTERNAL}, // documentation
    {{203, 0, 113, 0}, 24, ADDRESS_INTERNAL},  // documentation
    {{224, 0, 0, 0}, 4, ADDRESS_INTERNAL},     // multicast
    {{240, 0, 0, 0}, 4, ADDRESS_INTERNAL},     // reserved, and broadcast
};

static const struct block6 blocks6[] = {
    {{0xfd, 0x00, 0x0e, 0xc2, [15] = 0}, 32, ADDRESS_NEVER},           // metadata, AWS
    {{0xfd, 0x20, 0x00, 0xce, [14] = 0x02, 0x54}, 128, ADDRESS_NEVER}, // metadata, Google Cloud
    {{0xfe, 0x80}, 10, ADDRESS_NEVER},                                 // link-local
    {{0x00, 0x64, 0xff, 0x9b}, 96, ADDRESS_PUBLIC}, // NAT64: judged by the IPv4 inside
    {{0x00, 0x64, 0xff, 0x9b, 0x00, 0x01}, 48, ADDRESS_INTERNAL}, // local NAT64, RFC 8215
    {{0}, 8, ADDRESS_INTERNAL},                       // ::, ::1, IPv4-compatible, IPv4-mapped
    {{0x01, 0x00}, 64, ADDRESS_INTERNAL},             // discard
    {{0x20, 0x01, 0x00, 0x00}, 23, ADDRESS_INTERNAL}, // protocol assignments, with Teredo
    {{0x20, 0x01, 0x0d, 0xb8}, 32, ADDRESS_INTERNAL}, // documentation
    {{0x3f, 0xff}, 20, ADDRESS_INTERNAL},             // documentation, RFC 9637
    {{0x5f, 0x00}, 16, ADDRESS_INTERNAL},             // segment routing
    {{0xfc, 0x00}, 7, ADDRESS_INTERNAL},              // unique local
    {{0xfe, 0xc0}, 10, ADDRESS_INTERNAL},             // site-local, deprecated
    {{0xff, 0x00}, 8, ADDRESS_INTERNAL},              // multicast
};

static bool
prefix_matches(const uint8_t *a, const uint8_t *prefix, unsigned bits)
{
    unsigned whole = bits / 8, rest = bits % 8;
    if (memcmp(a, prefix, whole) != 0)
        return false;
    return rest == 0 || ((a[whole] ^ prefix[whole]) >> (8 - rest)) == 0;
}

static enum address_class
classify4(const uint8_t a[4])
{
    for (size_t i = 0; i < sizeof blocks4 / sizeof *blocks4; i++) {
        if (prefix_matches(a, blocks4[i].address, blocks4[i].bits))
            return blocks4[i].class;
    }
    return ADDRESS_PUBLIC;
}

static enum address_class
stricter(enum address_class a, enum address_class b)
{
    return a < b ? a : b;
}

// The IPv4 address that an IPv6 address stands for on the way, if it does.
static bool
embedded4(const uint8_t a[16], uint8_t out[4])
{
    static const uint8_t zero[12];
    static const uint8_t mapped[12] = {[10] = 0xff, 0xff};
    static const uint8_t nat64[12] = {0x00, 0x64, 0xff, 0x9b};
    static const uint8_t nat64_local[6] = {0x00, 0x64, 0xff, 0x9b, 0x00, 0x01};
    static const uint8_t teredo[4] = {0x20, 0x01, 0x00, 0x00};
    if (memcmp(a, zero, 12) == 0 || memcmp(a, mapped, 12) == 0 || memcmp(a, nat64, 12) == 0 ||
        memcmp(a, nat64_local, 6) == 0) {
        memcpy(out, a + 12, 4);
        return true;
    }
    if (a[0] == 0x20 && a[1] == 0x02) { // 6to4
        memcpy(out, a + 2, 4);
        return true;
    }
    if (memcmp(a, teredo, 4) == 0) { // the client's address is stored inverted
        for (int i = 0; i < 4; i++)
            out[i] = (uint8_t)~a[12 + i];
        return true;
    }
    return false;
}

static enum address_class
classify6(const uint8_t a[16])
{
    enum address_class class = ADDRESS_PUBLIC;
    // Global unicast is 2000::/3; what is outside of it and not listed is not public either.
    if ((a[0] & 0xe0) != 0x20)
        class = ADDRESS_INTERNAL;
    for (size_t i = 0; i < sizeof blocks6 / sizeof *blocks6; i++) {
        if (prefix_matches(a, blocks6[i].address, blocks6[i].bits)) {
            class = blocks6[i].class;
            break;
        }
    }
    uint8_t inner[4];
    if (embedded4(a, inner))
        class = stricter(class, classify4(inner));
    return class;
}

// IPv4 and IPv4-mapped give the mapped form.
static bool
as_16(const struct address *address, uint8_t out[16])
{
    if (address->storage.ss_family == AF_INET) {
        const struct sockaddr_in *in = (const void *)&address->storage;
        memset(out, 0, 10);
        out[10] = out[11] = 0xff;
        memcpy(out + 12, &in->sin_addr, 4);
        return true;
    }
    if (address->storage.ss_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const void *)&address->storage;
        memcpy(out, &in6->sin6_addr, 16);
        return true;
    }
    return false;
}

enum address_class
address_classify(const struct address *address)
{
    uint8_t a[16];
    if (!as_16(address, a))
        return ADDRESS_NEVER;
    if (address->storage.ss_family == AF_INET)
        return classify4(a + 12);
    return classify6(a);
}

bool
address_in_networks(const struct address *address, const struct route *route)
{
    uint8_t a[16];
    if (!as_16(address, a))
        return false;
    for (size_t i = 0; i < route->network_count; i++) {
        if (route->network[i].prefix_bits <= 128 &&
            prefix_matches(a, route->network[i].address, route->network[i].prefix_bits))
            return true;
    }
    return false;
}

bool
address_allowed(const struct address *address, const struct route *route)
{
    switch (address_classify(address)) {
    case ADDRESS_PUBLIC:
        return !route->plain || address_in_networks(address, route);
    case ADDRESS_INTERNAL:
        return address_in_networks(address, route);
    case ADDRESS_NEVER:
        break;
    }
    return false;
}

bool
address_parse(struct bytes host, uint16_t port, struct address *out)
{
    char text[INET6_ADDRSTRLEN];
    if (host.n == 0 || host.n >= sizeof text || memchr(host.p, 0, host.n))
        return false;
    memcpy(text, host.p, host.n);
    text[host.n] = '\0';
    memset(out, 0, sizeof *out);
    struct sockaddr_in *in = (void *)&out->storage;
    struct sockaddr_in6 *in6 = (void *)&out->storage;
    if (inet_pton(AF_INET, text, &in->sin_addr) == 1) {
        in->sin_family = AF_INET;
        in->sin_port = htons(port);
        out->length = sizeof *in;
        return true;
    }
    if (inet_pton(AF_INET6, text, &in6->sin6_addr) == 1) {
        in6->sin6_family = AF_INET6;
        in6->sin6_port = htons(port);
        out->length = sizeof *in6;
        return true;
    }
    return false;
}

bool
address_is_loopback(const struct address *address)
{
    static const uint8_t mapped[13] = {[10] = 0xff, 0xff, 127}, loopback6[16] = {[15] = 1};
    uint8_t a[16];
    return as_16(address, a) &&
           (memcmp(a, mapped, sizeof mapped) == 0 || memcmp(a, loopback6, sizeof a) == 0);
}

void
address_print(const struct address *address, char *out, size_t cap)
{
    uint8_t a[16];
    static const uint8_t mapped[12] = {[10] = 0xff, 0xff};
    if (as_16(address, a)) {
        bool four = memcmp(a, mapped, 12) == 0;
        if (inet_ntop(four ? AF_INET : AF_INET6, four ? a + 12 : a, out, (socklen_t)cap))
            return;
    }
    snprintf(out, cap, "unknown");
}

uint16_t
address_port(const struct address *address)
{
    if (address->storage.ss_family == AF_INET)
        return ntohs(((const struct sockaddr_in *)(const void *)&address->storage)->sin_port);
    if (address->storage.ss_family == AF_INET6)
        return ntohs(((const struct sockaddr_in6 *)(const void *)&address->storage)->sin6_port);
    return 0;
}

void
address_set_port(struct address *address, uint16_t port)
{
    if (address->storage.ss_family == AF_INET)
        ((struct sockaddr_in *)(void *)&address->storage)->sin_port = htons(port);
    else if (address->storage.ss_family == AF_INET6)
        ((struct sockaddr_in6 *)(void *)&address->storage)->sin6_port = htons(port);
}

bool
address_same_host(const struct address *a, const struct address *b)
{
    uint8_t x[16], y[16];
    return as_16(a, x) && as_16(b, y) && memcmp(x, y, sizeof x) == 0;
}

bool
address_is_any(const struct address *address)
{
    static const uint8_t v4[16] = {[10] = 0xff, 0xff}, v6[16];
    uint8_t a[16];
    return as_16(address, a) && (memcmp(a, v4, sizeof a) == 0 || memcmp(a, v6, sizeof a) == 0);
}
