/* SPDX-License-Identifier: Apache-2.0 */
/* Moments and spans in words. */
#include "../../../caveats/moment.h"
#include "unit.h"

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
        cmocka_unit_test(test_moments),
        cmocka_unit_test(test_relative),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
