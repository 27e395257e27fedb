/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Covers: broker/http/http1_body.c
 *
 * However a body is cut it has the same bytes, ends at the same place or is refused; what was read,
 * written as chunks, is read as the same.
 *
 * Input: a byte for the framing, a byte for the size of the pieces, and the body.
 */

#include "../../../broker/http/http1_write.h"
#include "../fuzz.h"

struct outcome {
    enum http1_result result;
    size_t used;
    bool ended;
    struct buffer data;
};

static void
read_body(const struct http1_head *head, struct bytes in, size_t piece, struct outcome *out)
{
    struct http1_body_reader reader;
    struct bytes data;
    const char *why = NULL;

    *out = (struct outcome){.result = HTTP1_MORE};
    buffer_init(&out->data, 1 << 20);
    http1_body_start(&reader, head);
    /* A body of no bytes is complete before any came. */
    do {
        size_t used = 0;
        struct bytes part = bytes_slice(in, out->used, piece);
        out->result = http1_body_read(&reader, part, &used, &data, &why);
        FUZZ_CHECK(used <= part.n && data.n <= used);
        FUZZ_CHECK(data.n == 0 || (data.p >= part.p && data.p + data.n <= part.p + used));
        FUZZ_CHECK(used > 0 || part.n == 0 || out->result != HTTP1_MORE);
        out->used += used;
        if (out->result != HTTP1_REJECT)
            buffer_put(&out->data, data);
    } while (out->result == HTTP1_MORE && out->used < in.n);
    if (out->result == HTTP1_REJECT) {
        size_t used = 0;
        FUZZ_CHECK(why);
        FUZZ_CHECK(http1_body_read(&reader, BYTES("0\r\n\r\n"), &used, &data, &why) ==
                   HTTP1_REJECT);
        FUZZ_CHECK(!http1_body_end(&reader));
    } else {
        FUZZ_CHECK(reader.total == out->data.n);
        out->ended = http1_body_end(&reader);
        FUZZ_CHECK(out->ended || out->result != HTTP1_DONE);
    }
}

static void
write_again(struct bytes data)
{
    const struct http1_head chunked = {.body = BODY_CHUNKED};
    struct outcome again;
    BUFFER_AUTO out = {0};

    buffer_init(&out, 1 << 20);
    http1_write_chunk(&out, bytes_slice(data, 0, data.n / 3));
    http1_write_chunk(&out, bytes_from(data, data.n / 3));
    http1_write_last_chunk(&out);
    read_body(&chunked, buffer_bytes(&out), SIZE_MAX, &again);
    FUZZ_CHECK(again.result == HTTP1_DONE && again.used == out.n);
    FUZZ_SAME(buffer_bytes(&again.data), data);
    buffer_free(&again.data);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum http1_body kinds[] = {BODY_CHUNKED, BODY_CHUNKED, BODY_LENGTH, BODY_CLOSE,
                                            BODY_NONE};
    struct bytes in = bytes_of(data, size);
    struct http1_head head = {.body = kinds[fuzz_u8(&in) % 5]};
    size_t piece = fuzz_u8(&in) % 32 + 1;
    struct outcome whole, pieces, bytes;

    if (head.body == BODY_LENGTH)
        head.content_length = fuzz_u8(&in);
    read_body(&head, in, SIZE_MAX, &whole);
    read_body(&head, in, piece, &pieces);
    read_body(&head, in, 1, &bytes);
    FUZZ_CHECK(whole.result == pieces.result && whole.result == bytes.result);
    FUZZ_CHECK(whole.ended == pieces.ended && whole.ended == bytes.ended);
    if (whole.result != HTTP1_REJECT) {
        FUZZ_CHECK(whole.used == pieces.used && whole.used == bytes.used);
        FUZZ_SAME(buffer_bytes(&whole.data), buffer_bytes(&pieces.data));
        FUZZ_SAME(buffer_bytes(&whole.data), buffer_bytes(&bytes.data));
        write_again(buffer_bytes(&whole.data));
    }
    buffer_free(&whole.data);
    buffer_free(&pieces.data);
    buffer_free(&bytes.data);
    return 0;
}
