/* SPDX-License-Identifier: Apache-2.0 */
#include <time.h>

#include "../../../caveats/timestamp.h"
#include "unit.h"

static void
other_spellings_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "2026-06-01",
        "2026-06-01T12:00:00",
        "2026-06-01T12:00:00z",
        "2026-06-01t12:00:00Z",
        "2026-06-01 12:00:00Z",
        "2026-06-01T12:00:00+00:00",
        "2026-06-01T12:00:00.0Z",
        "2026-06-01T12:00Z",
        "2026-6-01T12:00:00Z",
        "2026-06-01T12:00:60Z",
        "2026-06-01T12:60:00Z",
        "2026-06-01T24:00:00Z",
        "2026-06-00T12:00:00Z",
        "2026-06-31T12:00:00Z",
        "2026-13-01T12:00:00Z",
        "2026-00-01T12:00:00Z",
        "2026-02-29T00:00:00Z",
        "2100-02-29T00:00:00Z",
        "1969-12-31T23:59:59Z",
        "0000-01-01T00:00:00Z",
        "10000-01-01T00:00:00Z",
        "2026-06-01T12:00:00Z ",
        " 2026-06-01T12:00:00Z",
        "2026-06-01T12:00:0 Z",
        "+026-06-01T12:00:00Z",
        "2026-06-01T-1:00:00Z",
        "1780315200",
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        int64_t out = 77;
        if (timestamp_parse(bytes_str(bad[i]), &out) || out != 77)
            FAIL_WITH("\"%s\" was accepted", bad[i]);
    }
}

static void
known_moments(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t time;
    } known[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"2000-02-29T12:34:56Z", 951827696},
        {"2026-12-01T00:00:00Z", 1796083200},
        {"2038-01-19T03:14:08Z", INT64_C(2147483648)},
        {"9999-12-31T23:59:59Z", TIMESTAMP_MAX},
    };
    for (size_t i = 0; i < COUNT_OF(known); i++) {
        int64_t out;
        char text[TIMESTAMP_SIZE];
        assert_true(timestamp_parse(bytes_str(known[i].text), &out));
        assert_int_equal(out, known[i].time);
        timestamp_print(out, text);
        assert_string_equal(text, known[i].text);
    }
    char text[TIMESTAMP_SIZE];
    timestamp_print(INT64_MIN, text);
    assert_string_equal(text, "1970-01-01T00:00:00Z");
    timestamp_print(INT64_MAX, text);
    assert_string_equal(text, "9999-12-31T23:59:59Z");
}

/* The C library's calendar is the second opinion. */
static void
agrees_with_the_library(void **state)
{
    (void)state;
    struct random r = random_seeded("timestamp", 5);
    for (int i = 0; i < 20000; i++) {
        time_t moment = (time_t)(random_next(&r) % (uint64_t)(TIMESTAMP_MAX + 1));
        struct tm tm;
        char expected[40], text[TIMESTAMP_SIZE];
        int64_t back;
        assert_non_null(gmtime_r(&moment, &tm));
        strftime(expected, sizeof expected, "%Y-%m-%dT%H:%M:%SZ", &tm);
        timestamp_print(moment, text);
        assert_string_equal(text, expected);
        assert_true(timestamp_parse(bytes_str(text), &back));
        assert_int_equal(back, moment);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(other_spellings_are_refused),
        cmocka_unit_test(known_moments),
        cmocka_unit_test(agrees_with_the_library),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
