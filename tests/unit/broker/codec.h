/* SPDX-License-Identifier: Apache-2.0
 *
 * What every codec must stand: bodies that were cut, lengthened and changed.
 */
#ifndef KEYHOLE_TESTS_BROKER_CODEC_H
#define KEYHOLE_TESTS_BROKER_CODEC_H

#include "support.h"

#include "../../../caveats/errors.h"

/* Parse `body`; when it is well-formed, append what the writer makes of it and return true. */
typedef bool (*codec_again)(struct bytes body, struct buffer *again);

static inline bool
codec_try(codec_again codec, struct bytes body)
{
    BUFFER_AUTO again;
    buffer_init(&again, 1 << 20);
    uint8_t *copy = exact_copy(body);
    bool taken = codec(bytes_of(copy, body.n), &again);
    if (taken) {
        // One body for one value: what is accepted is written in the same way again.
        assert_false(again.failed);
        assert_bytes_equal(buffer_bytes(&again), body);
    }
    free(copy);
    return taken;
}

/* KEYHOLE_FUZZ_SEEDS=DIRECTORY: every seventh well-formed body becomes a seed of the fuzz target
 * (tests/fuzz/make-seeds). */
static inline void
codec_seed(struct bytes body)
{
    static unsigned count;
    const char *directory = getenv("KEYHOLE_FUZZ_SEEDS");
    char path[512];
    if (!directory || body.n > 4096 || count++ % 7 != 0)
        return;
    uint32_t name = 2166136261U;
    for (size_t i = 0; i < body.n; i++)
        name = (name ^ body.p[i]) * 16777619U;
    snprintf(path, sizeof path, "%s/%08x", directory, (unsigned)name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(body.p, 1, body.n, file), body.n);
    assert_int_equal(fclose(file), 0);
}

static inline void
codec_torture(struct random *random, codec_again codec, struct bytes body)
{
    BUFFER_AUTO changed;
    assert_true(codec_try(codec, body));
    codec_seed(body);
    size_t step = body.n / 200 + 1;
    for (size_t n = 0; n < body.n; n += step)
        assert_false(codec_try(codec, bytes_slice(body, 0, n)));
    buffer_init(&changed, body.n + 1);
    buffer_put(&changed, body);
    buffer_put_byte(&changed, 0);
    assert_false(codec_try(codec, buffer_bytes(&changed)));
    for (int i = 0; i < 100; i++) {
        size_t at = random_below(random, body.n);
        uint8_t before = changed.p[at];
        changed.p[at] = (uint8_t)random_next(random);
        (void)codec_try(codec, bytes_slice(buffer_bytes(&changed), 0, body.n));
        if (random_below(random, 2) == 0)
            changed.p[at] = before;
    }
}

#endif
