/* SPDX-License-Identifier: Apache-2.0 */
/* Text for terminals. */
#include "../../../client/text.h"
#include "client_test.h"

static void
test_columns(void **state)
{
    (void)state;
    struct bytes text = BYTES("aü€b");
    assert_int_equal(text_columns(text, 0), 0);
    assert_int_equal(text_columns(text, 3), 2);
    assert_int_equal(text_columns(text, text.n), 4);
    assert_int_equal(text_columns(text, text.n + 2), 6);
}

static void
test_distance(void **state)
{
    (void)state;
    assert_int_equal(text_distance(BYTES("inspect"), BYTES("inspect")), 0);
    assert_int_equal(text_distance(BYTES("inspcet"), BYTES("inspect")), 1);
    assert_int_equal(text_distance(BYTES("attenuat"), BYTES("attenuate")), 1);
    assert_int_equal(text_distance(BYTES("metod"), BYTES("method")), 1);
    assert_int_equal(text_distance(BYTES("revok"), BYTES("convert")), SIZE_MAX);
    assert_int_equal(text_distance(BYTES(""), BYTES("to")), SIZE_MAX);
    assert_int_equal(text_distance(BYTES("xy"), BYTES("to")), SIZE_MAX);
    assert_int_equal(
        text_distance(BYTES("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"), BYTES("inspect")),
        SIZE_MAX);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_columns),
        cmocka_unit_test(test_distance),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
