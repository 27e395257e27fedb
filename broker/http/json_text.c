/* SPDX-License-Identifier: Apache-2.0
 *
 * JSON strings: what needs an escape gets one, what is no UTF-8 is replaced.
 */
#include "json_text.h"

/* Length of the UTF-8 sequence at the start of `text`, or 0. */
static size_t
sequence(struct bytes text)
{
    size_t n = text.p[0] < 0x80 ? 1 : text.p[0] < 0xe0 ? 2 : text.p[0] < 0xf0 ? 3 : 4;
    struct bytes slice = bytes_slice(text, 0, n);

    return slice.n == n && bytes_is_utf8(slice) ? n : 0;
}

static void
put_byte(struct buffer *out, uint8_t c)
{
    static const char escapes[] = {
        ['"'] = '"',  ['\\'] = '\\', ['\b'] = 'b', ['\f'] = 'f',
        ['\n'] = 'n', ['\r'] = 'r',  ['\t'] = 't',
    };

    if (c < sizeof escapes && escapes[c] != 0) {
        buffer_put_byte(out, '\\');
        buffer_put_byte(out, (uint8_t)escapes[c]);
    } else if (c < 0x20 || c == 0x7f) {
        buffer_printf(out, "\\u%04x", c);
    } else {
        buffer_put_byte(out, c);
    }
}

void
json_text_put(struct buffer *out, struct bytes text)
{
    buffer_put_byte(out, '"');
    while (text.n > 0) {
        size_t n = sequence(text);

        if (n == 0) {
            buffer_put_str(out, "\xef\xbf\xbd");
            n = 1;
        } else if (n == 1) {
            put_byte(out, text.p[0]);
        } else {
            buffer_put(out, bytes_slice(text, 0, n));
        }
        text = bytes_from(text, n);
    }
    buffer_put_byte(out, '"');
}

void
json_text_member(struct buffer *out, const char *name, struct bytes text)
{
    if (out->n > 0 && out->p[out->n - 1] != '{')
        buffer_put_byte(out, ',');
    json_text_put(out, bytes_str(name));
    buffer_put_byte(out, ':');
    json_text_put(out, text);
}
