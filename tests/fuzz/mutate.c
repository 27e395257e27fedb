/* SPDX-License-Identifier: Apache-2.0 */
/* libFuzzer's own mutations, for custom mutators. Linked where there is libFuzzer. */

#include "fuzz.h"

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max);

size_t
fuzz_mutate(uint8_t *data, size_t size, size_t max, struct fuzz_random *random)
{
    (void)random;
    return LLVMFuzzerMutate(data, size, max);
}
