/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers and texts, packed. */
#include "packed.h"

struct bytes
packed_take(struct packed *packed, uint64_t n)
{
    if (packed->failed || n > packed->rest.n) {
        packed->failed = true;
        return BYTES_EMPTY;
    }
    struct bytes part = bytes_slice(packed->rest, 0, (size_t)n);
    packed->rest = bytes_from(packed->rest, (size_t)n);
    return part;
}

uint64_t
packed_number(struct packed *packed, unsigned size)
{
    uint64_t value = 0;
    struct bytes part = packed_take(packed, size);
    for (size_t i = 0; i < part.n; i++)
        value = value << 8 | part.p[i];
    return value;
}

struct bytes
packed_text(struct packed *packed, unsigned size)
{
    return packed_take(packed, packed_number(packed, size));
}

void
packed_put_text(struct buffer *out, struct bytes text, unsigned size)
{
    buffer_put_number(out, text.n, size);
    buffer_put(out, text);
}
