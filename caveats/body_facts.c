/* SPDX-License-Identifier: Apache-2.0 */
/* What can be said of a body, and whether the upstream will read the same in it. */

#include "body_facts.h"

#include <sodium.h>
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
body_facts_may_be_json(const struct fact_pair *header, size_t count)
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
body_facts_from_head(const struct fact_pair *header, size_t count, bool is_empty, bool has_length,
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
    body.is_read = is_empty || !body_facts_may_be_json(header, count);
    return body;
}

struct facts_body
body_facts_read(struct bytes body, const struct fact_pair *header, size_t count,
                const struct body_question *question, struct fact_body_value *value,
                struct buffer *storage)
{
    struct facts_body facts = {.has_size = true, .size = body.n, .is_read = true};
    struct body_value found[BODY_POINTERS_MAX];
    if (question->sha256) {
        crypto_hash_sha256(facts.sha256, body.p, body.n);
        facts.has_sha256 = true;
    }
    if (!body_facts_may_be_json(header, count) ||
        body_read(body, question->pointer, question->count, found, storage) != KH_OK)
        return facts;
    for (size_t i = 0; i < question->count; i++)
        value[i] = (struct fact_body_value){question->pointer[i], found[i]};
    facts.is_json = true;
    facts.value = value;
    facts.value_count = question->count;
    return facts;
}
