/* SPDX-License-Identifier: Apache-2.0 */
/* Escapes of RFC 3986 and application/x-www-form-urlencoded. Declared in path.h, path_bytes.h. */

#include <string.h>

#include "path.h"
#include "path_bytes.h"

bool
path_byte_is_unreserved(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

bool
path_byte_is_pchar(uint8_t c)
{
    return path_byte_is_unreserved(c) || (c != 0 && strchr("!$&'()*+,;=:@", c) != NULL);
}

bool
path_escape_read(struct bytes text, uint8_t *out)
{
    return text.n >= 3 && text.p[0] == '%' && bytes_from_hex(bytes_slice(text, 1, 2), out, 1);
}

enum kh_err
form_decode(struct bytes text, struct buffer *out)
{
    uint8_t *room = buffer_reserve(out, text.n);
    if (!room)
        return KH_ERR_TOO_LONG;
    size_t n = 0;
    for (size_t i = 0; i < text.n; i++) {
        uint8_t c = text.p[i];
        if (c == '%') {
            if (!path_escape_read(bytes_from(text, i), &c))
                return KH_ERR_SYNTAX;
            i += 2;
        } else if (c == '+') {
            c = ' ';
        }
        if (c == 0)
            return KH_ERR_SYNTAX;
        room[n++] = c;
    }
    buffer_advance(out, n);
    return KH_OK;
}

void
form_encode(struct bytes text, struct buffer *out)
{
    static const char digit[] = "0123456789ABCDEF";
    for (size_t i = 0; i < text.n; i++) {
        uint8_t c = text.p[i];
        if (path_byte_is_unreserved(c)) {
            buffer_put_byte(out, c);
            continue;
        }
        const uint8_t escape[3] = {'%', (uint8_t)digit[c >> 4], (uint8_t)digit[c & 15]};
        buffer_put(out, bytes_of(escape, sizeof escape));
    }
}
