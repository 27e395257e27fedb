/* SPDX-License-Identifier: Apache-2.0 */
/* Which memory jansson takes, and where its hash tables begin. */
#include "json_memory.h"

#include "../caveats/json_parse.h"

#include <sys/random.h>

void
json_memory_init(void)
{
    size_t seed = 0;
    json_set_alloc_funcs(json_parse_malloc, json_parse_free);
    // jansson takes a seed of zero for none.
    while (seed == 0 && getrandom(&seed, sizeof(seed), 0) == sizeof(seed))
        ;
    json_object_seed(seed);
}
