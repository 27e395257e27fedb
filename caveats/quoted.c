/* SPDX-License-Identifier: Apache-2.0 */
/* Bare and quoted words: reading and canonical printing of the same thing, side by side. */

#include "quoted.h"

#include <string.h>

uint32_t
quoted_code_point(struct bytes text, size_t *i)
{
    uint8_t lead = text.p[*i];
    unsigned follow = lead < 0x80 ? 0 : lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3;
    uint32_t c = follow == 0 ? lead : lead & (0x3fU >> follow);
    for (unsigned k = 1; k <= follow; k++)
        c = c << 6 | (text.p[*i + k] & 0x3f);
    *i += follow + 1;
    return c;
}

/* Unicode's Cc, line separators, and the controls of UAX 9: never raw. */
bool
quoted_is_hidden(uint32_t c)
{
    return c < 0x20 || (c >= 0x7f && c <= 0x9f) || c == 0x61c || c == 0x200e || c == 0x200f ||
           (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

bool
quoted_text_is_clean(struct bytes text)
{
    if (!bytes_is_utf8(text))
        return false;
    for (size_t i = 0; i < text.n;) {
        if (quoted_is_hidden(quoted_code_point(text, &i)))
            return false;
    }
    return true;
}

bool
quoted_is_bare(uint8_t c, bool is_key)
{
    return c > 0x20 && c < 0x7f && c != ',' && c != '"' && !(is_key && (c == '[' || c == ']'));
}

static bool
hex4(struct bytes whole, size_t at, uint32_t *out)
{
    uint8_t b[2];
    if (!bytes_from_hex(bytes_slice(whole, at, 4), b, sizeof b))
        return false;
    *out = (uint32_t)b[0] << 8 | b[1];
    return true;
}

static size_t
put_utf8(uint8_t *out, uint32_t c)
{
    if (c < 0x80) {
        out[0] = (uint8_t)c;
        return 1;
    }
    size_t follow = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
    static const uint8_t lead[4] = {0, 0xc0, 0xe0, 0xf0};
    for (size_t k = follow; k > 0; k--) {
        out[k] = (uint8_t)(0x80 | (c & 0x3f));
        c >>= 6;
    }
    out[0] = (uint8_t)(lead[follow] | c);
    return follow + 1;
}

void
quoted_put_code_point(uint32_t c, struct buffer *out)
{
    uint8_t text[4];
    buffer_put(out, bytes_of(text, put_utf8(text, c)));
}

/* What follows "\u" at `*at`; surrogates come in pairs only, and NUL not at all. */
static bool
unicode_escape_read(struct bytes whole, size_t *at, uint32_t *out)
{
    uint32_t c, low;
    if (!hex4(whole, *at, &c) || c == 0 || (c >= 0xdc00 && c <= 0xdfff))
        return false;
    *at += 4;
    if (c >= 0xd800 && c <= 0xdbff) {
        if (!bytes_starts(bytes_from(whole, *at), BYTES("\\u")) || !hex4(whole, *at + 2, &low) ||
            low < 0xdc00 || low > 0xdfff)
            return false;
        *at += 6;
        c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
    }
    *out = c;
    return true;
}

static const char escape_letter[] = "\"\\/bfnrt";
static const char escape_meaning[] = "\"\\/\b\f\n\r\t";

static bool
escape_read(struct bytes whole, size_t *at, uint32_t *out)
{
    if (*at >= whole.n)
        return false;
    uint8_t letter = whole.p[(*at)++];
    if (letter == 'u')
        return unicode_escape_read(whole, at, out);
    const char *hit = letter ? strchr(escape_letter, letter) : NULL;
    if (!hit)
        return false;
    *out = (uint8_t)escape_meaning[hit - escape_letter];
    return true;
}

static enum kh_err
string_read(struct bytes whole, size_t *cursor, uint8_t *out, size_t *n, struct fault *fault)
{
    size_t at = *cursor + 1, used = 0;
    while (at < whole.n && whole.p[at] != '"') {
        if (whole.p[at] != '\\') {
            out[used++] = whole.p[at++];
            continue;
        }
        size_t escape = at++;
        uint32_t c;
        if (!escape_read(whole, &at, &c))
            return fault_set(fault, KH_ERR_SYNTAX, "at byte %zu: not an escape of a JSON string",
                             escape + 1);
        used += put_utf8(out + used, c);
    }
    if (at == whole.n)
        return fault_set(fault, KH_ERR_SYNTAX, "at byte %zu: this quotation mark is not closed",
                         *cursor + 1);
    *cursor = at + 1;
    *n = used;
    return KH_OK;
}

enum kh_err
quoted_read(struct bytes whole, size_t *cursor, bool is_key, uint8_t *out, size_t *n,
            struct fault *fault)
{
    size_t start = *cursor, end = start;
    if (start < whole.n && whole.p[start] == '"')
        return string_read(whole, cursor, out, n, fault);
    while (end < whole.n && quoted_is_bare(whole.p[end], is_key))
        end++;
    struct bytes word = bytes_slice(whole, start, end - start);
    if (word.n == 0)
        return fault_set(fault, KH_ERR_SYNTAX, "at byte %zu: expected a %s", start + 1,
                         is_key ? "key" : "value (in quotation marks, if not printable ASCII)");
    if (!is_key && bytes_is(word, "or"))
        return fault_set(fault, KH_ERR_SYNTAX,
                         "at byte %zu: expected a value; the word or is "
                         "written \"or\"",
                         start + 1);
    memcpy(out, word.p, word.n);
    *n = word.n;
    *cursor = end;
    return KH_OK;
}

static bool
can_be_bare(struct bytes word, bool is_key)
{
    for (size_t i = 0; i < word.n; i++) {
        if (!quoted_is_bare(word.p[i], is_key))
            return false;
    }
    return word.n > 0 && (is_key || !bytes_is(word, "or"));
}

void
quoted_print_string(struct bytes word, struct buffer *out)
{
    buffer_put_byte(out, '"');
    for (size_t i = 0; i < word.n;) {
        size_t start = i;
        uint32_t c = quoted_code_point(word, &i);
        const char *letter = c && c < 0x80 && c != '/' ? strchr(escape_meaning, (int)c) : NULL;
        if (letter)
            buffer_printf(out, "\\%c", escape_letter[letter - escape_meaning]);
        else if (quoted_is_hidden(c))
            buffer_printf(out, "\\u%04x", (unsigned)c);
        else
            buffer_put(out, bytes_slice(word, start, i - start));
    }
    buffer_put_byte(out, '"');
}

void
quoted_print(struct bytes word, bool is_key, struct buffer *out)
{
    if (can_be_bare(word, is_key))
        buffer_put(out, word);
    else
        quoted_print_string(word, out);
}
