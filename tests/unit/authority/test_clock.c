/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include "../../../broker/authority/clock.h"

static void
refuses_what_is_no_time(void **state)
{
    static const char *const wrong[] = {"",
                                        "2026",
                                        "2026-12-01",
                                        "2026-12-01T00:00:00",
                                        "2026-12-01 00:00:00Z",
                                        "2026-13-01T00:00:00Z",
                                        "2026-02-30T00:00:00Z",
                                        "2026-12-01T24:00:00Z",
                                        "2026-12-01T00:00:60Z",
                                        "2026-12-01T00:00:00Zx",
                                        "2026-12-01T00:00:00.Z",
                                        "2026-12-01T00:00:00.5",
                                        "2026-12-01T00:00:00+0200",
                                        "2026-12-01T00:00:00+24:00",
                                        "2026-12-01T00:00:00+02:60",
                                        "2026-12-01T00:00:00+2:000",
                                        "x026-12-01T00:00:00Z"};

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        int64_t time = 7;
        if (clock_parse(bytes_str(wrong[i]), &time))
            fail_msg("\"%s\" was read as %lld", wrong[i], (long long)time);
        assert_int_equal(time, 7);
    }
}

static void
reads_rfc_3339(void **state)
{
    static const struct {
        const char *text;
        int64_t time;
    } right[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"2026-12-01T00:00:00Z", 1796083200},
        {"2026-12-01T00:00:00.123456Z", 1796083200},
        {"2026-12-01T02:00:00+02:00", 1796083200},
        {"2026-11-30T18:30:00.5-05:30", 1796083200},
    };

    (void)state;
    for (size_t i = 0; i < sizeof right / sizeof right[0]; i++) {
        int64_t time = 7;
        if (!clock_parse(bytes_str(right[i].text), &time) || time != right[i].time)
            fail_msg("\"%s\" was read as %lld", right[i].text, (long long)time);
    }
}

static void
prints(void **state)
{
    char text[CLOCK_TEXT_SIZE];

    (void)state;
    clock_print_s(1796083200, text);
    assert_string_equal(text, "2026-12-01T00:00:00Z");
    clock_print_ms(1796083200007, text);
    assert_string_equal(text, "2026-12-01T00:00:00.007Z");
    clock_print_ms(INT64_MAX, text);
    assert_int_equal(strlen(text), 24);
}

static void
stands_still_in_tests(void **state)
{
    struct wall_clock manual = clock_manual(5), real = clock_system();

    (void)state;
    assert_int_equal(clock_now_s(&manual), 5);
    manual.manual_ms += 1999;
    assert_int_equal(clock_now_ms(&manual), 6999);
    assert_int_equal(clock_now_s(&manual), 6);
    assert_int_equal(clock_steady_ms(&manual), 0); // setting a clock lets no time pass
    clock_pass(&manual, 500);
    assert_int_equal(clock_now_ms(&manual), 7499);
    assert_int_equal(clock_steady_ms(&manual), 500);
    int64_t steady = clock_steady_ms(&real);
    assert_true(steady > 0 && clock_steady_ms(&real) >= steady);
    assert_true(clock_now_s(&real) > INT64_C(1700000000));
}

static void
stands_still_while_it_is_held(void **state)
{
    struct wall_clock clock = clock_manual(100);

    (void)state;
    clock_pass(&clock, 500);
    clock_hold(&clock);
    clock_pass(&clock, 2000);
    clock_hold(&clock); // goes on with what it holds
    assert_int_equal(clock_now_ms(&clock), 100500);
    assert_int_equal(clock_now_s(&clock), 100);
    assert_int_equal(clock_steady_ms(&clock), 500);
    clock_release(&clock);
    assert_int_equal(clock_now_ms(&clock), 102500);
    assert_int_equal(clock_steady_ms(&clock), 2500);
    clock_release(&clock); // of none
    clock_hold(&clock);
    assert_int_equal(clock_now_s(&clock), 102);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_what_is_no_time),
        cmocka_unit_test(reads_rfc_3339),
        cmocka_unit_test(prints),
        cmocka_unit_test(stands_still_in_tests),
        cmocka_unit_test(stands_still_while_it_is_held),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
