/* SPDX-License-Identifier: Apache-2.0
 *
 * What several tests of this room need: generated values, and files that are removed again.
 */
#ifndef KEYHOLE_TESTS_BROKER_SUPPORT_H
#define KEYHOLE_TESTS_BROKER_SUPPORT_H

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../../caveats/bytes.h"

/* xorshift64*: the same values in every run, so that a failure can be repeated. */
struct random {
    uint64_t state;
};

static inline uint64_t
random_next(struct random *random)
{
    random->state ^= random->state >> 12;
    random->state ^= random->state << 25;
    random->state ^= random->state >> 27;
    return random->state * UINT64_C(2685821657736338717);
}

static inline size_t
random_below(struct random *random, size_t n)
{
    return n == 0 ? 0 : (size_t)(random_next(random) % n);
}

/* Bytes of any value, in memory that `pool` owns; often empty. */
static inline struct bytes
random_bytes(struct random *random, struct buffer *pool, size_t max)
{
    size_t n = random_below(random, 4) == 0 ? 0 : random_below(random, max + 1);
    uint8_t *p = buffer_reserve(pool, n + 1);
    assert_non_null(p);
    for (size_t i = 0; i < n; i++)
        p[i] = (uint8_t)random_next(random);
    buffer_advance(pool, n + 1);
    return n == 0 ? BYTES_EMPTY : bytes_of(p, n);
}

/* A pool never grows: slices into it stay valid. */
static inline void
pool_init(struct buffer *pool, size_t size)
{
    buffer_init(pool, size);
    assert_non_null(buffer_reserve(pool, size));
}

#define assert_bytes_equal(a, b)                                                                   \
    do {                                                                                           \
        struct bytes bytes_a = (a), bytes_b = (b);                                                 \
        assert_int_equal(bytes_a.n, bytes_b.n);                                                    \
        if (bytes_a.n > 0)                                                                         \
            assert_memory_equal(bytes_a.p, bytes_b.p, bytes_a.n);                                  \
    } while (0)

/* A copy in memory of exactly its size, so that a sanitizer sees any read past its end. */
static inline uint8_t *
exact_copy(struct bytes body)
{
    uint8_t *p = malloc(body.n > 0 ? body.n : 1);
    assert_non_null(p);
    if (body.n > 0)
        memcpy(p, body.p, body.n);
    return p;
}

#endif
