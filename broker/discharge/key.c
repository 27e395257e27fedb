/* SPDX-License-Identifier: Apache-2.0
 *
 * The discharger's key file, and the key pair that comes from it.
 */
#include "key.h"

#include "../../caveats/base64.h"
#include "../database/private_file.h"

#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

enum {
    SEED_SIZE = crypto_box_SEEDBYTES,
    SEED_TEXT_SIZE = (SEED_SIZE * 8 + 5) / 6,
    FILE_MAX = 4096,
};
_Static_assert(TICKET_PUBLIC_KEY_SIZE == crypto_box_PUBLICKEYBYTES, "keys of libsodium");
_Static_assert(TICKET_SECRET_KEY_SIZE == crypto_box_SECRETKEYBYTES, "keys of libsodium");

static enum kh_err
path_in(const char *directory, char out[PATH_MAX], struct fault *fault)
{
    int n = snprintf(out, PATH_MAX, "%s/" DISCHARGE_KEY_FILE, directory);
    if (n < 0 || n >= PATH_MAX)
        return fault_set(fault, KH_ERR_TOO_LONG, "%s: the name is too long", directory);
    return KH_OK;
}

static enum kh_err
pair_from_seed(struct bytes seed, struct discharge_key *out, struct fault *fault)
{
    struct discharge_key key = {.secret_key = sodium_malloc(TICKET_SECRET_KEY_SIZE)};

    if (key.secret_key == NULL)
        return fault_set(fault, KH_ERR_MEMORY, "there is no memory for the discharger's key");
    if (crypto_box_seed_keypair(key.public_key, key.secret_key, seed.p)) {
        sodium_free(key.secret_key);
        return fault_set(fault, KH_ERR_CRYPTO, "the discharger's key pair cannot be made");
    }
    (void)sodium_mprotect_readonly(key.secret_key);
    *out = key;
    return KH_OK;
}

static enum kh_err
key_read(const char *path, bool rights_checked, struct discharge_key *out, struct fault *fault)
{
    BUFFER_AUTO text;
    BUFFER_AUTO seed;

    buffer_init_secret(&text, 2 * FILE_MAX);
    buffer_init_secret(&seed, SEED_SIZE + 3);
    enum kh_err err = private_file_read(path, FILE_MAX, rights_checked, &text, fault);
    if (err)
        return err;
    struct bytes line = buffer_bytes(&text);
    if (bytes_ends(line, BYTES("\n")))
        line.n--;
    if (line.n != SEED_TEXT_SIZE || !base64_decode(BASE64_URL, line, &seed) || seed.n != SEED_SIZE)
        return fault_set(fault, KH_ERR_MASTER_KEY,
                         "%s: must be one line of %d letters, as it was made; restore it from a "
                         "copy",
                         path, SEED_TEXT_SIZE);
    return pair_from_seed(buffer_bytes(&seed), out, fault);
}

static enum kh_err
key_make(const char *path, struct discharge_key *out, struct fault *fault)
{
    uint8_t seed[SEED_SIZE];
    BUFFER_AUTO text;

    buffer_init_secret(&text, SEED_TEXT_SIZE + 8);
    randombytes_buf(seed, sizeof seed);
    base64_encode(BASE64_URL, bytes_of(seed, sizeof seed), &text);
    buffer_put_byte(&text, '\n');
    // Whole or not there: one that was begun and not written would stop every later start.
    enum kh_err err = text.failed ? fault_set(fault, KH_ERR_MEMORY, "memory is used up")
                                  : private_file_replace(path, buffer_bytes(&text), true, fault);
    if (!err)
        err = pair_from_seed(bytes_of(seed, sizeof seed), out, fault);
    wipe(seed, sizeof seed);
    if (!err)
        out->made = true;
    return err;
}

static enum kh_err
read_systemd(const char *directory, struct discharge_key *out, struct fault *fault)
{
    char path[PATH_MAX];
    enum kh_err err = path_in(directory, path, fault);
    if (!err)
        err = private_file_check_granted(path, fault);
    return err ? err : key_read(path, false, out, fault);
}

enum kh_err
discharge_key_load(const char *directory, const char *credentials_directory,
                   struct discharge_key *out, struct fault *fault)
{
    char path[PATH_MAX];
    enum kh_err err = KH_ERR_NOT_FOUND;

    if (sodium_init() < 0)
        return fault_set(fault, KH_ERR_CRYPTO, "libsodium does not start");
    if (credentials_directory)
        err = read_systemd(credentials_directory, out, fault);
    if (err != KH_ERR_NOT_FOUND)
        return err;
    if ((err = path_in(directory, path, fault)))
        return err;
    err = key_read(path, true, out, fault);
    return err == KH_ERR_NOT_FOUND ? key_make(path, out, fault) : err;
}

void
discharge_key_free(struct discharge_key *key)
{
    sodium_free(key->secret_key);
    *key = (struct discharge_key){0};
}
