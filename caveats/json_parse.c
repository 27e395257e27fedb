/* SPDX-License-Identifier: Apache-2.0 */
/* Requests carry secrets, answers carry tokens, bodies what people ask models: nothing of them
 * stays in freed memory. */
#include "json_parse.h"

#include <malloc.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

static struct {
    alignas(max_align_t) uint8_t p[JSON_PARSE_RESERVE];
    size_t n;      // given out since it was last empty
    size_t pieces; // that are still in use
    unsigned long failures;
} reserve;

void *
json_parse_reserve(size_t n)
{
    size_t rounded = (n + alignof(max_align_t) - 1) / alignof(max_align_t) * alignof(max_align_t);

    reserve.failures++;
    if (rounded < n || rounded > sizeof(reserve.p) - reserve.n)
        return NULL;
    void *p = reserve.p + reserve.n;
    reserve.n += rounded;
    reserve.pieces++;
    return p;
}

static bool
is_of_reserve(const void *p)
{
    return (uintptr_t)p >= (uintptr_t)reserve.p &&
           (uintptr_t)p < (uintptr_t)reserve.p + sizeof(reserve.p);
}

void *
json_parse_malloc(size_t n)
{
    void *p = malloc(n);
    // It goes out when it is not NULL, which cppcheck does not see.
    // cppcheck-suppress memleak
    return p != NULL ? p : json_parse_reserve(n);
}

void
json_parse_free(void *p)
{
    if (p == NULL)
        return;
    if (!is_of_reserve(p)) {
        wipe(p, malloc_usable_size(p));
        free(p);
    } else if (--reserve.pieces == 0) {
        wipe(reserve.p, reserve.n);
        reserve.n = 0;
    }
}

json_t *
json_parse(struct bytes text, size_t flags, json_error_t *error)
{
    unsigned long before = reserve.failures;
    json_t *json = json_loadb(text.n ? (const char *)text.p : "", text.n, flags, error);

    if (reserve.failures == before)
        return json;
    json_decref(json);
    if (error != NULL) {
        memset(error, 0, sizeof(*error));
        strcpy(error->text, "out of memory");
    }
    return NULL;
}
