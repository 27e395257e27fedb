/* SPDX-License-Identifier: Apache-2.0
 *
 * The data types of SSH (RFC 4251, 5): reading, and the one thing that is written.
 *
 * The reader is sticky: after the first fault every get gives zero or empty, and ssh_wire_end()
 * says so.
 */
#ifndef KEYHOLE_SSH_WIRE_H
#define KEYHOLE_SSH_WIRE_H

#include "../../caveats/bytes.h"

struct ssh_wire {
    struct bytes rest;
    bool failed;
};

void ssh_wire_init(struct ssh_wire *wire, struct bytes text);
uint8_t ssh_wire_get_u8(struct ssh_wire *wire);
uint32_t ssh_wire_get_u32(struct ssh_wire *wire);
struct bytes ssh_wire_get_string(struct ssh_wire *wire); /* points into the text */
/* A positive number in its one canonical form, without the zero that keeps it positive. */
struct bytes ssh_wire_get_mpint(struct ssh_wire *wire);
/* True if everything was read and nothing is left over. */
KH_MUST_CHECK bool ssh_wire_end(const struct ssh_wire *wire);

void ssh_wire_put_string(struct buffer *out, struct bytes value);

#endif
