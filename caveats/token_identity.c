/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The root identifier, written and read.
 *
 *     version u8 = 1, key id u32, token id 16 bytes, issued-at u64, expires-at u64,
 *     minted caveats u8, principal, number of credentials u8, credentials
 *
 * Big-endian; a name is its length in a byte and its bytes; nothing after the end.
 */

#include <string.h>

#include "packed.h"
#include "timestamp.h"
#include "token_internal.h"

enum { IDENTITY_VERSION = 1, NAME_MAX_BYTES = 64 };

static bool
is_name(struct bytes name)
{
    for (size_t i = 0; i < name.n; i++) {
        uint8_t c = name.p[i];
        bool is_alphanumeric =
            (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!is_alphanumeric && (i == 0 || c == 0 || !strchr("._@+-", c)))
            return false;
    }
    return name.n >= 1 && name.n <= NAME_MAX_BYTES;
}

/* What is wrong with it, or NULL. */
static const char *
identity_objection(const struct token_identity *identity)
{
    if (identity->issued_at < 0 || identity->expires_at > TIMESTAMP_MAX ||
        identity->expires_at <= identity->issued_at)
        return "its times are out of order or range";
    if (identity->minted_caveats > TOKEN_CAVEATS_MAX)
        return "it counts too many caveats";
    if (!is_name(identity->principal))
        return "its principal is no name";
    if (identity->credential_count == 0 || identity->credential_count > TOKEN_CREDENTIALS_MAX)
        return "it names no credential, or too many";
    for (size_t i = 0; i < identity->credential_count; i++) {
        if (!is_name(identity->credential[i]))
            return "one of its credentials is no name";
        for (size_t k = 0; k < i; k++) {
            if (bytes_equal(identity->credential[i], identity->credential[k]))
                return "it names a credential twice";
        }
    }
    return NULL;
}

enum kh_err
token_identity_write(const struct token_identity *identity, struct buffer *out, struct fault *fault)
{
    const char *objection = identity_objection(identity);
    if (objection)
        return fault_set(fault, KH_ERR_RANGE, "the token's identifier: %s", objection);
    BUFFER_AUTO text;
    buffer_init(&text, TOKEN_IDENTIFIER_MAX);
    buffer_put_number(&text, IDENTITY_VERSION, 1);
    buffer_put_number(&text, identity->key_id, 4);
    buffer_put(&text, bytes_of(identity->token_id, TOKEN_ID_SIZE));
    buffer_put_number(&text, (uint64_t)identity->issued_at, 8);
    buffer_put_number(&text, (uint64_t)identity->expires_at, 8);
    buffer_put_number(&text, identity->minted_caveats, 1);
    packed_put_text(&text, identity->principal, 1);
    buffer_put_number(&text, identity->credential_count, 1);
    for (size_t i = 0; i < identity->credential_count; i++)
        packed_put_text(&text, identity->credential[i], 1);
    if (text.failed)
        return fault_set(fault, KH_ERR_TOO_LONG,
                         "the names in the token's identifier are too long together");
    buffer_put(out, buffer_bytes(&text));
    return out->failed ? fault_set(fault, KH_ERR_MEMORY, "memory is used up") : KH_OK;
}

static int64_t
take_time(struct packed *r)
{
    uint64_t value = packed_number(r, 8);
    r->failed = r->failed || value > TIMESTAMP_MAX;
    return r->failed ? 0 : (int64_t)value;
}

enum kh_err
token_identity_read(const struct token *token, struct token_identity *out, struct fault *fault)
{
    struct packed r = {.rest = token->macaroon[0].identifier};
    struct token_identity identity = {0};
    if (packed_number(&r, 1) != IDENTITY_VERSION)
        return fault_set(fault, KH_ERR_MALFORMED, "an identifier of another version or program");
    identity.key_id = (uint32_t)packed_number(&r, 4);
    struct bytes token_id = packed_take(&r, TOKEN_ID_SIZE);
    if (!r.failed)
        memcpy(identity.token_id, token_id.p, TOKEN_ID_SIZE);
    identity.issued_at = take_time(&r);
    identity.expires_at = take_time(&r);
    identity.minted_caveats = (unsigned)packed_number(&r, 1);
    identity.principal = packed_text(&r, 1);
    identity.credential_count = (size_t)packed_number(&r, 1);
    if (identity.credential_count > TOKEN_CREDENTIALS_MAX)
        r.failed = true;
    for (size_t i = 0; !r.failed && i < identity.credential_count; i++)
        identity.credential[i] = packed_text(&r, 1);
    if (r.failed || r.rest.n)
        return fault_set(fault, KH_ERR_MALFORMED, "the identifier ends too early or too late");

    const char *objection = identity_objection(&identity);
    if (!objection && identity.minted_caveats > token->macaroon[0].caveat_count)
        objection = "it counts more caveats than there are";
    if (objection)
        return fault_set(fault, KH_ERR_MALFORMED, "the identifier: %s", objection);
    *out = identity;
    return KH_OK;
}
