/* SPDX-License-Identifier: Apache-2.0
 *
 * The sealed file as a stream of chunks.
 */
#include "envelope_internal.h"

#include "../database/private_file.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static void
digest(struct bytes header, uint8_t ad[ENVELOPE_AD_SIZE])
{
    (void)crypto_generichash(ad, ENVELOPE_AD_SIZE, header.p, header.n, NULL, 0);
}

// ---- writing ----

static enum kh_err
put_out(struct envelope_writer *writer, struct bytes data, struct fault *fault)
{
    if (!private_file_write_all(writer->fd, data))
        return fault_set(fault, KH_ERR_IO, "it cannot be written: %s", strerror(errno));
    (void)crypto_hash_sha256_update(&writer->hash, data.p, data.n);
    writer->written += data.n;
    return KH_OK;
}

enum kh_err
envelope_begin(struct envelope_writer *writer, int fd, const struct envelope_recipients *recipients,
               struct fault *fault)
{
    SECRET_AUTO *key = NULL;
    BUFFER_AUTO header;

    *writer = (struct envelope_writer){.fd = fd};
    buffer_init(&header, ENVELOPE_HEADER_MAX);
    buffer_init_secret(&writer->plain, ENVELOPE_CHUNK);
    if (sodium_init() < 0)
        return fault_set(fault, KH_ERR_CRYPTO, "libsodium does not start");
    (void)crypto_hash_sha256_init(&writer->hash);
    enum kh_err err = secret_new_random(ENVELOPE_FILE_KEY, &key, fault);
    buffer_put_str(&header, ENVELOPE_MAGIC);
    if (!err)
        err = envelope_recipients_put(recipients, key, &header, fault);
    uint8_t *room = err ? NULL : buffer_reserve(&header, ENVELOPE_STREAM_HEADER);
    if (!err && (room == NULL || buffer_reserve(&writer->plain, ENVELOPE_CHUNK) == NULL))
        err = fault_set(fault, KH_ERR_MEMORY, "memory is used up");
    if (err)
        return err;
    (void)crypto_secretstream_xchacha20poly1305_init_push(&writer->stream, room,
                                                          secret_bytes(key).p);
    buffer_advance(&header, ENVELOPE_STREAM_HEADER);
    digest(buffer_bytes(&header), writer->ad);
    return put_out(writer, buffer_bytes(&header), fault);
}

static enum kh_err
push(struct envelope_writer *writer, uint8_t tag, struct fault *fault)
{
    uint8_t sealed[ENVELOPE_CHUNK + ENVELOPE_CHUNK_MORE];
    unsigned long long n = 0;

    (void)crypto_secretstream_xchacha20poly1305_push(&writer->stream, sealed, &n, writer->plain.p,
                                                     writer->plain.n, writer->ad, sizeof writer->ad,
                                                     tag);
    buffer_clear(&writer->plain);
    return put_out(writer, bytes_of(sealed, (size_t)n), fault);
}

enum kh_err
envelope_write(struct envelope_writer *writer, struct bytes data, struct fault *fault)
{
    enum kh_err err = KH_OK;

    while (!err && data.n > 0) {
        size_t room = ENVELOPE_CHUNK - writer->plain.n;
        size_t n = data.n < room ? data.n : room;
        buffer_put(&writer->plain, bytes_slice(data, 0, n));
        data = bytes_from(data, n);
        if (writer->plain.failed)
            err = fault_set(fault, KH_ERR_MEMORY, "memory is used up");
        else if (writer->plain.n == ENVELOPE_CHUNK)
            err = push(writer, crypto_secretstream_xchacha20poly1305_TAG_MESSAGE, fault);
    }
    return err;
}

enum kh_err
envelope_end(struct envelope_writer *writer, uint8_t sha256[ENVELOPE_HASH_SIZE],
             struct fault *fault)
{
    enum kh_err err = push(writer, crypto_secretstream_xchacha20poly1305_TAG_FINAL, fault);

    if (!err)
        (void)crypto_hash_sha256_final(&writer->hash, sha256);
    return err;
}

void
envelope_writer_fini(struct envelope_writer *writer)
{
    buffer_free(&writer->plain);
    sodium_memzero(writer, sizeof *writer);
}

// ---- reading ----

static enum kh_err
changed(struct fault *fault)
{
    return fault_set(fault, KH_ERR_CRYPTO,
                     "it was changed, damaged or cut short: nothing in it can be trusted");
}

// Up to `n` bytes; fewer at the end of the file alone.
static enum kh_err
take_in(struct envelope_reader *reader, uint8_t *out, size_t n, size_t *got, struct fault *fault)
{
    *got = 0;
    while (*got < n) {
        ssize_t done = read(reader->fd, out + *got, n - *got);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return fault_set(fault, KH_ERR_IO, "it cannot be read: %s", strerror(errno));
        if (done == 0)
            break;
        *got += (size_t)done;
    }
    (void)crypto_hash_sha256_update(&reader->hash, out, *got);
    return KH_OK;
}

static enum kh_err
take_header(struct envelope_reader *reader, struct buffer *header, size_t n, struct fault *fault)
{
    size_t got = 0;
    uint8_t *room = buffer_reserve(header, n);

    if (room == NULL)
        return changed(fault);
    enum kh_err err = take_in(reader, room, n, &got, fault);
    if (err)
        return err;
    buffer_advance(header, got);
    return got == n ? KH_OK : changed(fault);
}

static enum kh_err
read_header(struct envelope_reader *reader, struct buffer *header, struct fault *fault)
{
    size_t magic = sizeof ENVELOPE_MAGIC - 1;
    enum kh_err err = take_header(reader, header, magic + 1, fault);

    if (err && err != KH_ERR_CRYPTO)
        return err;
    if (err || !bytes_starts(buffer_bytes(header), BYTES(ENVELOPE_MAGIC)))
        return fault_set(fault, KH_ERR_CRYPTO, "it is no backup of keyholed, or of a newer one");
    for (uint8_t left = header->p[magic]; !err && left > 0; left--) {
        err = take_header(reader, header, 1, fault);
        size_t size = err ? 0 : envelope_recipient_size(header->p[header->n - 1]);
        if (!err)
            err = size > 0 ? take_header(reader, header, size - 1, fault) : changed(fault);
    }
    return err ? err : take_header(reader, header, ENVELOPE_STREAM_HEADER, fault);
}

enum kh_err
envelope_open(struct envelope_reader *reader, int fd, const struct envelope_opener *opener,
              struct fault *fault)
{
    SECRET_AUTO *key = NULL;
    BUFFER_AUTO header;

    *reader = (struct envelope_reader){.fd = fd};
    buffer_init(&header, ENVELOPE_HEADER_MAX);
    buffer_init_secret(&reader->plain, ENVELOPE_CHUNK);
    if (sodium_init() < 0)
        return fault_set(fault, KH_ERR_CRYPTO, "libsodium does not start");
    (void)crypto_hash_sha256_init(&reader->hash);
    enum kh_err err = read_header(reader, &header, fault);
    if (err)
        return err;
    struct bytes all = buffer_bytes(&header);
    size_t begin = sizeof ENVELOPE_MAGIC;
    struct bytes rows = bytes_slice(all, begin, all.n - begin - ENVELOPE_STREAM_HEADER);
    err = envelope_recipients_open(rows, opener, &key, fault);
    if (err)
        return err;
    digest(all, reader->ad);
    return crypto_secretstream_xchacha20poly1305_init_pull(
               &reader->stream, all.p + all.n - ENVELOPE_STREAM_HEADER, secret_bytes(key).p) == 0
               ? KH_OK
               : changed(fault);
}

static enum kh_err
pull(struct envelope_reader *reader, struct fault *fault)
{
    uint8_t sealed[ENVELOPE_CHUNK + ENVELOPE_CHUNK_MORE];
    unsigned long long n = 0;
    size_t got = 0;
    uint8_t tag = 0;

    if (reader->last)
        return changed(fault);
    buffer_clear(&reader->plain);
    reader->used = 0;
    uint8_t *room = buffer_reserve(&reader->plain, ENVELOPE_CHUNK);
    if (room == NULL)
        return fault_set(fault, KH_ERR_MEMORY, "memory is used up");
    enum kh_err err = take_in(reader, sealed, sizeof sealed, &got, fault);
    if (err)
        return err;
    if (got < ENVELOPE_CHUNK_MORE ||
        crypto_secretstream_xchacha20poly1305_pull(&reader->stream, room, &n, &tag, sealed, got,
                                                   reader->ad, sizeof reader->ad))
        return changed(fault);
    buffer_advance(&reader->plain, (size_t)n);
    reader->last = tag == crypto_secretstream_xchacha20poly1305_TAG_FINAL;
    return KH_OK;
}

enum kh_err
envelope_read(struct envelope_reader *reader, void *out, size_t n, struct fault *fault)
{
    uint8_t *to = out;

    while (n > 0) {
        struct bytes left = bytes_from(buffer_bytes(&reader->plain), reader->used);
        if (left.n == 0) {
            enum kh_err err = pull(reader, fault);
            if (err)
                return err;
            continue;
        }
        size_t part = left.n < n ? left.n : n;
        memcpy(to, left.p, part);
        reader->used += part;
        to += part;
        n -= part;
    }
    return KH_OK;
}

enum kh_err
envelope_finish(struct envelope_reader *reader, uint8_t sha256[ENVELOPE_HASH_SIZE],
                struct fault *fault)
{
    uint8_t more;
    size_t got = 0;
    enum kh_err err = KH_OK;

    if (!reader->last && reader->used == reader->plain.n)
        err = pull(reader, fault);
    if (err)
        return err;
    if (!reader->last || reader->used < reader->plain.n)
        return changed(fault);
    err = take_in(reader, &more, 1, &got, fault);
    if (!err && got > 0)
        err = changed(fault);
    if (!err)
        (void)crypto_hash_sha256_final(&reader->hash, sha256);
    return err;
}

void
envelope_reader_fini(struct envelope_reader *reader)
{
    buffer_free(&reader->plain);
    sodium_memzero(reader, sizeof *reader);
}
