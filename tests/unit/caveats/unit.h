/* SPDX-License-Identifier: Apache-2.0
 *
 * What the unit tests of the core share: cmocka, and small helpers that print what differs.
 */
#ifndef KEYHOLE_TEST_UNIT_H
#define KEYHOLE_TEST_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../../caveats/bytes.h"
#include "../../../caveats/errors.h"

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

/* Fail with a sentence. */
#define FAIL_WITH(...)                                                                             \
    do {                                                                                           \
        print_error(__VA_ARGS__);                                                                  \
        print_error("\n");                                                                         \
        fail();                                                                                    \
    } while (0)

static inline void
expect_err(const char *what, enum kh_err got, enum kh_err expected)
{
    if (got != expected)
        FAIL_WITH("%s: got %s, expected %s", what, kh_err_code(got), kh_err_code(expected));
}

static inline void
expect_bytes(const char *what, struct bytes got, struct bytes expected)
{
    if (!bytes_equal(got, expected))
        FAIL_WITH("%s: got \"%.*s\" (%zu bytes), expected \"%.*s\" (%zu bytes)", what,
                  BYTES_ARG(got), got.n, BYTES_ARG(expected), expected.n);
}

static inline void
expect_text(const char *what, struct bytes got, const char *expected)
{
    expect_bytes(what, got, bytes_str(expected));
}

/* A small generator (SplitMix64), so that a seed says everything. */
struct random {
    uint64_t state;
};

static inline uint64_t
random_next(struct random *r)
{
    uint64_t z = r->state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static inline size_t
random_below(struct random *r, size_t n)
{
    return (size_t)(random_next(r) % n);
}

/* KEYHOLE_SEED=… runs a failure again. */
static inline struct random
random_seeded(const char *what, uint64_t usual)
{
    const char *wanted = getenv("KEYHOLE_SEED");
    struct random r = {wanted ? strtoull(wanted, NULL, 0) : usual};
    print_message("%s: KEYHOLE_SEED=%llu\n", what, (unsigned long long)r.state);
    return r;
}

#endif
