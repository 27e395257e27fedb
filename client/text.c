/* SPDX-License-Identifier: Apache-2.0
 *
 * Escaping for terminals, and "did you mean".
 */
#include "text.h"

enum { TEXT_NAME_MAX = 32 };

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

size_t
text_columns(struct bytes text, size_t n)
{
    size_t columns = 0;
    for (size_t i = 0; i < n && i < text.n; i++)
        columns += (text.p[i] & 0xc0) != 0x80;
    return columns + (n > text.n ? n - text.n : 0);
}

size_t
text_distance(struct bytes typed, struct bytes candidate)
{
    if (typed.n > TEXT_NAME_MAX || candidate.n > TEXT_NAME_MAX || typed.n == 0)
        return SIZE_MAX;
    // Optimal string alignment: three rows are enough to see swapped neighbours.
    size_t row[3][TEXT_NAME_MAX + 1];
    size_t *before = row[0], *above = row[1], *current = row[2];
    for (size_t j = 0; j <= candidate.n; j++)
        above[j] = j;
    for (size_t i = 1; i <= typed.n; i++) {
        current[0] = i;
        for (size_t j = 1; j <= candidate.n; j++) {
            bool same = typed.p[i - 1] == candidate.p[j - 1];
            size_t best = above[j - 1] + !same;
            if (above[j] + 1 < best)
                best = above[j] + 1;
            if (current[j - 1] + 1 < best)
                best = current[j - 1] + 1;
            if (i > 1 && j > 1 && typed.p[i - 1] == candidate.p[j - 2] &&
                typed.p[i - 2] == candidate.p[j - 1] && before[j - 2] + 1 < best)
                best = before[j - 2] + 1;
            current[j] = best;
        }
        size_t *spare = before;
        before = above;
        above = current;
        current = spare;
    }
    size_t allowed = typed.n < 3 ? 1 : typed.n < 7 ? 2 : 3;
    return above[candidate.n] <= allowed && above[candidate.n] < typed.n ? above[candidate.n]
                                                                         : SIZE_MAX;
}
