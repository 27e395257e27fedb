/* SPDX-License-Identifier: Apache-2.0 */
/* Looking at many bytes at a time: held to what one byte at a time sees, in every place. */

#include "unit.h"

#include "../../../caveats/scan.h"

#include <stdlib.h>

/* The way of processors without SSE2, which this one may not take. */
#undef __SSE2__
#define scan_text scan_text_by_words
size_t scan_text_by_words(struct bytes text);
#include "../../../caveats/scan.c"
#undef scan_text

static size_t
one_by_one(struct bytes text)
{
    size_t i = 0;

    while (i < text.n && (text.p[i] >= 0x20 || text.p[i] == '\t') && text.p[i] != 0x7f)
        i++;
    return i;
}

static void
check(struct bytes text)
{
    size_t expected = one_by_one(text);

    if (scan_text(text) != expected || scan_text_by_words(text) != expected)
        fail_msg("%zu bytes at alignment %zu: %zu, by words %zu, and should be %zu", text.n,
                 (size_t)((uintptr_t)text.p % 16), scan_text(text), scan_text_by_words(text),
                 expected);
}

enum { LENGTHS = 80, ALIGNMENTS = 16 };

/* The text has memory of its own length, so that reading beyond it is found out. */
static void
test_every_byte_at_every_place(void **state)
{
    (void)state;
    for (size_t n = 0; n <= LENGTHS; n++) {
        uint8_t *text = malloc(n + 1);

        assert_non_null(text);
        memset(text, 'a', n);
        check(bytes_of(text, n));
        for (size_t at = 0; at < n; at++) {
            for (unsigned c = 0; c < 256; c++) {
                text[at] = (uint8_t)c;
                check(bytes_of(text, n));
            }
            text[at] = 'a';
        }
        free(text);
    }
}

static void
test_every_alignment(void **state)
{
    static _Alignas(16) uint8_t text[LENGTHS + ALIGNMENTS];

    (void)state;
    for (size_t start = 0; start < ALIGNMENTS; start++) {
        for (size_t n = 0; n <= LENGTHS; n++) {
            for (size_t at = start; at <= start + n && at < sizeof text; at++) {
                memset(text, 0x80, sizeof text);
                text[at] = '\r';
                check(bytes_of(text + start, n));
                text[at] = '\t';
                check(bytes_of(text + start, n));
            }
        }
    }
}

/* HTABs before, between and behind control characters, of which some differ by one bit from what
 * is none. */
static void
test_mixed(void **state)
{
    static const uint8_t some[] = {'\t', 'a', 0x20, 0x1f, 0x7f, 0x7e, 0x80, 0x89, 0x9f, 0xff, 0};
    uint8_t text[64];
    uint32_t random = 1;

    (void)state;
    for (int round = 0; round < 200000; round++) {
        size_t n = (size_t)round % (sizeof text + 1);

        for (size_t i = 0; i < n; i++) {
            random = random * 1664525 + 1013904223;
            text[i] = some[(random >> 16) % (random >> 30 ? 3 : sizeof some)];
        }
        check(bytes_of(text, n));
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_byte_at_every_place),
        cmocka_unit_test(test_every_alignment),
        cmocka_unit_test(test_mixed),
    };
    return cmocka_run_group_tests_name("caveats/scan", tests, NULL, NULL);
}
