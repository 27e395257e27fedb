/* SPDX-License-Identifier: Apache-2.0
 *
 * A scanner that knows where it is: what reads JSON for its meaning forgets that.
 */
#include "body_place.h"

#include "../../caveats/path.h"
#include "../../caveats/quoted.h"
#include "json_text.h"

#include <string.h>

enum { DEPTH_MAX = 64, POINTER_MAX = 1024 };

/* ---- names ---- */

enum likeness { NAME_OTHER = 0, NAME_TWIN, NAME_SAME };

/* Case folding into ASCII: the letters, and the two others that fold into one of them (U+017F,
 * U+212A). */
static uint8_t
take_folded(struct bytes *text)
{
    static const struct {
        const char *from;
        uint8_t to;
    } others[] = {{"\xc5\xbf", 's'}, {"\xe2\x84\xaa", 'k'}};

    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        if (bytes_starts(*text, bytes_str(others[i].from))) {
            *text = bytes_from(*text, strlen(others[i].from));
            return others[i].to;
        }
    }
    uint8_t c = text->p[0];
    *text = bytes_from(*text, 1);
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 'a' - 'A') : c;
}

static enum likeness
compare(struct bytes name, struct bytes wanted)
{
    if (bytes_equal(name, wanted))
        return NAME_SAME;
    while (name.n > 0 && wanted.n > 0) {
        if (take_folded(&name) != take_folded(&wanted))
            return NAME_OTHER;
    }
    return name.n == wanted.n ? NAME_TWIN : NAME_OTHER;
}

static enum body_found
one_more(enum body_found found, enum likeness likeness)
{
    if (likeness == NAME_OTHER)
        return found;
    if (likeness == NAME_TWIN)
        return BODY_FOUND_TWIN;
    return found == BODY_FOUND_NOTHING ? BODY_FOUND_ONE
                                       : (found == BODY_FOUND_ONE ? BODY_FOUND_TWICE : found);
}

/* ---- forms ---- */

static enum likeness
compare_in_form(struct bytes pair, struct bytes name)
{
    BUFFER_AUTO decoded;

    buffer_init(&decoded, pair.n + 1);
    if (form_decode(bytes_slice(pair, 0, bytes_index(pair, '=')), &decoded) != KH_OK)
        return NAME_OTHER;
    return compare(buffer_bytes(&decoded), name);
}

/* Some readers end a pair at a ';' as well. */
static bool
hides_another(struct bytes pair, struct bytes name)
{
    struct bytes rest = bytes_from(pair, bytes_index(pair, ';') + 1), part;

    while (bytes_cut(&rest, ';', &part)) {
        if (compare_in_form(part, name) != NAME_OTHER)
            return true;
    }
    return false;
}

static enum body_found
find_in_form(struct bytes body, struct bytes name, struct body_place *place)
{
    enum body_found found = BODY_FOUND_NOTHING;
    struct bytes rest = body, pair;

    while (found != BODY_FOUND_TWIN && bytes_cut(&rest, '&', &pair)) {
        enum likeness likeness = compare_in_form(pair, name);

        found = hides_another(pair, name) ? BODY_FOUND_TWIN : one_more(found, likeness);
        if (likeness != NAME_SAME || found != BODY_FOUND_ONE)
            continue;
        size_t sign = bytes_index(pair, '=');
        struct bytes value = bytes_from(pair, sign + 1);
        *place = (struct body_place){.start = sign < pair.n ? (size_t)(value.p - body.p) : 0,
                                     .n = value.n};
    }
    return found;
}

/* ---- JSON ---- */

struct scan {
    struct bytes text;
    size_t at;
    unsigned depth;
    bool bad;
};

static uint8_t
peek(struct scan *scan)
{
    while (scan->at < scan->text.n && memchr(" \t\r\n", scan->text.p[scan->at], 4) != NULL)
        scan->at++;
    return scan->at < scan->text.n ? scan->text.p[scan->at] : 0;
}

static bool
take(struct scan *scan, uint8_t c)
{
    if (scan->bad || peek(scan) != c)
        return false;
    scan->at++;
    return true;
}

/* Between the quotes. */
static struct bytes
take_string(struct scan *scan)
{
    if (!take(scan, '"')) {
        scan->bad = true;
        return BYTES_EMPTY;
    }
    size_t start = scan->at;
    for (; scan->at < scan->text.n; scan->at++) {
        uint8_t c = scan->text.p[scan->at];
        if (c == '"')
            return bytes_slice(scan->text, start, scan->at++ - start);
        if (c < 0x20)
            break;
        scan->at += c == '\\';
    }
    scan->bad = true;
    return BYTES_EMPTY;
}

struct seek {
    struct bytes pointer; /* what is left of it; empty: the value itself */
    bool on;              /* this value lies on its way */
    enum body_found *found;
    struct body_place *place;
};

static void scan_value(struct scan *scan, const struct seek *seek);

/* The next part of the pointer, ~0 and ~1 for ~ and / undone; `*rest`: what follows. */
static void
next_part(struct bytes pointer, struct buffer *part, struct bytes *rest)
{
    struct bytes raw = bytes_from(pointer, 1);

    raw = bytes_slice(raw, 0, bytes_index(raw, '/'));
    *rest = bytes_from(pointer, 1 + raw.n);
    for (size_t i = 0; i < raw.n; i++) {
        uint8_t c = raw.p[i];
        if (c == '~' && i + 1 < raw.n)
            c = raw.p[++i] == '1' ? '/' : '~';
        buffer_put_byte(part, c);
    }
}

/* A member's name without its escapes; one that has some stands between quotes. */
static bool
put_plain(struct bytes name, struct buffer *out)
{
    size_t at = 0, n = 0;

    if (bytes_index(name, '\\') == name.n) {
        buffer_put(out, name);
        return !out->failed;
    }
    struct bytes quoted = bytes_of(name.p - 1, name.n + 2);
    uint8_t *room = buffer_reserve(out, name.n);
    if (room == NULL || quoted_read(quoted, &at, false, room, &n, &(struct fault){0}) != KH_OK)
        return false;
    buffer_advance(out, n);
    return true;
}

static enum likeness
compare_in_json(struct scan *scan, const struct seek *seek, struct bytes name, struct bytes *rest)
{
    if (!seek->on || seek->pointer.n == 0)
        return NAME_OTHER;

    BUFFER_AUTO part, plain;
    buffer_init(&part, POINTER_MAX);
    buffer_init(&plain, name.n + 1);
    next_part(seek->pointer, &part, rest);
    if (!put_plain(name, &plain) || part.failed) {
        scan->bad = true;
        return NAME_OTHER;
    }
    return compare(buffer_bytes(&plain), buffer_bytes(&part));
}

static void
scan_member(struct scan *scan, const struct seek *seek, struct bytes name, bool *seen)
{
    struct seek below = *seek;
    struct bytes rest = BYTES_EMPTY;
    enum likeness likeness = compare_in_json(scan, seek, name, &rest);

    below.on = likeness == NAME_SAME;
    below.pointer = rest;
    if (likeness == NAME_TWIN)
        *seek->found = BODY_FOUND_TWIN;
    else if (below.on && *seen && *seek->found != BODY_FOUND_TWIN)
        *seek->found = BODY_FOUND_TWICE;
    *seen |= below.on;
    scan_value(scan, &below);
}

static void
scan_object(struct scan *scan, const struct seek *seek)
{
    bool seen = false;

    if (take(scan, '}'))
        return;
    do {
        struct bytes name = take_string(scan);
        if (!take(scan, ':'))
            scan->bad = true;
        if (!scan->bad)
            scan_member(scan, seek, name, &seen);
    } while (take(scan, ','));
    if (!take(scan, '}'))
        scan->bad = true;
}

static void
scan_array(struct scan *scan, const struct seek *seek)
{
    size_t index = 0;
    bool seen = false;

    if (take(scan, ']'))
        return;
    do {
        BUFFER_AUTO name;
        buffer_init(&name, 32);
        buffer_printf(&name, "%zu", index++);
        scan_member(scan, seek, buffer_bytes(&name), &seen);
    } while (!scan->bad && take(scan, ','));
    if (!take(scan, ']'))
        scan->bad = true;
}

static void
scan_string(struct scan *scan, const struct seek *seek)
{
    struct bytes value = take_string(scan);

    if (scan->bad || !seek->on || seek->pointer.n > 0)
        return;
    if (*seek->found == BODY_FOUND_NOTHING)
        *seek->found = BODY_FOUND_ONE;
    *seek->place =
        (struct body_place){.start = (size_t)(value.p - scan->text.p), .n = value.n, .json = true};
}

/* Of numbers, true, false and null; what they are is not looked at. */
static bool
is_plain(uint8_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == 'E' || c == '+' || c == '-' ||
           c == '.';
}

static void
scan_value(struct scan *scan, const struct seek *seek)
{
    uint8_t c = scan->bad || ++scan->depth > DEPTH_MAX ? 0 : peek(scan);

    if (c == '{' || c == '[') {
        scan->at++;
        if (c == '{')
            scan_object(scan, seek);
        else
            scan_array(scan, seek);
    } else if (c == '"') {
        scan_string(scan, seek);
    } else {
        size_t start = scan->at;
        while (scan->at < scan->text.n && is_plain(scan->text.p[scan->at]))
            scan->at++;
        scan->bad |= scan->at == start;
    }
    scan->depth--;
}

static enum body_found
find_in_json(struct bytes body, struct bytes pointer, struct body_place *place)
{
    enum body_found found = BODY_FOUND_NOTHING;
    struct body_place where = {0};
    struct scan scan = {.text = body};
    const struct seek seek = {.pointer = pointer, .on = true, .found = &found, .place = &where};

    scan_value(&scan, &seek);
    (void)peek(&scan);
    if (scan.bad || scan.at < body.n)
        return BODY_FOUND_UNCLEAR;
    *place = where;
    return found;
}

enum body_found
body_place_find(struct bytes body, struct bytes name, struct body_place *place)
{
    if (body.n == 0)
        return BODY_FOUND_NOTHING;
    if (name.n > 0 && name.n <= POINTER_MAX && name.p[0] == '/')
        return find_in_json(body, name, place);
    return find_in_form(body, name, place);
}

void
body_place_write(const struct body_place *place, struct bytes value, struct buffer *out)
{
    if (!place->json) {
        form_encode(value, out);
        return;
    }
    BUFFER_AUTO quoted;
    buffer_init_secret(&quoted, 6 * value.n + 8);
    json_text_put(&quoted, value);
    out->failed |= quoted.failed || quoted.n < 2;
    if (!out->failed)
        buffer_put(out, bytes_slice(buffer_bytes(&quoted), 1, quoted.n - 2));
}
