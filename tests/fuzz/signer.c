/* SPDX-License-Identifier: Apache-2.0 */
/* The key of the fuzz targets that need right signatures. */

#include "signer.h"

#include <openssl/evp.h>

static EVP_PKEY *
signer_key(void)
{
    static const uint8_t seed[SIGNER_KEY_SIZE] = "a key that signs every input....";
    static EVP_PKEY *key;
    if (key == NULL)
        key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, sizeof seed);
    FUZZ_CHECK(key);
    return key;
}

void
signer_public_key(uint8_t out[SIGNER_KEY_SIZE])
{
    size_t n = SIGNER_KEY_SIZE;
    FUZZ_CHECK(EVP_PKEY_get_raw_public_key(signer_key(), out, &n) == 1 && n == SIGNER_KEY_SIZE);
}

void
signer_sign(struct bytes message, uint8_t out[SIGNER_SIGNATURE_SIZE])
{
    size_t n = SIGNER_SIGNATURE_SIZE;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    FUZZ_CHECK(context && EVP_DigestSignInit(context, NULL, NULL, NULL, signer_key()) == 1);
    FUZZ_CHECK(EVP_DigestSign(context, out, &n, message.p, message.n) == 1);
    EVP_MD_CTX_free(context);
}

void
signer_cose(uint8_t out[SIGNER_COSE_SIZE])
{
    static const uint8_t head[] = {0xa4, 0x01, 0x01, 0x03, 0x27, 0x20, 0x06, 0x21, 0x58, 0x20};
    _Static_assert(sizeof head + SIGNER_KEY_SIZE == SIGNER_COSE_SIZE, "of one key");
    memcpy(out, head, sizeof head);
    signer_public_key(out + sizeof head);
}

void
signer_sha256(struct bytes text, uint8_t out[32])
{
    size_t n = 32;
    FUZZ_CHECK(EVP_Q_digest(NULL, "SHA256", NULL, text.p, text.n, out, &n) == 1 && n == 32);
}
