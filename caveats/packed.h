/* SPDX-License-Identifier: Apache-2.0
 *
 * Bytes that identifiers and tickets are packed into: numbers big-endian, texts behind their
 * length.
 */
#ifndef KEYHOLE_PACKED_H
#define KEYHOLE_PACKED_H

#include "bytes.h"

/* What is left to read. Reads past the end give zero or nothing, and are remembered. */
struct packed {
    struct bytes rest;
    bool failed;
};

struct bytes packed_take(struct packed *packed, uint64_t n);
uint64_t packed_number(struct packed *packed, unsigned size); /* of 1 to 8 bytes */
/* A text whose length is a number of that size. */
struct bytes packed_text(struct packed *packed, unsigned size);

/* Numbers are put with buffer_put_number. */
void packed_put_text(struct buffer *out, struct bytes text, unsigned size);

#endif
