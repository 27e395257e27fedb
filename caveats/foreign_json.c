/* SPDX-License-Identifier: Apache-2.0 */
/* V2 JSON: members v, l, i or i64, c with i or i64, l, v or v64, and s or s64. */

#include "foreign_json.h"

#include <jansson.h>
#include <string.h>

#include "base64.h"
#include "json_parse.h"
#include "quoted.h"
#include "token_internal.h"

static enum kh_err
malformed(struct fault *fault, const char *what)
{
    return fault_set(fault, KH_ERR_MALFORMED, "%s", what);
}

/* Only these members, and no others. */
static bool
has_only(json_t *object, const char *const *known)
{
    const char *key;
    json_t *value;
    json_object_foreach(object, key, value)
    {
        size_t i = 0;
        while (known[i] && strcmp(known[i], key) != 0)
            i++;
        if (!known[i])
            return false;
    }
    return true;
}

static struct bytes
string_bytes(json_t *value)
{
    return bytes_of(json_string_value(value), json_string_length(value));
}

/* A member as text, or its twin in base64url; decoded bytes live in `arena`, whose room was made
 * before. */
static bool
member_read(json_t *object, const char *plain, const char *encoded, struct buffer *arena,
            struct bytes *out)
{
    json_t *text = json_object_get(object, plain), *base64 = json_object_get(object, encoded);
    *out = BYTES_EMPTY;
    if (text && base64)
        return false;
    if (text) {
        *out = string_bytes(text);
        return json_is_string(text);
    }
    if (!base64)
        return true;
    size_t start = arena->n;
    if (!json_is_string(base64) || !base64_decode(BASE64_URL, string_bytes(base64), arena))
        return false;
    *out = bytes_from(buffer_bytes(arena), start);
    return true;
}

static bool
location_read(json_t *object, struct bytes *out)
{
    json_t *location = json_object_get(object, "l");
    *out = location ? string_bytes(location) : BYTES_EMPTY;
    return !location || json_is_string(location);
}

static bool
caveat_read(json_t *object, struct buffer *arena, struct token_caveat *out)
{
    static const char *const known[] = {"i", "i64", "l", "v", "v64", NULL};
    return json_is_object(object) && has_only(object, known) &&
           location_read(object, &out->location) &&
           member_read(object, "i", "i64", arena, &out->id) &&
           member_read(object, "v", "v64", arena, &out->vid);
}

/* pymacaroons leaves it out. */
static bool
version_is_right(json_t *version)
{
    return !version || (json_is_integer(version) && json_integer_value(version) == 2);
}

static bool
macaroon_read(json_t *object, struct buffer *arena, struct buffer *binary)
{
    static const char *const known[] = {"v", "l", "i", "i64", "c", "s", "s64", NULL};
    struct token_caveat caveat[TOKEN_CAVEATS_MAX];
    struct macaroon_view m = {.caveat = caveat};
    json_t *version = json_object_get(object, "v"), *list = json_object_get(object, "c");
    if (!json_is_object(object) || !has_only(object, known) || !version_is_right(version) ||
        !location_read(object, &m.location) ||
        !member_read(object, "i", "i64", arena, &m.identifier) ||
        !member_read(object, "s", "s64", arena, &m.signature))
        return false;
    if (list && (!json_is_array(list) || json_array_size(list) > TOKEN_CAVEATS_MAX))
        return false;
    for (size_t i = 0; i < json_array_size(list); i++) {
        if (!caveat_read(json_array_get(list, i), arena, &caveat[m.caveat_count++]))
            return false;
    }
    token_write_v2(&m, binary);
    return true;
}

static bool
document_read(json_t *document, struct buffer *arena, struct buffer *binary)
{
    if (!json_is_array(document))
        return macaroon_read(document, arena, binary);
    size_t count = json_array_size(document);
    if (count == 0 || count > 1 + TOKEN_DISCHARGES_MAX)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (!macaroon_read(json_array_get(document, i), arena, binary))
            return false;
    }
    return true;
}

enum kh_err
foreign_json_read(struct bytes text, struct buffer *binary, struct fault *fault)
{
    BUFFER_AUTO arena;
    buffer_init_secret(&arena, text.n);
    if (!buffer_reserve(&arena, text.n)) /* so that it never moves */
        return fault_set(fault, KH_ERR_MEMORY, "memory is used up");
    /* Identifiers may have NULs in them: all lengths are counted. */
    json_t *document = json_parse(text, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
    if (!document)
        return malformed(fault, "not JSON, or a member is given twice");
    bool fine = document_read(document, &arena, binary);
    json_decref(document);
    return fine ? KH_OK : malformed(fault, "not a macaroon in V2 JSON");
}

/* ---- writing ---- */

/* The text that has only characters which no reader treats in its own way stays readable. */
static void
put_member(struct buffer *out, const char *plain, const char *encoded, struct bytes value)
{
    if (plain && value.n && quoted_text_is_clean(value)) {
        buffer_printf(out, "\"%s\":\"", plain);
        for (size_t i = 0; i < value.n; i++) {
            if (value.p[i] == '"' || value.p[i] == '\\')
                buffer_put_byte(out, '\\');
            buffer_put_byte(out, value.p[i]);
        }
    } else {
        buffer_printf(out, "\"%s\":\"", encoded);
        base64_encode(BASE64_URL, value, out);
    }
    buffer_put_byte(out, '"');
}

static void
put_caveat(struct buffer *out, const struct token_caveat *caveat)
{
    buffer_put_byte(out, '{');
    put_member(out, "i", "i64", caveat->id);
    if (caveat->vid.n) {
        buffer_put_byte(out, ',');
        put_member(out, NULL, "v64", caveat->vid);
    }
    if (caveat->location.n) {
        buffer_put_byte(out, ',');
        put_member(out, "l", NULL, caveat->location);
    }
    buffer_put_byte(out, '}');
}

static void
put_macaroon(struct buffer *out, const struct macaroon_view *m)
{
    buffer_put_str(out, "{\"v\":2,");
    if (m->location.n) {
        put_member(out, "l", NULL, m->location);
        buffer_put_byte(out, ',');
    }
    put_member(out, "i", "i64", m->identifier);
    buffer_put_str(out, ",\"c\":[");
    for (size_t i = 0; i < m->caveat_count; i++) {
        if (i > 0)
            buffer_put_byte(out, ',');
        put_caveat(out, &m->caveat[i]);
    }
    buffer_put_str(out, "],");
    put_member(out, NULL, "s64", m->signature);
    buffer_put_byte(out, '}');
}

void
foreign_json_write(const struct token *token, struct buffer *out)
{
    bool is_list = token->macaroon_count > 1;
    if (is_list)
        buffer_put_byte(out, '[');
    for (size_t i = 0; i < token->macaroon_count; i++) {
        if (i > 0)
            buffer_put_byte(out, ',');
        put_macaroon(out, &token->macaroon[i]);
    }
    if (is_list)
        buffer_put_byte(out, ']');
}
