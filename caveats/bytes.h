/* SPDX-License-Identifier: Apache-2.0
 *
 * Borrowed slices and owned, bounded buffers.
 *
 * `struct bytes` is a view: passed by value, never freed, valid as long as what it points into.
 * `struct buffer` owns its memory, has a hard limit, and remembers failure: callers write a whole
 * message and check `failed` once at the end.
 */
#ifndef KEYHOLE_BYTES_H
#define KEYHOLE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define KH_MUST_CHECK __attribute__((warn_unused_result))
/* For a large local of which only what was set is read: it is not filled by the compiler. */
#define KH_UNFILLED __attribute__((uninitialized))
/* For what a literal is given to: its length is known when it is compiled, and costs nothing. */
#define KH_INLINE static inline __attribute__((always_inline))
/* Code that has many callers on the way of a request: a copy in each of them would push other code
 * out of the processor's instruction cache. */
#define KH_OUT_OF_LINE __attribute__((noinline))
/* Code that hardly any request comes through: it is laid out elsewhere, with what leads to it. */
#define KH_COLD __attribute__((cold, noinline))

struct bytes {
    const uint8_t *p;
    size_t n;
};

/* A string literal as bytes, without its NUL. */
#define BYTES(literal) ((struct bytes){(const uint8_t *)("" literal), sizeof(literal) - 1})
#define BYTES_EMPTY    ((struct bytes){NULL, 0})
/* For printf: "%.*s", BYTES_ARG(b). Only for text that was checked to be printable. */
#define BYTES_ARG(b) (int)(b).n, (const char *)(b).p

/* The smallest ones stand here, because every request goes through them hundreds of times. */

static inline struct bytes
bytes_of(const void *p, size_t n)
{
    return (struct bytes){p, n};
}

static inline struct bytes
bytes_str(const char *s) /* NULL gives empty */
{
    return s ? bytes_of(s, strlen(s)) : BYTES_EMPTY;
}

static inline bool
bytes_equal(struct bytes a, struct bytes b)
{
    // What has a length has bytes.
    // NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker)
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

bool bytes_equal_folded(const uint8_t *a, const uint8_t *b, size_t n);

static inline bool
bytes_equal_nocase(struct bytes a, struct bytes b) /* ASCII */
{
    return a.n == b.n && bytes_equal_folded(a.p, b.p, a.n);
}

KH_INLINE bool
bytes_is(struct bytes a, const char *s)
{
    return bytes_equal(a, bytes_str(s));
}

static inline struct bytes
bytes_from(struct bytes a, size_t start) /* clamped to the end */
{
    if (start >= a.n)
        return a.p ? bytes_of(a.p + a.n, 0) : BYTES_EMPTY;
    return bytes_of(a.p + start, a.n - start);
}

static inline struct bytes
bytes_slice(struct bytes a, size_t start, size_t n) /* clamped likewise */
{
    struct bytes rest = bytes_from(a, start);
    if (n < rest.n)
        rest.n = n;
    return rest;
}

static inline bool
bytes_starts(struct bytes a, struct bytes prefix)
{
    return a.n >= prefix.n && bytes_equal(bytes_slice(a, 0, prefix.n), prefix);
}

bool bytes_equal_secret(struct bytes a, struct bytes b); /* time depends on the lengths alone */
bool bytes_ends(struct bytes a, struct bytes suffix);
int bytes_compare(struct bytes a, struct bytes b); /* memcmp order, shorter first */
struct bytes bytes_trim(struct bytes a);           /* SP and HTAB, both ends */
/* Index of the first `c` or of the first occurrence of `needle`; a.n if there is none. */
size_t bytes_index(struct bytes a, uint8_t c);
size_t bytes_find(struct bytes a, struct bytes needle);
/* Cut the part before the first `c` off `*rest`; false when `*rest` was empty to begin with and
 * nothing remains to be cut. "a,b" gives "a" then "b"; "a," gives "a" then "". */
bool bytes_cut(struct bytes *rest, uint8_t c, struct bytes *part);
/* Decimal without sign, leading zeros, or overflow. */
KH_MUST_CHECK bool bytes_to_u64(struct bytes a, uint64_t *out);
KH_MUST_CHECK bool bytes_is_utf8(struct bytes a); /* no surrogates, no overlong forms */
KH_MUST_CHECK bool bytes_to_hex(struct bytes a, char *out, size_t cap); /* NUL-terminated, lower */
KH_MUST_CHECK bool bytes_from_hex(struct bytes hex, uint8_t *out, size_t n); /* exactly n bytes */

static inline int
bytes_hex_digit(uint8_t c) /* what it is worth; -1: it is none */
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

struct buffer {
    uint8_t *p;
    size_t n, cap, max;
    size_t mark; /* nothing was written behind it, so nothing is wiped there */
    bool failed; /* the limit was passed or memory is used up: contents are not to be used */
    bool secret; /* wiped when grown and when freed */
};

void buffer_init(struct buffer *b, size_t max);
void buffer_init_secret(struct buffer *b, size_t max);
void buffer_clear(struct buffer *b);
/* The same as without _grown and _memory, where there is no room yet, or memory to free. */
KH_COLD void buffer_put_grown(struct buffer *b, struct bytes s);
KH_COLD uint8_t *buffer_room_grown(struct buffer *b, size_t n);
void buffer_free_memory(struct buffer *b);

/* Room for n more bytes and a NUL is there: nothing has to grow, and nothing has failed. */
static inline bool
buffer_fits(const struct buffer *b, size_t n)
{
    return !b->failed && n < b->cap - b->n && n <= b->max - b->n;
}

static inline void
buffer_put(struct buffer *b, struct bytes s)
{
    if (!buffer_fits(b, s.n)) {
        buffer_put_grown(b, s);
        return;
    }
    if (s.n > 0)                       // what fits has memory, and what has a length has bytes
        memcpy(b->p + b->n, s.p, s.n); // NOLINT(clang-analyzer-core.NonNullParamChecker)
    b->n += s.n;
    if (b->n > b->mark)
        b->mark = b->n;
}

static inline void
buffer_free(struct buffer *b) /* leaves it empty and usable, limit kept */
{
    if (b->p)
        buffer_free_memory(b);
    b->failed = false;
}

static inline void
buffer_put_byte(struct buffer *b, uint8_t c)
{
    buffer_put(b, bytes_of(&c, 1));
}

KH_INLINE void
buffer_put_str(struct buffer *b, const char *s)
{
    buffer_put(b, bytes_str(s));
}

void buffer_put_number(struct buffer *b, uint64_t value,
                       unsigned size); /* big-endian, <= 8 bytes */
void buffer_put_decimal(struct buffer *b, uint64_t number);
void buffer_put_hex(struct buffer *b, struct bytes s); /* lower case */
void buffer_printf(struct buffer *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Room for n more bytes at the end (b->p + b->n), or NULL; follow with buffer_advance(). All of it
 * counts as written. */
uint8_t *buffer_reserve(struct buffer *b, size_t n);
/* The same for what is written from the front of it, and not behind what buffer_advance() or
 * buffer_put() then count: a read, or a text that grows by parts. The rest is not wiped. */
static inline uint8_t *
buffer_room(struct buffer *b, size_t n)
{
    return buffer_fits(b, n) ? b->p + b->n : buffer_room_grown(b, n);
}

void buffer_advance(struct buffer *b, size_t n);
/* Both at once, for n bytes that are written now; NULL: there is no room. */
static inline uint8_t *
buffer_make(struct buffer *b, size_t n)
{
    uint8_t *room = buffer_room(b, n);
    if (!room)
        return NULL;
    b->n += n;
    if (b->n > b->mark)
        b->mark = b->n;
    return room;
}
void buffer_consume(struct buffer *b, size_t n); /* drop n bytes from the front */
/* The same, but what they leave behind is wiped later: with the next wiping of the buffer. */
void buffer_skip(struct buffer *b, size_t n);
struct bytes buffer_bytes(const struct buffer *b);
const char *buffer_text(struct buffer *b); /* NUL-terminated in place; "" when failed */

void buffer_cleanup(struct buffer *b);
#define BUFFER_AUTO __attribute__((cleanup(buffer_cleanup))) struct buffer

/* Overwrite memory in a way that the compiler keeps. */
void wipe(void *p, size_t n);

#endif
