/* SPDX-License-Identifier: Apache-2.0
 *
 * Private keys for signing tokens: from PEM to a key whose kind and size fit an algorithm.
 */
#include "../no_passphrase.h"
#include "jwt_internal.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

enum { RSA_BITS_MIN = 2048, RSA_BITS_MAX = 8192 };

// ---- kinds ----

static bool
is_rsa(const EVP_PKEY *pkey)
{
    int bits = EVP_PKEY_get_bits(pkey);
    return EVP_PKEY_is_a(pkey, "RSA") && bits >= RSA_BITS_MIN && bits <= RSA_BITS_MAX;
}

static bool
is_p256(const EVP_PKEY *pkey)
{
    char group[32] = "";
    size_t n = 0;
    return EVP_PKEY_is_a(pkey, "EC") &&
           EVP_PKEY_get_group_name(pkey, group, sizeof group, &n) == 1 &&
           strcmp(group, "prime256v1") == 0;
}

static bool
is_ed25519(const EVP_PKEY *pkey)
{
    return EVP_PKEY_is_a(pkey, "ED25519");
}

static const struct {
    const char *name;
    bool (*fits)(const EVP_PKEY *pkey);
    const char *wants;
} algorithms[JWT_ALGORITHM_COUNT] = {
    [JWT_RS256] = {"RS256", is_rsa, "RS256 needs an RSA key of 2048 to 8192 bits"},
    [JWT_ES256] = {"ES256", is_p256, "ES256 needs a key on the curve P-256"},
    [JWT_EDDSA] = {"EdDSA", is_ed25519, "EdDSA needs an Ed25519 key"},
};

enum kh_err
jwt_algorithm_find(struct bytes name, enum jwt_algorithm *out)
{
    for (int i = JWT_RS256; i < JWT_ALGORITHM_COUNT; i++) {
        if (bytes_is(name, algorithms[i].name)) {
            *out = (enum jwt_algorithm)i;
            return KH_OK;
        }
    }
    return KH_ERR_UNKNOWN;
}

const char *
jwt_algorithm_name(enum jwt_algorithm algorithm)
{
    bool known = (unsigned)algorithm < JWT_ALGORITHM_COUNT && algorithms[algorithm].name;
    return known ? algorithms[algorithm].name : "";
}

// The asked one if it fits, or whichever does.
static enum jwt_algorithm
algorithm_for(const EVP_PKEY *pkey, enum jwt_algorithm asked)
{
    for (int i = JWT_RS256; i < JWT_ALGORITHM_COUNT; i++) {
        if ((asked == JWT_ANY || asked == (enum jwt_algorithm)i) && algorithms[i].fits(pkey))
            return (enum jwt_algorithm)i;
    }
    return JWT_ANY;
}

// ---- PEM ----

// The DER of it passes through the secure heap alone, which PEM_read_bio_PrivateKey does not
// promise.
static EVP_PKEY *
read_pkey(struct bytes pem)
{
    unsigned char *der = NULL;
    long n = 0;
    EVP_PKEY *pkey = NULL;
    BIO *in = BIO_new_mem_buf(pem.p, (int)pem.n);

    if (in && PEM_bytes_read_bio_secmem(&der, &n, NULL, PEM_STRING_EVP_PKEY, in, no_passphrase,
                                        NULL) == 1) {
        const unsigned char *p = der;
        pkey = d2i_AutoPrivateKey(NULL, &p, n);
        if (pkey && p != der + n) {
            EVP_PKEY_free(pkey);
            pkey = NULL;
        }
    }
    OPENSSL_secure_clear_free(der, (size_t)n);
    BIO_free(in);
    ERR_clear_error();
    return pkey;
}

static size_t
count_keys(struct bytes pem)
{
    struct bytes mark = BYTES("PRIVATE KEY-----"), rest = pem;
    size_t count = 0, at;

    while ((at = bytes_find(rest, mark)) < rest.n) {
        rest = bytes_from(rest, at + mark.n);
        count++;
    }
    return count / 2; // BEGIN and END
}

enum kh_err
jwt_key_read(struct bytes pem, enum jwt_algorithm algorithm, struct jwt_key **out,
             struct fault *fault)
{
    if (pem.n > JWT_KEY_PEM_MAX)
        return fault_set(fault, KH_ERR_TOO_LONG, "the key is longer than %d bytes",
                         JWT_KEY_PEM_MAX);
    if ((unsigned)algorithm >= JWT_ALGORITHM_COUNT)
        return fault_set(fault, KH_ERR_UNKNOWN, "there is no such algorithm");
    EVP_PKEY *pkey = count_keys(pem) == 1 ? read_pkey(pem) : NULL;
    if (pkey == NULL && bytes_find(pem, BYTES("ENCRYPTED")) < pem.n)
        return fault_set(fault, KH_ERR_UNSUPPORTED,
                         "the key is encrypted; give it without a passphrase");
    if (pkey == NULL)
        return fault_set(fault, KH_ERR_SYNTAX, "it is not one private key in PEM");
    enum jwt_algorithm fits = algorithm_for(pkey, algorithm);
    struct jwt_key *key = fits == JWT_ANY ? NULL : malloc(sizeof *key);
    if (key == NULL) {
        EVP_PKEY_free(pkey);
        if (fits != JWT_ANY)
            return fault_set(fault, KH_ERR_MEMORY, "memory is used up");
        return fault_set(fault, KH_ERR_TYPE, "%s",
                         algorithm == JWT_ANY
                             ? "the key is neither RSA of at least 2048 bits, P-256, nor Ed25519"
                             : algorithms[algorithm].wants);
    }
    *key = (struct jwt_key){.pkey = pkey, .algorithm = fits};
    *out = key;
    return KH_OK;
}

void
jwt_key_free(struct jwt_key **key)
{
    if (*key == NULL)
        return;
    EVP_PKEY_free((*key)->pkey);
    free(*key);
    *key = NULL;
}
