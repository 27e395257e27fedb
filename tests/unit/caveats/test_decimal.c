/* SPDX-License-Identifier: Apache-2.0 */
#include "../../../caveats/decimal.h"
#include "unit.h"

static void
what_is_no_number(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",      " ",   "-",    "+",     ".",   "-.",  "e1",  "1e",    "1e+",  "--1",      "+-1",
        "1.2.3", "1 2", "0x10", "1_000", "1,5", "NaN", "inf", "1e1.5", "1ee1", "\xd9\xa1", "1\n"};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct decimal d;
        expect_err(bad[i], decimal_read(bytes_str(bad[i]), &d), KH_ERR_TYPE);
    }
    struct decimal d;
    expect_err("exponent", decimal_read(BYTES("1e999"), &d), KH_OK);
    expect_err("exponent", decimal_read(BYTES("1e1000"), &d), KH_ERR_RANGE);
    expect_err("exponent", decimal_read(BYTES("1e-1000"), &d), KH_ERR_RANGE);
    expect_err("exponent", decimal_read(BYTES("1e99999999999999999999"), &d), KH_ERR_RANGE);
    expect_err("exponent", decimal_read(BYTES("1e000000000000000000001"), &d), KH_OK);
}

static void
forms(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum decimal_form form;
    } cases[] = {
        {"0", DECIMAL_PLAIN},  {"-12", DECIMAL_PLAIN},    {"0.50", DECIMAL_PLAIN},
        {"-0", DECIMAL_PLAIN}, {"1e3", DECIMAL_EXPONENT}, {"0.1E-7", DECIMAL_EXPONENT},
        {"+1", DECIMAL_LOOSE}, {"01", DECIMAL_LOOSE},     {".5", DECIMAL_LOOSE},
        {"5.", DECIMAL_LOOSE}, {" 5", DECIMAL_LOOSE},     {"5\t", DECIMAL_LOOSE},
        {"00", DECIMAL_LOOSE}, {"01e1", DECIMAL_LOOSE},   {"00.5", DECIMAL_LOOSE},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct decimal d;
        expect_err(cases[i].text, decimal_read(bytes_str(cases[i].text), &d), KH_OK);
        if (d.form != cases[i].form)
            FAIL_WITH("\"%s\": form %d, expected %d", cases[i].text, d.form, cases[i].form);
    }
}

/* In ascending order; numbers in one row are equal. */
static const char *const ascending[][4] = {
    {"-1e999"},
    {"-100000000000000000000000000000000000000.5"},
    {"-10", "-1e1", "-10.000", "-0.1e2"},
    {"-9.999999999999999999999999999999999999"},
    {"-9"},
    {"-0.5", "-.5", "-5e-1"},
    {"-1e-999"},
    {"0", "-0", "0.000", "0e999"},
    {"1e-999"},
    {"0.009"},
    {"0.01", "1e-2", "00.0100"},
    {"0.010000000000000000000000000000000000000001"},
    {"1", "1.0", "10e-1", "+01"},
    {"1.05"},
    {"1.5"},
    {"2", "2.", "0.002e3"},
    {"9.99"},
    {"10", "1e1", "10.0"},
    {"10.01"},
    {"99"},
    {"100", "1e2"},
    {"9007199254740992"},
    {"9007199254740993"}, /* not a double */
    {"123456789012345678901234567890"},
    {"123456789012345678901234567891"},
    {"1e999"},
};

static void
order_is_exact(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(ascending); i++) {
        for (size_t k = 0; k < COUNT_OF(ascending); k++) {
            for (size_t a = 0; a < 4 && ascending[i][a]; a++) {
                for (size_t b = 0; b < 4 && ascending[k][b]; b++) {
                    struct decimal x, y;
                    assert_int_equal(decimal_read(bytes_str(ascending[i][a]), &x), KH_OK);
                    assert_int_equal(decimal_read(bytes_str(ascending[k][b]), &y), KH_OK);
                    int expected = (i > k) - (i < k);
                    if (decimal_compare(&x, &y) != expected)
                        FAIL_WITH("%s and %s: expected %d, got %d", ascending[i][a],
                                  ascending[k][b], expected, decimal_compare(&x, &y));
                }
            }
        }
    }
}

static void
agrees_with_integers(void **state)
{
    (void)state;
    struct random r = random_seeded("decimal", 4);
    for (int i = 0; i < 20000; i++) {
        /* a thousandth each, so that long long does the same sum */
        long long a = (long long)random_below(&r, 4000) - 2000, b = a;
        if (i % 3)
            b = (long long)random_below(&r, 4000) - 2000;
        char at[40], bt[40];
        snprintf(at, sizeof at, "%s%lld.%03lld", a < 0 ? "-" : "", llabs(a) / 1000,
                 llabs(a) % 1000);
        snprintf(bt, sizeof bt, "%llde-3", b);
        struct decimal x, y;
        assert_int_equal(decimal_read(bytes_str(at), &x), KH_OK);
        assert_int_equal(decimal_read(bytes_str(bt), &y), KH_OK);
        if (decimal_compare(&x, &y) != (a > b) - (a < b))
            FAIL_WITH("%s and %s", at, bt);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_no_number),
        cmocka_unit_test(forms),
        cmocka_unit_test(order_is_exact),
        cmocka_unit_test(agrees_with_integers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
