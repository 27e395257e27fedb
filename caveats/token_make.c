/* SPDX-License-Identifier: Apache-2.0 */
/* Making tokens: mint with a root key, attenuate with none. */

#include <string.h>

#include "token_internal.h"

static enum kh_err
check_caveats(const struct bytes *caveat, size_t count, size_t already, struct fault *fault)
{
    if (count > TOKEN_CAVEATS_MAX - already)
        return fault_set(fault, KH_ERR_RANGE, "a token has at most %d caveats", TOKEN_CAVEATS_MAX);
    for (size_t i = 0; i < count; i++) {
        if (caveat[i].n == 0 || caveat[i].n > TOKEN_CAVEAT_MAX)
            return fault_set(fault, KH_ERR_TOO_LONG, "a caveat is 1 to %d bytes long",
                             TOKEN_CAVEAT_MAX);
    }
    return KH_OK;
}

static enum kh_err
check_location(struct bytes location, struct fault *fault)
{
    bool fine = location.n <= TOKEN_LOCATION_MAX;
    for (size_t i = 0; fine && i < location.n; i++)
        fine = location.p[i] >= 0x20 && location.p[i] <= 0x7e;
    return fine ? KH_OK
                : fault_set(fault, KH_ERR_RANGE, "a location is printable ASCII, at most %d bytes",
                            TOKEN_LOCATION_MAX);
}

/* Append the text, or nothing. */
static enum kh_err
put_text(const struct macaroon_view *macaroon, size_t count, struct bytes prefix,
         struct buffer *out, struct fault *fault)
{
    BUFFER_AUTO text;
    buffer_init_secret(&text, TOKEN_TEXT_MAX);
    token_write_text(macaroon, count, prefix, &text);
    if (text.failed)
        return fault_set(fault, KH_ERR_TOO_LONG, "the token would be longer than %d characters",
                         TOKEN_TEXT_MAX);
    buffer_put(out, buffer_bytes(&text));
    return out->failed ? fault_set(fault, KH_ERR_TOO_LONG, "no room for the token") : KH_OK;
}

/* What libmacaroons signed must be what our own chain says. */
static enum kh_err
check_signature(const struct macaroon_view *macaroon, const uint8_t key[TOKEN_KEY_SIZE],
                struct fault *fault)
{
    struct token_hmac h;
    uint8_t derived[TOKEN_KEY_SIZE], signature[TOKEN_SIGNATURE_SIZE] = {0};
    if (!token_hmac_init(&h))
        return fault_set(fault, KH_ERR_CRYPTO, "a digest failed");
    bool fine = token_chain_root_key(&h, key, derived) &&
                token_chain_start(&h, derived, macaroon->identifier, signature);
    for (size_t i = 0; fine && i < macaroon->caveat_count; i++)
        fine = token_chain_step(&h, &macaroon->caveat[i], signature);
    fine = fine && bytes_equal_secret(macaroon->signature, bytes_of(signature, sizeof signature));
    wipe(derived, sizeof derived);
    wipe(signature, sizeof signature);
    token_hmac_fini(&h);
    return fine ? KH_OK : fault_set(fault, KH_ERR_CRYPTO, "two ways of signing do not agree");
}

enum kh_err
token_mint(const struct token_identity *identity, const uint8_t key[TOKEN_KEY_SIZE],
           struct bytes location, const struct bytes *caveat, size_t count, struct buffer *out,
           struct fault *fault)
{
    struct token_identity counted = *identity;
    struct token_caveat list[TOKEN_CAVEATS_MAX];
    uint8_t signature[TOKEN_SIGNATURE_SIZE];
    BUFFER_AUTO identifier;
    buffer_init(&identifier, TOKEN_IDENTIFIER_MAX);
    enum kh_err err = check_caveats(caveat, count, 0, fault);
    if (!err)
        err = check_location(location, fault);
    counted.minted_caveats = (unsigned)count;
    if (!err)
        err = token_identity_write(&counted, &identifier, fault);
    if (err)
        return err;
    for (size_t i = 0; i < count; i++)
        list[i] = (struct token_caveat){.id = caveat[i]};
    struct macaroon_view root = {
        .location = location,
        .identifier = buffer_bytes(&identifier),
        .signature = bytes_of(signature, sizeof signature),
        .caveat = list,
        .caveat_count = count,
        .parent = -1,
    };
    err = token_library_mint(&root, key, signature, fault);
    if (!err)
        err = check_signature(&root, key, fault);
    if (!err)
        err = put_text(&root, 1, BYTES_EMPTY, out, fault);
    wipe(signature, sizeof signature);
    return err;
}

enum kh_err
token_attenuate(const struct token *token, const struct bytes *caveat, size_t count,
                struct buffer *out, struct fault *fault)
{
    struct token_hmac h;
    struct token_caveat list[TOKEN_CAVEATS_MAX];
    struct macaroon_view macaroon[1 + TOKEN_DISCHARGES_MAX];
    uint8_t signature[TOKEN_SIGNATURE_SIZE];
    enum kh_err err = check_caveats(caveat, count, token->caveat_count, fault);
    if (err)
        return err;
    memcpy(macaroon, token->macaroon, sizeof macaroon);
    struct macaroon_view *root = &macaroon[0];
    if (root->caveat_count)
        memcpy(list, root->caveat, root->caveat_count * sizeof list[0]);
    memcpy(signature, root->signature.p, sizeof signature);
    root->caveat = list;
    root->signature = bytes_of(signature, sizeof signature);

    if (!token_hmac_init(&h))
        return fault_set(fault, KH_ERR_CRYPTO, "a digest failed");
    bool fine = true;
    for (size_t i = 0; fine && i < count; i++) {
        struct token_caveat *added = &list[root->caveat_count++];
        *added = (struct token_caveat){.id = caveat[i]};
        fine = token_chain_step(&h, added, signature);
    }
    token_hmac_fini(&h);
    err = fine ? put_text(macaroon, token->macaroon_count, token->prefix, out, fault)
               : fault_set(fault, KH_ERR_CRYPTO, "a digest failed");
    wipe(signature, sizeof signature);
    return err;
}
