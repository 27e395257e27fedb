/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading and writing of message bodies: little-endian numbers and length-prefixed bytes.
 *
 * The reader is sticky: after the first fault every get returns zero or empty, and wire_end() says
 * so. The writer marks its buffer failed where the reader would refuse, so that what is built can
 * always be parsed.
 */
#ifndef KEYHOLE_WIRE_H
#define KEYHOLE_WIRE_H

#include "../caveats/bytes.h"
#include "../caveats/errors.h"

struct wire_reader {
    struct bytes rest;
    bool failed;
};

void wire_init(struct wire_reader *reader, struct bytes body);
uint8_t wire_get_u8(struct wire_reader *reader);
uint16_t wire_get_u16(struct wire_reader *reader);
uint32_t wire_get_u32(struct wire_reader *reader);
uint64_t wire_get_u64(struct wire_reader *reader);
int64_t wire_get_i64(struct wire_reader *reader);
bool wire_get_bool(struct wire_reader *reader);                      /* 0 or 1, nothing else */
unsigned wire_get_enum(struct wire_reader *reader, unsigned count);  /* less than `count` */
size_t wire_get_count(struct wire_reader *reader, size_t max);       /* at most `max` */
struct bytes wire_get_bytes(struct wire_reader *reader, size_t max); /* points into the body */
void wire_get_fixed(struct wire_reader *reader, uint8_t *out, size_t n);
/* A rule of the message itself is broken unless `holds`. */
void wire_require(struct wire_reader *reader, bool holds);
/* KH_ERR_PROTOCOL unless everything was read and nothing is left over. */
KH_MUST_CHECK enum kh_err wire_end(const struct wire_reader *reader);

void wire_put_u8(struct buffer *out, uint8_t value);
void wire_put_u16(struct buffer *out, uint16_t value);
void wire_put_u32(struct buffer *out, uint32_t value);
void wire_put_u64(struct buffer *out, uint64_t value);
void wire_put_i64(struct buffer *out, int64_t value);
void wire_put_bool(struct buffer *out, bool value);
void wire_put_enum(struct buffer *out, unsigned value, unsigned count);
/* Returns how many items to write: `n`, or 0 when that is more than `max` (and `out` failed). */
size_t wire_put_count(struct buffer *out, size_t n, size_t max);
void wire_put_bytes(struct buffer *out, struct bytes value, size_t max);
void wire_put_fixed(struct buffer *out, const uint8_t *p, size_t n);
void wire_put_require(struct buffer *out, bool holds);

#endif
