/* SPDX-License-Identifier: Apache-2.0
 *
 * Keyed hashes of users, and a public key without a private one.
 */
#include "decoy.h"

#include "../../caveats/base64.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <sodium.h>
#include <string.h>

/* COSE_Key (RFC 9053): {1: 2 (EC2), 3: -7 (ES256), -1: 1 (P-256), -2: x, -3: y} */
static const uint8_t cose_head[] = {0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20};
static const uint8_t cose_middle[] = {0x22, 0x58, 0x20};
enum { COORDINATE_SIZE = 32, POINT_SIZE = 1 + 2 * COORDINATE_SIZE };

static bool
make_public_key(struct decoys *decoys)
{
    EVP_PKEY *pair = EVP_EC_gen("P-256");
    uint8_t *point = NULL;
    size_t n = pair ? EVP_PKEY_get1_encoded_public_key(pair, &point) : 0;
    bool ok = n == POINT_SIZE;
    if (ok) {
        uint8_t *p = decoys->public_key;
        memcpy(p, cose_head, sizeof cose_head);
        p += sizeof cose_head;
        memcpy(p, point + 1, COORDINATE_SIZE);
        p += COORDINATE_SIZE;
        memcpy(p, cose_middle, sizeof cose_middle);
        p += sizeof cose_middle;
        memcpy(p, point + 1 + COORDINATE_SIZE, COORDINATE_SIZE);
        decoys->public_key_n = (size_t)(p + COORDINATE_SIZE - decoys->public_key);
    }
    OPENSSL_free(point);
    EVP_PKEY_free(pair);
    return ok;
}

enum kh_err
decoys_init(struct decoys *decoys, const uint8_t *secret_key, size_t n, struct fault *fault)
{
    static const char purpose[] = "keyhole-decoy-v1";
    if (crypto_generichash(decoys->key, sizeof decoys->key, (const uint8_t *)purpose,
                           sizeof purpose - 1, secret_key, n) != 0 ||
        !make_public_key(decoys))
        return fault_set(fault, KH_ERR_CRYPTO, "cannot derive the keys of decoys");
    return KH_OK;
}

static bool
decoy_hash(const struct decoys *decoys, const char *purpose, struct bytes user, uint8_t *out,
           size_t n)
{
    crypto_generichash_state state;
    bool ok =
        crypto_generichash_init(&state, decoys->key, sizeof decoys->key, n) == 0 &&
        crypto_generichash_update(&state, (const uint8_t *)purpose, strlen(purpose) + 1) == 0 &&
        crypto_generichash_update(&state, user.p, user.n) == 0 &&
        crypto_generichash_final(&state, out, n) == 0;
    wipe(&state, sizeof state);
    return ok;
}

bool
decoy_credential(const struct decoys *decoys, struct bytes user, uint8_t out[DECOY_CREDENTIAL_SIZE])
{
    return decoy_hash(decoys, "credential", user, out, DECOY_CREDENTIAL_SIZE);
}

bool
decoy_fingerprint(const struct decoys *decoys, struct bytes user, char out[SSH_FINGERPRINT_SIZE])
{
    uint8_t hash[32];
    BUFFER_AUTO text;
    buffer_init(&text, SSH_FINGERPRINT_SIZE + 1);
    if (!decoy_hash(decoys, "fingerprint", user, hash, sizeof hash))
        return false;
    buffer_put_str(&text, "SHA256:");
    base64_encode(BASE64_STANDARD, bytes_of(hash, sizeof hash), &text);
    // ssh-keygen prints no padding.
    if (text.failed || text.n != SSH_FINGERPRINT_SIZE)
        return false;
    memcpy(out, text.p, SSH_FINGERPRINT_SIZE - 1);
    out[SSH_FINGERPRINT_SIZE - 1] = '\0';
    return true;
}

bool
decoy_user_id(const struct decoys *decoys, struct bytes user, uint8_t out[DECOY_USER_ID_SIZE])
{
    return decoy_hash(decoys, "user-id", user, out, DECOY_USER_ID_SIZE);
}
