/* SPDX-License-Identifier: Apache-2.0 */
/* Spans of time as they are typed. */
#include "../../../client/moment.h"
#include "client_test.h"

static void
test_spans_that_are_none(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum kh_err err;
    } row[] = {
        {"", KH_ERR_SYNTAX},
        {"10", KH_ERR_SYNTAX},
        {"m", KH_ERR_SYNTAX},
        {"-5m", KH_ERR_SYNTAX},
        {"+5m", KH_ERR_SYNTAX},
        {"5 m", KH_ERR_SYNTAX},
        {"5M", KH_ERR_SYNTAX},
        {"5w", KH_ERR_SYNTAX},
        {"1.5h", KH_ERR_SYNTAX},
        {"05m", KH_ERR_SYNTAX},
        {"5m10", KH_ERR_SYNTAX},
        {"10m1h", KH_ERR_SYNTAX},
        {"5m5m", KH_ERR_SYNTAX},
        {"0s", KH_ERR_RANGE},
        {"3661d", KH_ERR_RANGE},
        {"3660d1s", KH_ERR_RANGE},
        {"99999999999999999999d", KH_ERR_RANGE},
        {"18446744073709551615s", KH_ERR_RANGE},
        {"\x1b[2J", KH_ERR_SYNTAX},
    };
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        struct fault fault = {.err = KH_OK};
        int64_t seconds = -1;
        enum kh_err err = moment_read_span(bytes_str(row[i].text), &seconds, &fault);
        if (err != row[i].err || seconds != -1 || fault.detail[0] == '\0')
            fail_msg("'%s': %s, %lld, '%s'", row[i].text, kh_err_code(err), (long long)seconds,
                     fault.detail);
        assert_null(strchr(fault.detail, '\x1b'));
    }
}

static void
test_spans(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t seconds;
    } row[] = {
        {"1s", 1},      {"90s", 90},     {"10m", 600},        {"12h", 43200},
        {"7d", 604800}, {"1h30m", 5400}, {"1d1h1m1s", 90061}, {"3660d", MOMENT_SPAN_MAX},
    };
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        struct fault fault = {.err = KH_OK};
        int64_t seconds = -1;
        assert_ok(moment_read_span(bytes_str(row[i].text), &seconds, &fault));
        assert_int_equal(seconds, row[i].seconds);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_spans_that_are_none),
        cmocka_unit_test(test_spans),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
