/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

static void
unknown_numbers_are_internal_errors(void **state)
{
    (void)state;
    assert_string_equal(kh_err_code((enum kh_err) - 1), "internal");
    assert_string_equal(kh_err_code((enum kh_err)9999), "internal");
    assert_string_equal(kh_err_sentence((enum kh_err)9999), "an internal error");
    assert_string_equal(kh_reason_code(KH_REASON_UNSET), "internal");
    assert_string_equal(kh_reason_code((enum kh_reason)9999), "internal");
    assert_int_equal(kh_reason_status((enum kh_reason) - 1), 500);
    assert_int_equal(kh_reason_from_code(BYTES("")), KH_REASON_UNSET);
    assert_int_equal(kh_reason_from_code(BYTES("Expired")), KH_REASON_UNSET);
}

static void
tables_are_whole(void **state)
{
    (void)state;
    assert_string_equal(kh_err_code(KH_OK), "ok");
    for (int i = 0; i < KH_ERR_COUNT; i++) {
        assert_non_null(kh_err_code((enum kh_err)i));
        assert_true(strlen(kh_err_sentence((enum kh_err)i)) > 3);
    }
    for (int i = KH_REASON_UNSET + 1; i < KH_REASON_COUNT; i++) {
        enum kh_reason reason = (enum kh_reason)i;
        assert_int_equal(kh_reason_from_code(bytes_str(kh_reason_code(reason))), reason);
        assert_true(strlen(kh_reason_sentence(reason)) > 10);
        assert_true(strlen(kh_reason_advice(reason)) > 5);
        assert_in_range(kh_reason_status(reason), 400, 599);
    }
    assert_int_equal(kh_reason_status(KH_REASON_RATE_EXCEEDED), 429);
    assert_int_equal(kh_reason_status(KH_REASON_CAVEAT_FAILED), 401);
}

static void
faults_are_bounded(void **state)
{
    (void)state;
    struct fault f = {0};
    char longer[1000];
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    assert_int_equal(fault_set(NULL, KH_ERR_IO, "x"), KH_ERR_IO);
    fault_prefix(NULL, "x");
    assert_int_equal(fault_set(&f, KH_ERR_SYNTAX, "byte %d", 3), KH_ERR_SYNTAX);
    assert_int_equal(f.err, KH_ERR_SYNTAX);
    fault_prefix(&f, "in %s: ", "a file");
    assert_string_equal(f.detail, "in a file: byte 3");
    fault_prefix(&f, "%s", longer);
    assert_int_equal(strlen(f.detail), sizeof f.detail - 1);
    (void)fault_set(&f, KH_ERR_SYNTAX, "%s", longer);
    assert_int_equal(strlen(f.detail), sizeof f.detail - 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unknown_numbers_are_internal_errors),
        cmocka_unit_test(tables_are_whole),
        cmocka_unit_test(faults_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
