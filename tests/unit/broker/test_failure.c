/* SPDX-License-Identifier: Apache-2.0 */
#include "../../../broker/failure.h"
#include "support.h"

#include <ctype.h>

/* What is not decided, and what is not in the table, vouches for nothing. */
static void
not_decided(void **state)
{
    (void)state;
    static const int values[] = {FAILURE_UNSET, FAILURE_COUNT, FAILURE_COUNT + 1, 999, 1001, -1};
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        enum failure failure = (enum failure)values[i];
        assert_string_equal(failure_code(failure), "internal");
        assert_string_equal(failure_sentence(failure), failure_sentence(FAILURE_INTERNAL));
        assert_string_equal(failure_advice(failure), failure_advice(FAILURE_INTERNAL));
        assert_int_equal(failure_status(failure), 500);
    }
}

static void
vouches(void **state)
{
    (void)state;
    assert_int_not_equal(FAILURE_NONE, 0);
    assert_true(FAILURE_NONE >= FAILURE_COUNT);
    assert_string_equal(failure_code(FAILURE_NONE), "ok");
    assert_string_equal(failure_sentence(FAILURE_NONE), "");
    assert_string_equal(failure_advice(FAILURE_NONE), "");
    assert_int_equal(failure_status(FAILURE_NONE), 200);
}

/* Codes are for programs: lower case, digits, dashes, no two alike. Sentences are for people. */
static void
table(void **state)
{
    (void)state;
    for (int i = FAILURE_UNSET + 1; i < FAILURE_COUNT; i++) {
        const char *code = failure_code((enum failure)i);
        const char *sentence = failure_sentence((enum failure)i);
        const char *advice = failure_advice((enum failure)i);
        assert_true(code[0] >= 'a' && code[0] <= 'z');
        for (const char *c = code; *c; c++) {
            if (!islower((unsigned char)*c) && !isdigit((unsigned char)*c) && *c != '-')
                fail_msg("%s: not a code", code);
        }
        for (int k = FAILURE_UNSET + 1; k < i; k++) {
            if (strcmp(code, failure_code((enum failure)k)) == 0)
                fail_msg("%s is there twice", code);
        }
        if (strlen(sentence) < 10 || sentence[strlen(sentence) - 1] != '.')
            fail_msg("%s: \"%s\" is no sentence", code, sentence);
        if (advice[0] && !isupper((unsigned char)advice[0]) && strncmp(advice, "It ", 3) != 0)
            fail_msg("%s: \"%s\" is no advice", code, advice);
        int status = failure_status((enum failure)i);
        if (status < 400 || status > 599)
            fail_msg("%s has the status %d", code, status);
    }
}

/* Codes and statuses that others script against. */
static void
contract(void **state)
{
    (void)state;
    static const struct {
        enum failure failure;
        const char *code;
        int status;
    } rows[] = {
        {FAILURE_REQUEST_INVALID, "request-invalid", 400},
        {FAILURE_NOT_FOUND, "not-found", 404},
        {FAILURE_TICKET_FOREIGN, "ticket-foreign", 400},
        {FAILURE_DECLINED, "declined", 403},
        {FAILURE_USER_MISMATCH, "user-mismatch", 403},
        {FAILURE_PRESENCE_MISSING, "presence-missing", 403},
        {FAILURE_VERIFICATION_MISSING, "verification-missing", 403},
        {FAILURE_AUTHENTICATOR_CLONED, "authenticator-cloned", 403},
        {FAILURE_TOO_MANY, "too-many-requests", 429},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_string_equal(failure_code(rows[i].failure), rows[i].code);
        assert_int_equal(failure_status(rows[i].failure), rows[i].status);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(not_decided),
        cmocka_unit_test(vouches),
        cmocka_unit_test(table),
        cmocka_unit_test(contract),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
