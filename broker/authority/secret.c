/* SPDX-License-Identifier: Apache-2.0
 *
 * A small arena of locked pages. Sizes are rounded to powers of two; a freed place is wiped and
 * goes to the list of its size. Pages are never given back: what is in them is zero.
 */
#include "secret.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

enum { PLACE_MIN_SHIFT = 6, PLACE_MAX_SHIFT = 16, REGION_SIZE = 32768 };

struct secret {
    uint8_t *p;
    size_t n;
    unsigned shift;
};

// A free place holds the link to the next one of its size.
struct place {
    struct place *next;
};

static struct {
    struct place *free[PLACE_MAX_SHIFT + 1];
    uint8_t *fresh; // the part of the newest region that was never used
    size_t fresh_left;
    struct secret_statistics statistics;
} arena;

static uint8_t *
region_new(size_t size)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    uint8_t *outer = mmap(NULL, size + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (outer == MAP_FAILED)
        return NULL;
    uint8_t *inner = outer + page;
    if (mprotect(inner, size, PROT_READ | PROT_WRITE)) {
        (void)munmap(outer, size + 2 * page);
        return NULL;
    }
    // A page that cannot be locked may be swapped out; that is worse, and no reason to stop. The
    // statistics say it, and the start logs it.
    if (mlock(inner, size))
        arena.statistics.unlocked = true;
    (void)madvise(inner, size, MADV_DONTDUMP);
    (void)madvise(inner, size, MADV_WIPEONFORK);
    arena.statistics.mapped += size;
    return inner;
}

static uint8_t *
place_take(unsigned shift)
{
    size_t size = (size_t)1 << shift;
    struct place *place = arena.free[shift];

    if (place) {
        arena.free[shift] = place->next;
        place->next = NULL;
        return (uint8_t *)place;
    }
    if (size > arena.fresh_left) {
        size_t region = size > REGION_SIZE ? size : REGION_SIZE;
        uint8_t *fresh = region_new(region);
        if (fresh == NULL)
            return NULL;
        // The rest of the old region goes unused until the process ends: at most one place's size.
        arena.fresh = fresh;
        arena.fresh_left = region;
    }
    uint8_t *p = arena.fresh;
    arena.fresh += size;
    arena.fresh_left -= size;
    return p;
}

enum kh_err
secret_new_zero(size_t n, struct secret **out, struct fault *fault)
{
    unsigned shift = PLACE_MIN_SHIFT;

    if (n == 0 || n > SECRET_MAX)
        return fault_set(fault, KH_ERR_RANGE, "a secret has 1 to %d bytes", SECRET_MAX);
    while (((size_t)1 << shift) < n)
        shift++;
    struct secret *secret = malloc(sizeof *secret);
    uint8_t *p = secret ? place_take(shift) : NULL;
    if (p == NULL) {
        free(secret);
        return fault_set(fault, KH_ERR_MEMORY, "memory for secrets is used up");
    }
    *secret = (struct secret){.p = p, .n = n, .shift = shift};
    arena.statistics.secrets++;
    *out = secret;
    return KH_OK;
}

enum kh_err
secret_new(struct bytes value, struct secret **out, struct fault *fault)
{
    enum kh_err err = secret_new_zero(value.n, out, fault);
    if (!err)
        memcpy((*out)->p, value.p, value.n);
    return err;
}

enum kh_err
secret_new_random(size_t n, struct secret **out, struct fault *fault)
{
    struct secret *secret;
    enum kh_err err = secret_new_zero(n, &secret, fault);

    if (err)
        return err;
    for (size_t done = 0; done < n;) {
        ssize_t got = getrandom(secret->p + done, n - done, 0);
        if (got <= 0) {
            secret_free(&secret);
            return fault_set(fault, KH_ERR_CRYPTO, "the kernel gives no random numbers");
        }
        done += (size_t)got;
    }
    *out = secret;
    return KH_OK;
}

void
secret_free(struct secret **secret)
{
    struct secret *s = *secret;

    if (s == NULL)
        return;
    wipe(s->p, (size_t)1 << s->shift);
    struct place *place = (struct place *)(void *)s->p;
    place->next = arena.free[s->shift];
    arena.free[s->shift] = place;
    arena.statistics.secrets--;
    free(s);
    *secret = NULL;
}

struct bytes
secret_bytes(const struct secret *secret)
{
    return secret ? bytes_of(secret->p, secret->n) : BYTES_EMPTY;
}

uint8_t *
secret_writable(struct secret *secret)
{
    return secret->p;
}

void
secret_statistics(struct secret_statistics *out)
{
    *out = arena.statistics;
}
