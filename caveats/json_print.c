/* SPDX-License-Identifier: Apache-2.0 */
/* JSON into a buffer. */
#include "json_print.h"

static int
put(const char *text, size_t n, void *context)
{
    struct buffer *out = context;
    buffer_put(out, bytes_of(text, n));
    return out->failed ? -1 : 0;
}

void
json_print(const json_t *json, size_t flags, struct buffer *out)
{
    if (json == NULL || json_dump_callback(json, put, out, flags) != 0)
        out->failed = true;
}
