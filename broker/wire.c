/* SPDX-License-Identifier: Apache-2.0 */
/* Reader and writer of message bodies. */
#include "wire.h"

#include <endian.h>
#include <string.h>

void
wire_init(struct wire_reader *reader, struct bytes body)
{
    *reader = (struct wire_reader){.rest = body};
}

// The next n bytes, or NULL: the one place where the body's end is checked.
static inline const uint8_t *
wire_take(struct wire_reader *reader, size_t n)
{
    if (reader->failed || n > reader->rest.n) {
        reader->failed = true;
        return NULL;
    }
    const uint8_t *p = reader->rest.p;
    reader->rest.p += n;
    reader->rest.n -= n;
    return p;
}

static inline uint64_t
wire_get_number(struct wire_reader *reader, size_t width)
{
    const uint8_t *p = wire_take(reader, width);
    uint64_t little = 0;
    if (p != NULL)
        memcpy(&little, p, width);
    return le64toh(little);
}

uint8_t
wire_get_u8(struct wire_reader *reader)
{
    return (uint8_t)wire_get_number(reader, 1);
}

KH_OUT_OF_LINE uint16_t
wire_get_u16(struct wire_reader *reader)
{
    return (uint16_t)wire_get_number(reader, 2);
}

KH_OUT_OF_LINE uint32_t
wire_get_u32(struct wire_reader *reader)
{
    return (uint32_t)wire_get_number(reader, 4);
}

KH_OUT_OF_LINE uint64_t
wire_get_u64(struct wire_reader *reader)
{
    return wire_get_number(reader, 8);
}

KH_OUT_OF_LINE int64_t
wire_get_i64(struct wire_reader *reader)
{
    return (int64_t)wire_get_number(reader, 8);
}

KH_OUT_OF_LINE bool
wire_get_bool(struct wire_reader *reader)
{
    return wire_get_enum(reader, 2) == 1;
}

KH_OUT_OF_LINE unsigned
wire_get_enum(struct wire_reader *reader, unsigned count)
{
    unsigned value = (unsigned)wire_get_number(reader, 2);
    wire_require(reader, value < count);
    return reader->failed ? 0 : value;
}

KH_OUT_OF_LINE size_t
wire_get_count(struct wire_reader *reader, size_t max)
{
    size_t n = wire_get_number(reader, 2);
    wire_require(reader, n <= max);
    return reader->failed ? 0 : n;
}

KH_OUT_OF_LINE struct bytes
wire_get_bytes(struct wire_reader *reader, size_t max)
{
    size_t n = wire_get_number(reader, 4);
    wire_require(reader, n <= max);
    const uint8_t *p = wire_take(reader, n);
    return p == NULL || n == 0 ? BYTES_EMPTY : (struct bytes){p, n};
}

KH_OUT_OF_LINE void
wire_get_fixed(struct wire_reader *reader, uint8_t *out, size_t n)
{
    const uint8_t *p = wire_take(reader, n);
    if (p != NULL)
        memcpy(out, p, n);
    else
        memset(out, 0, n);
}

void
wire_require(struct wire_reader *reader, bool holds)
{
    if (!holds)
        reader->failed = true;
}

enum kh_err
wire_end(const struct wire_reader *reader)
{
    return reader->failed || reader->rest.n != 0 ? KH_ERR_PROTOCOL : KH_OK;
}

static inline void
wire_put_number(struct buffer *out, uint64_t value, size_t width)
{
    uint64_t little = htole64(value);
    uint8_t *to = buffer_make(out, width);
    if (to != NULL)
        memcpy(to, &little, width);
}

void
wire_put_u8(struct buffer *out, uint8_t value)
{
    wire_put_number(out, value, 1);
}

KH_OUT_OF_LINE void
wire_put_u16(struct buffer *out, uint16_t value)
{
    wire_put_number(out, value, 2);
}

KH_OUT_OF_LINE void
wire_put_u32(struct buffer *out, uint32_t value)
{
    wire_put_number(out, value, 4);
}

KH_OUT_OF_LINE void
wire_put_u64(struct buffer *out, uint64_t value)
{
    wire_put_number(out, value, 8);
}

KH_OUT_OF_LINE void
wire_put_i64(struct buffer *out, int64_t value)
{
    wire_put_number(out, (uint64_t)value, 8);
}

KH_OUT_OF_LINE void
wire_put_bool(struct buffer *out, bool value)
{
    wire_put_u16(out, value ? 1 : 0);
}

KH_OUT_OF_LINE void
wire_put_enum(struct buffer *out, unsigned value, unsigned count)
{
    wire_put_require(out, value < count);
    wire_put_u16(out, (uint16_t)value);
}

KH_OUT_OF_LINE size_t
wire_put_count(struct buffer *out, size_t n, size_t max)
{
    wire_put_require(out, n <= max && n <= UINT16_MAX);
    wire_put_u16(out, (uint16_t)n);
    return out->failed ? 0 : n;
}

KH_OUT_OF_LINE void
wire_put_bytes(struct buffer *out, struct bytes value, size_t max)
{
    uint32_t length = htole32((uint32_t)value.n);
    wire_put_require(out, value.n <= max && value.n <= UINT32_MAX);
    if (out->failed)
        return;
    uint8_t *to = buffer_make(out, sizeof length + value.n);
    if (to == NULL)
        return;
    memcpy(to, &length, sizeof length);
    if (value.n > 0)
        memcpy(to + sizeof length, value.p, value.n);
}

KH_OUT_OF_LINE void
wire_put_fixed(struct buffer *out, const uint8_t *p, size_t n)
{
    uint8_t *to = buffer_make(out, n);
    if (to != NULL && n > 0)
        memcpy(to, p, n);
}

void
wire_put_require(struct buffer *out, bool holds)
{
    if (!holds)
        out->failed = true;
}
