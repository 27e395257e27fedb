/* SPDX-License-Identifier: Apache-2.0 */
/* Sixteen bytes a step where the processor always can (every amd64 has SSE2), else eight. */

#include "scan.h"

/* special_of() marks the bytes below SP, and DEL; MARK_BITS stand for each. The first mark is
 * right; those behind it need not be. */
#ifdef __SSE2__
#include <emmintrin.h>

enum { STEP = 16, MARK_BITS = 1 };

static inline uint64_t
special_of(const uint8_t *p)
{
    __m128i text = _mm_loadu_si128((const __m128i *)(const void *)p);
    __m128i low = _mm_cmpeq_epi8(_mm_min_epu8(text, _mm_set1_epi8(0x1f)), text);
    __m128i del = _mm_cmpeq_epi8(text, _mm_set1_epi8(0x7f));

    return (unsigned)_mm_movemask_epi8(_mm_or_si128(low, del));
}

#else
#include <endian.h>

enum { STEP = 8, MARK_BITS = 8 };

static inline uint64_t
special_of(const uint8_t *p)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), high = ones * 0x80;
    uint64_t text, del;

    memcpy(&text, p, sizeof text);
    text = le64toh(text);
    del = text ^ ones * 0x7f;
    return (((text - ones * 0x20) & ~text) | ((del - ones) & ~del)) & high;
}

#endif

static inline bool
is_control(uint8_t c)
{
    return c < 0x20 ? c != '\t' : c == 0x7f;
}

size_t
scan_text(struct bytes text)
{
    size_t i = 0;

    while (text.n - i >= STEP) {
        uint64_t marks = special_of(text.p + i);

        if (marks == 0) {
            i += STEP;
            continue;
        }
        i += (size_t)__builtin_ctzll(marks) / MARK_BITS;
        if (is_control(text.p[i]))
            return i;
        i++; /* HTAB */
    }
    while (i < text.n && !is_control(text.p[i]))
        i++;
    return i;
}
