/* SPDX-License-Identifier: Apache-2.0
 *
 * Which addresses an upstream may have. A name that an attacker controls resolves to whatever he
 * likes, so every address is looked at after it was resolved, and the one that was looked at is
 * the one that is dialled.
 */
#ifndef KEYHOLE_PROXY_ADDRESS_H
#define KEYHOLE_PROXY_ADDRESS_H

#include "../messages.h"

#include <sys/socket.h>

struct address {
    struct sockaddr_storage storage;
    socklen_t length;
};

enum address_class {
    ADDRESS_NEVER = 0, /* cloud metadata and link-local: no network list opens it */
    ADDRESS_INTERNAL,  /* only inside a network that the credential lists */
    ADDRESS_PUBLIC,
};

enum address_class address_classify(const struct address *address);

/* 127.0.0.0/8, also as an IPv4-mapped one, and ::1. */
bool address_is_loopback(const struct address *address);

/* Inside one of the networks of the route. */
bool address_in_networks(const struct address *address, const struct route *route);

/* Whether the proxy may connect there for that route; plain routes need a listed network. */
bool address_allowed(const struct address *address, const struct route *route);

/* A numeric host ("192.0.2.1", "2001:db8::1") with a port. False when the host is a name. */
KH_MUST_CHECK bool address_parse(struct bytes host, uint16_t port, struct address *out);

/* Address as text, without port; IPv4-mapped as IPv4. */
void address_print(const struct address *address, char *out, size_t cap);

uint16_t address_port(const struct address *address);
void address_set_port(struct address *address, uint16_t port);
/* Whatever their ports. */
bool address_same_host(const struct address *a, const struct address *b);
/* 0.0.0.0 or ::, of a socket that listens. */
bool address_is_any(const struct address *address);

#endif
