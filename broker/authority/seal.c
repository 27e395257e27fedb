/* SPDX-License-Identifier: Apache-2.0
 *
 * AES-256-GCM with random 96-bit nonces: far below 2^32 values are ever sealed under one key
 * (NIST SP 800-38D section 8.3).
 */
#include "seal.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum { VERSION = 1, NONCE_SIZE = 12, TAG_SIZE = 16, KEY_SIZE = 32, PLACE_MAX = 128 };

struct seal {
    struct secret *key;
    uint8_t check[SEAL_CHECK_SIZE];
    EVP_CIPHER *cipher;
};

static enum kh_err
derive(const struct secret *master_key, const char *purpose, uint8_t out[KEY_SIZE])
{
    struct bytes key = secret_bytes(master_key);
    unsigned n = KEY_SIZE;

    if (HMAC(EVP_sha256(), key.p, (int)key.n, (const uint8_t *)purpose, strlen(purpose), out, &n) ==
        NULL)
        return KH_ERR_CRYPTO;
    return KH_OK;
}

enum kh_err
seal_new(const struct secret *master_key, struct seal **out, struct fault *fault)
{
    uint8_t check[KEY_SIZE];

    if (secret_bytes(master_key).n != MASTER_KEY_SIZE)
        return fault_set(fault, KH_ERR_MASTER_KEY, "the master key has not %d bytes",
                         MASTER_KEY_SIZE);
    struct seal *seal = calloc(1, sizeof *seal);
    if (seal == NULL)
        return fault_set(fault, KH_ERR_MEMORY, "memory is used up");
    enum kh_err err = secret_new_zero(KEY_SIZE, &seal->key, fault);
    if (!err && (seal->cipher = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL)) == NULL)
        err = fault_set(fault, KH_ERR_CRYPTO, "AES-256-GCM is not available in OpenSSL");
    if (!err && (derive(master_key, "keyhole-seal-v1", secret_writable(seal->key)) ||
                 derive(master_key, "keyhole-key-check-v1", check)))
        err = fault_set(fault, KH_ERR_CRYPTO, "HMAC-SHA256 failed");
    if (err) {
        seal_free(&seal);
        return err;
    }
    memcpy(seal->check, check, SEAL_CHECK_SIZE);
    *out = seal;
    return KH_OK;
}

void
seal_free(struct seal **seal)
{
    if (*seal == NULL)
        return;
    secret_free(&(*seal)->key);
    EVP_CIPHER_free((*seal)->cipher);
    free(*seal);
    *seal = NULL;
}

void
seal_check_value(const struct seal *seal, uint8_t out[SEAL_CHECK_SIZE])
{
    memcpy(out, seal->check, SEAL_CHECK_SIZE);
}

// "table\0column\0" and the row's id: no two places have the same text.
static size_t
place_text(struct seal_place place, uint8_t out[PLACE_MAX])
{
    size_t table = strlen(place.table) + 1, column = strlen(place.column) + 1;

    if (table + column + 8 > PLACE_MAX)
        return 0;
    memcpy(out, place.table, table);
    memcpy(out + table, place.column, column);
    for (int i = 0; i < 8; i++)
        out[table + column + (size_t)i] = (uint8_t)((uint64_t)place.id >> (56 - 8 * i));
    return table + column + 8;
}

static bool
encrypt(const struct seal *seal, EVP_CIPHER_CTX *ctx, struct bytes place, struct bytes plain,
        uint8_t *nonce, uint8_t *text, uint8_t *tag)
{
    int n = 0, last = 0;

    return EVP_EncryptInit_ex2(ctx, seal->cipher, secret_bytes(seal->key).p, nonce, NULL) == 1 &&
           EVP_EncryptUpdate(ctx, NULL, &n, place.p, (int)place.n) == 1 &&
           EVP_EncryptUpdate(ctx, text, &n, plain.p, (int)plain.n) == 1 && n == (int)plain.n &&
           EVP_EncryptFinal_ex(ctx, text + n, &last) == 1 && last == 0 &&
           EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG_SIZE, tag) == 1;
}

static bool
decrypt(const struct seal *seal, EVP_CIPHER_CTX *ctx, struct bytes place, struct bytes sealed,
        uint8_t *plain)
{
    struct bytes nonce = bytes_slice(sealed, 1, NONCE_SIZE);
    struct bytes text = bytes_slice(sealed, 1 + NONCE_SIZE, sealed.n - SEAL_OVERHEAD);
    uint8_t tag[TAG_SIZE];
    int n = 0, last = 0;

    memcpy(tag, sealed.p + sealed.n - TAG_SIZE, TAG_SIZE);
    return EVP_DecryptInit_ex2(ctx, seal->cipher, secret_bytes(seal->key).p, nonce.p, NULL) == 1 &&
           EVP_DecryptUpdate(ctx, NULL, &n, place.p, (int)place.n) == 1 &&
           EVP_DecryptUpdate(ctx, plain, &n, text.p, (int)text.n) == 1 && n == (int)text.n &&
           EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG_SIZE, tag) == 1 &&
           EVP_DecryptFinal_ex(ctx, plain + n, &last) == 1 && last == 0;
}

enum kh_err
seal_close(const struct seal *seal, struct seal_place place, struct bytes plain, struct buffer *out,
           struct fault *fault)
{
    uint8_t text[PLACE_MAX];
    size_t text_n = place_text(place, text);
    size_t n = plain.n + SEAL_OVERHEAD;

    if (text_n == 0 || plain.n == 0 || plain.n > SECRET_MAX)
        return fault_set(fault, KH_ERR_RANGE, "a secret has 1 to %d bytes", SECRET_MAX);
    uint8_t *p = buffer_reserve(out, n);
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    enum kh_err err = KH_OK;
    if (p == NULL || ctx == NULL)
        err = fault_set(fault, KH_ERR_MEMORY, "memory is used up");
    else if (getrandom(p + 1, NONCE_SIZE, 0) != NONCE_SIZE)
        err = fault_set(fault, KH_ERR_CRYPTO, "the kernel gives no random numbers");
    else if (!encrypt(seal, ctx, bytes_of(text, text_n), plain, p + 1, p + 1 + NONCE_SIZE,
                      p + n - TAG_SIZE))
        err = fault_set(fault, KH_ERR_CRYPTO, "AES-256-GCM failed");
    EVP_CIPHER_CTX_free(ctx);
    if (err)
        return err;
    p[0] = VERSION;
    buffer_advance(out, n);
    return KH_OK;
}

enum kh_err
seal_open(const struct seal *seal, struct seal_place place, struct bytes sealed,
          struct secret **out, struct fault *fault)
{
    uint8_t text[PLACE_MAX];
    size_t text_n = place_text(place, text);
    struct secret *secret = NULL;

    if (text_n == 0 || sealed.n <= SEAL_OVERHEAD || sealed.n > SECRET_MAX + SEAL_OVERHEAD ||
        sealed.p[0] != VERSION)
        return fault_set(fault, KH_ERR_DATABASE,
                         "the sealed value in %s.%s, row %lld, is damaged; restore the database "
                         "from a copy",
                         place.table, place.column, (long long)place.id);
    enum kh_err err = secret_new_zero(sealed.n - SEAL_OVERHEAD, &secret, fault);
    if (err)
        return err;
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    if (ctx == NULL)
        err = fault_set(fault, KH_ERR_MEMORY, "memory is used up");
    else if (!decrypt(seal, ctx, bytes_of(text, text_n), sealed, secret_writable(secret)))
        err = fault_set(fault, KH_ERR_DATABASE,
                        "the sealed value in %s.%s, row %lld, was changed or damaged; restore the "
                        "database from a copy",
                        place.table, place.column, (long long)place.id);
    EVP_CIPHER_CTX_free(ctx);
    if (err) {
        secret_free(&secret);
        return err;
    }
    *out = secret;
    return KH_OK;
}
