/* SPDX-License-Identifier: Apache-2.0 */
/* Reader and writer of message bodies. */
#include "../../../broker/wire.h"
#include "support.h"

static void
test_reading_past_the_end_sticks(void **state)
{
    const uint8_t body[] = {1, 2, 3};
    struct wire_reader reader;
    (void)state;
    wire_init(&reader, bytes_of(body, sizeof(body)));
    assert_int_equal(wire_get_u32(&reader), 0);
    assert_true(reader.failed);
    assert_int_equal(wire_get_u8(&reader), 0); // although there are bytes
    assert_int_equal(wire_get_bytes(&reader, 10).n, 0);
    assert_int_equal(wire_end(&reader), KH_ERR_PROTOCOL);
}

static void
test_empty_body(void **state)
{
    struct wire_reader reader;
    (void)state;
    wire_init(&reader, BYTES_EMPTY);
    assert_int_equal(wire_end(&reader), KH_OK);
    assert_false(wire_get_bool(&reader));
    assert_int_equal(wire_end(&reader), KH_ERR_PROTOCOL);
}

static void
test_left_over_bytes(void **state)
{
    const uint8_t body[] = {1, 2};
    struct wire_reader reader;
    (void)state;
    wire_init(&reader, bytes_of(body, sizeof(body)));
    assert_int_equal(wire_get_u8(&reader), 1);
    assert_int_equal(wire_end(&reader), KH_ERR_PROTOCOL);
    assert_int_equal(wire_get_u8(&reader), 2);
    assert_int_equal(wire_end(&reader), KH_OK);
}

static void
test_lengths_beyond_the_body(void **state)
{
    const uint8_t huge[] = {0xff, 0xff, 0xff, 0xff, 'a'}, over[] = {2, 0, 0, 0, 'a'};
    struct wire_reader reader;
    (void)state;
    wire_init(&reader, bytes_of(huge, sizeof(huge)));
    assert_null(wire_get_bytes(&reader, SIZE_MAX).p);
    assert_true(reader.failed);
    wire_init(&reader, bytes_of(over, sizeof(over)));
    assert_null(wire_get_bytes(&reader, 100).p);
    assert_true(reader.failed);
}

static void
test_limits_of_the_reader(void **state)
{
    const uint8_t bytes[] = {3, 0, 0, 0, 'a', 'b', 'c'}, number[] = {3, 0};
    struct wire_reader reader;
    (void)state;
    wire_init(&reader, bytes_of(bytes, sizeof(bytes)));
    assert_int_equal(wire_get_bytes(&reader, 2).n, 0);
    assert_true(reader.failed);
    wire_init(&reader, bytes_of(number, sizeof(number)));
    assert_int_equal(wire_get_enum(&reader, 3), 0);
    assert_true(reader.failed);
    wire_init(&reader, bytes_of(number, sizeof(number)));
    assert_int_equal(wire_get_count(&reader, 2), 0);
    assert_true(reader.failed);
    wire_init(&reader, bytes_of(number, sizeof(number)));
    assert_false(wire_get_bool(&reader));
    assert_true(reader.failed); // neither 0 nor 1
}

static void
test_fixed_is_zeroed_on_failure(void **state)
{
    uint8_t out[4] = {9, 9, 9, 9};
    struct wire_reader reader;
    (void)state;
    wire_init(&reader, BYTES("abc"));
    wire_get_fixed(&reader, out, sizeof(out));
    assert_true(reader.failed);
    assert_memory_equal(out, "\0\0\0\0", 4);
}

static void
test_limits_of_the_writer(void **state)
{
    BUFFER_AUTO out;
    (void)state;
    buffer_init(&out, 100);
    wire_put_bytes(&out, BYTES("abc"), 2);
    assert_true(out.failed);
    buffer_free(&out);
    buffer_init(&out, 100);
    assert_int_equal(wire_put_count(&out, 3, 2), 0);
    assert_true(out.failed);
    buffer_free(&out);
    buffer_init(&out, 1 << 20);
    assert_int_equal(wire_put_count(&out, 65536, 1 << 20), 0);
    assert_true(out.failed);
    buffer_free(&out);
    buffer_init(&out, 100);
    wire_put_enum(&out, 3, 3);
    assert_true(out.failed);
    buffer_free(&out);
    buffer_init(&out, 4);
    wire_put_u64(&out, 1);
    assert_true(out.failed);
}

static void
test_numbers_are_little_endian(void **state)
{
    static const uint8_t expected[] = {1,    2, 1, 4, 3,    2,    1,    8,    7,    6,    5,
                                       4,    3, 2, 1, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                       0xff, 1, 0, 2, 0,    0,    0,    'h',  'i'};
    BUFFER_AUTO out;
    struct wire_reader reader;
    (void)state;
    buffer_init(&out, 100);
    wire_put_u8(&out, 1);
    wire_put_u16(&out, 0x0102);
    wire_put_u32(&out, 0x01020304);
    wire_put_u64(&out, UINT64_C(0x0102030405060708));
    wire_put_i64(&out, -2);
    wire_put_bool(&out, true);
    wire_put_bytes(&out, BYTES("hi"), 2);
    assert_bytes_equal(buffer_bytes(&out), bytes_of(expected, sizeof(expected)));
    wire_init(&reader, buffer_bytes(&out));
    assert_int_equal(wire_get_u8(&reader), 1);
    assert_int_equal(wire_get_u16(&reader), 0x0102);
    assert_int_equal(wire_get_u32(&reader), 0x01020304);
    assert_true(wire_get_u64(&reader) == UINT64_C(0x0102030405060708));
    assert_true(wire_get_i64(&reader) == -2);
    assert_true(wire_get_bool(&reader));
    assert_bytes_equal(wire_get_bytes(&reader, 2), BYTES("hi"));
    assert_int_equal(wire_end(&reader), KH_OK);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reading_past_the_end_sticks),
        cmocka_unit_test(test_empty_body),
        cmocka_unit_test(test_left_over_bytes),
        cmocka_unit_test(test_lengths_beyond_the_body),
        cmocka_unit_test(test_limits_of_the_reader),
        cmocka_unit_test(test_fixed_is_zeroed_on_failure),
        cmocka_unit_test(test_limits_of_the_writer),
        cmocka_unit_test(test_numbers_are_little_endian),
    };
    return cmocka_run_group_tests_name("wire", tests, NULL, NULL);
}
