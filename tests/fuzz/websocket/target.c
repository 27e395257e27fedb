/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Covers: broker/proxy/tunnel_watch.c
 *
 * However the frames of a server are cut, they go on to their end or they do not. What went on is
 * what came; of a stream that lives nothing is missing but what may be the beginning of the key; a
 * frame or a message that holds the key never ends, and a second reading of the same bytes says of
 * no other stream that it must end.
 *
 * Input: a byte: the size of pieces; then what the server sends.
 */

#include "../../../broker/proxy/scrub.h"
#include "../../../broker/proxy/tunnel_watch.h"
#include "../fuzz.h"

#define KEY "canarykey"

static const struct bytes secret = BYTES(KEY);
static const struct bytes token = BYTES("kh1_AAAAAAAAAAAAAAAAAAAA");

struct outcome {
    bool lives;
    size_t held;
};

static struct scrub *
new_scrub(void)
{
    struct scrub *scrub = NULL;
    FUZZ_CHECK(scrub_new(&secret, 1, token, &scrub) == KH_OK && scrub);
    return scrub;
}

static struct outcome
feed(struct bytes in, size_t piece, struct buffer *out)
{
    struct scrub *scrub = new_scrub();
    struct tunnel_watch watch;
    struct outcome outcome = {.lives = true};

    tunnel_watch_init(&watch);
    while (in.n && outcome.lives) {
        struct bytes part = fuzz_part(&in, piece);
        uint8_t *copy = fuzz_copy(part);
        outcome.lives = tunnel_watch_feed(&watch, scrub, bytes_of(copy, part.n), out) == NULL;
        free(copy);
    }
    outcome.held = scrub_held(scrub);
    tunnel_watch_free(&watch);
    scrub_free(&scrub);
    return outcome;
}

/* The number at the front, as RFC 6455 section 5.2 says; false: it is not there whole. */
static bool
take_length(struct bytes *in, uint64_t *length)
{
    size_t more = *length == 127 ? 8 : *length == 126 ? 2 : 0;

    if (in->n < more)
        return false;
    if (more)
        *length = 0;
    for (size_t i = 0; i < more; i++)
        *length = *length << 8 | fuzz_u8(in);
    return true;
}

/* The same bytes read frame by frame, with all of a message side by side. */
static bool
may_live(const struct scrub *judge, struct bytes in)
{
    BUFFER_AUTO message;

    buffer_init(&message, 1 << 20);
    while (in.n) {
        uint8_t first = fuzz_u8(&in), second = in.n ? in.p[0] : 0;
        uint64_t length = second & 0x7f;
        if (first & 0x70 || second & 0x80)
            return false;
        (void)fuzz_u8(&in);
        if (!take_length(&in, &length))
            return true;
        if (length >> 63)
            return false;
        struct bytes payload = fuzz_part(&in, length < in.n ? (size_t)length : in.n);
        if (scrub_finds(judge, payload))
            return false;
        if (first & 8)
            continue;
        buffer_put(&message, payload);
        if (scrub_finds(judge, buffer_bytes(&message)))
            return false;
        if (first & 0x80 && payload.n == length)
            buffer_clear(&message);
    }
    return true;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct scrub *judge;
    struct bytes in = bytes_of(data, size);
    size_t piece = fuzz_u8(&in) + 1U;
    BUFFER_AUTO whole = {0};
    BUFFER_AUTO pieces = {0};

    if (judge == NULL)
        judge = new_scrub();
    buffer_init(&whole, 1 << 20);
    buffer_init(&pieces, 1 << 20);
    struct outcome one = feed(in, SIZE_MAX, &whole);
    struct outcome other = feed(in, piece, &pieces);
    FUZZ_CHECK(one.lives == may_live(judge, in));
    FUZZ_CHECK(other.lives == one.lives);
    if (!one.lives)
        return 0;
    FUZZ_SAME(buffer_bytes(&whole), buffer_bytes(&pieces));
    FUZZ_SAME(buffer_bytes(&whole), bytes_slice(in, 0, whole.n));
    FUZZ_CHECK(in.n - whole.n == one.held);
    return 0;
}
