/* SPDX-License-Identifier: Apache-2.0 */
/* CBOR as CTAP writes it: definite lengths, and one failure for a whole message. */

#include "softauthn_internal.h"

#include <string.h>

enum { UNSIGNED, NEGATIVE, BYTE_STRING, TEXT, ARRAY, MAP, TAG, SIMPLE, NESTING_MAX = 8 };
enum { FALSE_VALUE = 20, TRUE_VALUE = 21 };

static uint64_t
fail(struct ctap_reader *r)
{
    *r = (struct ctap_reader){.failed = true};
    return 0;
}

static uint64_t
read_head(struct ctap_reader *r, int *major)
{
    *major = -1;
    if (r->failed || r->rest.n == 0)
        return fail(r);
    uint8_t first = r->rest.p[0];
    r->rest = bytes_from(r->rest, 1);
    unsigned info = first & 31;
    if (info < 24) {
        *major = first >> 5;
        return info;
    }
    size_t n = (size_t)1 << (info - 24);
    if (info > 27 || r->rest.n < n)
        return fail(r);
    uint64_t value = 0;
    for (size_t i = 0; i < n; i++)
        value = value << 8 | r->rest.p[i];
    r->rest = bytes_from(r->rest, n);
    *major = first >> 5;
    return value;
}

static uint64_t
read_length(struct ctap_reader *r, int wanted)
{
    int major;
    uint64_t value = read_head(r, &major);
    // nothing has more items than bytes, so that no loop over a length goes on for long
    return major == wanted && value <= r->rest.n ? value : fail(r);
}

uint64_t
ctap_read_map(struct ctap_reader *r)
{
    return read_length(r, MAP);
}

uint64_t
ctap_read_array(struct ctap_reader *r)
{
    return read_length(r, ARRAY);
}

static struct bytes
read_string(struct ctap_reader *r, int wanted)
{
    size_t n = (size_t)read_length(r, wanted);
    if (r->failed)
        return BYTES("");
    struct bytes string = {r->rest.p, n};
    r->rest = bytes_from(r->rest, n);
    return string;
}

struct bytes
ctap_read_bytes(struct ctap_reader *r)
{
    return read_string(r, BYTE_STRING);
}

struct bytes
ctap_read_text(struct ctap_reader *r)
{
    return read_string(r, TEXT);
}

int64_t
ctap_read_int(struct ctap_reader *r)
{
    int major;
    uint64_t value = read_head(r, &major);
    if (value > INT32_MAX || (major != UNSIGNED && major != NEGATIVE))
        return (int64_t)fail(r);
    return major == UNSIGNED ? (int64_t)value : -1 - (int64_t)value;
}

bool
ctap_read_bool(struct ctap_reader *r)
{
    int major;
    uint64_t value = read_head(r, &major);
    if (major != SIMPLE || (value != FALSE_VALUE && value != TRUE_VALUE))
        return fail(r);
    return value == TRUE_VALUE;
}

static void
skip(struct ctap_reader *r, int depth)
{
    int major;
    uint64_t value = read_head(r, &major);
    if (r->failed || depth > NESTING_MAX) {
        fail(r);
        return;
    }
    if (major == BYTE_STRING || major == TEXT) {
        if (value > r->rest.n)
            fail(r);
        else
            r->rest = bytes_from(r->rest, (size_t)value);
        return;
    }
    uint64_t items = major == ARRAY ? value : major == MAP ? 2 * value : major == TAG ? 1 : 0;
    for (uint64_t i = 0; i < items && !r->failed; i++)
        skip(r, depth + 1);
}

struct ctap_reader
ctap_read_item(struct ctap_reader *r)
{
    struct bytes before = r->rest;
    skip(r, 0);
    if (r->failed)
        return (struct ctap_reader){.failed = true};
    return (struct ctap_reader){.rest = {before.p, before.n - r->rest.n}};
}

static void
write_head(struct buffer *b, int major, uint64_t value)
{
    uint8_t top = (uint8_t)(major << 5);
    if (value < 24) {
        buffer_put_byte(b, top | (uint8_t)value);
        return;
    }
    int log = value <= UINT8_MAX ? 0 : value <= UINT16_MAX ? 1 : value <= UINT32_MAX ? 2 : 3;
    buffer_put_byte(b, top | (uint8_t)(24 + log));
    for (int shift = (8 << log) - 8; shift >= 0; shift -= 8)
        buffer_put_byte(b, (uint8_t)(value >> shift));
}

void
ctap_write_map(struct buffer *b, uint64_t pairs)
{
    write_head(b, MAP, pairs);
}

void
ctap_write_array(struct buffer *b, uint64_t items)
{
    write_head(b, ARRAY, items);
}

void
ctap_write_int(struct buffer *b, int64_t value)
{
    if (value < 0)
        write_head(b, NEGATIVE, (uint64_t)(-1 - value));
    else
        write_head(b, UNSIGNED, (uint64_t)value);
}

void
ctap_write_bool(struct buffer *b, bool value)
{
    write_head(b, SIMPLE, value ? TRUE_VALUE : FALSE_VALUE);
}

void
ctap_write_bytes(struct buffer *b, struct bytes value)
{
    write_head(b, BYTE_STRING, value.n);
    buffer_put(b, value);
}

void
ctap_write_text(struct buffer *b, const char *value)
{
    write_head(b, TEXT, strlen(value));
    buffer_put_str(b, value);
}
