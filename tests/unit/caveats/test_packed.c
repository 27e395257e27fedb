/* SPDX-License-Identifier: Apache-2.0 */
/* Packed numbers and texts: what ends too early, and what was written is read. */
#include "unit.h"

#include "../../../caveats/packed.h"

static void
past_the_end(void **state)
{
    (void)state;
    struct packed packed = {.rest = BYTES("\x01")};
    assert_int_equal(packed_number(&packed, 2), 0);
    assert_true(packed.failed);
    assert_int_equal(packed_number(&packed, 1), 0); // it stays so
    assert_int_equal(packed_take(&packed, 0).n, 0);
    assert_true(packed.failed);

    packed = (struct packed){.rest = BYTES("\x05"
                                           "four")};
    assert_int_equal(packed_text(&packed, 1).n, 0);
    assert_true(packed.failed);

    packed = (struct packed){.rest = BYTES("\xff\xff\xff\xff\xff\xff\xff\xff"
                                           "text")};
    assert_int_equal(packed_text(&packed, 8).n, 0);
    assert_true(packed.failed);

    packed = (struct packed){.rest = BYTES_EMPTY};
    assert_int_equal(packed_take(&packed, 0).n, 0);
    assert_false(packed.failed);
}

static void
there_and_back(void **state)
{
    (void)state;
    BUFFER_AUTO out;
    buffer_init(&out, 100);
    buffer_put_number(&out, 0x0102, 2);
    packed_put_text(&out, BYTES("name"), 1);
    packed_put_text(&out, BYTES_EMPTY, 2);
    buffer_put_number(&out, UINT64_MAX, 8);
    struct packed packed = {.rest = buffer_bytes(&out)};
    assert_int_equal(packed_number(&packed, 2), 0x0102);
    assert_true(bytes_is(packed_text(&packed, 1), "name"));
    assert_int_equal(packed_text(&packed, 2).n, 0);
    assert_true(packed_number(&packed, 8) == UINT64_MAX);
    assert_false(packed.failed);
    assert_int_equal(packed.rest.n, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(past_the_end),
        cmocka_unit_test(there_and_back),
    };
    return cmocka_run_group_tests_name("packed", tests, NULL, NULL);
}
