/* SPDX-License-Identifier: Apache-2.0 */
/* Moments and spans. */
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

static const char *
shown(void (*put)(struct buffer *, int64_t), int64_t value)
{
    static char text[128];
    BUFFER_AUTO out;
    buffer_init(&out, sizeof text);
    put(&out, value);
    snprintf(text, sizeof text, "%s", buffer_text(&out));
    return text;
}

static void
test_moments(void **state)
{
    (void)state;
    assert_string_equal(shown(moment_put, 0), "1970-01-01T00:00:00Z");
    assert_string_equal(shown(moment_put, 1796083200), "2026-12-01T00:00:00Z");
    assert_string_equal(shown(moment_put, INT64_MAX), "9999-12-31T23:59:59Z");
    assert_string_equal(shown(moment_put_span, 0), "less than a second");
    assert_string_equal(shown(moment_put_span, 1), "1 second");
    assert_string_equal(shown(moment_put_span, 61), "1 minute 1 second");
    assert_string_equal(shown(moment_put_span, 7200), "2 hours");
    assert_string_equal(shown(moment_put_span, 90061), "1 day 1 hour");
}

static void
test_relative(void **state)
{
    (void)state;
    static const struct {
        int64_t at, now;
        const char *text;
    } row[] = {
        {10, 10, "now"},
        {700, 100, "in 10 minutes"},
        {100, 700, "10 minutes ago"},
        {0, INT64_MAX, "106751991167300 days 15 hours ago"},
        {INT64_MAX, INT64_MIN, "in 106751991167300 days 15 hours"},
    };
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        BUFFER_AUTO out;
        buffer_init(&out, 128);
        moment_put_relative(&out, row[i].at, row[i].now);
        assert_string_equal(buffer_text(&out), row[i].text);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_spans_that_are_none),
        cmocka_unit_test(test_spans),
        cmocka_unit_test(test_moments),
        cmocka_unit_test(test_relative),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
