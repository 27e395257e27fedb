/* SPDX-License-Identifier: Apache-2.0
 *
 * What stands before the first mark of an occurrence is as the secret is. So whoever looks at every
 * mark, and at the places of the secret that it can stand for, finds all of them, and texts without
 * marks cost a memchr.
 */
#include "scrub_escape.h"

#include <string.h>

const uint8_t scrub_escape_mark[SCRUB_ESCAPE_MARKS] = {'%', '\\'};

// ---- one byte ----

// "00" and "2F" against the byte: as far as the text goes.
static enum scrub_escape
hex_at(const char *zeros, uint8_t byte, struct bytes text, size_t at, size_t *n)
{
    int nibble[4] = {0, 0, byte >> 4, byte & 15};
    size_t skip = zeros[0] ? 0 : 2;

    for (size_t i = skip; i < 4; i++, at++) {
        if (at == text.n)
            return SCRUB_ESCAPE_PART;
        if (bytes_hex_digit(text.p[at]) != nibble[i])
            return SCRUB_ESCAPE_NO;
    }
    *n = at;
    return SCRUB_ESCAPE_WHOLE;
}

static bool
is_alphanumeric(uint8_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

// The escape that begins at `at`, against the byte. `*end` is behind it.
static enum scrub_escape
escape_at(uint8_t byte, uint8_t mark, struct bytes text, size_t at, size_t *end)
{
    if (mark == '%')
        return hex_at("", byte, text, at + 1, end);
    if (at + 1 == text.n)
        return SCRUB_ESCAPE_PART;
    if (text.p[at + 1] == 'u') // of what is beyond ASCII it is not the bytes
        return byte < 0x80 ? hex_at("00", byte, text, at + 2, end) : SCRUB_ESCAPE_NO;
    if (text.p[at + 1] != byte || is_alphanumeric(byte))
        return SCRUB_ESCAPE_NO;
    *end = at + 2;
    return SCRUB_ESCAPE_WHOLE;
}

static bool
stands_for(uint8_t c, uint8_t byte, uint8_t mark)
{
    return c == byte || (mark == '%' && byte == ' ' && c == '+');
}

// ---- all of them ----

enum scrub_escape
scrub_escape_at(struct bytes secret, uint8_t mark, struct bytes text, size_t *n)
{
    size_t at = 0;

    for (size_t i = 0; i < secret.n; i++) {
        if (at == text.n)
            return SCRUB_ESCAPE_PART;
        if (text.p[at] == mark) {
            enum scrub_escape one = escape_at(secret.p[i], mark, text, at, &at);
            if (one != SCRUB_ESCAPE_WHOLE)
                return one;
        } else if (!stands_for(text.p[at++], secret.p[i], mark)) {
            return SCRUB_ESCAPE_NO;
        }
    }
    *n = at;
    return SCRUB_ESCAPE_WHOLE;
}

// The byte that the escape at `at` stands for.
static bool
read_escape(uint8_t mark, struct bytes text, size_t at, uint8_t *byte)
{
    bool unicode = mark == '\\' && at + 1 < text.n && text.p[at + 1] == 'u';
    size_t digits = at + (unicode ? 4 : 1);

    if (mark == '\\' && !unicode) {
        *byte = at + 1 < text.n ? text.p[at + 1] : 0;
        return *byte != 0 && !is_alphanumeric(*byte);
    }
    if (digits + 2 > text.n || bytes_hex_digit(text.p[digits]) < 0 ||
        bytes_hex_digit(text.p[digits + 1]) < 0)
        return false;
    *byte = (uint8_t)((unsigned)bytes_hex_digit(text.p[digits]) << 4 |
                      (unsigned)bytes_hex_digit(text.p[digits + 1]));
    return true;
}

// Whether the secret begins `before` bytes before the mark. None of these is escaped.
static bool
begins_before(struct bytes secret, uint8_t mark, struct bytes text, size_t at, size_t before,
              size_t *n)
{
    for (size_t i = 0; i < before; i++) {
        if (!stands_for(text.p[at - before + i], secret.p[i], mark))
            return false;
    }
    return scrub_escape_at(secret, mark, bytes_from(text, at - before), n) == SCRUB_ESCAPE_WHOLE;
}

static bool
find_around(struct bytes secret, uint8_t mark, struct bytes text, size_t at, size_t from,
            size_t *where, size_t *n)
{
    size_t most = at - from < secret.n - 1 ? at - from : secret.n - 1;
    uint8_t byte;

    if (!read_escape(mark, text, at, &byte))
        return false;
    // The earliest first: as much of the secret as there can be before the mark.
    for (const uint8_t *p = secret.p + most + 1;
         (p = memrchr(secret.p, byte, (size_t)(p - secret.p))) != NULL;) {
        size_t before = (size_t)(p - secret.p);
        if (begins_before(secret, mark, text, at, before, n)) {
            *where = at - before;
            return true;
        }
    }
    return false;
}

bool
scrub_escape_find(struct bytes secret, uint8_t mark, struct bytes text, size_t at, size_t *where,
                  size_t *n)
{
    size_t from = at;

    while (secret.n > 0 && at < text.n) {
        const uint8_t *p = memchr(text.p + at, mark, text.n - at);
        if (p == NULL)
            return false;
        at = (size_t)(p - text.p);
        if (find_around(secret, mark, text, at, from, where, n))
            return true;
        at++;
    }
    return false;
}
