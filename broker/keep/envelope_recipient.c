/* SPDX-License-Identifier: Apache-2.0
 *
 * The file key, sealed to each who may open the file.
 */
#include "envelope_internal.h"

#include <string.h>

enum { KIND_PASSPHRASE = 1, KIND_PUBLIC_KEY = 2 };

enum {
    SALT = crypto_pwhash_argon2id_SALTBYTES,
    NONCE = crypto_secretbox_NONCEBYTES,
    BOXED = ENVELOPE_FILE_KEY + crypto_secretbox_MACBYTES,
    SEALED = ENVELOPE_FILE_KEY + crypto_box_SEALBYTES,
};

// A file that somebody else wrote must not use up the machine: seconds, and memory that it has.
static const struct master_key_cost cost_limit = {
    .operations = 16,
    .memory = UINT64_C(512) << 20,
};

static const size_t sizes[] = {
    [KIND_PASSPHRASE] = 1 + 8 + 8 + SALT + NONCE + BOXED,
    [KIND_PUBLIC_KEY] = 1 + BACKUP_KEY_SIZE + SEALED,
};

size_t
envelope_recipient_size(uint8_t kind)
{
    return kind < sizeof sizes / sizeof sizes[0] ? sizes[kind] : 0;
}

static void
put_u64(uint64_t value, struct buffer *out)
{
    for (int shift = 56; shift >= 0; shift -= 8)
        buffer_put_byte(out, (uint8_t)(value >> shift));
}

static uint64_t
get_u64(const uint8_t *p)
{
    uint64_t value = 0;

    for (int i = 0; i < 8; i++)
        value = value << 8 | p[i];
    return value;
}

static enum kh_err
derive(const struct secret *passphrase, const uint8_t *salt, struct master_key_cost cost,
       struct secret **out, struct fault *fault)
{
    struct bytes text = secret_bytes(passphrase);
    struct secret *key = NULL;
    enum kh_err err = secret_new_zero(crypto_secretbox_KEYBYTES, &key, fault);

    if (err)
        return err;
    if (crypto_pwhash(secret_writable(key), crypto_secretbox_KEYBYTES, (const char *)text.p, text.n,
                      salt, cost.operations, (size_t)cost.memory, crypto_pwhash_ALG_ARGON2ID13)) {
        secret_free(&key);
        return fault_set(fault, KH_ERR_MEMORY,
                         "Argon2id needs %llu MiB of memory, and there is not so much",
                         (unsigned long long)(cost.memory >> 20));
    }
    *out = key;
    return KH_OK;
}

// ---- writing ----

static enum kh_err
put_passphrase(const struct envelope_recipients *recipients, const struct secret *file_key,
               struct buffer *out, struct fault *fault)
{
    SECRET_AUTO *key = NULL;
    uint8_t salt[SALT], nonce[NONCE], boxed[BOXED];

    randombytes_buf(salt, sizeof salt);
    randombytes_buf(nonce, sizeof nonce);
    enum kh_err err = derive(recipients->passphrase, salt, recipients->cost, &key, fault);
    if (err)
        return err;
    (void)crypto_secretbox_easy(boxed, secret_bytes(file_key).p, ENVELOPE_FILE_KEY, nonce,
                                secret_bytes(key).p);
    buffer_put_byte(out, KIND_PASSPHRASE);
    put_u64(recipients->cost.operations, out);
    put_u64(recipients->cost.memory, out);
    buffer_put(out, bytes_of(salt, sizeof salt));
    buffer_put(out, bytes_of(nonce, sizeof nonce));
    buffer_put(out, bytes_of(boxed, sizeof boxed));
    return KH_OK;
}

enum kh_err
envelope_recipients_put(const struct envelope_recipients *recipients, const struct secret *file_key,
                        struct buffer *out, struct fault *fault)
{
    size_t count = recipients->key_count + (recipients->passphrase != NULL);
    enum kh_err err = KH_OK;

    if (count == 0 || recipients->key_count > ENVELOPE_KEYS_MAX)
        return fault_set(fault, KH_ERR_USAGE, "nobody could open it");
    buffer_put_byte(out, (uint8_t)count);
    if (recipients->passphrase)
        err = put_passphrase(recipients, file_key, out, fault);
    for (size_t i = 0; !err && i < recipients->key_count; i++) {
        uint8_t sealed[SEALED];
        // The null point and its kin: everybody knows what such a box is sealed with.
        if (crypto_box_seal(sealed, secret_bytes(file_key).p, ENVELOPE_FILE_KEY,
                            recipients->key[i]))
            return fault_set(fault, KH_ERR_CRYPTO, "nothing can be sealed to that public key");
        buffer_put_byte(out, KIND_PUBLIC_KEY);
        buffer_put(out, bytes_of(recipients->key[i], BACKUP_KEY_SIZE));
        buffer_put(out, bytes_of(sealed, sizeof sealed));
    }
    return err;
}

// ---- reading ----

static enum kh_err
open_passphrase(struct bytes row, const struct envelope_opener *opener, struct secret *file_key,
                struct fault *fault)
{
    SECRET_AUTO *key = NULL;
    const uint8_t *p = row.p + 1;
    const struct master_key_cost cost = {.operations = get_u64(p), .memory = get_u64(p + 8)};
    const uint8_t *salt = p + 16, *nonce = salt + SALT, *boxed = nonce + NONCE;

    if (opener->passphrase == NULL)
        return KH_ERR_NOT_FOUND;
    if (cost.operations < crypto_pwhash_argon2id_OPSLIMIT_MIN ||
        cost.operations > cost_limit.operations ||
        cost.memory < crypto_pwhash_argon2id_MEMLIMIT_MIN || cost.memory > cost_limit.memory)
        return fault_set(fault, KH_ERR_CRYPTO, "the cost of its passphrase is out of range");
    enum kh_err err = derive(opener->passphrase, salt, cost, &key, fault);
    if (!err && crypto_secretbox_open_easy(secret_writable(file_key), boxed, BOXED, nonce,
                                           secret_bytes(key).p))
        err = fault_set(fault, KH_ERR_DENIED,
                        "the passphrase is wrong, or the file was changed or damaged");
    return err;
}

static enum kh_err
open_public_key(struct bytes row, const struct envelope_opener *opener, struct secret *file_key,
                struct fault *fault)
{
    uint8_t public[BACKUP_KEY_SIZE];
    const uint8_t *sealed = row.p + 1 + BACKUP_KEY_SIZE;

    if (opener->key == NULL || backup_key_public(secret_bytes(opener->key).p, public) ||
        !bytes_equal(bytes_of(public, sizeof public), bytes_slice(row, 1, BACKUP_KEY_SIZE)))
        return KH_ERR_NOT_FOUND;
    if (crypto_box_seal_open(secret_writable(file_key), sealed, SEALED, public,
                             secret_bytes(opener->key).p))
        return fault_set(fault, KH_ERR_CRYPTO, "it was changed or damaged");
    return KH_OK;
}

static enum kh_err
no_recipient(const struct envelope_opener *opener, struct fault *fault)
{
    return opener->key
               ? fault_set(fault, KH_ERR_DENIED,
                           "it is not sealed to that key: another key or a passphrase opens it")
               : fault_set(fault, KH_ERR_DENIED,
                           "no passphrase opens it: it is sealed to a key (--key-file)");
}

enum kh_err
envelope_recipients_open(struct bytes rows, const struct envelope_opener *opener,
                         struct secret **file_key, struct fault *fault)
{
    static enum kh_err (*const open[])(struct bytes row, const struct envelope_opener *opener,
                                       struct secret *file_key, struct fault *fault) = {
        [KIND_PASSPHRASE] = open_passphrase,
        [KIND_PUBLIC_KEY] = open_public_key,
    };
    struct secret *key = NULL;
    enum kh_err err = secret_new_zero(ENVELOPE_FILE_KEY, &key, fault);

    if (err)
        return err;
    err = KH_ERR_NOT_FOUND;
    while (err == KH_ERR_NOT_FOUND && rows.n > 0) {
        size_t size = envelope_recipient_size(rows.p[0]);
        if (size == 0 || size > rows.n)
            break;
        err = open[rows.p[0]](bytes_slice(rows, 0, size), opener, key, fault);
        rows = bytes_from(rows, size);
    }
    if (err == KH_ERR_NOT_FOUND)
        err = no_recipient(opener, fault);
    if (err) {
        secret_free(&key);
        return err;
    }
    *file_key = key;
    return KH_OK;
}
