/* SPDX-License-Identifier: Apache-2.0
 *
 * What the tests of this room share: cmocka, a generator, and what a verdict says.
 */
#ifndef KEYHOLE_TESTS_WEBAUTHN_H
#define KEYHOLE_TESTS_WEBAUTHN_H

#include "../scratch.h"

#include "../../../broker/webauthn/webauthn.h"
#include "../../../caveats/base64.h"

#include <time.h>

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

#define FAIL_WITH(...)                                                                             \
    do {                                                                                           \
        print_error(__VA_ARGS__);                                                                  \
        print_error("\n");                                                                         \
        fail();                                                                                    \
    } while (0)

/* SplitMix64: a seed says everything. */
static inline uint64_t
random_next(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

/* KEYHOLE_TEST_SEED, or the clock; printed, so that a failure can be seen again. */
static inline uint64_t
random_seed(void)
{
    const char *given = getenv("KEYHOLE_TEST_SEED");
    uint64_t seed = given != NULL ? strtoull(given, NULL, 0) : (uint64_t)time(NULL);
    print_message("KEYHOLE_TEST_SEED=%llu\n", (unsigned long long)seed);
    return seed;
}

static inline void
verdict_show(const struct webauthn_verdict *verdict)
{
    for (size_t i = 0; i < verdict->step_count; i++)
        print_error("  %-6s %s: %s\n", verdict->step[i].passed ? "ok" : "FAILED",
                    failure_code(verdict->step[i].check), verdict->step[i].found);
    print_error("  -> %s: %s\n", failure_code(verdict->failure), verdict->detail);
}

static inline void
expect_failure(const char *what, const struct webauthn_verdict *verdict, enum failure got,
               enum failure expected)
{
    if (got == expected && verdict->failure == expected)
        return;
    print_error("%s: got %s, expected %s\n", what, failure_code(got), failure_code(expected));
    verdict_show(verdict);
    fail();
}

#endif
