/* SPDX-License-Identifier: Apache-2.0 */
/* A verdict vouches when every step was made and passed, and never otherwise. */
#include "webauthn_test.h"

#include "../../../broker/webauthn/verdict.h"

static void
test_nothing_is_not_accepted(void **state)
{
    (void)state;
    struct webauthn_verdict verdict;
    memset(&verdict, 0xff, sizeof(verdict));
    verdict_init(&verdict);
    assert_int_equal(verdict.failure, FAILURE_INTERNAL);
    assert_int_equal(verdict_accept(&verdict), FAILURE_INTERNAL);
    assert_int_equal((struct webauthn_verdict){0}.failure, FAILURE_UNSET);
}

static void
test_a_step_that_failed_or_did_not_end(void **state)
{
    (void)state;
    struct webauthn_verdict verdict;
    verdict_init(&verdict);
    verdict_begin(&verdict, FAILURE_CLIENT_DATA_TYPE);
    assert_true(verdict_end(&verdict, verdict_found(&verdict, "fine")));
    verdict_begin(&verdict, FAILURE_RP_ID_MISMATCH);
    assert_int_equal(verdict_accept(&verdict), FAILURE_INTERNAL);
    assert_false(verdict_end(&verdict, verdict_refuses(&verdict, "it is %d", 3)));
    assert_int_equal(verdict.failure, FAILURE_RP_ID_MISMATCH);
    assert_string_equal(verdict.detail, "it is 3");
    assert_int_equal(verdict_accept(&verdict), FAILURE_INTERNAL);
}

static void
test_all_passed(void **state)
{
    (void)state;
    struct webauthn_verdict verdict;
    verdict_init(&verdict);
    for (int i = 0; i < WEBAUTHN_STEPS_MAX + 3; i++) {
        verdict_begin(&verdict, FAILURE_CLIENT_DATA_TYPE);
        assert_true(verdict_end(&verdict, verdict_found(&verdict, "fine")));
    }
    assert_int_equal(verdict.step_count, WEBAUTHN_STEPS_MAX);
    assert_int_equal(verdict_accept(&verdict), FAILURE_NONE);
}

static void
test_text_of_others_is_safe_for_a_terminal(void **state)
{
    (void)state;
    struct webauthn_verdict verdict;
    char text[400];
    memset(text, 'x', sizeof(text));
    text[sizeof(text) - 1] = '\0';
    verdict_init(&verdict);
    verdict_begin(&verdict, FAILURE_CLIENT_DATA_TYPE);
    verdict_found(&verdict, "%s", "a\033[2Jb\r\n\xe2\x80\xae\x7f");
    assert_string_equal(verdict.step[0].found, "a?[2Jb??????");
    verdict_found(&verdict, "%s", text);
    assert_int_equal(strlen(verdict.step[0].found), sizeof(verdict.step[0].found) - 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_is_not_accepted),
        cmocka_unit_test(test_a_step_that_failed_or_did_not_end),
        cmocka_unit_test(test_all_passed),
        cmocka_unit_test(test_text_of_others_is_safe_for_a_terminal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
