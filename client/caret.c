/* SPDX-License-Identifier: Apache-2.0
 *
 * A caret under the byte that a fault names.
 */
#include "caret.h"

#include "text.h"

#include <string.h>

// Faults of caveat_parse say "at byte N", counted from 1.
size_t
caret_byte(const struct fault *fault)
{
    static const char mark[] = "byte ";
    const char *at = strstr(fault->detail, mark);
    uint64_t n = 0;
    if (at == NULL)
        return SIZE_MAX;
    at += sizeof mark - 1;
    if (!bytes_to_u64(bytes_of(at, strspn(at, "0123456789")), &n) || n == 0)
        return SIZE_MAX;
    return (size_t)n - 1;
}

void
caret_put(struct buffer *out, struct bytes text, const struct fault *fault)
{
    static const char indent[] = "    ";
    size_t position = caret_byte(fault);
    buffer_put_str(out, indent);
    text_put_safe(out, text);
    buffer_put_byte(out, '\n');
    if (position > text.n)
        return;
    // Escapes are wider than what they stand for: measure what was shown.
    BUFFER_AUTO before;
    buffer_init(&before, text.n * 12 + 64);
    text_put_safe(&before, bytes_slice(text, 0, position));
    size_t column = text_columns(buffer_bytes(&before), before.n);
    buffer_printf(out, "%s%*s^\n", indent, (int)column, "");
}
