/* SPDX-License-Identifier: Apache-2.0
 *
 * A sealed file: encrypted and authenticated as a whole, for one or several who can open it.
 *
 *     "keyhole-backup-1\n"
 *     u8 number of recipients, and for each: u8 kind, and by kind
 *         1  passphrase   u64 operations | u64 memory | 16 salt | 24 nonce | 48 file key, sealed
 *         2  public key   32 public key | 80 file key, in a sealed box
 *     24 header of the stream
 *     chunks of 65536 bytes, each with 17 more; the last one is shorter, and marked as the last
 *
 * The stream is libsodium's secretstream (XChaCha20-Poly1305); everything before the chunks is the
 * associated data of each. A byte that was changed, moved, added or cut off anywhere is refused.
 *
 * Whoever knows a public key can make a file that it opens: a sealed box does not say who sealed
 * it. The file's SHA-256, which is known when it was written, does.
 */
#ifndef KEYHOLE_ENVELOPE_H
#define KEYHOLE_ENVELOPE_H

#include "../authority/master_key.h"
#include "../authority/secret.h"
#include "../backup_key.h"

#include <sodium.h>

enum {
    ENVELOPE_KEYS_MAX = 8,
    ENVELOPE_CHUNK = 65536,
    ENVELOPE_AD_SIZE = 32,
    ENVELOPE_HASH_SIZE = 32,
};

/* Who can open it; one at least. */
struct envelope_recipients {
    const struct secret *passphrase; /* or NULL */
    struct master_key_cost cost;     /* of the passphrase */
    uint8_t key[ENVELOPE_KEYS_MAX][BACKUP_KEY_SIZE];
    size_t key_count;
};

struct envelope_writer {
    int fd; /* borrowed */
    crypto_secretstream_xchacha20poly1305_state stream;
    uint8_t ad[ENVELOPE_AD_SIZE];
    struct buffer plain;
    crypto_hash_sha256_state hash; /* of all that was written */
    uint64_t written;
};

/* On any failure the file is worthless; envelope_writer_fini in any case. KH_ERR_IO says that the
 * disk is full when it is. */
KH_MUST_CHECK enum kh_err envelope_begin(struct envelope_writer *writer, int fd,
                                         const struct envelope_recipients *recipients,
                                         struct fault *fault);
KH_MUST_CHECK enum kh_err envelope_write(struct envelope_writer *writer, struct bytes data,
                                         struct fault *fault);
KH_MUST_CHECK enum kh_err envelope_end(struct envelope_writer *writer,
                                       uint8_t sha256[ENVELOPE_HASH_SIZE], struct fault *fault);
void envelope_writer_fini(struct envelope_writer *writer);

/* What opens it; one of both. */
struct envelope_opener {
    const struct secret *passphrase; /* or NULL */
    const struct secret *key;        /* secret key of BACKUP_KEY_SIZE bytes, or NULL */
};

struct envelope_reader {
    int fd; /* borrowed */
    crypto_secretstream_xchacha20poly1305_state stream;
    uint8_t ad[ENVELOPE_AD_SIZE];
    struct buffer plain;
    size_t used; /* of plain: given out */
    bool last;   /* the last chunk was read */
    crypto_hash_sha256_state hash;
};

/* KH_ERR_DENIED: it is for others, or the passphrase is wrong. KH_ERR_CRYPTO: it was changed, cut
 * short, or is none. envelope_reader_fini in any case. */
KH_MUST_CHECK enum kh_err envelope_open(struct envelope_reader *reader, int fd,
                                        const struct envelope_opener *opener, struct fault *fault);
/* Exactly `n` bytes. */
KH_MUST_CHECK enum kh_err envelope_read(struct envelope_reader *reader, void *out, size_t n,
                                        struct fault *fault);
/* Nothing is behind what was read. Only now what was read is worth something. */
KH_MUST_CHECK enum kh_err envelope_finish(struct envelope_reader *reader,
                                          uint8_t sha256[ENVELOPE_HASH_SIZE], struct fault *fault);
void envelope_reader_fini(struct envelope_reader *reader);

#endif
