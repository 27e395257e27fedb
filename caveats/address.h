/* SPDX-License-Identifier: Apache-2.0
 *
 * Addresses and networks of the caveat language. IPv4 is held as IPv4-mapped IPv6, so an IPv4 peer
 * that is seen through a dual-stack socket is the same peer.
 */
#ifndef KEYHOLE_ADDRESS_H
#define KEYHOLE_ADDRESS_H

#include "bytes.h"

enum { ADDRESS_SIZE = 16, ADDRESS_TEXT_SIZE = 64 };

/* An IPv4 or IPv6 address, no brackets, no zone. */
KH_MUST_CHECK bool address_read(struct bytes text, uint8_t out[ADDRESS_SIZE]);

/* An address or a network "10.0.0.0/8"; bits right of the prefix must be zero. */
KH_MUST_CHECK bool address_network_read(struct bytes text, uint8_t out[ADDRESS_SIZE],
                                        uint8_t *prefix_bits);

/* The canonical text (RFC 5952); a network of one address is printed as that address. */
void address_network_print(const uint8_t address[ADDRESS_SIZE], uint8_t prefix_bits,
                           char out[ADDRESS_TEXT_SIZE]);

bool address_in_network(const uint8_t address[ADDRESS_SIZE], const uint8_t network[ADDRESS_SIZE],
                        uint8_t prefix_bits);

#endif
