/* SPDX-License-Identifier: Apache-2.0 */
/* Owned, bounded buffers that remember failure, and the wiping of memory. Declared in bytes.h. */

#include "bytes.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Most texts of a request fit, so that it is not grown into step by step. */
enum { BUFFER_FIRST = 256 };

void
wipe(void *p, size_t n)
{
    if (n)
        explicit_bzero(p, n);
}

void
buffer_init(struct buffer *b, size_t max)
{
    *b = (struct buffer){.max = max};
}

void
buffer_init_secret(struct buffer *b, size_t max)
{
    *b = (struct buffer){.max = max, .secret = true};
}

/* What lies behind `kept` goes. Behind `mark` nothing was ever written. */
static void
wipe_behind(struct buffer *b, size_t kept)
{
    if (b->mark <= kept)
        return;
    if (b->secret)
        wipe(b->p + kept, b->mark - kept);
    b->mark = kept;
}

static void
mark(struct buffer *b, size_t end)
{
    if (end > b->mark)
        b->mark = end;
}

static void
release(struct buffer *b)
{
    wipe_behind(b, 0);
    free(b->p);
}

void
buffer_free_memory(struct buffer *b)
{
    release(b);
    *b = (struct buffer){.max = b->max, .secret = b->secret};
}

void
buffer_cleanup(struct buffer *b)
{
    buffer_free(b);
}

void
buffer_clear(struct buffer *b)
{
    wipe_behind(b, 0);
    b->n = 0;
    b->failed = false;
}

/* Grow to hold `need` bytes. A secret is never left behind in memory that realloc gave back. */
static bool
grow(struct buffer *b, size_t need)
{
    if (need <= b->cap)
        return true;
    size_t cap = b->cap ? b->cap : BUFFER_FIRST;
    while (cap < need)
        cap = cap > SIZE_MAX / 2 ? need : cap * 2;
    uint8_t *fresh = malloc(cap);
    if (!fresh)
        return false;
    if (b->n)
        memcpy(fresh, b->p, b->n);
    release(b);
    b->p = fresh;
    b->cap = cap;
    b->mark = b->n;
    return true;
}

uint8_t *
buffer_room_grown(struct buffer *b, size_t n)
{
    if (b->failed)
        return NULL;
    if (n > b->max - b->n || !grow(b, b->n + n + 1)) {
        b->failed = true;
        return NULL;
    }
    return b->p + b->n;
}

uint8_t *
buffer_reserve(struct buffer *b, size_t n)
{
    uint8_t *room = buffer_room(b, n);
    if (room)
        mark(b, b->n + n);
    return room;
}

void
buffer_advance(struct buffer *b, size_t n)
{
    if (b->failed)
        return;
    if (n > b->max - b->n || n > b->cap - b->n) {
        b->failed = true;
        return;
    }
    b->n += n;
    mark(b, b->n);
}

void
buffer_put_grown(struct buffer *b, struct bytes s)
{
    uint8_t *room = buffer_reserve(b, s.n);
    if (!room || s.n == 0)
        return;
    memcpy(room, s.p, s.n);
    b->n += s.n;
}

void
buffer_put_number(struct buffer *b, uint64_t value, unsigned size)
{
    uint8_t *room = buffer_reserve(b, size);
    if (!room)
        return;
    for (unsigned i = 0; i < size; i++)
        room[i] = (uint8_t)(value >> (8 * (size - 1 - i)));
    b->n += size;
}

void
buffer_put_decimal(struct buffer *b, uint64_t number)
{
    uint8_t digit[20], *p = digit + sizeof digit;
    do {
        *--p = (uint8_t)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    buffer_put(b, bytes_of(p, (size_t)(digit + sizeof digit - p)));
}

void
buffer_put_hex(struct buffer *b, struct bytes s)
{
    static const uint8_t digit[] = "0123456789abcdef";
    uint8_t *room = s.n <= SIZE_MAX / 2 ? buffer_reserve(b, 2 * s.n) : NULL;
    if (!room) {
        b->failed = true;
        return;
    }
    for (size_t i = 0; i < s.n; i++) {
        room[2 * i] = digit[s.p[i] >> 4];
        room[2 * i + 1] = digit[s.p[i] & 15];
    }
    b->n += 2 * s.n;
}

void
buffer_printf(struct buffer *b, const char *format, ...)
{
    va_list measure, arguments;
    va_start(arguments, format);
    va_copy(measure, arguments);
    int n = vsnprintf(NULL, 0, format, measure);
    va_end(measure);
    uint8_t *room = n >= 0 ? buffer_reserve(b, (size_t)n) : NULL;
    if (room) {
        vsnprintf((char *)room, (size_t)n + 1, format,
                  arguments); /* grow() left room for the NUL */
        b->n += (size_t)n;
    } else {
        b->failed = true;
    }
    va_end(arguments);
}

void
buffer_consume(struct buffer *b, size_t n)
{
    if (n >= b->n) {
        wipe_behind(b, 0);
        b->n = 0;
        return;
    }
    if (n == 0)
        return;
    memmove(b->p, b->p + n, b->n - n);
    b->n -= n;
    wipe_behind(b, b->n);
}

void
buffer_skip(struct buffer *b, size_t n)
{
    if (n > b->n)
        n = b->n;
    if (n > 0 && n < b->n)
        memmove(b->p, b->p + n, b->n - n);
    b->n -= n;
}

struct bytes
buffer_bytes(const struct buffer *b)
{
    return bytes_of(b->p, b->n);
}

const char *
buffer_text(struct buffer *b)
{
    uint8_t *end = buffer_reserve(b, 0);
    if (!end)
        return "";
    *end = '\0';
    return (const char *)b->p;
}
