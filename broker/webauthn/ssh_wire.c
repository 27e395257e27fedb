/* SPDX-License-Identifier: Apache-2.0 */
/* The data types of SSH, strictly: one text for one value. */

#include "ssh_wire.h"

void
ssh_wire_init(struct ssh_wire *wire, struct bytes text)
{
    *wire = (struct ssh_wire){.rest = text};
}

static struct bytes
take(struct ssh_wire *wire, size_t n)
{
    if (wire->failed || n > wire->rest.n) {
        *wire = (struct ssh_wire){.failed = true};
        return BYTES_EMPTY;
    }
    struct bytes taken = bytes_slice(wire->rest, 0, n);
    wire->rest = bytes_from(wire->rest, n);
    return taken;
}

uint8_t
ssh_wire_get_u8(struct ssh_wire *wire)
{
    struct bytes taken = take(wire, 1);
    return taken.n == 1 ? taken.p[0] : 0;
}

uint32_t
ssh_wire_get_u32(struct ssh_wire *wire)
{
    struct bytes taken = take(wire, 4);
    uint32_t value = 0;
    for (size_t i = 0; i < taken.n; i++)
        value = value << 8 | taken.p[i];
    return value;
}

struct bytes
ssh_wire_get_string(struct ssh_wire *wire)
{
    return take(wire, ssh_wire_get_u32(wire));
}

struct bytes
ssh_wire_get_mpint(struct ssh_wire *wire)
{
    struct bytes number = ssh_wire_get_string(wire);
    // RFC 4251, 5: zero has no bytes, a first bit that is set makes it negative, and a first byte
    // of zero is there only to keep that bit clear
    bool padded = number.n > 0 && number.p[0] == 0;
    bool good = number.n > 0 && (number.p[0] & 0x80) == 0 &&
                (!padded || (number.n > 1 && (number.p[1] & 0x80) != 0));
    if (!good) {
        *wire = (struct ssh_wire){.failed = true};
        return BYTES_EMPTY;
    }
    return bytes_from(number, padded ? 1 : 0);
}

bool
ssh_wire_end(const struct ssh_wire *wire)
{
    return !wire->failed && wire->rest.n == 0;
}

void
ssh_wire_put_string(struct buffer *out, struct bytes value)
{
    if (value.n > UINT32_MAX) {
        out->failed = true;
        return;
    }
    for (int shift = 24; shift >= 0; shift -= 8)
        buffer_put_byte(out, (uint8_t)(value.n >> shift));
    buffer_put(out, value);
}
