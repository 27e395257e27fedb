/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

static void
numbers_are_strict(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "-1",
        "+1",
        "01",
        "00",
        " 1",
        "1 ",
        "1.0",
        "0x1",
        "18446744073709551616",
        "99999999999999999999",
        "1844674407370955161500",
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        uint64_t out = 77;
        if (bytes_to_u64(bytes_str(bad[i]), &out) || out != 77)
            FAIL_WITH("\"%s\" was read as a number", bad[i]);
    }
    uint64_t out;
    assert_true(bytes_to_u64(BYTES("0"), &out) && out == 0);
    assert_true(bytes_to_u64(BYTES("18446744073709551615"), &out) && out == UINT64_MAX);
}

static void
utf8_is_strict(void **state)
{
    (void)state;
    static const struct bytes bad[] = {
        BYTES("\x80"),             /* no lead byte */
        BYTES("\xc0\xaf"),         /* overlong slash */
        BYTES("\xc1\xbf"),         /* overlong */
        BYTES("\xe0\x80\xaf"),     /* overlong slash */
        BYTES("\xe0\x9f\xbf"),     /* overlong */
        BYTES("\xed\xa0\x80"),     /* surrogate */
        BYTES("\xed\xbf\xbf"),     /* surrogate */
        BYTES("\xf0\x8f\xbf\xbf"), /* overlong */
        BYTES("\xf4\x90\x80\x80"), /* beyond U+10FFFF */
        BYTES("\xf5\x80\x80\x80"),
        BYTES("\xff"),
        BYTES("a\xc3"),
        BYTES("\xe2\x82"),
        BYTES("\xf0\x9f\x98"),
        BYTES("\xc3("),
        BYTES("\xe2\x82("),
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        if (bytes_is_utf8(bad[i]))
            FAIL_WITH("bad UTF-8 number %zu was accepted", i);
    }
    assert_true(bytes_is_utf8(BYTES("")));
    assert_true(bytes_is_utf8(BYTES("a\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\xf4\x8f\xbf\xbf")));
    assert_true(bytes_is_utf8(BYTES("\xed\x9f\xbf\xee\x80\x80")));
}

static void
hex_is_exact(void **state)
{
    (void)state;
    uint8_t out[2] = {1, 2};
    char text[5];
    assert_false(bytes_from_hex(BYTES("00f"), out, 2));
    assert_false(bytes_from_hex(BYTES("00fg"), out, 2));
    assert_false(bytes_from_hex(BYTES("00ff00"), out, 2));
    assert_false(bytes_from_hex(BYTES(""), out, 2));
    assert_int_equal(out[0], 1); /* untouched on failure */
    assert_true(bytes_from_hex(BYTES("0aFf"), out, 2));
    assert_int_equal(out[1], 0xff);
    assert_false(bytes_to_hex(bytes_of(out, 2), text, 4));
    assert_true(bytes_to_hex(bytes_of(out, 2), text, 5));
    assert_string_equal(text, "0aff");
    assert_false(bytes_to_hex(BYTES_EMPTY, text, 0));
    assert_true(bytes_to_hex(BYTES_EMPTY, text, 1));
}

/* Sixteen bytes are printed at once, and what is left over one by one: every byte in every place.
 */
static void
hex_of_every_byte(void **state)
{
    static const size_t lengths[] = {1, 2, 15, 16, 17, 31, 32, 33};
    (void)state;
    for (size_t k = 0; k < sizeof lengths / sizeof lengths[0]; k++) {
        size_t n = lengths[k];
        for (size_t at = 0; at < n; at++) {
            for (unsigned c = 0; c < 256; c++) {
                uint8_t some[33];
                char text[67], expected[67];

                for (size_t i = 0; i < n; i++)
                    some[i] = (uint8_t)(0x5a + 7 * i);
                some[at] = (uint8_t)c;
                for (size_t i = 0; i < n; i++)
                    snprintf(expected + 2 * i, 3, "%02x", some[i]);
                assert_true(bytes_to_hex(bytes_of(some, n), text, 2 * n + 1));
                assert_string_equal(text, expected);
            }
        }
    }
}

static void
comparison(void **state)
{
    (void)state;
    assert_true(bytes_equal(BYTES_EMPTY, BYTES("")));
    assert_false(bytes_equal(BYTES("a"), BYTES("ab")));
    assert_true(bytes_equal_secret(BYTES("abc"), BYTES("abc")));
    assert_false(bytes_equal_secret(BYTES("abc"), BYTES("abd")));
    assert_false(bytes_equal_secret(BYTES("abc"), BYTES("ab")));
    for (size_t n = 1; n <= 17; n++) {
        uint8_t a[17] = {0}, b[17] = {0};

        assert_true(bytes_equal_secret(bytes_of(a, n), bytes_of(b, n)));
        for (size_t at = 0; at < 17; at++) {
            b[at] = 0x80;
            assert_int_equal(bytes_equal_secret(bytes_of(a, n), bytes_of(b, n)), at >= n);
            b[at] = 0;
        }
    }
    assert_true(bytes_equal_nocase(BYTES("Content-Type"), BYTES("content-tYPE")));
    assert_false(bytes_equal_nocase(BYTES("a["), BYTES("a{"))); /* differ by 0x20 only */
    /* Every pair of bytes in every place: by one, by eight, and where eights overlap. */
    for (size_t n = 1; n <= 17; n += n < 7 ? 6 : 1) {
        uint8_t a[17], b[17];

        memset(a, 'q', sizeof a);
        memset(b, 'Q', sizeof b);
        for (size_t at = 0; at < n; at++) {
            for (unsigned pair = 0; pair < 65536; pair++) {
                uint8_t x = (uint8_t)pair, y = (uint8_t)(pair >> 8);
                bool letter = (x | 0x20) >= 'a' && (x | 0x20) <= 'z';
                bool same = x == y || (letter && (x ^ y) == 0x20);

                a[at] = x;
                b[at] = y;
                if (bytes_equal_nocase(bytes_of(a, n), bytes_of(b, n)) != same)
                    fail_msg("0x%02x and 0x%02x at %zu of %zu", x, y, at, n);
            }
            a[at] = 'q';
            b[at] = 'Q';
        }
    }
    assert_true(bytes_is(BYTES("x"), "x"));
    assert_true(bytes_is(BYTES_EMPTY, NULL));
    assert_true(bytes_compare(BYTES("a"), BYTES("ab")) < 0);
    assert_true(bytes_compare(BYTES("b"), BYTES("ab")) > 0);
    assert_true(bytes_compare(BYTES("\xff"), BYTES("a")) > 0);
    assert_int_equal(bytes_compare(BYTES_EMPTY, BYTES_EMPTY), 0);
    assert_true(bytes_starts(BYTES("abc"), BYTES("ab")) && bytes_ends(BYTES("abc"), BYTES("bc")));
    assert_true(bytes_starts(BYTES("abc"), BYTES_EMPTY) && bytes_ends(BYTES_EMPTY, BYTES_EMPTY));
    assert_false(bytes_starts(BYTES("a"), BYTES("ab")) || bytes_ends(BYTES("b"), BYTES("ab")));
}

static void
slicing_never_leaves_the_slice(void **state)
{
    (void)state;
    struct bytes a = BYTES("hello");
    expect_text("from", bytes_from(a, 3), "lo");
    assert_int_equal(bytes_from(a, 6).n, 0);
    assert_int_equal(bytes_from(BYTES_EMPTY, 6).n, 0);
    expect_text("slice", bytes_slice(a, 1, 3), "ell");
    expect_text("slice", bytes_slice(a, 4, SIZE_MAX), "o");
    assert_int_equal(bytes_slice(a, SIZE_MAX, SIZE_MAX).n, 0);
    expect_text("trim", bytes_trim(BYTES(" \t a b\t ")), "a b");
    assert_int_equal(bytes_trim(BYTES(" \t ")).n, 0);
    assert_int_equal(bytes_index(a, 'l'), 2);
    assert_int_equal(bytes_index(a, 'x'), 5);
    assert_int_equal(bytes_index(BYTES_EMPTY, 'x'), 0);
    assert_int_equal(bytes_find(a, BYTES("lo")), 3);
    assert_int_equal(bytes_find(a, BYTES("hello!")), 5);
    assert_int_equal(bytes_find(a, BYTES_EMPTY), 0);
    assert_int_equal(bytes_find(BYTES_EMPTY, BYTES("x")), 0);
}

static void
expect_parts(struct bytes text, const char *expected)
{
    char got[64] = "";
    struct bytes rest = text, part;
    while (bytes_cut(&rest, ',', &part))
        snprintf(got + strlen(got), sizeof got - strlen(got), "<%.*s>", BYTES_ARG(part));
    assert_string_equal(got, expected);
    assert_false(bytes_cut(&rest, ',', &part)); /* stays at the end */
}

static void
cutting_keeps_empty_parts(void **state)
{
    (void)state;
    expect_parts(BYTES("a,b"), "<a><b>");
    expect_parts(BYTES("a,"), "<a><>");
    expect_parts(BYTES(","), "<><>");
    expect_parts(BYTES(",,a"), "<><><a>");
    expect_parts(BYTES("a"), "<a>");
    expect_parts(BYTES(""), "");
    expect_parts(BYTES_EMPTY, "");
}

/* Held to one place after the other, around the place from where it is searched differently. */
static void
test_find_anywhere(void **state)
{
    static const char needle[] = "kh1_";
    uint8_t text[300];

    (void)state;
    for (size_t at = 0; at + 4 <= sizeof text; at++) {
        for (size_t every = 1; every < 9; every++) {
            for (size_t i = 0; i < sizeof text; i++)
                text[i] = (uint8_t)(i % every ? 'a' : 'k'); /* it seems to begin often */
            memcpy(text + at, needle, 4);
            for (size_t n = 1; n <= 4; n++) {
                size_t i = 0;

                while (memcmp(text + i, needle, n) != 0)
                    i++;
                assert_int_equal(bytes_find(bytes_of(text, at + n), bytes_of(needle, n)), i);
                if (n == 4)
                    assert_int_equal(bytes_find(bytes_of(text, at + 3), bytes_of(needle, 4)),
                                     at + 3);
            }
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_strict), cmocka_unit_test(utf8_is_strict),
        cmocka_unit_test(hex_is_exact),       cmocka_unit_test(hex_of_every_byte),
        cmocka_unit_test(comparison),         cmocka_unit_test(slicing_never_leaves_the_slice),
        cmocka_unit_test(test_find_anywhere), cmocka_unit_test(cutting_keeps_empty_parts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
