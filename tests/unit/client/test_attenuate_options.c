/* SPDX-License-Identifier: Apache-2.0 */
/* Options that narrow a token, for whichever command has them. */
#include "../../../client/attenuate_options.h"
#include "client_test.h"

static const struct option_spec table[] = {
    ATTENUATE_OPTIONS_CONDITIONS,
    {ATTENUATE_OPTION_FOR, "for", "TIME", false, ""},
    {0},
};

static enum kh_err
collect(struct attenuation *a, int64_t *seconds, const char *const *argument, struct fault *fault)
{
    struct options options;
    char *argv[16];
    int argc = 0;
    for (; *argument != NULL; argument++)
        argv[argc++] = strdup(*argument);
    *fault = (struct fault){.err = KH_OK};
    attenuation_init(a);
    enum kh_err err = options_parse(table, argc, argv, &options, fault);
    if (err == KH_OK) {
        err = attenuate_options_conditions(a, &options, fault);
        if (err == KH_OK)
            err = attenuate_options_lifetime(&options, seconds, fault);
        options_free(&options);
    }
    for (int i = 0; i < argc; i++)
        free(argv[i]);
    return err;
}
#define COLLECT(...) collect(&a, &seconds, (const char *const[]){__VA_ARGS__, NULL}, &fault)

static void
test_what_is_refused(void **state)
{
    (void)state;
    struct attenuation a;
    struct fault fault;
    int64_t seconds = 77;
    assert_int_equal(COLLECT("--method", "get"), KH_ERR_USAGE);
    attenuation_free(&a);
    assert_int_equal(COLLECT("--path", "v1"), KH_ERR_USAGE);
    attenuation_free(&a);
    assert_int_equal(COLLECT("--for", "soon"), KH_ERR_USAGE);
    assert_contains(fault.detail, "--for: ");
    attenuation_free(&a);
    assert_int_equal(COLLECT("--caveat", "method is GET"), KH_ERR_SYNTAX);
    assert_true(a.refused.n > 0);
    attenuation_free(&a);
    assert_int_equal(seconds, 77);
}

static void
test_conditions(void **state)
{
    (void)state;
    struct attenuation a;
    struct fault fault;
    int64_t seconds = 77;
    assert_ok(COLLECT("--caveat", "query[n] <= 3", "--host", "A.example,b.example", "--method",
                      "GET", "--path", "/a,b/*"));
    assert_int_equal(a.count, 4);
    assert_true(bytes_is(a.text[0], "query[n] <= 3"));
    assert_true(bytes_is(a.text[1], "host in a.example, b.example"));
    assert_true(bytes_is(a.text[2], "method = GET"));
    assert_true(bytes_is(a.text[3], "path ~ \"/a,b/*\""));
    assert_int_equal(seconds, 77);
    attenuation_free(&a);
    assert_ok(COLLECT("--for", "1h30m"));
    assert_int_equal(a.count, 0);
    assert_int_equal(seconds, 5400);
    attenuation_free(&a);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_refused),
        cmocka_unit_test(test_conditions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
