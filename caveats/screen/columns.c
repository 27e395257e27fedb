/* SPDX-License-Identifier: Apache-2.0
 *
 * Widths of characters, and leaving out the middle of what is too wide.
 */
#include "columns.h"

#include "../text.h"

#include <locale.h>
#include <wchar.h>

enum { TEXT_MAX = 256 * 1024 };

// Characters of the C library's table; without its C.UTF-8 each counts as one column.
static locale_t
characters_open(struct bytes text)
{
    for (size_t i = 0; i < text.n; i++)
        if (text.p[i] >= 0x80)
            return newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    return (locale_t)0;
}

static void
characters_close(locale_t characters)
{
    if (characters != (locale_t)0)
        freelocale(characters);
}

static size_t
character_length(struct bytes text, size_t at)
{
    size_t n = 1;
    while (at + n < text.n && (text.p[at + n] & 0xc0) == 0x80)
        n++;
    return n;
}

static size_t
character_columns(locale_t characters, const uint8_t *p, size_t n)
{
    if (n == 1 || characters == (locale_t)0)
        return 1;
    uint32_t code = p[0] & (0x7fu >> n);
    for (size_t i = 1; i < n; i++)
        code = code << 6 | (p[i] & 0x3f);
    locale_t before = uselocale(characters);
    int columns = wcwidth((wchar_t)code);
    uselocale(before);
    return columns < 0 ? 1 : (size_t)columns;
}

static size_t
columns_with(locale_t characters, struct bytes text)
{
    size_t columns = 0;
    for (size_t at = 0, n; at < text.n; at += n) {
        n = character_length(text, at);
        columns += character_columns(characters, text.p + at, n);
    }
    return columns;
}

size_t
columns_of(struct bytes text)
{
    locale_t characters = characters_open(text);
    size_t columns = columns_with(characters, text);
    characters_close(characters);
    return columns;
}

// As many whole characters from the front as fit, with what combines with the last of them.
static size_t
front_of(locale_t characters, struct bytes text, size_t width, size_t *taken)
{
    size_t at = 0, n;
    for (*taken = 0; at < text.n; at += n) {
        n = character_length(text, at);
        size_t columns = character_columns(characters, text.p + at, n);
        if (*taken + columns > width)
            break;
        *taken += columns;
    }
    return at;
}

static size_t
put_shortened(struct buffer *out, locale_t characters, const struct screen *screen,
              struct bytes text, size_t total, size_t width)
{
    size_t head, before, skipped;
    if (width == 0)
        return 0;
    size_t front = front_of(characters, text, (width - 1) / 2, &head);
    struct bytes rest = bytes_from(text, front);
    // What is left out ends where the rest fits.
    before = total - head - (width - 1 - head);
    size_t at = front_of(characters, rest, before, &skipped);
    while (at < rest.n && skipped < before) {
        size_t n = character_length(rest, at);
        skipped += character_columns(characters, rest.p + at, n);
        at += n;
    }
    buffer_put(out, bytes_slice(text, 0, front));
    buffer_put_str(out, screen_mark(screen, MARK_MORE));
    buffer_put(out, bytes_from(rest, at));
    return head + 1 + total - head - skipped;
}

size_t
columns_put(struct buffer *out, const struct screen *screen, struct bytes text, size_t width)
{
    BUFFER_AUTO safe;
    buffer_init(&safe, TEXT_MAX);
    text_put_safe(&safe, text);
    if (safe.failed) {
        buffer_put_str(out, screen_mark(screen, MARK_MORE));
        return 1;
    }
    struct bytes shown = buffer_bytes(&safe);
    locale_t characters = characters_open(shown);
    size_t total = columns_with(characters, shown);
    if (width == 0 || total <= width)
        buffer_put(out, shown);
    else
        total = put_shortened(out, characters, screen, shown, total, width);
    characters_close(characters);
    return total;
}
