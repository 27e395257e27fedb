/* SPDX-License-Identifier: Apache-2.0 */
/* Requests carry secrets, answers carry tokens, bodies what people ask models: nothing of them
 * stays in freed memory. */
#include "json_memory.h"

#include "../caveats/bytes.h"

#include <jansson.h>
#include <malloc.h>
#include <stdlib.h>
#include <sys/random.h>

static void
wiping_free(void *p)
{
    if (p != NULL)
        wipe(p, malloc_usable_size(p));
    free(p);
}

void
json_memory_init(void)
{
    size_t seed = 0;
    json_set_alloc_funcs(malloc, wiping_free);
    // jansson takes a seed of zero for none.
    while (seed == 0 && getrandom(&seed, sizeof(seed), 0) == sizeof(seed))
        ;
    json_object_seed(seed);
}
