/* SPDX-License-Identifier: Apache-2.0 */
/* Other texts of macaroons. Whatever is read ends in token_scan, which knows all limits. */

#include "foreign.h"

#include <string.h>

#include "base64.h"
#include "foreign_json.h"
#include "token_internal.h"

static enum kh_err
malformed(struct fault *fault, const char *what)
{
    return fault_set(fault, KH_ERR_MALFORMED, "%s", what);
}

/* ---- V1 packets ---- */

/* The size in the head of the next packet; 0 when there is none that is well-formed. */
static size_t
packet_size(struct bytes rest)
{
    uint8_t head[2];
    for (size_t i = 0; i < 4 && i < rest.n; i++) {
        if (rest.p[i] >= 'A' && rest.p[i] <= 'F')
            return 0; /* lower case is canonical */
    }
    if (!bytes_from_hex(bytes_slice(rest, 0, 4), head, sizeof head))
        return 0;
    size_t size = (size_t)head[0] << 8 | head[1];
    return size >= 6 && size <= rest.n && rest.p[size - 1] == '\n' ? size : 0;
}

/* Take the next packet if its key is this one. */
static bool
packet_take(struct bytes *rest, const char *key, struct bytes *value)
{
    size_t size = packet_size(*rest);
    if (size == 0)
        return false;
    struct bytes body = bytes_slice(*rest, 4, size - 5);
    size_t space = bytes_index(body, ' ');
    if (space == body.n || !bytes_is(bytes_slice(body, 0, space), key))
        return false;
    *value = bytes_from(body, space + 1);
    *rest = bytes_from(*rest, size);
    return true;
}

static enum kh_err
read_v1(struct bytes packets, struct buffer *binary, struct fault *fault)
{
    struct token_caveat caveat[TOKEN_CAVEATS_MAX];
    struct macaroon_view m = {.caveat = caveat};
    if (!packet_take(&packets, "location", &m.location) ||
        !packet_take(&packets, "identifier", &m.identifier))
        return malformed(fault, "expected the packets location and identifier");
    struct token_caveat c = {.vid = BYTES_EMPTY};
    while (packet_take(&packets, "cid", &c.id)) {
        if (m.caveat_count == TOKEN_CAVEATS_MAX)
            return malformed(fault, "too many caveats");
        if (packet_take(&packets, "vid", &c.vid) && c.vid.n != TOKEN_VID_SIZE)
            return malformed(fault, "a vid of another size");
        if (packet_take(&packets, "cl", &c.location) && !c.vid.n)
            return malformed(fault, "a location on a first-party caveat");
        caveat[m.caveat_count++] = c;
        c = (struct token_caveat){.vid = BYTES_EMPTY};
    }
    if (!packet_take(&packets, "signature", &m.signature) || packets.n)
        return malformed(fault, "expected the packet signature, and then the end");
    token_write_v2(&m, binary);
    return KH_OK;
}

/* ---- base64url: V2 as it is, V1 line by line ---- */

static enum kh_err
read_line(struct bytes line, bool is_only, struct buffer *binary, struct fault *fault)
{
    BUFFER_AUTO decoded;
    buffer_init_secret(&decoded, FOREIGN_TEXT_MAX);
    if (!base64_decode(BASE64_URL, line, &decoded) || decoded.n == 0)
        return malformed(fault, "not base64url in canonical form");
    if (decoded.p[0] != 2)
        return read_v1(buffer_bytes(&decoded), binary, fault);
    if (!is_only)
        return malformed(fault, "macaroons of version 2 follow one another in one text");
    buffer_put(binary, buffer_bytes(&decoded));
    return KH_OK;
}

static enum kh_err
read_lines(struct bytes text, struct buffer *binary, struct fault *fault)
{
    bool is_only = bytes_index(text, '\n') == text.n;
    struct bytes rest = text, line = BYTES_EMPTY;
    enum kh_err err = KH_OK;
    while (!err && bytes_cut(&rest, '\n', &line))
        err = read_line(line, is_only, binary, fault);
    return err;
}

enum kh_err
foreign_import(struct bytes text, struct buffer *kh1_text, struct fault *fault)
{
    BUFFER_AUTO binary;
    BUFFER_AUTO canonical;
    struct token *token = NULL;
    buffer_init_secret(&binary, FOREIGN_TEXT_MAX);
    buffer_init_secret(&canonical, 2 * FOREIGN_TEXT_MAX);
    if (text.n == 0 || text.n > FOREIGN_TEXT_MAX)
        return malformed(fault, "empty, or too long");
    bool is_json = text.p[0] == '{' || text.p[0] == '[';
    enum kh_err err =
        is_json ? foreign_json_read(text, &binary, fault) : read_lines(text, &binary, fault);
    if (err)
        return err;
    buffer_put_str(&canonical, TOKEN_MARK);
    base64_encode(BASE64_URL, buffer_bytes(&binary), &canonical);
    if (binary.failed || canonical.failed)
        return malformed(fault, "too long");
    err = token_scan(buffer_bytes(&canonical), &token, fault);
    if (err)
        return err;
    token_free(&token);
    buffer_put(kh1_text, buffer_bytes(&canonical));
    return kh1_text->failed ? fault_set(fault, KH_ERR_TOO_LONG, "no room for the token") : KH_OK;
}

/* ---- writing ---- */

static void
write_v1(const struct token *token, struct buffer *out)
{
    BUFFER_AUTO packets;
    buffer_init_secret(&packets, FOREIGN_TEXT_MAX);
    for (size_t i = 0; i < token->macaroon_count; i++) {
        buffer_clear(&packets);
        token_write_v1(&token->macaroon[i], &packets);
        if (i > 0)
            buffer_put_byte(out, '\n');
        base64_encode(BASE64_URL, buffer_bytes(&packets), out);
        out->failed = out->failed || packets.failed;
    }
}

static void
write_v2(const struct token *token, struct buffer *out)
{
    BUFFER_AUTO binary;
    buffer_init_secret(&binary, FOREIGN_TEXT_MAX);
    for (size_t i = 0; i < token->macaroon_count; i++)
        token_write_v2(&token->macaroon[i], &binary);
    base64_encode(BASE64_URL, buffer_bytes(&binary), out);
    out->failed = out->failed || binary.failed;
}

enum kh_err
foreign_export(const struct token *token, enum foreign_format format, struct buffer *out,
               struct fault *fault)
{
    BUFFER_AUTO text;
    buffer_init_secret(&text, 2 * FOREIGN_TEXT_MAX);
    switch (format) {
    case FOREIGN_V1:
        write_v1(token, &text);
        break;
    case FOREIGN_V2:
        write_v2(token, &text);
        break;
    case FOREIGN_V2_JSON:
        foreign_json_write(token, &text);
        break;
    default:
        return fault_set(fault, KH_ERR_UNSUPPORTED, "no such format");
    }
    if (text.failed)
        return fault_set(fault, KH_ERR_MEMORY, "memory is used up");
    buffer_put(out, buffer_bytes(&text));
    return out->failed ? fault_set(fault, KH_ERR_TOO_LONG, "no room for the text") : KH_OK;
}
