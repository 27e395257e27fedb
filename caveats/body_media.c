/* SPDX-License-Identifier: Apache-2.0 */
/* Content-Type and Content-Encoding, as far as they say how a body will be read. */

#include "body_media.h"

#include <string.h>

static bool
ends_nocase(struct bytes text, struct bytes end)
{
    return text.n > end.n && bytes_equal_nocase(bytes_from(text, text.n - end.n), end);
}

static bool
is_json_type(struct bytes type)
{
    static const char *const types[] = {"application/json", "text/json", "text/plain"};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (bytes_equal_nocase(type, bytes_str(types[i])))
            return true;
    }
    return ends_nocase(type, BYTES("+json"));
}

/* Some readers take any charset that they know, UTF-7 among them, in which other quotation marks
 * stand than are seen here. */
static bool
is_utf8_parameter(struct bytes parameter)
{
    struct bytes name = BYTES("charset"), value;
    parameter = bytes_trim(parameter);
    if (!bytes_equal_nocase(bytes_slice(parameter, 0, name.n), name))
        return true;
    value = bytes_trim(bytes_from(parameter, name.n));
    if (!bytes_starts(value, BYTES("=")))
        return false;
    value = bytes_trim(bytes_from(value, 1));
    if (value.n >= 2 && value.p[0] == '"' && value.p[value.n - 1] == '"')
        value = bytes_slice(value, 1, value.n - 2);
    return bytes_equal_nocase(value, BYTES("utf-8")) || bytes_equal_nocase(value, BYTES("utf8"));
}

static bool
is_json_media(struct bytes field)
{
    struct bytes rest = field, part;
    if (!bytes_cut(&rest, ';', &part) || !is_json_type(bytes_trim(part)))
        return false;
    while (bytes_cut(&rest, ';', &part)) {
        if (!is_utf8_parameter(part))
            return false;
    }
    return true;
}

static bool
is_identity(struct bytes field)
{
    struct bytes rest = field, part;
    while (bytes_cut(&rest, ',', &part)) {
        part = bytes_trim(part);
        if (part.n > 0 && !bytes_equal_nocase(part, BYTES("identity")))
            return false;
    }
    return true;
}

bool
body_may_be_json(const struct fact_pair *header, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (bytes_is(header[i].name, "content-encoding") && !is_identity(header[i].value))
            return false;
        if (bytes_is(header[i].name, "content-type") && !is_json_media(header[i].value))
            return false;
    }
    return true;
}

struct facts_body
body_from_head(const struct fact_pair *header, size_t count, bool is_empty, bool has_length,
               uint64_t length)
{
    /* SHA-256 of nothing */
    static const uint8_t empty[] = {0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14,
                                    0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24,
                                    0x27, 0xae, 0x41, 0xe4, 0x64, 0x9b, 0x93, 0x4c,
                                    0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55};
    struct facts_body body = {.has_size = is_empty || has_length, .size = is_empty ? 0 : length};
    if (is_empty) {
        body.has_sha256 = true;
        memcpy(body.sha256, empty, sizeof empty);
    }
    body.is_read = is_empty || !body_may_be_json(header, count);
    return body;
}
