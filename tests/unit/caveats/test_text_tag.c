/* SPDX-License-Identifier: Apache-2.0 */
/* Tags of texts: what is too long has none, and texts that differ anywhere have different ones. */
#include "unit.h"

#include "../../../caveats/text_tag.h"

#include <sodium.h>

static struct text_tag_key key;
static uint8_t text[TOKEN_TEXT_MAX + 1];

/* The same ones in each run. */
static int
setup(void **state)
{
    static const uint8_t seed[randombytes_SEEDBYTES] = "tags";
    (void)state;
    randombytes_buf_deterministic(&key, sizeof key, seed);
    randombytes_buf_deterministic(text, sizeof text, seed);
    return 0;
}

static uint64_t
tag_of(size_t n)
{
    uint64_t tag;
    assert_true(text_tag(&key, bytes_of(text, n), &tag));
    return tag;
}

static void
too_long_a_text_has_none(void **state)
{
    uint64_t tag = 7;
    (void)state;
    assert_false(text_tag(&key, bytes_of(text, sizeof text), &tag));
    assert_int_equal(tag, 7);
    assert_true(text_tag(&key, bytes_of(text, sizeof text - 1), &tag));
    assert_true(text_tag(&key, BYTES_EMPTY, &tag));
}

static void
another_key_gives_another_tag(void **state)
{
    static struct text_tag_key one, other;
    const struct bytes same = BYTES("kh1_the same text");
    uint64_t a, b;
    (void)state;
    text_tag_key_draw(&one);
    text_tag_key_draw(&other);
    assert_true(text_tag(&one, same, &a) && text_tag(&other, same, &b));
    assert_true(a != b);
    assert_true(text_tag(&one, same, &b));
    assert_true(a == b);
}

/* Each bit has a part in it, wherever a text of that length ends. */
static void
each_bit_counts(void **state)
{
    (void)state;
    for (size_t n = 1; n <= 67; n++) {
        uint64_t tag = tag_of(n);
        for (size_t bit = 0; bit < 8 * n; bit++) {
            text[bit / 8] ^= (uint8_t)(1u << bit % 8);
            if (tag_of(n) == tag)
                fail_msg("of %zu bytes, bit %zu has no part in the tag", n, bit);
            text[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
        assert_true(tag_of(n) == tag);
    }
    uint64_t tag = tag_of(TOKEN_TEXT_MAX);
    for (size_t i = 0; i < TOKEN_TEXT_MAX; i++) {
        text[i] ^= 0x80;
        if (tag_of(TOKEN_TEXT_MAX) == tag)
            fail_msg("byte %zu of the longest has no part in the tag", i);
        text[i] ^= 0x80;
    }
}

/* The last part is filled up with zeros, which are not those of a longer text. */
static void
the_length_counts(void **state)
{
    (void)state;
    memset(text, 0, sizeof text);
    for (size_t n = 0; n < 100; n++) {
        for (size_t m = 0; m < n; m++) {
            if (tag_of(n) == tag_of(m))
                fail_msg("%zu and %zu zeros have the same tag", n, m);
        }
    }
}

static void
places_count(void **state)
{
    (void)state;
    uint64_t tag = tag_of(64);
    for (size_t i = 0; i + 8 < 64; i += 8) {
        uint8_t kept[8];
        memcpy(kept, text + i, 8);
        memmove(text + i, text + i + 8, 8);
        memcpy(text + i + 8, kept, 8);
        if (tag_of(64) == tag)
            fail_msg("words %zu and %zu can change places", i / 8, i / 8 + 1);
    }
}

/* The lowest bits say which bucket: those of a product depend on the lowest ones alone. */
static void
all_bits_have_a_part_in_the_lowest(void **state)
{
    unsigned seen = 0;
    (void)state;
    for (unsigned c = 0; c < 256; c++) {
        text[7] = (uint8_t)c; // the highest ones of a word
        seen |= 1u << (tag_of(32) & 15);
    }
    assert_int_equal(seen, 0xffff);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(too_long_a_text_has_none, setup),
        cmocka_unit_test_setup(another_key_gives_another_tag, setup),
        cmocka_unit_test_setup(each_bit_counts, setup),
        cmocka_unit_test_setup(the_length_counts, setup),
        cmocka_unit_test_setup(places_count, setup),
        cmocka_unit_test_setup(all_bits_have_a_part_in_the_lowest, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
