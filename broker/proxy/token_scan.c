/* SPDX-License-Identifier: Apache-2.0
 *
 * One function for each state of the reader; each takes one byte.
 */
#include "token_scan.h"

#include <string.h>

enum mode { MODE_START = 0, MODE_JSON, MODE_STRING, MODE_FORM_NAME, MODE_FORM_VALUE, MODE_NONE };
enum text { TEXT_PLAIN = 0, TEXT_ESCAPE, TEXT_DIGITS };
enum after { AFTER_OTHER = 0, AFTER_STRING, AFTER_COLON };
enum { SKIP_MAX = 512 };

static const char *const names[] = {"access_token", "refresh_token", "id_token"};

void
token_scan_init(struct token_scan *scan, enum token_scan_kind kind)
{
    *scan = (struct token_scan){.kind = kind};
}

static void
clear(struct token_scan *scan)
{
    scan->state = TOKEN_SCAN_CLEAR;
    scan->cleared = true;
}

/* ---- names ---- */

static void
put_name(struct token_scan *scan, unsigned c)
{
    if (scan->name_n < TOKEN_SCAN_NAME_MAX && c < 0x80)
        scan->name[scan->name_n++] = (char)c;
    else
        scan->name_n = TOKEN_SCAN_NAME_MAX + 1;
}

static bool
name_counts(const struct token_scan *scan)
{
    if (scan->name_n > TOKEN_SCAN_NAME_MAX)
        return false;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (bytes_is(bytes_of(scan->name, scan->name_n), names[i]))
            return true;
    }
    return false;
}

// One more digit of an escape; the last one is the end of it.
static bool
take_digit(struct token_scan *scan, uint8_t c)
{
    int digit = bytes_hex_digit(c);

    scan->code = scan->code << 4 | ((unsigned)digit & 15);
    if (digit < 0)
        scan->name_n = TOKEN_SCAN_NAME_MAX + 1;
    if (--scan->escape > 0)
        return false;
    put_name(scan, scan->code);
    return true;
}

/* ---- JSON ---- */

static void
open_string(struct token_scan *scan)
{
    bool at_members = scan->depth == 1 && scan->in_object;

    scan->is_value = at_members && scan->after == AFTER_COLON && name_counts(scan);
    scan->mode = MODE_STRING;
    scan->text = TEXT_PLAIN;
    scan->name_n = at_members ? 0 : TOKEN_SCAN_NAME_MAX + 1;
}

static void
close_level(struct token_scan *scan)
{
    if (scan->depth > 0 && --scan->depth == 0)
        clear(scan);
    scan->after = AFTER_OTHER;
}

static void
read_json(struct token_scan *scan, uint8_t c)
{
    switch (c) {
    case '{':
    case '[':
        if (scan->depth++ == 0)
            scan->in_object = c == '{';
        scan->after = AFTER_OTHER;
        break;
    case '}':
    case ']':
        close_level(scan);
        break;
    case '"':
        open_string(scan);
        break;
    case ':':
        scan->after = scan->after == AFTER_STRING ? AFTER_COLON : AFTER_OTHER;
        break;
    case ' ':
    case '\t':
    case '\r':
    case '\n':
        break;
    default:
        scan->after = AFTER_OTHER;
    }
}

static void
read_escape(struct token_scan *scan, uint8_t c)
{
    scan->text = TEXT_PLAIN;
    if (c == 'u') {
        scan->text = TEXT_DIGITS;
        scan->escape = 4;
        scan->code = 0;
    } else {
        // Of the names no character has an escape but by its number.
        put_name(scan, c == '/' || c == '"' || c == '\\' ? c : '\n');
    }
}

static void
read_string(struct token_scan *scan, uint8_t c)
{
    if (scan->is_value && (c != '"' || scan->text != TEXT_PLAIN)) {
        scan->state = TOKEN_SCAN_FOUND;
    } else if (scan->text == TEXT_ESCAPE) {
        read_escape(scan, c);
    } else if (scan->text == TEXT_DIGITS) {
        if (take_digit(scan, c))
            scan->text = TEXT_PLAIN;
    } else if (c == '\\') {
        scan->text = TEXT_ESCAPE;
    } else if (c == '"') {
        scan->mode = MODE_JSON;
        scan->after = scan->is_value || scan->after == AFTER_COLON ? AFTER_OTHER : AFTER_STRING;
    } else {
        put_name(scan, c);
    }
}

/* ---- forms ---- */

static bool
is_form_byte(uint8_t c)
{
    return c > 0x20 && c < 0x7f && strchr("\"<>{}[]\\^`|", c) == NULL;
}

static void
begin_pair(struct token_scan *scan)
{
    scan->mode = MODE_FORM_NAME;
    scan->name_n = 0;
    scan->escape = 0;
}

static void
read_form_name(struct token_scan *scan, uint8_t c)
{
    if (scan->escape > 0) {
        (void)take_digit(scan, c);
    } else if (c == '%') {
        scan->escape = 2;
        scan->code = 0;
    } else if (c == '&') {
        begin_pair(scan);
    } else if (c == '=') {
        scan->is_value = name_counts(scan);
        scan->mode = MODE_FORM_VALUE;
    } else {
        put_name(scan, c == '+' ? ' ' : c);
    }
}

static void
read_form_value(struct token_scan *scan, uint8_t c)
{
    if (c == '&')
        begin_pair(scan);
    else if (scan->is_value && is_form_byte(c))
        scan->state = TOKEN_SCAN_FOUND;
}

static void
give_up(struct token_scan *scan)
{
    scan->mode = MODE_NONE;
    clear(scan);
}

static bool
may_become_name(const struct token_scan *scan)
{
    if (scan->name_n > TOKEN_SCAN_NAME_MAX)
        return false;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (bytes_starts(bytes_str(names[i]), bytes_of(scan->name, scan->name_n)))
            return true;
    }
    return false;
}

// Text that does not begin as such a form goes on at once, and is a form for all that is known.
static void
read_form_byte(struct token_scan *scan, uint8_t c)
{
    if (scan->kind == TOKEN_SCAN_TEXT && !is_form_byte(c)) {
        give_up(scan);
        return;
    }
    if (scan->mode == MODE_FORM_VALUE) {
        read_form_value(scan, c);
        return;
    }
    read_form_name(scan, c);
    bool counts = scan->mode == MODE_FORM_NAME ? may_become_name(scan) : scan->is_value;
    if (scan->kind == TOKEN_SCAN_TEXT && !counts)
        clear(scan);
}

/* ---- the beginning ---- */

static void
read_start(struct token_scan *scan, uint8_t c)
{
    static const uint8_t mark[] = {0xef, 0xbb, 0xbf}; // readers skip it

    if (scan->read < sizeof mark && c == mark[scan->read]) {
        scan->read++;
        return;
    }
    scan->read = sizeof mark;
    if (c == ' ' || c == '\t' || c == '\r' || c == '\n')
        return;
    if (c == '{' || c == '[') {
        scan->mode = MODE_JSON;
        read_json(scan, c);
        if (c == '[')
            clear(scan);
    } else if (scan->kind == TOKEN_SCAN_JSON) {
        give_up(scan);
    } else {
        begin_pair(scan);
        read_form_byte(scan, c);
    }
}

static void
read_byte(struct token_scan *scan, uint8_t c)
{
    switch (scan->mode) {
    case MODE_START:
        read_start(scan, c);
        break;
    case MODE_JSON:
        read_json(scan, c);
        break;
    case MODE_STRING:
        read_string(scan, c);
        break;
    case MODE_FORM_NAME:
    case MODE_FORM_VALUE:
        read_form_byte(scan, c);
        break;
    default:
        break;
    }
}

// Most of a large body is inside of strings that are no names.
static size_t
skip_text(const struct token_scan *scan, struct bytes data)
{
    if (scan->mode != MODE_STRING || scan->text != TEXT_PLAIN || scan->is_value ||
        scan->name_n <= TOKEN_SCAN_NAME_MAX)
        return 0;
    // In pieces, so that a text full of escapes is not searched for its end at each of them.
    data = bytes_slice(data, 0, SKIP_MAX);
    data = bytes_slice(data, 0, bytes_index(data, '"'));
    return bytes_index(data, '\\');
}

enum token_scan_state
token_scan_feed(struct token_scan *scan, struct bytes data)
{
    while (data.n > 0 && scan->state != TOKEN_SCAN_FOUND && scan->mode != MODE_NONE) {
        size_t skipped = skip_text(scan, data);
        data = bytes_from(data, skipped);
        if (skipped == SKIP_MAX || data.n == 0)
            continue;
        read_byte(scan, data.p[0]);
        data = bytes_from(data, 1);
    }
    return scan->state;
}

/* ---- whole bodies ---- */

// memmem() prepares itself for long needles and many hits.
static bool
contains(struct bytes text, struct bytes needle)
{
    const uint8_t *p;
    for (; text.n >= needle.n; text = bytes_from(text, (size_t)(p - text.p) + 1)) {
        p = memchr(text.p, needle.p[0], text.n - needle.n + 1);
        if (!p)
            return false;
        if (memcmp(p, needle.p, needle.n) == 0)
            return true;
    }
    return false;
}

// All names that count have it in them, and characters are spelt in another way by number alone.
static bool
may_have_name(enum token_scan_kind kind, struct bytes body)
{
    return contains(body, BYTES("_token")) || contains(body, BYTES("\\u")) ||
           (kind != TOKEN_SCAN_JSON && contains(body, BYTES("%")));
}

bool
token_scan_finds(enum token_scan_kind kind, struct bytes body)
{
    struct token_scan scan;
    if (!may_have_name(kind, body))
        return false;
    token_scan_init(&scan, kind);
    return token_scan_feed(&scan, body) == TOKEN_SCAN_FOUND;
}
