/* SPDX-License-Identifier: Apache-2.0
 *
 * The master key: read or made, and checked against the database before anything is opened with it.
 */
#include "master_key.h"

#include "../database/private_file.h"
#include "master_key_change.h"

#include <errno.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define CREDENTIAL_NAME "keyhole-master-key"
#define META_CHECK      "master-key-check"
#define META_PASSPHRASE "master-key-passphrase"

enum {
    HEX_SIZE = 2 * MASTER_KEY_SIZE,
    PASSPHRASE_MAX = 1024,
    SALT_SIZE = crypto_pwhash_argon2id_SALTBYTES,
    PASSPHRASE_ROW_SIZE = 1 + 8 + 8 + SALT_SIZE,
    PASSPHRASE_ROW_VERSION = 1,
};

const struct master_key_cost master_key_cost_default = {
    .operations = 3,
    .memory = UINT64_C(64) << 20,
};

// A changed row must neither weaken the key nor use up the machine.
static const struct master_key_cost cost_limit = {
    .operations = 1000,
    .memory = UINT64_C(4) << 30,
};

enum kh_err
master_key_read_passphrase(int fd, struct secret **out, struct fault *fault)
{
    SECRET_AUTO *whole = NULL;
    enum kh_err err = secret_new_zero(PASSPHRASE_MAX + 1, &whole, fault);
    size_t n = 0;

    while (!err && n <= PASSPHRASE_MAX) {
        ssize_t got = read(fd, secret_writable(whole) + n, PASSPHRASE_MAX + 1 - n);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            err =
                fault_set(fault, KH_ERR_IO, "the passphrase cannot be read from descriptor %d: %s",
                          fd, strerror(errno));
        if (got <= 0)
            break;
        n += (size_t)got;
    }
    if (fd >= 0)
        close(fd);
    if (err)
        return err;
    struct bytes text = bytes_slice(secret_bytes(whole), 0, n);
    if (bytes_ends(text, BYTES("\n")))
        text.n--;
    if (bytes_ends(text, BYTES("\r")))
        text.n--;
    if (text.n == 0 || text.n > PASSPHRASE_MAX)
        return fault_set(fault, KH_ERR_RANGE, "the passphrase must be one line of 1 to %d bytes",
                         PASSPHRASE_MAX);
    return secret_new(text, out, fault);
}

// ---- key files ----

enum kh_err
master_key_parse(struct bytes text, const char *path, struct secret **out, struct fault *fault)
{
    struct secret *key = NULL;

    if (bytes_ends(text, BYTES("\n")))
        text.n--;
    enum kh_err err = secret_new_zero(MASTER_KEY_SIZE, &key, fault);
    if (!err && !bytes_from_hex(text, secret_writable(key), MASTER_KEY_SIZE))
        err = fault_set(fault, KH_ERR_MASTER_KEY,
                        "%s: must be %d hexadecimal digits and a newline; restore it from a copy",
                        path, HEX_SIZE);
    if (err) {
        secret_free(&key);
        return err;
    }
    *out = key;
    return KH_OK;
}

static enum kh_err
key_read(const char *path, bool rights_checked, struct secret **out, struct fault *fault)
{
    BUFFER_AUTO text;

    buffer_init_secret(&text, 8192);
    enum kh_err err = private_file_read(path, 4096, rights_checked, &text, fault);
    return err ? err : master_key_parse(buffer_bytes(&text), path, out, fault);
}

static enum kh_err
key_write(const char *path, const struct secret *key, struct fault *fault)
{
    BUFFER_AUTO text;

    buffer_init_secret(&text, HEX_SIZE + 2);
    char *hex = (char *)buffer_reserve(&text, HEX_SIZE + 1);
    if (hex == NULL || !bytes_to_hex(secret_bytes(key), hex, HEX_SIZE + 1))
        return fault_set(fault, KH_ERR_MEMORY, "memory is used up");
    buffer_advance(&text, HEX_SIZE);
    buffer_put_byte(&text, '\n');
    return private_file_create(path, 0600, buffer_bytes(&text), fault);
}

enum kh_err
master_key_read_file(const char *path, struct secret **out, struct fault *fault)
{
    return key_read(path, true, out, fault);
}

static enum kh_err
path_in(const char *directory, const char *name, char out[PATH_MAX], struct fault *fault)
{
    int n = snprintf(out, PATH_MAX, "%s/%s", directory, name);
    if (n < 0 || n >= PATH_MAX)
        return fault_set(fault, KH_ERR_TOO_LONG, "%s: the name is too long", directory);
    return KH_OK;
}

static enum kh_err
read_systemd(const char *directory, struct secret **out, struct fault *fault)
{
    char path[PATH_MAX];
    enum kh_err err = path_in(directory, CREDENTIAL_NAME, path, fault);
    if (!err)
        err = private_file_check_granted(path, fault);
    return err ? err : key_read(path, false, out, fault);
}

// ---- passphrase ----

static enum kh_err
derive(const struct secret *passphrase, const uint8_t salt[SALT_SIZE], struct master_key_cost cost,
       struct secret **out, struct fault *fault)
{
    struct bytes text = secret_bytes(passphrase);
    struct secret *key = NULL;
    enum kh_err err = secret_new_zero(MASTER_KEY_SIZE, &key, fault);

    if (err)
        return err;
    if (sodium_init() < 0 ||
        crypto_pwhash(secret_writable(key), MASTER_KEY_SIZE, (const char *)text.p, text.n, salt,
                      cost.operations, (size_t)cost.memory, crypto_pwhash_ALG_ARGON2ID13)) {
        secret_free(&key);
        return fault_set(fault, KH_ERR_MEMORY,
                         "Argon2id needs %llu MiB of memory, and there is not so much",
                         (unsigned long long)(cost.memory >> 20));
    }
    *out = key;
    return KH_OK;
}

static void
put_u64(uint64_t value, uint8_t out[8])
{
    for (int i = 0; i < 8; i++)
        out[i] = (uint8_t)(value >> (56 - 8 * i));
}

static uint64_t
get_u64(const uint8_t in[8])
{
    uint64_t value = 0;
    for (int i = 0; i < 8; i++)
        value = value << 8 | in[i];
    return value;
}

enum kh_err
master_key_make_passphrase(const struct secret *passphrase, struct master_key_cost cost,
                           struct store *store, struct secret **out, struct fault *fault)
{
    uint8_t row[PASSPHRASE_ROW_SIZE] = {PASSPHRASE_ROW_VERSION};
    uint8_t *salt = row + 17;

    if (sodium_init() < 0)
        return fault_set(fault, KH_ERR_CRYPTO, "libsodium does not start");
    randombytes_buf(salt, SALT_SIZE);
    put_u64(cost.operations, row + 1);
    put_u64(cost.memory, row + 9);
    enum kh_err err = derive(passphrase, salt, cost, out, fault);
    if (!err)
        err = store_meta_put(store, META_PASSPHRASE, bytes_of(row, sizeof row), fault);
    return err;
}

static enum kh_err
passphrase_load(const struct secret *passphrase, struct store *store, struct secret **out,
                struct fault *fault)
{
    BUFFER_AUTO row;

    buffer_init(&row, 256);
    enum kh_err err = store_meta_get(store, META_PASSPHRASE, &row, fault);
    if (err == KH_ERR_NOT_FOUND)
        return fault_set(fault, KH_ERR_MASTER_KEY,
                         "this state was not made with a passphrase; start without one");
    if (err)
        return err;
    if (row.n != PASSPHRASE_ROW_SIZE || row.p[0] != PASSPHRASE_ROW_VERSION)
        return fault_set(fault, KH_ERR_DATABASE,
                         "the salt of the passphrase is damaged; restore "
                         "the database from a copy");
    struct master_key_cost cost = {.operations = get_u64(row.p + 1), .memory = get_u64(row.p + 9)};
    if (cost.operations < crypto_pwhash_argon2id_OPSLIMIT_MIN ||
        cost.operations > cost_limit.operations ||
        cost.memory < crypto_pwhash_argon2id_MEMLIMIT_MIN || cost.memory > cost_limit.memory)
        return fault_set(fault, KH_ERR_DATABASE,
                         "the cost of the passphrase is out of range; "
                         "restore the database from a copy");
    return derive(passphrase, row.p + 17, cost, out, fault);
}

// ---- all ----

enum kh_err
master_key_make_file(const char *path, struct secret **out, struct fault *fault)
{
    struct secret *key = NULL;
    enum kh_err err = secret_new_random(MASTER_KEY_SIZE, &key, fault);

    if (!err)
        err = key_write(path, key, fault);
    if (err) {
        secret_free(&key);
        return err;
    }
    *out = key;
    return KH_OK;
}

enum kh_err
master_key_note(struct store *store, const struct seal *seal, struct fault *fault)
{
    uint8_t check[SEAL_CHECK_SIZE];

    seal_check_value(seal, check);
    return store_meta_put(store, META_CHECK, bytes_of(check, sizeof check), fault);
}

enum kh_err
master_key_forget_passphrase(struct store *store, struct fault *fault)
{
    return store_meta_remove(store, META_PASSPHRASE, fault);
}

enum kh_err
master_key_create(const struct master_key_source *source, const char *work_directory,
                  struct master_key_cost cost, struct store *store, struct seal **out,
                  struct fault *fault)
{
    SECRET_AUTO *key = NULL;
    char path[PATH_MAX];
    enum kh_err err = KH_ERR_NOT_FOUND;

    if (source->credentials_directory)
        err = read_systemd(source->credentials_directory, &key, fault);
    if (err == KH_ERR_NOT_FOUND && source->passphrase)
        err = master_key_make_passphrase(source->passphrase, cost, store, &key, fault);
    if (err == KH_ERR_NOT_FOUND) {
        err = path_in(work_directory, MASTER_KEY_FILE, path, fault);
        if (!err)
            err = master_key_make_file(path, &key, fault);
    }
    struct seal *seal = NULL;
    if (!err)
        err = seal_new(key, &seal, fault);
    if (err)
        return err;
    err = master_key_note(store, seal, fault);
    if (err) {
        seal_free(&seal);
        return err;
    }
    *out = seal;
    return KH_OK;
}

static enum kh_err
read_any(const struct master_key_source *source, struct store *store, struct secret **out,
         const char **from, struct fault *fault)
{
    char path[PATH_MAX];
    enum kh_err err = KH_ERR_NOT_FOUND;

    *from = "the key that was given";
    if (source->key)
        return secret_new(secret_bytes(source->key), out, fault);
    *from = "$CREDENTIALS_DIRECTORY/" CREDENTIAL_NAME;
    if (source->credentials_directory)
        err = read_systemd(source->credentials_directory, out, fault);
    if (err != KH_ERR_NOT_FOUND)
        return err;
    *from = "the passphrase";
    if (source->passphrase)
        return passphrase_load(source->passphrase, store, out, fault);
    *from = MASTER_KEY_FILE;
    if ((err = path_in(source->directory, MASTER_KEY_FILE, path, fault)))
        return err;
    err = key_read(path, true, out, fault);
    if (err != KH_ERR_NOT_FOUND)
        return err;

    BUFFER_AUTO row;
    buffer_init(&row, 256);
    if (!store_meta_get(store, META_PASSPHRASE, &row, NULL))
        return fault_set(fault, KH_ERR_MASTER_KEY,
                         "this state was made with a passphrase, and none was given");
    return fault_set(fault, KH_ERR_MASTER_KEY,
                     "there is no master key: neither %s nor a passphrase nor "
                     "$CREDENTIALS_DIRECTORY/" CREDENTIAL_NAME "; restore the key from a copy",
                     path);
}

enum kh_err
master_key_fit(const struct secret *key, struct store *store, struct seal **out,
               struct fault *fault)
{
    uint8_t check[SEAL_CHECK_SIZE];
    struct seal *seal = NULL;
    BUFFER_AUTO kept;

    buffer_init(&kept, 256);
    enum kh_err err = store_meta_get(store, META_CHECK, &kept, fault);
    if (!err)
        err = seal_new(key, &seal, fault);
    if (err)
        return err;
    seal_check_value(seal, check);
    if (!bytes_equal_secret(buffer_bytes(&kept), bytes_of(check, sizeof check))) {
        seal_free(&seal);
        return fault_set(fault, KH_ERR_MASTER_KEY, "is not the master key of this database");
    }
    *out = seal;
    return KH_OK;
}

enum kh_err
master_key_load(const struct master_key_source *source, struct store *store, struct seal **out,
                struct fault *fault)
{
    SECRET_AUTO *key = NULL;
    const char *from = "";
    struct seal *seal = NULL;
    enum kh_err err = master_key_settle(source->directory, store, fault);

    if (!err)
        err = read_any(source, store, &key, &from, fault);
    if (err)
        return err;
    err = master_key_fit(key, store, &seal, fault);
    if (err == KH_ERR_MASTER_KEY)
        return fault_set(fault, KH_ERR_MASTER_KEY,
                         "%s is not the master key of this database; nothing was changed. Give the "
                         "key that the database was made with, or restore both from the same copy",
                         from);
    if (!err)
        *out = seal;
    return err;
}
