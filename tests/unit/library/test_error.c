/* SPDX-License-Identifier: Apache-2.0 */
/* Versions, words for errors, and what an error says. */
#include "library_test.h"

static void
test_version(void **state)
{
    (void)state;
    char made[64];
    assert_string_equal(keyhole_version(), KEYHOLE_VERSION_TEXT);
    snprintf(made, sizeof made, "%d.%d.%d", KEYHOLE_VERSION_MAJOR, KEYHOLE_VERSION_MINOR,
             KEYHOLE_VERSION_PATCH);
    assert_string_equal(made, KEYHOLE_VERSION_TEXT);
    assert_int_equal(KEYHOLE_VERSION_NUMBER / 10000, KEYHOLE_VERSION_MAJOR);
}

// Numbers and words are a promise: scripts compare them.
static void
test_codes(void **state)
{
    (void)state;
    assert_string_equal(keyhole_error_code(KEYHOLE_OK), "ok");
    assert_string_equal(keyhole_error_code(KEYHOLE_ERROR_MALFORMED), "malformed");
    assert_string_equal(keyhole_error_code(KEYHOLE_ERROR_UNSUPPORTED), "unsupported");
    assert_string_equal(keyhole_error_text(KEYHOLE_ERROR_DENIED), "refused");
    for (int i = -3; i < 100; i++) {
        assert_non_null(keyhole_error_code((enum keyhole_status)i));
        if (i < 0 || i > KEYHOLE_ERROR_UNSUPPORTED)
            assert_string_equal(keyhole_error_code((enum keyhole_status)i), "internal");
    }
}

static void
test_place(void **state)
{
    (void)state;
    struct keyhole_error error;
    struct keyhole_token *token = library_token("method in GET, HEAD"), *out = NULL;
    const char *caveats[] = {"method = GET", "method = GET and x"};
    assert_int_equal(keyhole_token_narrow(token, caveats, 2, &out, &error), KEYHOLE_ERROR_SYNTAX);
    assert_null(out);
    assert_int_equal(error.status, KEYHOLE_ERROR_SYNTAX);
    assert_int_equal(error.caveat, 1);
    assert_int_equal(error.byte, 12);
    assert_non_null(strstr(error.message, "byte 13")); // people count from 1
    // What is wrong elsewhere names no place.
    assert_int_equal(keyhole_token_parse("kh1_!", KEYHOLE_WHOLE, &out, &error),
                     KEYHOLE_ERROR_MALFORMED);
    assert_int_equal(error.caveat, -1);
    assert_int_equal(error.byte, -1);
    keyhole_token_free(token);
}

// A message may be printed: what a token or a caveat has in it cannot speak to the terminal.
static void
test_message_is_safe(void **state)
{
    (void)state;
    struct keyhole_error error;
    char long_one[2048];
    assert_int_not_equal(keyhole_caveat_check("\x1b[2J = 1", KEYHOLE_WHOLE, NULL, &error),
                         KEYHOLE_OK);
    assert_null(strchr(error.message, '\x1b'));
    memset(long_one, 'a', sizeof long_one - 1);
    long_one[sizeof long_one - 1] = '\0';
    assert_int_not_equal(keyhole_caveat_check(long_one, KEYHOLE_WHOLE, NULL, &error), KEYHOLE_OK);
    assert_true(strlen(error.message) < KEYHOLE_MESSAGE_SIZE);
    assert_true(strlen(error.message) > 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_version),
        cmocka_unit_test(test_codes),
        cmocka_unit_test(test_place),
        cmocka_unit_test(test_message_is_safe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
