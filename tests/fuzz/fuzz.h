/* SPDX-License-Identifier: Apache-2.0
 *
 * What fuzz targets share. Each tests/fuzz/NAME/target.c is a libFuzzer target; `make unit` runs
 * the same file over NAME/seeds and NAME/found without libFuzzer (replay.c).
 *
 * A target checks more than that nothing crashes: its first comment says what must hold.
 */
#ifndef KEYHOLE_FUZZ_H
#define KEYHOLE_FUZZ_H

#include <stdio.h>
#include <stdlib.h>

#include "../../caveats/bytes.h"
#include "../../caveats/errors.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A rule was broken: say which, and end as a crash does. */
#define FUZZ_CHECK(condition)                                                                      \
    do {                                                                                           \
        if (!(condition))                                                                          \
            fuzz_fail(__FILE__, __LINE__, #condition);                                             \
    } while (0)
_Noreturn void fuzz_fail(const char *file, int line, const char *rule);
/* Print a text on stderr, for a person: before a check that may fail. */
void fuzz_show(const char *what, struct bytes text);
/* FUZZ_CHECK(bytes_equal(a, b)), and both are shown when they are not. */
#define FUZZ_SAME(a, b) fuzz_same(__FILE__, __LINE__, #a " = " #b, (a), (b))
void fuzz_same(const char *file, int line, const char *rule, struct bytes a, struct bytes b);

/* ---- inputs with a structure: parts are cut off the front; an empty rest gives zeros ---- */

uint8_t fuzz_u8(struct bytes *rest);
uint32_t fuzz_u32(struct bytes *rest);
struct bytes fuzz_line(struct bytes *rest); /* up to and without the next newline */
struct bytes fuzz_part(struct bytes *rest, size_t n);

/* Memory of its own, so that a read past the end is seen; free it. */
uint8_t *fuzz_copy(struct bytes text);

/* ---- custom mutators ---- */

/* xorshift64*: mutators take their seed from libFuzzer. */
struct fuzz_random {
    uint64_t state;
};
uint32_t fuzz_below(struct fuzz_random *random, uint32_t below);

/* libFuzzer's own mutations; where there is none (replay.c), a simple one. */
size_t fuzz_mutate(uint8_t *data, size_t size, size_t max, struct fuzz_random *random);

/*
 * A mutator for texts that have a grammar: one change to a line of the input (take out, double,
 * swap, take from `words`), and now and then libFuzzer's own. `words` ends with NULL.
 */
size_t fuzz_mutate_lines(uint8_t *data, size_t size, size_t max, unsigned seed,
                         const char *const *words);

#endif
