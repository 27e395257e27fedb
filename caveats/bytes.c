/* SPDX-License-Identifier: Apache-2.0 */
/* Borrowed slices: comparison, searching, cutting, and the strict readings of plain texts. */

#include "bytes.h"

#include <string.h>

bool
bytes_equal_secret(struct bytes a, struct bytes b)
{
    if (a.n != b.n)
        return false;
    volatile uint64_t difference = 0;
    size_t i = 0;
    for (; a.n - i >= sizeof difference; i += sizeof difference) {
        uint64_t one, other;
        memcpy(&one, a.p + i, sizeof one);
        memcpy(&other, b.p + i, sizeof other);
        difference |= one ^ other;
    }
    for (; i < a.n; i++)
        difference |= a.p[i] ^ b.p[i];
    return difference == 0;
}

static uint8_t
lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + ('a' - 'A')) : c;
}

/* lower() of eight bytes: those from 'A' to 'Z' get the bit of the other case. */
static uint64_t
lower_eight(uint64_t eight)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), high = ones * 0x80;
    uint64_t low = eight & ~high, from_a = low + ones * (0x80 - 'A'),
             behind_z = low + ones * (0x7f - 'Z');

    return eight | ((from_a ^ behind_z) & ~eight & high) >> 2;
}

static bool
eight_are_equal_folded(const uint8_t *a, const uint8_t *b)
{
    uint64_t x, y;

    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    return x == y || lower_eight(x) == lower_eight(y);
}

bool
bytes_equal_folded(const uint8_t *a, const uint8_t *b, size_t n)
{
    if (n >= 8) {
        for (size_t i = 0; n - i > 8; i += 8) {
            if (!eight_are_equal_folded(a + i, b + i))
                return false;
        }
        return eight_are_equal_folded(a + n - 8, b + n - 8);
    }
    for (size_t i = 0; i < n; i++) {
        if (a[i] != b[i] && lower(a[i]) != lower(b[i]))
            return false;
    }
    return true;
}

bool
bytes_ends(struct bytes a, struct bytes suffix)
{
    return a.n >= suffix.n && bytes_equal(bytes_from(a, a.n - suffix.n), suffix);
}

int
bytes_compare(struct bytes a, struct bytes b)
{
    size_t common = a.n < b.n ? a.n : b.n;
    int order = common ? memcmp(a.p, b.p, common) : 0;
    if (order)
        return order;
    return a.n < b.n ? -1 : a.n > b.n;
}

static bool
is_blank(uint8_t c)
{
    return c == ' ' || c == '\t';
}

struct bytes
bytes_trim(struct bytes a)
{
    while (a.n && is_blank(a.p[0])) {
        a.p++;
        a.n--;
    }
    while (a.n && is_blank(a.p[a.n - 1]))
        a.n--;
    return a;
}

size_t
bytes_index(struct bytes a, uint8_t c)
{
    const uint8_t *hit = a.n ? memchr(a.p, c, a.n) : NULL;
    return hit ? (size_t)(hit - a.p) : a.n;
}

/* So many bytes are searched by the needle's first one: in time that is bounded by needle and this
 * together, whatever stands there. */
enum { SHORT_SEARCH = 128 };

size_t
bytes_find(struct bytes a, struct bytes needle)
{
    if (needle.n == 0)
        return 0;
    /* memmem() prepares for long texts; most that are searched here are short. */
    for (size_t i = 0; needle.n <= a.n - i; i++) {
        const uint8_t *hit = memchr(a.p + i, needle.p[0], a.n - i - needle.n + 1);
        if (!hit)
            break;
        i = (size_t)(hit - a.p);
        if (memcmp(hit, needle.p, needle.n) == 0)
            return i;
        if (i > SHORT_SEARCH) {
            hit = memmem(hit, a.n - i, needle.p, needle.n);
            return hit ? (size_t)(hit - a.p) : a.n;
        }
    }
    return a.n;
}

/* Where `*rest` points when what remains is one empty part: "a," has two. */
static const uint8_t empty_part[1];

bool
bytes_cut(struct bytes *rest, uint8_t c, struct bytes *part)
{
    if (rest->n == 0) {
        if (rest->p != empty_part)
            return false;
        *part = BYTES_EMPTY;
        *rest = BYTES_EMPTY;
        return true;
    }
    size_t at = bytes_index(*rest, c);
    *part = bytes_slice(*rest, 0, at);
    if (at == rest->n)
        *rest = BYTES_EMPTY;
    else if (at + 1 == rest->n)
        *rest = bytes_of(empty_part, 0);
    else
        *rest = bytes_from(*rest, at + 1);
    return true;
}

bool
bytes_to_u64(struct bytes a, uint64_t *out)
{
    if (a.n == 0 || a.n > 20 || (a.n > 1 && a.p[0] == '0'))
        return false;
    uint64_t value = 0;
    for (size_t i = 0; i < a.n; i++) {
        if (a.p[i] < '0' || a.p[i] > '9')
            return false;
        if (__builtin_mul_overflow(value, (uint64_t)10, &value) ||
            __builtin_add_overflow(value, (uint64_t)(a.p[i] - '0'), &value))
            return false;
    }
    *out = value;
    return true;
}

/* RFC 3629 section 4: how many bytes follow a lead byte, and what the first of them may be. */
static unsigned
utf8_follow(uint8_t lead, uint8_t *low, uint8_t *high)
{
    *low = 0x80;
    *high = 0xbf;
    if (lead >= 0xc2 && lead <= 0xdf)
        return 1;
    if (lead >= 0xe0 && lead <= 0xef) {
        if (lead == 0xe0)
            *low = 0xa0;
        if (lead == 0xed)
            *high = 0x9f;
        return 2;
    }
    if (lead >= 0xf0 && lead <= 0xf4) {
        if (lead == 0xf0)
            *low = 0x90;
        if (lead == 0xf4)
            *high = 0x8f;
        return 3;
    }
    return 0;
}

bool
bytes_is_utf8(struct bytes a)
{
    size_t i = 0;
    while (i < a.n) {
        if (a.p[i] < 0x80) {
            i++;
            continue;
        }
        uint8_t low, high;
        unsigned follow = utf8_follow(a.p[i], &low, &high);
        if (follow == 0 || a.n - i <= follow || a.p[i + 1] < low || a.p[i + 1] > high)
            return false;
        for (unsigned k = 2; k <= follow; k++) {
            if ((a.p[i + k] & 0xc0) != 0x80)
                return false;
        }
        i += follow + 1;
    }
    return true;
}

/* Sixteen bytes at once: every id of ours has that many, and a hash twice that. */
typedef uint8_t sixteen __attribute__((vector_size(16)));

static void
hex_of_sixteen(const uint8_t bytes[16], char out[32])
{
    sixteen b, high, low;
    memcpy(&b, bytes, sizeof b);
    high = b / 16;
    low = b % 16;
    high += '0' + ((sixteen)(high > 9) & ('a' - '0' - 10));
    low += '0' + ((sixteen)(low > 9) & ('a' - '0' - 10));
    sixteen first =
        __builtin_shufflevector(high, low, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
    sixteen second = __builtin_shufflevector(high, low, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13,
                                             29, 14, 30, 15, 31);
    memcpy(out, &first, sizeof first);
    memcpy(out + 16, &second, sizeof second);
}

bool
bytes_to_hex(struct bytes a, char *out, size_t cap)
{
    static const char digit[] = "0123456789abcdef";
    if (cap == 0 || a.n > (cap - 1) / 2)
        return false;
    for (; a.n >= 16; a = bytes_from(a, 16), out += 32)
        hex_of_sixteen(a.p, out);
    for (size_t i = 0; i < a.n; i++) {
        *out++ = digit[a.p[i] >> 4];
        *out++ = digit[a.p[i] & 15];
    }
    *out = '\0';
    return true;
}

bool
bytes_from_hex(struct bytes hex, uint8_t *out, size_t n)
{
    if (hex.n % 2 != 0 || hex.n / 2 != n)
        return false;
    for (size_t i = 0; i < hex.n; i++) {
        if (bytes_hex_digit(hex.p[i]) < 0)
            return false;
    }
    for (size_t i = 0; i < n; i++)
        out[i] = (uint8_t)((unsigned)bytes_hex_digit(hex.p[2 * i]) << 4 |
                           (unsigned)bytes_hex_digit(hex.p[2 * i + 1]));
    return true;
}
