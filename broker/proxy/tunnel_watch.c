/* SPDX-License-Identifier: Apache-2.0
 *
 * Frames of RFC 6455 section 5.2, as far as a search needs them.
 */
#include "tunnel_watch.h"

#include "scrub.h"

enum {
    BIT_FIN = 0x80,
    BITS_RESERVED = 0x70, // of extensions, which were not asked for
    BIT_CONTROL = 0x08,
    BIT_MASK = 0x80,
    BITS_LENGTH = 0x7f,
    LENGTH_16 = 126,
    LENGTH_64 = 127,
    MESSAGE_MAX = 1 << 20,
};

void
tunnel_watch_init(struct tunnel_watch *watch)
{
    *watch = (struct tunnel_watch){0};
    buffer_init_secret(&watch->message, MESSAGE_MAX);
}

void
tunnel_watch_free(struct tunnel_watch *watch)
{
    buffer_free(&watch->message);
}

static size_t
header_size(const struct tunnel_watch *watch)
{
    if (watch->header_n < 2)
        return 2;
    unsigned length = watch->header[1] & BITS_LENGTH;
    return length == LENGTH_64 ? 10 : length == LENGTH_16 ? 4 : 2;
}

static uint64_t
payload_length(const struct tunnel_watch *watch)
{
    uint64_t length = 0;

    if (header_size(watch) == 2)
        return watch->header[1] & BITS_LENGTH;
    for (size_t i = 2; i < header_size(watch); i++)
        length = length << 8 | watch->header[i];
    return length;
}

static bool
is_control(const struct tunnel_watch *watch)
{
    return watch->header[0] & BIT_CONTROL;
}

static bool
is_final(const struct tunnel_watch *watch)
{
    return watch->header[0] & BIT_FIN;
}

static const char *
read_header(struct tunnel_watch *watch, uint8_t byte)
{
    watch->header[watch->header_n++] = byte;
    if (watch->header_n == 1 && byte & BITS_RESERVED)
        return "a frame is compressed, which was not asked for";
    if (watch->header_n == 2 && byte & BIT_MASK)
        return "a frame of the server is masked";
    if (watch->header_n < header_size(watch))
        return NULL;
    watch->left = payload_length(watch);
    watch->in_payload = true;
    return watch->left >> 63 ? "a frame has no length" : NULL;
}

// A key may be cut by the border of two fragments, where a header stands between its parts.
static bool
spans_fragments(struct tunnel_watch *watch, const struct scrub *scrub, struct bytes data)
{
    if (is_control(watch) || (is_final(watch) && watch->message.n == 0))
        return false;
    buffer_put(&watch->message, data);
    if (watch->message.failed || scrub_finds(scrub, buffer_bytes(&watch->message)))
        return true;
    size_t keep = scrub_longest(scrub) - 1;
    if (watch->message.n > keep)
        buffer_consume(&watch->message, watch->message.n - keep);
    return false;
}

static void
end_frame(struct tunnel_watch *watch, struct scrub *scrub, struct buffer *out)
{
    scrub_finish(scrub, out);
    if (is_final(watch) && !is_control(watch))
        buffer_free(&watch->message);
    watch->in_payload = false;
    watch->header_n = 0;
}

const char *
tunnel_watch_feed(struct tunnel_watch *watch, struct scrub *scrub, struct bytes data,
                  struct buffer *out)
{
    static const char secret[] = "the WebSocket carries the key back";

    while (data.n > 0 || (watch->in_payload && watch->left == 0)) {
        if (!watch->in_payload) {
            const char *why = read_header(watch, data.p[0]);
            if (why)
                return why;
            buffer_put_byte(out, data.p[0]);
            data = bytes_from(data, 1);
            continue;
        }
        size_t n = watch->left < data.n ? (size_t)watch->left : data.n;
        struct bytes payload = bytes_slice(data, 0, n);
        if (n > 0 && spans_fragments(watch, scrub, payload))
            return secret;
        scrub_feed(scrub, payload, out);
        data = bytes_from(data, n);
        watch->left -= n;
        if (watch->left == 0)
            end_frame(watch, scrub, out);
        if (scrub_found(scrub) > 0)
            return secret;
    }
    return NULL;
}
