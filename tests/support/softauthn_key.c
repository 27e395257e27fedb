/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of the software authenticator: ES256, EdDSA, RS256; COSE public keys (RFC 9053). */

#include "softauthn_internal.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

void
softauthn_sha256(struct bytes in, uint8_t out[SOFTAUTHN_HASH_SIZE])
{
    EVP_Digest(in.p, in.n, out, NULL, EVP_sha256(), NULL);
}

bool
softauthn_key_generate(int algorithm, struct softauthn_key *out)
{
    *out = (struct softauthn_key){.algorithm = algorithm};
    EVP_PKEY *key = NULL;
    if (algorithm == SOFTAUTHN_ES256)
        key = EVP_EC_gen("P-256");
    else if (algorithm == SOFTAUTHN_EDDSA)
        key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    else if (algorithm == SOFTAUTHN_RS256)
        key = EVP_RSA_gen(2048);
    int n = key ? i2d_PrivateKey(key, NULL) : -1;
    bool done = n > 0 && n <= SOFTAUTHN_KEY_MAX;
    if (done) {
        uint8_t *p = out->der;
        i2d_PrivateKey(key, &p);
        out->n = (uint32_t)n;
    }
    EVP_PKEY_free(key);
    return done;
}

EVP_PKEY *
softauthn_key_load(const struct softauthn_key *key)
{
    const uint8_t *p = key->der;
    return d2i_AutoPrivateKey(NULL, &p, (long)key->n);
}

bool
softauthn_key_point(EVP_PKEY *key, uint8_t out[65])
{
    size_t n = 0;
    return EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, out, 65, &n) == 1 &&
           n == 65 && out[0] == 4;
}

static void
write_rsa(struct buffer *b, EVP_PKEY *key)
{
    static const char *const part[] = {OSSL_PKEY_PARAM_RSA_N, OSSL_PKEY_PARAM_RSA_E};
    ctap_write_map(b, 4);
    ctap_write_int(b, 1);
    ctap_write_int(b, 3);
    ctap_write_int(b, 3);
    ctap_write_int(b, SOFTAUTHN_RS256);
    for (int i = 0; i < 2; i++) {
        BIGNUM *number = NULL;
        uint8_t bytes[512];
        if (EVP_PKEY_get_bn_param(key, part[i], &number) != 1 || BN_num_bytes(number) > 512)
            b->failed = true;
        else
            BN_bn2bin(number, bytes);
        ctap_write_int(b, -1 - i);
        ctap_write_bytes(b, bytes_of(bytes, b->failed ? 0 : (size_t)BN_num_bytes(number)));
        BN_free(number);
    }
}

void
softauthn_key_write_cose(struct buffer *b, EVP_PKEY *key, int algorithm)
{
    if (algorithm == SOFTAUTHN_RS256) {
        write_rsa(b, key);
        return;
    }
    bool edwards = algorithm == SOFTAUTHN_EDDSA;
    uint8_t point[65] = {0};
    size_t n = 32;
    if (edwards ? EVP_PKEY_get_raw_public_key(key, point + 1, &n) != 1
                : !softauthn_key_point(key, point))
        b->failed = true;
    ctap_write_map(b, edwards ? 4 : 5);
    ctap_write_int(b, 1); // kty: OKP or EC2
    ctap_write_int(b, edwards ? 1 : 2);
    ctap_write_int(b, 3); // alg
    ctap_write_int(b, algorithm);
    ctap_write_int(b, -1); // crv: Ed25519 or P-256
    ctap_write_int(b, edwards ? 6 : 1);
    ctap_write_int(b, -2); // x
    ctap_write_bytes(b, bytes_of(point + 1, 32));
    if (!edwards) {
        ctap_write_int(b, -3); // y
        ctap_write_bytes(b, bytes_of(point + 33, 32));
    }
}

bool
softauthn_key_sign(const struct softauthn_key *key, struct bytes message, struct buffer *signature)
{
    EVP_PKEY *loaded = softauthn_key_load(key);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    const EVP_MD *digest = key->algorithm == SOFTAUTHN_EDDSA ? NULL : EVP_sha256();
    size_t n = 0;
    uint8_t *room = NULL;
    bool done = loaded && context && EVP_DigestSignInit(context, NULL, digest, NULL, loaded) == 1 &&
                EVP_DigestSign(context, NULL, &n, message.p, message.n) == 1 &&
                (room = buffer_reserve(signature, n)) != NULL &&
                EVP_DigestSign(context, room, &n, message.p, message.n) == 1;
    if (done)
        buffer_advance(signature, n);
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(loaded);
    return done;
}
