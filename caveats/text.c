/* SPDX-License-Identifier: Apache-2.0
 *
 * Escaping for people.
 */
#include "text.h"

// Length of the UTF-8 character at `at` (which was checked to be UTF-8), and its code point.
static size_t
text_character(struct bytes text, size_t at, uint32_t *code)
{
    uint8_t lead = text.p[at];
    size_t length = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    if (length > text.n - at || !bytes_is_utf8(bytes_slice(text, at, length)))
        return 0;
    *code = length == 1 ? lead : lead & (0x7fu >> length);
    for (size_t i = 1; i < length; i++)
        *code = *code << 6 | (text.p[at + i] & 0x3f);
    return length;
}

// A name that reads backwards or carries invisible letters says one thing and means another
// (Boucher and Anderson, "Trojan Source", 2021).
static bool
text_is_hidden(uint32_t code)
{
    static const struct {
        uint32_t first, last;
    } hidden[] = {
        {0x00, 0x1f},     {0x7f, 0x9f},       {0xad, 0xad},     {0x34f, 0x34f},   {0x61c, 0x61c},
        {0x115f, 0x1160}, {0x17b4, 0x17b5},   {0x180b, 0x180f}, {0x200b, 0x200f}, {0x2028, 0x202e},
        {0x2060, 0x206f}, {0x3164, 0x3164},   {0xfe00, 0xfe0f}, {0xfeff, 0xfeff}, {0xffa0, 0xffa0},
        {0xfff0, 0xfffb}, {0xe0000, 0xe0fff},
    };
    for (size_t i = 0; i < sizeof hidden / sizeof hidden[0]; i++)
        if (code >= hidden[i].first && code <= hidden[i].last)
            return true;
    return false;
}

static void
text_put_escaped(struct buffer *out, struct bytes text, bool newlines)
{
    for (size_t at = 0; at < text.n;) {
        uint32_t code = 0;
        size_t length = text_character(text, at, &code);
        if (length == 0) {
            buffer_printf(out, "\\x%02x", text.p[at]);
            length = 1;
        } else if (newlines && code == '\n') {
            buffer_put_byte(out, '\n');
        } else if (text_is_hidden(code)) {
            buffer_printf(out, code < 0x80 ? "\\x%02x" : "\\u{%x}", code);
        } else {
            buffer_put(out, bytes_slice(text, at, length));
        }
        at += length;
    }
}

void
text_put_safe(struct buffer *out, struct bytes text)
{
    text_put_escaped(out, text, false);
}

void
text_put_message(struct buffer *out, struct bytes text)
{
    text_put_escaped(out, text, true);
}
