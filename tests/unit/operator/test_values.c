/* SPDX-License-Identifier: Apache-2.0 */
/* Durations, moments and numbers on the command line. */
#include "support.h"

#include "../../../broker/operator/values.h"

#include <stdlib.h>
#include <time.h>

static void
bad_durations(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        " ",
        "h",
        "12",
        "12 h",
        " 12h",
        "12h ",
        "-1h",
        "+1h",
        "1.5h",
        "1x",
        "1H",
        "0s",
        "0h0m",
        "1h1h",
        "1m1h",
        "1hh",
        "h1",
        "1h2",
        "0x1h",
        "1000000001s",
        "99999999999999999999s",
        "9223372036854775807w",
        "18446744073709551617s",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        int64_t seconds = -1;
        struct fault fault = {0};
        if (value_duration_s(bad[i], &seconds, &fault) == KH_OK)
            fail_msg("\"%s\" was taken for %lld s", bad[i], (long long)seconds);
        assert_int_equal(seconds, -1);
        assert_true(fault.detail[0] != '\0');
    }
}

static void
good_durations(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t seconds;
    } rows[] = {
        {"1s", 1},
        {"90s", 90},
        {"15m", 900},
        {"12h", 43200},
        {"7d", 604800},
        {"2w", 1209600},
        {"1h30m", 5400},
        {"1d12h", 129600},
        {"010m", 600},
        {"0h1s", 1},
        {"1000000000s", 1000000000},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int64_t seconds = 0;
        struct fault fault = {0};
        if (value_duration_s(rows[i].text, &seconds, &fault) != KH_OK || seconds != rows[i].seconds)
            fail_msg("\"%s\": %lld s %s", rows[i].text, (long long)seconds, fault.detail);
    }
}

static void
moments(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "now",
                                      "2026-12-01",
                                      "2026-12-01T00:00:00",
                                      "2026-02-30T00:00:00Z",
                                      "2026-12-01T24:00:00Z",
                                      "1700000000"};
    int64_t moment = -1;
    struct fault fault = {0};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (value_time(bad[i], &moment, &fault) == KH_OK)
            fail_msg("\"%s\" was accepted", bad[i]);
    }
    assert_int_equal(moment, -1);
    assert_says(fault, "2026-12-01T00:00:00Z");
    assert_int_equal(value_time("2001-09-09T01:46:40Z", &moment, &fault), KH_OK);
    assert_int_equal(moment, 1000000000);
    assert_int_equal(value_time_or_ago("2001-09-09T01:46:40Z", 5, &moment, &fault), KH_OK);
    assert_int_equal(moment, 1000000000);
    assert_int_equal(value_time_or_ago("2h", 1000000000, &moment, &fault), KH_OK);
    assert_int_equal(moment, 1000000000 - 7200);
}

static void
moments_of_the_clock_here(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "now",
                                      "1700000000",
                                      "2026-02-30",
                                      "2026-12-01T",
                                      "2026-12-01T24:00",
                                      "2026-12-01T08",
                                      "2026-12-01T08:30:00z",
                                      "2026-12-01T08:30:00+1",
                                      "2026-12-01T08:30:00+15:00",
                                      "2026-12-01T08:30:00+01:60",
                                      "2026-12-01T08:30:00+-1:00",
                                      "2026-12-01Z",
                                      "2026-12-01T08:30 and more"};
    static const struct {
        const char *text;
        int64_t moment;
    } good[] = {
        {"2001-09-09T03:46:40+02:00", 1000000000},
        {"2001-09-08T18:46:40-07:00", 1000000000},
        {"2001-09-09T01:46Z", 999999960},
        {"2001-09-09 01:46:40Z", 1000000000},
        {"2001-09-09T03:46:40", 1000000000},
        {"2001-09-09 03:46", 999999960},
        {"2001-09-09", 999986400},
        {"2h", 1000000000 - 7200},
    };
    int64_t moment = -1;
    struct fault fault = {0};
    setenv("TZ", "XXX-2", 1); // two hours ahead of UTC
    tzset();
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (value_time_or_ago(bad[i], 1000, &moment, &fault) == KH_OK)
            fail_msg("\"%s\" was accepted", bad[i]);
    assert_int_equal(moment, -1);
    assert_says(fault, "2026-12-01T00:00:00Z");
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        if (value_time_or_ago(good[i].text, 1000000000, &moment, &fault) != KH_OK)
            fail_msg("%s", fault.detail);
        if (moment != good[i].moment)
            fail_msg("\"%s\" is %lld, and not %lld", good[i].text, (long long)moment,
                     (long long)good[i].moment);
    }
}

static void
numbers(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "", "0", "11", "-1", "+5", " 5", "5 ", "05", "5x", "0x5", "99999999999999999999"};
    uint64_t number = 77;
    struct fault fault = {0};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (value_number(bad[i], 1, 10, &number, &fault) == KH_OK)
            fail_msg("\"%s\" was accepted", bad[i]);
    assert_int_equal(number, 77);
    assert_says(fault, "from 1 to 10");
    assert_int_equal(value_number("10", 1, 10, &number, &fault), KH_OK);
    assert_int_equal(number, 10);
}

static void
spans(void **state)
{
    (void)state;
    static const struct {
        int64_t seconds;
        const char *text;
    } rows[] = {{-5, "0 s"},         {59, "59 s"},          {60, "1 min"},
                {3660, "1 h 1 min"}, {86400, "24 h 0 min"}, {3 * 86400, "3 days"}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[48];
        value_print_span(rows[i].seconds, text, sizeof(text));
        assert_string_equal(text, rows[i].text);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_durations), cmocka_unit_test(good_durations),
        cmocka_unit_test(moments),       cmocka_unit_test(moments_of_the_clock_here),
        cmocka_unit_test(numbers),       cmocka_unit_test(spans),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
