/* SPDX-License-Identifier: Apache-2.0
 *
 * What the tests of this room share: tables of inputs, exact copies for the sanitizer, comparison
 * of slices with a message that a person can read, and a generator with a seed that is printed.
 */
#ifndef KEYHOLE_HTTP_TEST_H
#define KEYHOLE_HTTP_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../../broker/http/http1.h"

#define TEXT(literal)                                                                              \
    {                                                                                              \
        (const uint8_t *)(literal), sizeof(literal) - 1                                            \
    }
#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* In memory of its own, so that a read past the end is seen. Free `p`. */
static inline struct bytes
exact_copy(struct bytes text)
{
    uint8_t *p = malloc(text.n ? text.n : 1);

    if (p == NULL)
        abort();
    if (text.n)
        memcpy(p, text.p, text.n);
    return bytes_of(p, text.n);
}

static inline void
exact_free(struct bytes copy)
{
    free((uint8_t *)(uintptr_t)copy.p);
}

static inline void
print_text(const char *what, struct bytes text)
{
    fprintf(stderr, "%s: \"", what);
    for (size_t i = 0; i < text.n; i++)
        if (text.p[i] == '\\' || text.p[i] < 0x20 || text.p[i] > 0x7e)
            fprintf(stderr, "\\x%02x", text.p[i]);
        else
            fputc(text.p[i], stderr);
    fprintf(stderr, "\"\n");
}

static inline void
assert_text_at(struct bytes got, struct bytes want, const char *file, int line)
{
    if (bytes_equal(got, want))
        return;
    print_text("  got", got);
    print_text(" want", want);
    _fail(file, line);
}
#define assert_text(got, want)  assert_text_at(got, bytes_str(want), __FILE__, __LINE__)
#define assert_bytes(got, want) assert_text_at(got, want, __FILE__, __LINE__)

/* The sentence that refused contains `part`. */
static inline void
assert_why_at(const char *why, const char *part, const char *file, int line)
{
    if (why != NULL && strstr(why, part) != NULL)
        return;
    fprintf(stderr, "refused with: %s\nexpected: …%s…\n", why ? why : "(nothing)", part);
    _fail(file, line);
}
#define assert_why(why, part) assert_why_at(why, part, __FILE__, __LINE__)

/* xorshift64*: the same sequence everywhere. */
struct generator {
    uint64_t state;
};

static inline uint64_t
generate(struct generator *g, uint64_t below)
{
    g->state ^= g->state >> 12;
    g->state ^= g->state << 25;
    g->state ^= g->state >> 27;
    return (g->state * UINT64_C(2685821657736338717) >> 11) % below;
}

/* KEYHOLE_SEED=n repeats a run. */
static inline struct generator
generator_new(const char *test)
{
    const char *text = getenv("KEYHOLE_SEED");
    uint64_t seed = text ? strtoull(text, NULL, 10) : 20240229;

    printf("%s: KEYHOLE_SEED=%llu\n", test, (unsigned long long)seed);
    return (struct generator){seed * 2 + 1};
}

#endif
