/* SPDX-License-Identifier: Apache-2.0 */
/* The table of field names: what each rule rests on. */

#include "unit.h"

#include "../../../caveats/field_name.h"

static unsigned
traits(const char *name)
{
    return field_traits(bytes_str(name), NULL);
}

static void
test_ordinary_names_have_no_traits(void **state)
{
    static const char *const names[] = {
        "", "accept", "x-request-id", "hosts", "hos", "proxyfoo", "x-forwardedfor", "keyhole",
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(names); i++)
        assert_int_equal(traits(names[i]), 0);
}

static void
test_case_does_not_matter(void **state)
{
    (void)state;
    assert_int_equal(traits("CoNtEnT-lEnGtH"), traits("content-length"));
    assert_true(traits("PROXY-CONNECTION") & FIELD_HOP);
}

static void
test_prefixes(void **state)
{
    (void)state;
    assert_true(traits("proxy-anything") & FIELD_HOP);
    assert_true(traits("proxy-") & FIELD_HOP);
    assert_true(traits("keyhole-token") & FIELD_ROUTE);
    assert_true(traits("x-forwarded-for") & FIELD_ROUTE);
    assert_true(traits("proxy-authorization") & FIELD_CREDENTIAL);
    assert_false(traits("proxy-authenticate") & FIELD_CREDENTIAL);
}

/* 5-proxy.md: the duplicates that are refused. */
static void
test_singles(void **state)
{
    static const char *const names[] = {
        "host",    "content-length", "transfer-encoding", "authorization",       "content-type",
        "upgrade", "expect",         "content-encoding",  "proxy-authorization",
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(names); i++)
        assert_true(traits(names[i]) & FIELD_SINGLE_REQUEST);
    assert_true(traits("content-length") & FIELD_SINGLE_RESPONSE);
    assert_true(traits("transfer-encoding") & FIELD_SINGLE_RESPONSE);
    assert_false(traits("cookie") & FIELD_SINGLE_REQUEST);
    assert_false(traits("set-cookie") & FIELD_SINGLE_RESPONSE);
}

static void
test_no_option_and_no_trailer(void **state)
{
    static const char *const names[] = {
        "host",          "content-length", "transfer-encoding",
        "authorization", "cookie",         "proxy-authorization",
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        assert_true(traits(names[i]) & FIELD_NO_OPTION);
        assert_true(traits(names[i]) & FIELD_NO_TRAILER);
    }
}

static void
test_rows_are_distinct(void **state)
{
    int a, b, c;

    (void)state;
    field_traits(BYTES("host"), &a);
    field_traits(BYTES("content-length"), &b);
    field_traits(BYTES("x-nothing"), &c);
    assert_true(a >= 0 && b >= 0 && a != b);
    assert_int_equal(c, -1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ordinary_names_have_no_traits),
        cmocka_unit_test(test_case_does_not_matter),
        cmocka_unit_test(test_prefixes),
        cmocka_unit_test(test_singles),
        cmocka_unit_test(test_no_option_and_no_trailer),
        cmocka_unit_test(test_rows_are_distinct),
    };
    return cmocka_run_group_tests_name("caveats/field_name", tests, NULL, NULL);
}
