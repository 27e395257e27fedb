/* SPDX-License-Identifier: Apache-2.0 */
#include "../../../caveats/duration.h"
#include "unit.h"

static void
refused(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum kh_err err;
    } cases[] = {
        {"", KH_ERR_SYNTAX},
        {"12", KH_ERR_SYNTAX},
        {"h", KH_ERR_SYNTAX},
        {"1H", KH_ERR_SYNTAX},
        {"1 h", KH_ERR_SYNTAX},
        {"-1h", KH_ERR_SYNTAX},
        {"1.5h", KH_ERR_SYNTAX},
        {"30m1h", KH_ERR_SYNTAX},
        {"1h1h", KH_ERR_SYNTAX},
        {"01h", KH_ERR_SYNTAX},
        {"1h ", KH_ERR_SYNTAX},
        {"1y", KH_ERR_SYNTAX},
        {"1ms", KH_ERR_SYNTAX},
        {"0s", KH_ERR_RANGE},
        {"0h0m", KH_ERR_RANGE},
        {"1000000001s", KH_ERR_RANGE},
        {"99999999999999999999s", KH_ERR_RANGE},
        {"\xff", KH_ERR_SYNTAX},
        {"for ever", KH_ERR_SYNTAX},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct fault fault = {0};
        int64_t seconds = -7;
        expect_err(cases[i].text, duration_parse(bytes_str(cases[i].text), &seconds, &fault),
                   cases[i].err);
        assert_int_equal(seconds, -7);
        assert_true(fault.detail[0] != '\0');
    }
}

static void
read_and_printed(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t seconds;
        const char *canonical;
    } cases[] = {
        {"1s", 1, "1s"},          {"90s", 90, "1m30s"},
        {"15m", 900, "15m"},      {"12h", 43200, "12h"},
        {"7d", 604800, "7d"},     {"2w", 1209600, "14d"},
        {"1h30m", 5400, "1h30m"}, {"1w2d3h4m5s", 788645, "9d3h4m5s"},
        {"0h5m", 300, "5m"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        int64_t seconds = 0;
        BUFFER_AUTO text;
        buffer_init(&text, 64);
        expect_err(cases[i].text, duration_parse(bytes_str(cases[i].text), &seconds, NULL), KH_OK);
        assert_int_equal(seconds, cases[i].seconds);
        duration_print(seconds, &text);
        expect_text(cases[i].text, buffer_bytes(&text), cases[i].canonical);
    }
}

static void
what_is_printed_is_read(void **state)
{
    (void)state;
    struct random r = random_seeded("durations", 1);
    for (int i = 0; i < 20000; i++) {
        int64_t seconds = 1 + (int64_t)random_below(&r, 1000000000), again = 0;
        BUFFER_AUTO text;
        buffer_init(&text, 64);
        duration_print(seconds, &text);
        expect_err(buffer_text(&text), duration_parse(buffer_bytes(&text), &again, NULL), KH_OK);
        assert_int_equal(seconds, again);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refused),
        cmocka_unit_test(read_and_printed),
        cmocka_unit_test(what_is_printed_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
