/* SPDX-License-Identifier: Apache-2.0 */
/* An allocator for OpenSSL that leaves nothing behind. */
#include "openssl_memory.h"

#include "../caveats/bytes.h"

#include <malloc.h>
#include <openssl/crypto.h>
#include <stdlib.h>

static void *
plain_malloc(size_t n, const char *file, int line)
{
    (void)file, (void)line;
    return malloc(n);
}

static void
wiping_free(void *p, const char *file, int line)
{
    (void)file, (void)line;
    if (p != NULL)
        wipe(p, malloc_usable_size(p));
    free(p);
}

// realloc() would leave the old copy as it is when it moves.
static void *
wiping_realloc(void *p, size_t n, const char *file, int line)
{
    if (p == NULL)
        return malloc(n);
    if (n == 0) {
        wiping_free(p, file, line);
        return NULL;
    }
    size_t old = malloc_usable_size(p);
    void *moved = malloc(n);
    if (moved == NULL)
        return NULL;
    memcpy(moved, p, old < n ? old : n);
    wiping_free(p, file, line);
    return moved;
}

void
openssl_memory_init(void)
{
    // Refused once OpenSSL has allocated: then it goes on as it is.
    (void)CRYPTO_set_mem_functions(plain_malloc, wiping_realloc, wiping_free);
}
