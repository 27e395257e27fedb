/* SPDX-License-Identifier: Apache-2.0 */
/* Narrowing: what is refused, what is written, holes, prefixes, warnings. */
#include "library_test.h"

static void
test_bad_arguments(void **state)
{
    (void)state;
    struct keyhole_attenuation *a = NULL;
    struct keyhole_token *out = NULL, *token = library_token("method = GET");
    const char *one[] = {"method = GET"}, *null[] = {NULL};
    char *text = NULL;
    ASSERT_USAGE(keyhole_attenuation_new(NULL, NULL));
    ASSERT_USAGE(keyhole_token_narrow(NULL, one, 1, &out, NULL));
    ASSERT_USAGE(keyhole_token_narrow(token, NULL, 1, &out, NULL));
    ASSERT_USAGE(keyhole_token_narrow(token, null, 1, &out, NULL));
    ASSERT_USAGE(keyhole_token_narrow(token, one, 1, NULL, NULL));
    ASSERT_USAGE(keyhole_attenuation_add_caveat(NULL, "x", 1, NULL));
    ASSERT_USAGE(keyhole_attenuation_add_hosts(NULL, one, 1, NULL));
    ASSERT_USAGE(keyhole_attenuation_add_lifetime(NULL, 0, 1, NULL));
    ASSERT_USAGE(keyhole_attenuation_add_label(NULL, "x", NULL));
    ASSERT_USAGE(keyhole_attenuation_add_hole(NULL, "x", "x", NULL));
    ASSERT_USAGE(keyhole_attenuation_set_prefix(NULL, "", NULL));
    ASSERT_USAGE(keyhole_attenuation_warnings(NULL, token, 0, &text, NULL));
    ASSERT_USAGE(keyhole_token_attenuate(token, NULL, &out, NULL));
    ASSERT_USAGE(keyhole_caveat_check(NULL, 0, NULL, NULL));
    keyhole_attenuation_free(NULL);

    ASSERT_GOOD(keyhole_attenuation_new(&a, NULL));
    ASSERT_USAGE(keyhole_attenuation_add_caveat(a, NULL, 0, NULL));
    ASSERT_STATUS(keyhole_attenuation_add_caveat(a, "", 0, NULL), KEYHOLE_ERROR_SYNTAX);
    ASSERT_USAGE(keyhole_attenuation_add_hosts(a, NULL, 1, NULL));
    ASSERT_USAGE(keyhole_attenuation_add_hosts(a, one, 0, NULL));
    ASSERT_USAGE(keyhole_attenuation_add_methods(a, null, 1, NULL));
    ASSERT_STATUS(keyhole_attenuation_add_hosts(a, one, KEYHOLE_CAVEATS_MAX + 1, NULL),
                  KEYHOLE_ERROR_RANGE);
    ASSERT_STATUS(keyhole_attenuation_add_lifetime(a, 0, 0, NULL), KEYHOLE_ERROR_RANGE);
    ASSERT_STATUS(keyhole_attenuation_add_lifetime(a, 0, -1, NULL), KEYHOLE_ERROR_RANGE);
    ASSERT_STATUS(keyhole_attenuation_add_lifetime(a, INT64_MAX, INT64_MAX, NULL),
                  KEYHOLE_ERROR_RANGE);
    ASSERT_USAGE(keyhole_attenuation_add_label(a, "", NULL));
    ASSERT_USAGE(keyhole_attenuation_set_prefix(a, "has space", NULL));
    ASSERT_USAGE(keyhole_attenuation_set_prefix(a, "kh1_", NULL));
    // A call that fails adds nothing.
    ASSERT_GOOD(keyhole_token_attenuate(token, a, &out, NULL));
    assert_int_equal(keyhole_token_claims(out)->caveat_count, 1);
    keyhole_token_free(out);
    keyhole_attenuation_free(a);
    keyhole_token_free(token);
}

static void
assert_caveat(const struct keyhole_token *token, size_t index, const char *text)
{
    const struct keyhole_caveat *caveat = keyhole_token_caveat(token, index);
    assert_non_null(caveat);
    assert_string_equal(caveat->text, text);
}

static void
test_everything(void **state)
{
    (void)state;
    struct keyhole_attenuation *a = NULL;
    struct keyhole_token *out = NULL, *token = library_token("method in GET, HEAD");
    const char *hosts[] = {"API.example", "*.other.example"}, *methods[] = {"GET", "HEAD"};
    const char *paths[] = {"/v1/**"};
    ASSERT_GOOD(keyhole_attenuation_new(&a, NULL));
    ASSERT_GOOD(keyhole_attenuation_add_label(a, "ci", NULL));
    ASSERT_GOOD(keyhole_attenuation_add_caveat(a, "query[limit] <= 100", KEYHOLE_WHOLE, NULL));
    ASSERT_GOOD(keyhole_attenuation_add_hosts(a, hosts, 2, NULL));
    ASSERT_GOOD(keyhole_attenuation_add_methods(a, methods, 2, NULL));
    ASSERT_GOOD(keyhole_attenuation_add_paths(a, paths, 1, NULL));
    ASSERT_GOOD(keyhole_attenuation_add_lifetime(a, 1796083200 - 60, 60, NULL));
    ASSERT_GOOD(keyhole_attenuation_set_prefix(a, "sk-", NULL));
    ASSERT_GOOD(keyhole_token_attenuate(token, a, &out, NULL));
    assert_caveat(out, 1, "label = ci");
    assert_caveat(out, 2, "query[limit] <= 100");
    assert_caveat(out, 3, "host = api.example or host ~ *.other.example");
    assert_caveat(out, 4, "method in GET, HEAD");
    assert_caveat(out, 5, "path ~ /v1/**");
    assert_caveat(out, 6, "time < 2026-12-01T00:00:00Z");
    assert_string_equal(keyhole_token_claims(out)->prefix, "sk-");
    assert_int_equal(keyhole_token_claims(token)->caveat_count, 1); // as it was
    keyhole_token_free(out);
    // It can be used again.
    ASSERT_GOOD(keyhole_token_attenuate(token, a, &out, NULL));
    keyhole_token_free(out);
    keyhole_attenuation_free(a);
    keyhole_token_free(token);
}

static void
test_which_one_was_refused(void **state)
{
    (void)state;
    struct keyhole_attenuation *a = NULL;
    struct keyhole_error error;
    const char *methods[] = {"GET", "get"}, *paths[] = {"/a", "/b", "c"},
               *hosts[] = {"a.example", ""};
    ASSERT_GOOD(keyhole_attenuation_new(&a, NULL));
    assert_int_equal(keyhole_attenuation_add_methods(a, methods, 2, &error), KEYHOLE_ERROR_USAGE);
    assert_int_equal(error.caveat, 1);
    assert_non_null(strstr(error.message, "capitals"));
    assert_int_equal(keyhole_attenuation_add_paths(a, paths, 3, &error), KEYHOLE_ERROR_USAGE);
    assert_int_equal(error.caveat, 2);
    assert_int_equal(keyhole_attenuation_add_hosts(a, hosts, 2, &error), KEYHOLE_ERROR_USAGE);
    assert_int_equal(error.caveat, 1);
    keyhole_attenuation_free(a);
}

#define DISCHARGER "https://discharge.example#kd1_eaYx7t4b-cmPEgMs3q3Q56B5OY_HhriMyEbsia-FpRo"

static void
test_hole(void **state)
{
    (void)state;
    struct keyhole_attenuation *a = NULL;
    struct keyhole_error error;
    struct keyhole_token *out = NULL, *token = library_token("method = GET");
    ASSERT_GOOD(keyhole_attenuation_new(&a, NULL));
    assert_int_equal(keyhole_attenuation_add_hole(a, "factor = nothing for 8h", DISCHARGER, &error),
                     KEYHOLE_ERROR_TYPE);
    assert_true(error.byte >= 0);
    assert_int_not_equal(
        keyhole_attenuation_add_hole(a, TEST_CONDITION, "https://discharge.example", &error),
        KEYHOLE_OK);
    ASSERT_GOOD(keyhole_attenuation_add_hole(a, TEST_CONDITION, DISCHARGER, NULL));
    ASSERT_GOOD(keyhole_attenuation_add_caveat(a, "path = /x", KEYHOLE_WHOLE, NULL));
    ASSERT_GOOD(keyhole_token_attenuate(token, a, &out, NULL));
    assert_int_equal(keyhole_token_claims(out)->open_hole_count, 1);
    assert_caveat(out, 1, "path = /x"); // holes come last
    assert_string_equal(keyhole_token_open_hole(out, 0)->demand, TEST_CONDITION);
    keyhole_token_free(out);
    keyhole_attenuation_free(a);
    keyhole_token_free(token);
}

static void
test_limits(void **state)
{
    (void)state;
    const char *caveats[KEYHOLE_CAVEATS_MAX + 1];
    struct keyhole_token *out = NULL, *token = library_token("method = GET");
    for (size_t i = 0; i <= KEYHOLE_CAVEATS_MAX; i++)
        caveats[i] = "path = /x";
    ASSERT_STATUS(keyhole_token_narrow(token, caveats, KEYHOLE_CAVEATS_MAX, &out, NULL),
                  KEYHOLE_ERROR_RANGE);
    ASSERT_STATUS(keyhole_token_narrow(token, caveats, KEYHOLE_CAVEATS_MAX + 1, &out, NULL),
                  KEYHOLE_ERROR_RANGE);
    ASSERT_GOOD(keyhole_token_narrow(token, caveats, KEYHOLE_CAVEATS_MAX - 1, &out, NULL));
    keyhole_token_free(out);
    // What a caveat may not be in a token.
    const char *parent = "parent = e35fcc763667340ce1e39e336a8f7d86", *demand = "hole = \"x\"";
    ASSERT_USAGE(keyhole_token_narrow(token, &parent, 1, &out, NULL));
    ASSERT_USAGE(keyhole_token_narrow(token, &demand, 1, &out, NULL));
    keyhole_token_free(token);
}

static void
test_check_and_warnings(void **state)
{
    (void)state;
    struct keyhole_attenuation *a = NULL;
    struct keyhole_token *token = library_token("method in GET, HEAD");
    char *text = NULL;
    ASSERT_GOOD(keyhole_caveat_check("path = \"/v1\"", KEYHOLE_WHOLE, &text, NULL));
    assert_string_equal(text, "path = /v1");
    keyhole_free(text);
    ASSERT_STATUS(keyhole_caveat_check("colour = red", KEYHOLE_WHOLE, NULL, NULL),
                  KEYHOLE_ERROR_UNKNOWN);
    ASSERT_GOOD(keyhole_attenuation_new(&a, NULL));
    ASSERT_GOOD(keyhole_attenuation_warnings(a, token, KEYHOLE_NOW, &text, NULL));
    assert_string_equal(text, "");
    keyhole_free(text);
    ASSERT_GOOD(keyhole_attenuation_add_caveat(a, "method = POST", KEYHOLE_WHOLE, NULL));
    ASSERT_GOOD(keyhole_attenuation_warnings(a, token, KEYHOLE_NOW, &text, NULL));
    assert_non_null(strstr(text, "method = POST"));
    keyhole_free(text);
    keyhole_attenuation_free(a);
    keyhole_token_free(token);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bad_arguments),
        cmocka_unit_test(test_everything),
        cmocka_unit_test(test_which_one_was_refused),
        cmocka_unit_test(test_hole),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_check_and_warnings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
