/* SPDX-License-Identifier: Apache-2.0 */
/* Options of a command line. */
#include "../../../client/options.h"
#include "client_test.h"

enum { HOST = 1, JSON, FOR };

static const struct option_spec spec[] = {
    {HOST, "host", "HOST", true, "a host"},
    {JSON, "json", NULL, false, "as JSON"},
    {FOR, "for", "TIME", false, "for so long"},
    {0},
};

static enum kh_err
parse(const char *const *argument, struct options *out, struct fault *fault)
{
    static char copy[16][128];
    char *argv[16];
    int argc = 0;
    for (; argument[argc] != NULL; argc++) {
        snprintf(copy[argc], sizeof copy[argc], "%s", argument[argc]);
        argv[argc] = copy[argc];
    }
    *fault = (struct fault){.err = KH_OK};
    return options_parse(spec, argc, argv, out, fault);
}
#define PARSE(out, fault, ...) parse((const char *const[]){__VA_ARGS__, NULL}, out, fault)

static void
refused(const char *expected, const char *const *argument)
{
    struct options options = {.given_count = 99};
    struct fault fault;
    assert_int_equal(parse(argument, &options, &fault), KH_ERR_USAGE);
    assert_contains(fault.detail, expected);
    assert_int_equal(options.given_count, 99); // untouched
}
#define REFUSED(expected, ...) refused(expected, (const char *const[]){__VA_ARGS__, NULL})

static void
test_refusals(void **state)
{
    (void)state;
    REFUSED("no option --hots; did you mean --host?", "--hots", "x");
    REFUSED("no option --zebra", "--zebra");
    REFUSED("no option --hos", "--hos", "x"); // no abbreviations
    REFUSED("no option --\\x1b", "--\x1b");
    REFUSED("needs a value: HOST", "--host");
    REFUSED("takes no value", "--json=yes");
    REFUSED("--for is given twice", "--for", "1m", "--for=2m");
    REFUSED("--json is given twice", "--json", "--json");
    REFUSED("long names", "-j");
    REFUSED("long names", "-hv");
}

static void
test_reads(void **state)
{
    (void)state;
    struct options options;
    struct fault fault;
    assert_ok(PARSE(&options, &fault, "--host", "a", "tok", "--host=b=c", "--json", "-", "--",
                    "--for", "-x"));
    assert_int_equal(options.given_count, 3);
    assert_string_equal(options.given[0].value, "a");
    assert_string_equal(options.given[1].value, "b=c");
    assert_true(options_has(&options, JSON));
    assert_null(options_value(&options, JSON));
    assert_false(options_has(&options, FOR));
    assert_null(options_value(&options, FOR));
    assert_int_equal(options.positional_count, 4);
    assert_string_equal(options.positional[0], "tok");
    assert_string_equal(options.positional[1], "-");
    assert_string_equal(options.positional[2], "--for");
    assert_string_equal(options.positional[3], "-x");
    assert_false(options.help);
    options_free(&options);
}

static void
test_values_may_look_like_options(void **state)
{
    (void)state;
    struct options options;
    struct fault fault;
    assert_ok(PARSE(&options, &fault, "--host", "--json", "--for="));
    assert_string_equal(options_value(&options, HOST), "--json");
    assert_false(options_has(&options, JSON));
    assert_string_equal(options_value(&options, FOR), "");
    options_free(&options);
    assert_ok(PARSE(&options, &fault, "-h"));
    assert_true(options.help);
    options_free(&options);
    assert_ok(PARSE(&options, &fault, "--help", "--json"));
    assert_true(options.help);
    options_free(&options);
}

// `keyhole run -- prog --json`, and the same without --.
static void
test_a_program_has_options_of_its_own(void **state)
{
    (void)state;
    static const char *const line[][6] = {
        {"--json", "prog", "--host", "--unknown", "-x", "--"},
        {"--json", "--", "prog", "--host", "--unknown", "--"},
    };
    for (size_t i = 0; i < 2; i++) {
        struct options options;
        struct fault fault = {.err = KH_OK};
        char *argv[6];
        for (size_t j = 0; j < 6; j++)
            argv[j] = strdup(line[i][j]);
        assert_ok(options_parse_program(spec, 6, argv, &options, &fault));
        assert_int_equal(options.given_count, 1);
        assert_string_equal(options.positional[0], "prog");
        assert_string_equal(options.positional[1], "--host");
        assert_string_equal(options.positional[options.positional_count - 1], "--");
        options_free(&options);
        for (size_t j = 0; j < 6; j++)
            free(argv[j]);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_reads),
        cmocka_unit_test(test_values_may_look_like_options),
        cmocka_unit_test(test_a_program_has_options_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
