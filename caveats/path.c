/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Canonical paths: what is judged and what is sent, made from the same bytes.
 *
 * Envoy CVE-2019-9901 and its many siblings are all the same fault: the guard reads one path, the
 * server behind it another. So whatever two readers could read differently is refused here.
 */

#include "path.h"

#include <string.h>

#include "path_bytes.h"

struct path_maker {
    struct bytes in;
    unsigned exceptions;
    uint8_t *encoded, *decoded;
    size_t encoded_n, decoded_n;
    const char *objection;
};

static bool
object(struct path_maker *m, const char *objection)
{
    m->objection = objection;
    return false;
}

static void
put(struct path_maker *m, uint8_t c)
{
    m->encoded[m->encoded_n++] = c;
    m->decoded[m->decoded_n++] = c;
}

static void
put_escape(struct path_maker *m, uint8_t c, bool keep_escaped)
{
    static const char digit[] = "0123456789ABCDEF";
    const uint8_t escape[3] = {'%', (uint8_t)digit[c >> 4], (uint8_t)digit[c & 15]};
    memcpy(m->encoded + m->encoded_n, escape, sizeof escape);
    m->encoded_n += sizeof escape;
    if (keep_escaped) {
        memcpy(m->decoded + m->decoded_n, escape, sizeof escape);
        m->decoded_n += sizeof escape;
    } else {
        m->decoded[m->decoded_n++] = c;
    }
}

static bool
take_escape(struct path_maker *m, size_t at)
{
    uint8_t c;
    if (!path_escape_read(bytes_from(m->in, at), &c))
        return object(m, "a % that two hexadecimal digits do not follow");
    if (path_byte_is_unreserved(c)) {
        put(m, c);
        return true;
    }
    if (c < 0x20 || c == 0x7f)
        return object(m, "an escaped control character");
    if (c == '\\')
        return object(m, "an escaped backslash");
    if (c == '/' && !(m->exceptions & PATH_ALLOW_ESCAPED_SLASH))
        return object(m, "an escaped slash");
    if (c == ';' && !(m->exceptions & PATH_ALLOW_SEMICOLON))
        return object(m, "an escaped semicolon");
    put_escape(m, c, c == '/' || c == ';');
    return true;
}

static bool
take_all(struct path_maker *m)
{
    for (size_t i = 0; i < m->in.n; i++) {
        uint8_t c = m->in.p[i];
        if (c == '%') {
            if (!take_escape(m, i))
                return false;
            i += 2;
            continue;
        }
        if (c == '\\')
            return object(m, "a backslash");
        if (c == ';' && !(m->exceptions & PATH_ALLOW_SEMICOLON))
            return object(m, "a semicolon");
        if (c != '/' && !path_byte_is_pchar(c))
            return object(m, "a byte that RFC 3986 does not allow in a path");
        put(m, c);
    }
    return true;
}

/* A second decoding somewhere behind us must find nothing more to decode. Looked for in the
 * canonical form, because %25%32%66 becomes %252f only there. */
static bool
is_doubly_encoded(struct bytes encoded)
{
    for (size_t i = 0; i + 4 < encoded.n; i++) {
        uint8_t c;
        if (memcmp(encoded.p + i, "%25", 3) != 0)
            continue;
        const uint8_t again[3] = {'%', encoded.p[i + 3], encoded.p[i + 4]};
        if (path_escape_read(bytes_of(again, 3), &c))
            return true;
    }
    return false;
}

/* Tomcat reads "..;x" as "..": what stands before the parameters is the segment. */
static struct bytes
without_parameters(struct bytes part)
{
    size_t plain = bytes_index(part, ';'), escaped = bytes_find(part, BYTES("%3B"));
    return bytes_slice(part, 0, plain < escaped ? plain : escaped);
}

static bool
check_part(struct path_maker *m, struct bytes part)
{
    part = without_parameters(part);
    if (bytes_is(part, ".") || bytes_is(part, ".."))
        return object(m, "a dot segment");
    if (part.n == 0 && !(m->exceptions & PATH_ALLOW_EMPTY_SEGMENT))
        return object(m, "an empty segment");
    return true;
}

/* Others decode %2F first, so that it ends a segment for them. */
static bool
check_segment(struct path_maker *m, struct bytes segment)
{
    for (;;) {
        size_t cut = bytes_find(segment, BYTES("%2F"));
        if (!check_part(m, bytes_slice(segment, 0, cut)))
            return false;
        if (cut == segment.n)
            return true;
        segment = bytes_from(segment, cut + 3);
    }
}

static bool
check_segments(struct path_maker *m)
{
    struct bytes rest = bytes_of(m->encoded + 1, m->encoded_n - 1);
    for (;;) {
        size_t slash = bytes_index(rest, '/');
        bool is_last = slash == rest.n;
        if (is_last && rest.n == 0)
            return true; /* a trailing slash, or the root */
        if (!check_segment(m, bytes_slice(rest, 0, slash)))
            return false;
        if (is_last)
            return true;
        rest = bytes_from(rest, slash + 1);
    }
}

static bool
make(struct path_maker *m)
{
    if (m->in.n == 0 || m->in.p[0] != '/')
        return object(m, "no leading slash");
    if (!take_all(m))
        return false;
    if (is_doubly_encoded(bytes_of(m->encoded, m->encoded_n)))
        return object(m, "an escape that is escaped once more");
    if (!bytes_is_utf8(bytes_of(m->decoded, m->decoded_n)))
        return object(m, "escapes that are not UTF-8"); /* overlong %C0%AF is a slash to some */
    return check_segments(m);
}

/* No escape, no parameter, and no segment that is empty or begins with a dot. */
bool
path_is_plain(struct bytes path)
{
    if (path.n == 0 || path.p[0] != '/')
        return false;
    for (size_t i = 1; i < path.n; i++) {
        uint8_t c = path.p[i];
        bool begins = path.p[i - 1] == '/';
        if (c == ';' || (begins && (c == '/' || c == '.')) || (c != '/' && !path_byte_is_pchar(c)))
            return false;
    }
    return true;
}

enum kh_err
path_canonical(struct bytes path, unsigned exceptions, struct buffer *encoded,
               struct buffer *decoded, struct fault *fault)
{
    /* Neither form is longer than the input. */
    struct path_maker m = {
        .in = path,
        .exceptions = exceptions,
        .encoded = buffer_reserve(encoded, path.n),
        .decoded = buffer_reserve(decoded, path.n),
    };
    if (!m.encoded || !m.decoded)
        return fault_set(fault, KH_ERR_TOO_LONG, "the path is too long");
    if (!make(&m))
        return fault_set(fault, KH_ERR_SYNTAX, "the path has %s", m.objection);
    buffer_advance(encoded, m.encoded_n);
    buffer_advance(decoded, m.decoded_n);
    return KH_OK;
}
