/* SPDX-License-Identifier: Apache-2.0 */
/* The list of dischargers that one was told to trust. */
#include "../../../client/dischargers.h"
#include "../scratch.h"
#include "client_test.h"

#define KEY   "kd1_AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE"
#define OTHER "kd1_AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI"

static enum kh_err
add(struct dischargers *list, const char *text, struct fault *fault)
{
    return dischargers_add(list, bytes_str(text), DISCHARGERS_FILE, fault);
}

static void
test_what_is_none(void **state)
{
    (void)state;
    static const char *const row[] = {
        "",
        "https://d.example",
        "https://d.example#",
        "https://d.example#kd1_",
        "https://d.example#kd1_short",
        "http://d.example#" KEY,
        "https://d.example/path#" KEY,
        "na/me https://d.example#" KEY,
        "-name https://d.example#" KEY,
        "a b https://d.example#" KEY,
        "https://d.example#" KEY " name",
    };
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        struct dischargers list = {.count = 0};
        struct fault fault = {.err = KH_OK};
        if (add(&list, row[i], &fault) == KH_OK || list.count != 0 || fault.detail[0] == '\0')
            fail_msg("taken: %s", row[i]);
    }
}

static void
test_names(void **state)
{
    (void)state;
    char name[DISCHARGER_NAME_MAX + 2];
    memset(name, 'a', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    assert_false(dischargers_name_is_good(bytes_str(name)));
    assert_true(dischargers_name_is_good(bytes_str(name + 1)));
    assert_false(dischargers_name_is_good(BYTES_EMPTY));
    assert_false(dischargers_name_is_good(BYTES("a\xc3\xa4")));
    assert_false(dischargers_name_is_good(BYTES("a\0b")));
    assert_true(dischargers_name_is_good(BYTES("1.a_b-c")));
}

static void
test_lookup(void **state)
{
    (void)state;
    struct dischargers list = {.count = 0};
    struct fault fault = {.err = KH_OK};
    assert_ok(add(&list, "home https://D.example:443/#" KEY, &fault));
    assert_ok(add(&list, "http://localhost:8438#" KEY, &fault));
    assert_ok(add(&list, "again https://d.example#" OTHER, &fault)); // the first one counts
    assert_int_equal(list.count, 2);
    const struct discharger *found = dischargers_by_url(&list, BYTES("https://d.example"));
    assert_non_null(found);
    assert_int_equal(found->public_key[0], 1);
    assert_ptr_equal(dischargers_by_name(&list, BYTES("home")), found);
    assert_null(dischargers_by_name(&list, BYTES("again")));
    assert_null(dischargers_by_name(&list, BYTES_EMPTY)); // not the one without a name
    // The location of a hole is compared as it stands.
    static const char *const near[] = {"https://d.example/",
                                       "https://d.example:443",
                                       "HTTPS://d.example",
                                       "https://d.example.",
                                       "http://d.example",
                                       "https://d.exampl",
                                       "",
                                       "https://d.example/x"};
    for (size_t i = 0; i < sizeof near / sizeof near[0]; i++)
        assert_null(dischargers_by_url(&list, bytes_str(near[i])));
}

static void
test_list_is_bounded(void **state)
{
    (void)state;
    struct dischargers list = {.count = 0};
    struct fault fault = {.err = KH_OK};
    char text[128];
    for (int i = 0; i < DISCHARGERS_MAX; i++) {
        snprintf(text, sizeof text, "https://d%d.example#" KEY, i);
        assert_ok(add(&list, text, &fault));
    }
    assert_int_equal(add(&list, "https://more.example#" KEY, &fault), KH_ERR_TOO_LONG);
    assert_ok(add(&list, "https://d3.example#" KEY, &fault));
}

static void
test_file_there_and_back(void **state)
{
    (void)state;
    struct dischargers list = {.count = 0}, again = {.count = 0};
    struct fault fault = {.err = KH_OK};
    assert_ok(dischargers_file_read(&list, test_path("none"), &fault));
    assert_int_equal(list.count, 0);
    write_file("in", "# a remark\n\n  home   https://d.example#" KEY "\nhttp://localhost:1#" OTHER,
               0600);
    assert_ok(dischargers_file_read(&list, test_path("in"), &fault));
    assert_int_equal(list.count, 2);
    assert_ok(
        dischargers_add(&list, BYTES("https://option.example#" KEY), DISCHARGERS_OPTION, &fault));
    assert_ok(dischargers_file_write(&list, test_path("out"), &fault));
    assert_ok(dischargers_file_read(&again, test_path("out"), &fault));
    assert_int_equal(again.count, 2); // what did not come from the file does not go there
    assert_string_equal(again.entry[0].name, "home");
    assert_string_equal(again.entry[1].url, "http://localhost:1");
    assert_int_equal(again.entry[1].public_key[0], 2);
}

static void
test_file_that_is_wrong_names_the_line(void **state)
{
    (void)state;
    struct dischargers list = {.count = 0};
    struct fault fault = {.err = KH_OK};
    write_file("in", "home https://d.example#" KEY "\nhome2 https://e.example\n", 0600);
    assert_int_not_equal(dischargers_file_read(&list, test_path("in"), &fault), KH_OK);
    assert_contains(fault.detail, "/in:2: ");
    char *large = calloc(1, DISCHARGERS_FILE_MAX + 2);
    memset(large, '\n', DISCHARGERS_FILE_MAX + 1);
    write_file("large", large, 0600);
    free(large);
    assert_int_equal(dischargers_file_read(&list, test_path("large"), &fault), KH_ERR_TOO_LONG);
}

static void
test_order(void **state)
{
    (void)state;
    static const struct option_spec spec[] = {{7, "discharger", "URL", true, ""}, {0}};
    char option[] = "--discharger=https://d.example#" KEY, *const argv[] = {option};
    struct dischargers list = {.count = 0};
    struct options options;
    struct fault fault = {.err = KH_OK};
    assert_ok(options_parse(spec, 1, argv, &options, &fault));
    setenv("XDG_CONFIG_HOME", test_directory, 1);
    setenv("KEYHOLE_DISCHARGER", "https://d.example#" OTHER "  https://e.example#" KEY, 1);
    assert_int_equal(mkdir(test_path("keyhole"), 0700), 0);
    write_file("keyhole/dischargers",
               "f https://f.example#" KEY "\ne https://e.example#" OTHER "\n", 0600);
    assert_ok(dischargers_collect(&list, &options, 7, &fault));
    assert_int_equal(list.count, 3);
    assert_int_equal(dischargers_by_url(&list, BYTES("https://d.example"))->public_key[0], 1);
    assert_int_equal(dischargers_by_url(&list, BYTES("https://e.example"))->public_key[0], 1);
    assert_int_equal(list.source[0], DISCHARGERS_OPTION);
    assert_int_equal(list.source[1], DISCHARGERS_ENVIRONMENT);
    assert_int_equal(list.source[2], DISCHARGERS_FILE);

    // Filling holes takes no key, but a place that is written down has one.
    setenv("KEYHOLE_DISCHARGER", "https://e.example", 1);
    assert_int_equal(dischargers_collect(&list, &options, 7, &fault), KH_ERR_USAGE);
    assert_contains(fault.detail, "in KEYHOLE_DISCHARGER: ");
    unsetenv("KEYHOLE_DISCHARGER");
    unsetenv("XDG_CONFIG_HOME");
    options_free(&options);
}

static void
test_option_without_a_key(void **state)
{
    (void)state;
    static const struct option_spec spec[] = {{7, "discharger", "URL", true, ""}, {0}};
    char good[] = "--discharger=https://D.example/", bad[] = "--discharger=d.example";
    char *const argv[] = {good, bad};
    struct dischargers list = {.count = 0};
    struct options options;
    struct fault fault = {.err = KH_OK};
    setenv("XDG_CONFIG_HOME", test_directory, 1);
    assert_ok(options_parse(spec, 1, argv, &options, &fault));
    assert_ok(dischargers_collect(&list, &options, 7, &fault));
    assert_non_null(dischargers_by_url(&list, BYTES("https://d.example")));
    options_free(&options);
    assert_ok(options_parse(spec, 2, argv, &options, &fault));
    assert_int_equal(dischargers_collect(&list, &options, 7, &fault), KH_ERR_USAGE);
    assert_contains(fault.detail, "--discharger: ");
    options_free(&options);
    unsetenv("XDG_CONFIG_HOME");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_none),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_lookup),
        cmocka_unit_test(test_list_is_bounded),
        cmocka_unit_test_setup_teardown(test_file_there_and_back, directory_setup,
                                        directory_teardown),
        cmocka_unit_test_setup_teardown(test_file_that_is_wrong_names_the_line, directory_setup,
                                        directory_teardown),
        cmocka_unit_test_setup_teardown(test_order, directory_setup, directory_teardown),
        cmocka_unit_test_setup_teardown(test_option_without_a_key, directory_setup,
                                        directory_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
