/* SPDX-License-Identifier: Apache-2.0
 *
 * A scanner that knows where it is: what reads JSON for its meaning forgets that.
 */
#include "body_place.h"

#include "../../caveats/path.h"
#include "json_text.h"

#include <string.h>

enum { DEPTH_MAX = 64, POINTER_MAX = 1024 };

/* ---- forms ---- */

static enum body_found
find_in_form(struct bytes body, struct bytes name, struct body_place *place)
{
    enum body_found found = BODY_FOUND_NOTHING;
    struct bytes rest = body, pair;

    while (bytes_cut(&rest, '&', &pair)) {
        size_t sign = bytes_index(pair, '=');
        BUFFER_AUTO decoded;

        buffer_init(&decoded, pair.n + 1);
        if (form_decode(bytes_slice(pair, 0, sign), &decoded) != KH_OK ||
            !bytes_equal(buffer_bytes(&decoded), name))
            continue;
        if (found != BODY_FOUND_NOTHING)
            return BODY_FOUND_TWICE;
        struct bytes value = bytes_from(pair, sign + 1);
        *place = (struct body_place){.start = sign < pair.n ? (size_t)(value.p - body.p) : 0,
                                     .n = value.n};
        found = BODY_FOUND_ONE;
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

/* Whether a member is the next one of the pointer (~0 and ~1 for ~ and /); `*rest`: what follows.
 */
static bool
is_next(const struct seek *seek, struct bytes name, struct bytes *rest)
{
    struct bytes part = bytes_from(seek->pointer, 1);
    size_t at = 0;

    if (!seek->on || seek->pointer.n == 0)
        return false;
    part = bytes_slice(part, 0, bytes_index(part, '/'));
    *rest = bytes_from(seek->pointer, 1 + part.n);
    for (size_t i = 0; i < part.n; i++) {
        uint8_t c = part.p[i];
        if (c == '~' && i + 1 < part.n)
            c = part.p[++i] == '1' ? '/' : '~';
        if (at == name.n || name.p[at++] != c)
            return false;
    }
    return at == name.n;
}

static void
scan_member(struct scan *scan, const struct seek *seek, struct bytes name, bool *seen)
{
    struct seek below = *seek;
    struct bytes rest = BYTES_EMPTY;

    /* An escape may spell any name: an object on the way that has one is not read. */
    if (seek->on && seek->pointer.n > 0 && bytes_index(name, '\\') < name.n)
        scan->bad = true;
    below.on = is_next(seek, name, &rest);
    below.pointer = rest;
    if (below.on && *seen)
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
        return BODY_FOUND_NOTHING;
    *place = where;
    return found;
}

enum body_found
body_place_find(struct bytes body, struct bytes name, struct body_place *place)
{
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
