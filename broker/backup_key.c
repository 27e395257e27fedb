/* SPDX-License-Identifier: Apache-2.0
 *
 * Key pairs for backups, and their text.
 */
#include "backup_key.h"

#include <sodium.h>
#include <string.h>

#define PUBLIC_PREFIX "kb1_"
#define SECRET_PREFIX "kbs1_"

enum { BASE64_SIZE = 43 };

void
backup_key_make(uint8_t secret[BACKUP_KEY_SIZE], uint8_t public[BACKUP_KEY_SIZE])
{
    (void)crypto_box_keypair(public, secret);
}

enum kh_err
backup_key_public(const uint8_t secret[BACKUP_KEY_SIZE], uint8_t public[BACKUP_KEY_SIZE])
{
    return crypto_scalarmult_base(public, secret) == 0 ? KH_OK : KH_ERR_CRYPTO;
}

static void
print(const char *prefix, const uint8_t key[BACKUP_KEY_SIZE], char out[BACKUP_KEY_TEXT_MAX])
{
    size_t n = strlen(prefix);

    memcpy(out, prefix, n);
    (void)sodium_bin2base64(out + n, BACKUP_KEY_TEXT_MAX - n, key, BACKUP_KEY_SIZE,
                            sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

void
backup_key_print(const uint8_t public[BACKUP_KEY_SIZE], char out[BACKUP_KEY_TEXT_MAX])
{
    print(PUBLIC_PREFIX, public, out);
}

void
backup_key_print_secret(const uint8_t secret[BACKUP_KEY_SIZE], char out[BACKUP_KEY_TEXT_MAX])
{
    print(SECRET_PREFIX, secret, out);
}

static bool
parse(const char *prefix, struct bytes text, uint8_t key[BACKUP_KEY_SIZE])
{
    size_t n = 0;

    while (text.n > 0 && (text.p[text.n - 1] == '\n' || text.p[text.n - 1] == '\r'))
        text.n--;
    text = bytes_trim(text);
    if (!bytes_starts(text, bytes_str(prefix)))
        return false;
    text = bytes_from(text, strlen(prefix));
    return text.n == BASE64_SIZE &&
           sodium_base642bin(key, BACKUP_KEY_SIZE, (const char *)text.p, text.n, NULL, &n, NULL,
                             sodium_base64_VARIANT_URLSAFE_NO_PADDING) == 0 &&
           n == BACKUP_KEY_SIZE;
}

enum kh_err
backup_key_parse(struct bytes text, uint8_t public[BACKUP_KEY_SIZE], struct fault *fault)
{
    uint8_t key[BACKUP_KEY_SIZE];

    // A secret key in its place was typed into the wrong line, and must not go on from here.
    if (!parse(PUBLIC_PREFIX, text, key) || sodium_is_zero(key, sizeof key))
        return fault_set(fault, KH_ERR_SYNTAX,
                         "that is no public key for backups (" PUBLIC_PREFIX
                         "…): keyholed backup key makes a pair");
    memcpy(public, key, sizeof key);
    return KH_OK;
}

enum kh_err
backup_key_parse_secret(struct bytes text, uint8_t secret[BACKUP_KEY_SIZE], struct fault *fault)
{
    uint8_t key[BACKUP_KEY_SIZE];
    bool ok = parse(SECRET_PREFIX, text, key);

    if (ok)
        memcpy(secret, key, sizeof key);
    sodium_memzero(key, sizeof key);
    return ok ? KH_OK
              : fault_set(fault, KH_ERR_SYNTAX,
                          "that is no secret key for backups (" SECRET_PREFIX
                          "…), as keyholed backup key writes it");
}
