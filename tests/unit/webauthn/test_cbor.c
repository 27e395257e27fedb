/* SPDX-License-Identifier: Apache-2.0 */
/* Strict CBOR: every second spelling of a value is refused, and nothing is read past the end. */
#include "webauthn_test.h"

#include "../../../broker/webauthn/cbor.h"

static const struct {
    const char *what;
    struct bytes text;
} bad[] = {
    {"nothing", {(const uint8_t *)"", 0}},
    {"a head that is cut short", BYTES("\x18")},
    {"a number that is cut short", BYTES("\x19\x01")},
    {"a number of eight bytes, cut short", BYTES("\x1b\x01\x02\x03\x04\x05\x06\x07")},
    {"23 in two bytes", BYTES("\x18\x17")},
    {"255 in three bytes", BYTES("\x19\x00\xff")},
    {"65535 in five bytes", BYTES("\x1a\x00\x00\xff\xff")},
    {"2^32-1 in nine bytes", BYTES("\x1b\x00\x00\x00\x00\xff\xff\xff\xff")},
    {"reserved additional information 28", BYTES("\x1c")},
    {"reserved additional information 30", BYTES("\x1e")},
    {"text of indefinite length", BYTES("\x7f\x61\x61\xff")},
    {"bytes of indefinite length", BYTES("\x5f\x41\x61\xff")},
    {"an array of indefinite length", BYTES("\x9f\x01\xff")},
    {"a map of indefinite length", BYTES("\xbf\x01\x02\xff")},
    {"a break alone", BYTES("\xff")},
    {"a tag", BYTES("\xc0\x61\x61")},
    {"a half float", BYTES("\xf9\x3c\x00")},
    {"a float", BYTES("\xfa\x3f\x80\x00\x00")},
    {"a double", BYTES("\xfb\x3f\xf0\x00\x00\x00\x00\x00\x00")},
    {"undefined", BYTES("\xf7")},
    {"an unassigned simple value", BYTES("\xe0")},
    {"false in two bytes", BYTES("\xf8\x14")},
    {"a simple value of two bytes", BYTES("\xf8\xff")},
    {"text longer than what is there", BYTES("\x62\x61")},
    {"bytes of 2^64-1", BYTES("\x5b\xff\xff\xff\xff\xff\xff\xff\xff")},
    {"text that is not UTF-8", BYTES("\x62\xc3\x28")},
    {"text with a surrogate", BYTES("\x63\xed\xa0\x80")},
    {"an array that is cut short", BYTES("\x82\x01")},
    {"an array of 2^32", BYTES("\x9b\x00\x00\x00\x01\x00\x00\x00\x00")},
    {"a map without its last value", BYTES("\xa1\x01")},
    {"a key twice", BYTES("\xa2\x01\x02\x01\x03")},
    {"a text key twice", BYTES("\xa2\x61\x61\x02\x61\x61\x02")},
    {"a key twice, apart", BYTES("\xa3\x01\x02\x02\x03\x01\x02")},
    {"a key twice, inside", BYTES("\xa1\x01\xa2\x01\x02\x01\x03")},
    {"a key of bytes", BYTES("\xa1\x41\x61\x01")},
    {"a key that is a list", BYTES("\xa1\x81\x01\x01")},
    {"a key that is false", BYTES("\xa1\xf4\x01")},
    {"five arrays in each other", BYTES("\x81\x81\x81\x81\x81\x01")},
    {"five maps in each other", BYTES("\xa1\x01\xa1\x01\xa1\x01\xa1\x01\xa1\x01\x02")},
};

static void
test_bad_ones(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct cbor_item item = {.value = 77};
        struct bytes rest = BYTES("untouched");
        // In memory of its own, so that a sanitizer sees a byte too many.
        uint8_t *copy = test_malloc(bad[i].text.n);
        memcpy(copy, bad[i].text.p, bad[i].text.n);
        if (cbor_read(bytes_of(copy, bad[i].text.n), &item, &rest))
            FAIL_WITH("%s: was taken", bad[i].what);
        if (cbor_read_all(bytes_of(copy, bad[i].text.n), &item))
            FAIL_WITH("%s: was taken whole", bad[i].what);
        assert_int_equal(item.value, 77);
        assert_true(bytes_is(rest, "untouched"));
        test_free(copy);
    }
}

static const struct {
    struct bytes text;
    enum cbor_type type;
    uint64_t value;
} good[] = {
    {BYTES("\x00"), CBOR_UNSIGNED, 0},
    {BYTES("\x17"), CBOR_UNSIGNED, 23},
    {BYTES("\x18\x18"), CBOR_UNSIGNED, 24},
    {BYTES("\x19\x01\x00"), CBOR_UNSIGNED, 256},
    {BYTES("\x1a\x00\x01\x00\x00"), CBOR_UNSIGNED, 65536},
    {BYTES("\x1b\x00\x00\x00\x01\x00\x00\x00\x00"), CBOR_UNSIGNED, 4294967296},
    {BYTES("\x1b\xff\xff\xff\xff\xff\xff\xff\xff"), CBOR_UNSIGNED, UINT64_MAX},
    {BYTES("\x26"), CBOR_NEGATIVE, 6},
    {BYTES("\x40"), CBOR_BYTES, 0},
    {BYTES("\x42\xff\x00"), CBOR_BYTES, 2},
    {BYTES("\x62\xc3\xa4"), CBOR_TEXT, 2},
    {BYTES("\x80"), CBOR_ARRAY, 0},
    {BYTES("\x82\x01\x81\x02"), CBOR_ARRAY, 2},
    {BYTES("\xa0"), CBOR_MAP, 0},
    {BYTES("\xa2\x01\x02\x20\x03"), CBOR_MAP, 2},
    {BYTES("\xa2\x01\x02\x61\x31\x03"), CBOR_MAP, 2},
    {BYTES("\x81\x81\x81\x81\x01"), CBOR_ARRAY, 1},
    {BYTES("\xf4"), CBOR_SIMPLE, CBOR_FALSE},
    {BYTES("\xf5"), CBOR_SIMPLE, CBOR_TRUE},
    {BYTES("\xf6"), CBOR_SIMPLE, CBOR_NULL},
};

static void
test_good_ones(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        struct cbor_item item;
        struct bytes rest;
        struct buffer longer;
        assert_true(cbor_read_all(good[i].text, &item));
        assert_int_equal(item.type, good[i].type);
        assert_int_equal(item.value, good[i].value);
        assert_true(bytes_equal(item.whole, good[i].text));
        buffer_init(&longer, 64);
        buffer_put(&longer, good[i].text);
        buffer_put_byte(&longer, 0);
        assert_false(cbor_read_all(buffer_bytes(&longer), &item));
        assert_true(cbor_read(buffer_bytes(&longer), &item, &rest));
        assert_int_equal(rest.n, 1);
        buffer_free(&longer);
        // Whatever is cut off is missed.
        for (size_t n = 0; n < good[i].text.n; n++)
            assert_false(cbor_read_all(bytes_slice(good[i].text, 0, n), &item));
    }
}

static void
test_maps(void **state)
{
    (void)state;
    struct cbor_item map, value;
    int64_t number;
    assert_true(cbor_read_all(BYTES("\xa4\x01\x02\x20\x03\x61\x61\x04\x62"
                                    "ab\x81\x05"),
                              &map));
    assert_true(cbor_map_number(&map, 1, &value) && cbor_number(&value, &number) && number == 2);
    assert_true(cbor_map_number(&map, -1, &value) && value.value == 3);
    assert_true(cbor_map_text(&map, "a", &value) && value.value == 4);
    assert_true(cbor_map_text(&map, "ab", &value) && value.type == CBOR_ARRAY);
    assert_false(cbor_map_text(&map, "abc", &value));
    assert_false(cbor_map_number(&map, 0, &value));
    struct bytes walk = value.data;
    assert_true(cbor_next(&walk, &value) && value.value == 5);
    assert_false(cbor_next(&walk, &value));
    // A value of text is not the text of a key, nor a list a map.
    assert_true(cbor_read_all(BYTES("\xa1\x61\x61\x61\x62"), &map));
    assert_false(cbor_map_text(&map, "b", &value));
    assert_true(cbor_read_all(BYTES("\x82\x01\x02"), &map));
    assert_false(cbor_map_number(&map, 1, &value));
    assert_false(cbor_map_is_sorted(&map));
}

static void
test_numbers(void **state)
{
    (void)state;
    struct cbor_item item;
    int64_t number = 5;
    assert_true(cbor_read_all(BYTES("\x39\xff\xfe"), &item) && cbor_number(&item, &number));
    assert_int_equal(number, -65535);
    assert_true(cbor_read_all(BYTES("\x3b\x7f\xff\xff\xff\xff\xff\xff\xff"), &item));
    assert_true(cbor_number(&item, &number) && number == INT64_MIN);
    assert_true(cbor_read_all(BYTES("\x3b\x80\x00\x00\x00\x00\x00\x00\x00"), &item));
    assert_false(cbor_number(&item, &number));
    assert_true(cbor_read_all(BYTES("\x1b\x80\x00\x00\x00\x00\x00\x00\x00"), &item));
    assert_false(cbor_number(&item, &number));
    assert_true(cbor_read_all(BYTES("\x41\x01"), &item));
    assert_false(cbor_number(&item, &number));
}

static void
test_the_order_of_ctap2(void **state)
{
    (void)state;
    static const struct {
        struct bytes text;
        bool sorted;
    } maps[] = {
        {BYTES("\xa0"), true},
        {BYTES("\xa1\x01\x01"), true},
        {BYTES("\xa3\x01\x01\x03\x01\x20\x01"), true},
        {BYTES("\xa2\x20\x01\x01\x01"), false},
        {BYTES("\xa2\x03\x01\x01\x01"), false},
        {BYTES("\xa2\x61\x62\x01\x62\x61\x61\x01"), true},
        {BYTES("\xa2\x62\x61\x61\x01\x61\x62\x01"), false},
        {BYTES("\xa2\x61\x62\x01\x61\x61\x01"), false},
        {BYTES("\xa2\x61\x61\x01\x01\x01"), false},
    };
    for (size_t i = 0; i < COUNT_OF(maps); i++) {
        struct cbor_item map;
        assert_true(cbor_read_all(maps[i].text, &map));
        if (cbor_map_is_sorted(&map) != maps[i].sorted)
            FAIL_WITH("map %zu is taken for %s", i, maps[i].sorted ? "unsorted" : "sorted");
    }
}

// 64 members are read, 65 are not; and maps in maps do not take longer than their size allows: the
// test would not end.
static void
test_large_ones(void **state)
{
    (void)state;
    struct cbor_item item;
    struct buffer text;
    buffer_init(&text, 200000);
    for (int count = 64; count <= 65; count++) {
        buffer_clear(&text);
        buffer_put(&text, bytes_of((uint8_t[]){0xb8, (uint8_t)count}, 2));
        for (int i = 0; i < count; i++) {
            if (i >= 24)
                buffer_put_byte(&text, 0x18);
            buffer_put_byte(&text, (uint8_t)i);
            buffer_put_byte(&text, 0);
        }
        assert_int_equal(cbor_read_all(buffer_bytes(&text), &item), count == 64);
    }
    buffer_clear(&text);
    buffer_put(&text, BYTES("\xac")); // twelve in twelve in twelve in twelve
    for (unsigned a = 0; a < 12; a++)
        for (unsigned b = 0; b < 12; b++)
            for (unsigned c = 0; c < 12; c++) {
                if (c == 0 && b == 0)
                    buffer_put(&text, bytes_of((uint8_t[]){(uint8_t)a, 0xac}, 2));
                if (c == 0)
                    buffer_put(&text, bytes_of((uint8_t[]){(uint8_t)b, 0xac}, 2));
                buffer_put(&text, bytes_of((uint8_t[]){(uint8_t)c, 0xac}, 2));
                for (unsigned d = 0; d < 12; d++)
                    buffer_put(&text, bytes_of((uint8_t[]){(uint8_t)d, 0}, 2));
            }
    assert_true(cbor_read_all(buffer_bytes(&text), &item));
    buffer_free(&text);
}

// Any bytes: no crash, and what is taken is taken to its last byte.
static void
test_any_bytes(void **state)
{
    (void)state;
    uint64_t seed = random_seed();
    for (int i = 0; i < 20000; i++) {
        uint8_t text[24];
        struct cbor_item item;
        struct bytes rest;
        size_t n = random_next(&seed) % sizeof(text);
        for (size_t k = 0; k < n; k++)
            text[k] = (uint8_t)random_next(&seed);
        if (!cbor_read(bytes_of(text, n), &item, &rest))
            continue;
        assert_int_equal(item.whole.n + rest.n, n);
        assert_true(cbor_read_all(item.whole, &item));
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bad_ones),
        cmocka_unit_test(test_good_ones),
        cmocka_unit_test(test_maps),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_the_order_of_ctap2),
        cmocka_unit_test(test_large_ones),
        cmocka_unit_test(test_any_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
