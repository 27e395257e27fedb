/* SPDX-License-Identifier: Apache-2.0
 *
 * The grammars, driven by one table of character classes.
 */
#include "grammar.h"

#include "../../caveats/scan.h"

enum {
    TOKEN = 1, /* tchar */
    PATH = 2,  /* pchar without '%', and '/' */
    QUERY = 4, /* what may stand in a query without escape */
    DIGIT = 8,
    HEX = 16,
    UPPER = 32,
    ALNUM = 64, /* letters and digits: where labels begin and end */
    UNDERSCORE = 128
};

#define LETTER (TOKEN | PATH | QUERY | ALNUM)
#define MARK   (TOKEN | PATH | QUERY)

static const uint8_t class_of[256] = {
    ['0' ... '9'] = LETTER | DIGIT | HEX,
    ['A' ... 'F'] = LETTER | UPPER | HEX,
    ['G' ... 'Z'] = LETTER | UPPER,
    ['a' ... 'f'] = LETTER | HEX,
    ['g' ... 'z'] = LETTER,
    ['!'] = MARK,
    ['#'] = TOKEN,
    ['$'] = MARK,
    ['%'] = TOKEN,
    ['&'] = MARK,
    ['\''] = MARK,
    ['('] = PATH | QUERY,
    [')'] = PATH | QUERY,
    ['*'] = MARK,
    ['+'] = MARK,
    [','] = PATH | QUERY,
    ['-'] = MARK,
    ['.'] = MARK,
    ['/'] = PATH | QUERY,
    [':'] = PATH | QUERY,
    [';'] = PATH | QUERY,
    ['='] = PATH | QUERY,
    ['?'] = QUERY,
    ['@'] = PATH | QUERY,
    ['['] = QUERY,
    [']'] = QUERY,
    ['^'] = TOKEN,
    ['_'] = MARK | UNDERSCORE,
    ['`'] = TOKEN,
    ['|'] = TOKEN,
    ['~'] = MARK,
};

static bool
is(uint8_t c, unsigned classes)
{
    return (class_of[c] & classes) != 0;
}

/* Number of leading bytes that are in one of the classes. */
static size_t
span(struct bytes text, unsigned classes)
{
    size_t i = 0;

    while (i < text.n && is(text.p[i], classes))
        i++;
    return i;
}

size_t
grammar_token(struct bytes text, bool *has_capital, bool *has_underscore)
{
    unsigned seen = 0;
    size_t i = 0;

    for (; i < text.n && is(text.p[i], TOKEN); i++)
        seen |= class_of[text.p[i]];
    *has_capital = (seen & UPPER) != 0;
    *has_underscore = (seen & UNDERSCORE) != 0;
    return i;
}

bool
grammar_is_token(struct bytes text)
{
    return text.n > 0 && span(text, TOKEN) == text.n;
}

bool
grammar_is_control(uint8_t c)
{
    return (c < 0x20 && c != '\t') || c == 0x7f;
}

bool
grammar_is_field_value(struct bytes text)
{
    return scan_text(text) == text.n;
}

bool
grammar_is_method(struct bytes text)
{
    if (text.n == 0 || text.n > 32 || !is(text.p[0], UPPER))
        return false;
    for (size_t i = 1; i < text.n; i++)
        if (!is(text.p[i], UPPER | DIGIT) && text.p[i] != '-')
            return false;
    return true;
}

/* Every byte in `classes`, or a '%' with two hexadecimal digits. */
static bool
is_escaped_text(struct bytes text, unsigned classes)
{
    for (size_t i = 0; i < text.n; i++) {
        if (is(text.p[i], classes))
            continue;
        if (text.p[i] != '%' || text.n - i < 3 || !is(text.p[i + 1], HEX) ||
            !is(text.p[i + 2], HEX))
            return false;
        i += 2;
    }
    return true;
}

bool
grammar_is_path(struct bytes text)
{
    return text.n > 0 && text.p[0] == '/' && is_escaped_text(text, PATH);
}

bool
grammar_is_query(struct bytes text)
{
    return is_escaped_text(text, QUERY);
}

/* Labels between dots: each begins and ends with a letter or digit. */
static bool
is_name(struct bytes host)
{
    uint8_t before = '.';

    for (size_t i = 0; i < host.n; i++) {
        uint8_t c = host.p[i];

        if (c == '.' ? !is(before, ALNUM)
                     : !is(c, ALNUM) && ((c != '-' && c != '_') || before == '.'))
            return false;
        before = c;
    }
    return is(before, ALNUM);
}

static bool
is_port(struct bytes port)
{
    uint32_t value = 0;

    if (port.n == 0 || port.n > 5)
        return false;
    for (size_t i = 0; i < port.n; i++) {
        if (!is(port.p[i], DIGIT))
            return false;
        value = value * 10 + (port.p[i] - '0');
    }
    return value > 0 && value <= UINT16_MAX;
}

/* Length of "[v6]", or 0. What stands inside is read by host_canonical. */
static size_t
bracketed(struct bytes text)
{
    size_t i = 1;

    if (text.n == 0 || text.p[0] != '[')
        return 0;
    while (i < text.n && (is(text.p[i], HEX) || text.p[i] == ':' || text.p[i] == '.'))
        i++;
    return i > 1 && i < text.n && text.p[i] == ']' ? i + 1 : 0;
}

bool
grammar_is_authority(struct bytes text)
{
    size_t host = bracketed(text);

    if (host == 0) {
        host = bytes_index(text, ':');
        if (!is_name(bytes_slice(text, 0, host)))
            return false;
    }
    if (host == text.n)
        return true;
    return text.p[host] == ':' && is_port(bytes_from(text, host + 1));
}

bool
grammar_has_port(struct bytes authority)
{
    return bytes_index(bytes_from(authority, bracketed(authority)), ':') <
           authority.n - bracketed(authority);
}

bool
grammar_content_length(struct bytes text, uint64_t *out)
{
    uint64_t value = 0;

    if (text.n == 0 || text.n > 18 || (text.n > 1 && text.p[0] == '0'))
        return false;
    for (size_t i = 0; i < text.n; i++) {
        if (!is(text.p[i], DIGIT))
            return false;
        value = value * 10 + (uint64_t)(text.p[i] - '0');
    }
    *out = value;
    return true;
}

bool
grammar_chunk_size(struct bytes text, uint64_t *out)
{
    uint64_t value = 0;

    if (text.n == 0 || text.n > 15 || span(text, HEX) != text.n)
        return false;
    for (size_t i = 0; i < text.n; i++) {
        uint8_t c = text.p[i];
        unsigned digit = is(c, DIGIT) ? c - '0' : (c | 0x20) - 'a' + 10;

        value = value << 4 | digit;
    }
    *out = value;
    return true;
}

/* Length of a quoted string without its closing quote's successor, or 0. ASCII only. */
static size_t
quoted_string(struct bytes text)
{
    if (text.n == 0 || text.p[0] != '"')
        return 0;
    for (size_t i = 1; i < text.n; i++) {
        if (text.p[i] == '"')
            return i + 1;
        if (text.p[i] == '\\')
            i++;
        if (i == text.n || grammar_is_control(text.p[i]) || text.p[i] > 0x7e)
            return 0;
    }
    return 0;
}

bool
grammar_is_chunk_extension(struct bytes text)
{
    while (text.n > 0) {
        size_t n;

        if (text.p[0] != ';')
            return false;
        text = bytes_from(text, 1);
        if ((n = span(text, TOKEN)) == 0)
            return false;
        text = bytes_from(text, n);
        if (text.n == 0 || text.p[0] != '=')
            continue;
        text = bytes_from(text, 1);
        if ((n = span(text, TOKEN)) == 0 && (n = quoted_string(text)) == 0)
            return false;
        text = bytes_from(text, n);
    }
    return true;
}
