/* SPDX-License-Identifier: Apache-2.0 */
/* Writing macaroons: V2 binary and V1 packets, each the one canonical form. */

#include <stdio.h>
#include <string.h>

#include "base64.h"
#include "token_internal.h"

enum {
    FIELD_END = 0,
    FIELD_LOCATION = 1,
    FIELD_IDENTIFIER = 2,
    FIELD_VID = 4,
    FIELD_SIGNATURE = 6
};

static void
put_field(struct buffer *out, uint8_t type, struct bytes value)
{
    buffer_put_byte(out, type);
    size_t n = value.n;
    for (; n >= 0x80; n >>= 7)
        buffer_put_byte(out, (uint8_t)(n | 0x80));
    buffer_put_byte(out, (uint8_t)n);
    buffer_put(out, value);
}

void
token_write_v2(const struct macaroon_view *macaroon, struct buffer *out)
{
    buffer_put_byte(out, 2);
    if (macaroon->location.n)
        put_field(out, FIELD_LOCATION, macaroon->location);
    put_field(out, FIELD_IDENTIFIER, macaroon->identifier);
    buffer_put_byte(out, FIELD_END);
    for (size_t i = 0; i < macaroon->caveat_count; i++) {
        const struct token_caveat *caveat = &macaroon->caveat[i];
        if (caveat->location.n)
            put_field(out, FIELD_LOCATION, caveat->location);
        put_field(out, FIELD_IDENTIFIER, caveat->id);
        if (caveat->vid.n)
            put_field(out, FIELD_VID, caveat->vid);
        buffer_put_byte(out, FIELD_END);
    }
    buffer_put_byte(out, FIELD_END);
    put_field(out, FIELD_SIGNATURE, macaroon->signature);
}

/* Four hexadecimal digits of length, key, space, value, newline. */
static void
put_packet(struct buffer *out, const char *key, struct bytes value)
{
    char head[5];
    size_t size = 4 + strlen(key) + 1 + value.n + 1;
    if (size > 0xffff) {
        out->failed = true;
        return;
    }
    snprintf(head, sizeof head, "%04x", (unsigned)size);
    buffer_put_str(out, head);
    buffer_put_str(out, key);
    buffer_put_byte(out, ' ');
    buffer_put(out, value);
    buffer_put_byte(out, '\n');
}

void
token_write_v1(const struct macaroon_view *macaroon, struct buffer *out)
{
    put_packet(out, "location", macaroon->location);
    put_packet(out, "identifier", macaroon->identifier);
    for (size_t i = 0; i < macaroon->caveat_count; i++) {
        const struct token_caveat *caveat = &macaroon->caveat[i];
        put_packet(out, "cid", caveat->id);
        if (caveat->vid.n) {
            put_packet(out, "vid", caveat->vid);
            put_packet(out, "cl", caveat->location);
        }
    }
    put_packet(out, "signature", macaroon->signature);
}

void
token_write_text(const struct macaroon_view *macaroon, size_t count, struct bytes prefix,
                 struct buffer *out)
{
    BUFFER_AUTO binary;
    buffer_init_secret(&binary, TOKEN_TEXT_MAX);
    for (size_t i = 0; i < count; i++)
        token_write_v2(&macaroon[i], &binary);
    if (binary.failed) {
        out->failed = true;
        return;
    }
    buffer_put(out, prefix);
    buffer_put_str(out, TOKEN_MARK);
    base64_encode(BASE64_URL, buffer_bytes(&binary), out);
}

void
token_print(const struct token *token, struct bytes prefix, struct buffer *out)
{
    token_write_text(token->macaroon, token->macaroon_count, prefix, out);
}
