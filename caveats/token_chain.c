/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The chain of signatures (Birgisson et al., NDSS 2014, section V), on OpenSSL's SHA-256 and
 * libsodium's secretbox: a second opinion on libmacaroons, and the only source of lineage ids.
 */

#include <sodium.h>
#include <string.h>

#include "token_internal.h"

enum { BLOCK_SIZE = 64, NONCE_SIZE = crypto_secretbox_NONCEBYTES };

_Static_assert(TOKEN_VID_SIZE == NONCE_SIZE + crypto_secretbox_MACBYTES + TOKEN_KEY_SIZE,
               "a vid is a nonce and a sealed key");

bool
token_hmac_init(struct token_hmac *h)
{
    h->md = EVP_MD_fetch(NULL, "SHA256", NULL);
    h->context = EVP_MD_CTX_new();
    if (h->md && h->context)
        return true;
    token_hmac_fini(h);
    return false;
}

void
token_hmac_fini(struct token_hmac *h)
{
    EVP_MD_CTX_free(h->context);
    EVP_MD_free(h->md);
    *h = (struct token_hmac){0};
}

static bool
digest2(struct token_hmac *h, struct bytes a, struct bytes b, uint8_t out[32])
{
    return EVP_DigestInit_ex2(h->context, h->md, NULL) && EVP_DigestUpdate(h->context, a.p, a.n) &&
           EVP_DigestUpdate(h->context, b.p, b.n) && EVP_DigestFinal_ex(h->context, out, NULL);
}

/* RFC 2104 for a key of 32 bytes, which is less than a block. */
static bool
hmac(struct token_hmac *h, const uint8_t key[32], struct bytes message, uint8_t out[32])
{
    uint8_t inner[BLOCK_SIZE], outer[BLOCK_SIZE], digest[32];
    memset(inner, 0x36, sizeof inner);
    memset(outer, 0x5c, sizeof outer);
    for (size_t i = 0; i < 32; i++) {
        inner[i] ^= key[i];
        outer[i] ^= key[i];
    }
    bool fine = digest2(h, bytes_of(inner, sizeof inner), message, digest) &&
                digest2(h, bytes_of(outer, sizeof outer), bytes_of(digest, sizeof digest), out);
    wipe(inner, sizeof inner);
    wipe(outer, sizeof outer);
    wipe(digest, sizeof digest);
    return fine;
}

/* HMAC(key, HMAC(key, a) ‖ HMAC(key, b)) */
static bool
hmac_pair(struct token_hmac *h, const uint8_t key[32], struct bytes a, struct bytes b,
          uint8_t out[32])
{
    uint8_t both[64];
    bool fine = hmac(h, key, a, both) && hmac(h, key, b, both + 32) &&
                hmac(h, key, bytes_of(both, sizeof both), out);
    wipe(both, sizeof both);
    return fine;
}

bool
token_chain_root_key(struct token_hmac *h, const uint8_t key[TOKEN_KEY_SIZE],
                     uint8_t out[TOKEN_KEY_SIZE])
{
    static const uint8_t generator[32] = "macaroons-key-generator"; /* as all libraries have it */
    return hmac(h, generator, bytes_of(key, TOKEN_KEY_SIZE), out);
}

bool
token_chain_start(struct token_hmac *h, const uint8_t key[TOKEN_KEY_SIZE], struct bytes identifier,
                  uint8_t signature[TOKEN_SIGNATURE_SIZE])
{
    return hmac(h, key, identifier, signature);
}

bool
token_chain_step(struct token_hmac *h, const struct token_caveat *caveat,
                 uint8_t signature[TOKEN_SIGNATURE_SIZE])
{
    uint8_t key[TOKEN_SIGNATURE_SIZE];
    memcpy(key, signature, sizeof key);
    bool fine = caveat->vid.n ? hmac_pair(h, key, caveat->vid, caveat->id, signature)
                              : hmac(h, key, caveat->id, signature);
    wipe(key, sizeof key);
    return fine;
}

bool
token_chain_bind(struct token_hmac *h, const uint8_t root[TOKEN_SIGNATURE_SIZE],
                 const uint8_t discharge[TOKEN_SIGNATURE_SIZE], uint8_t out[TOKEN_SIGNATURE_SIZE])
{
    static const uint8_t zero[32];
    return hmac_pair(h, zero, bytes_of(root, TOKEN_SIGNATURE_SIZE),
                     bytes_of(discharge, TOKEN_SIGNATURE_SIZE), out);
}

bool
token_chain_lineage(struct token_hmac *h, const uint8_t signature[TOKEN_SIGNATURE_SIZE],
                    uint8_t out[LINEAGE_ID_SIZE])
{
    uint8_t digest[32];
    if (!digest2(h, bytes_of(signature, TOKEN_SIGNATURE_SIZE), BYTES_EMPTY, digest))
        return false;
    memcpy(out, digest, LINEAGE_ID_SIZE);
    return true;
}

bool
token_chain_open(struct bytes vid, const uint8_t signature[TOKEN_SIGNATURE_SIZE],
                 uint8_t out[TOKEN_KEY_SIZE])
{
    return vid.n == TOKEN_VID_SIZE &&
           crypto_secretbox_open_easy(out, vid.p + NONCE_SIZE, vid.n - NONCE_SIZE, vid.p,
                                      signature) == 0;
}
