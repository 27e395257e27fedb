/* SPDX-License-Identifier: Apache-2.0 */
/* What a reload keeps, adds, and leaves for a restart. */
#include "../scratch.h"

#include "../../../broker/supervisor/internal.h"

#define TEXT(s) ((char *)(uintptr_t)(s))

static void
a_file_that_is_asked_for_must_be_there(void **state)
{
    (void)state;
    struct config config;
    struct fault fault = {0};
    char used[PATH_MAX];
    config_init(&config);
    assert_int_not_equal(
        supervisor_read_config(test_directory, test_path("none.yaml"), &config, used, &fault),
        KH_OK);
    assert_says(fault, "none.yaml");
    assert_int_equal(supervisor_read_config(test_directory, NULL, &config, used, &fault), KH_OK);
    assert_string_equal(used, "");
    config_free(&config);
}

static void
a_bad_standard_file_is_an_error(void **state)
{
    (void)state;
    struct config config;
    struct fault fault = {0};
    char used[PATH_MAX];
    config_init(&config);
    write_file("keyholed.yaml", "workers: 3\nworker: 4\n", 0600);
    assert_int_not_equal(supervisor_read_config(test_directory, NULL, &config, used, &fault),
                         KH_OK);
    assert_says(fault, "keyholed.yaml:2");
    assert_int_equal(config.workers, 0);
    write_file("keyholed.yaml", "workers: 3\n", 0600);
    assert_int_equal(supervisor_read_config(test_directory, NULL, &config, used, &fault), KH_OK);
    assert_int_equal(config.workers, 3);
    assert_string_equal(used, test_path("keyholed.yaml"));
    config_free(&config);
}

static void
the_command_line_replaces_the_listeners(void **state)
{
    (void)state;
    static const char *const listen[] = {"127.0.0.1:0", "[::1]:0"};
    struct supervisor_options options = {.directory = test_directory};
    struct config config;
    struct fault fault = {0};
    char used[PATH_MAX];
    write_file("keyholed.yaml", "workers: 2\nlisten:\n  - address: 127.0.0.1:1234\n", 0600);
    config_init(&config);
    assert_int_equal(supervisor_effective_config(&options, &config, used, &fault), KH_OK);
    assert_int_equal(config.listener_count, 1);
    assert_string_equal(config.listener[0].address, "127.0.0.1:1234");
    config_free(&config);
    options.listen = listen;
    options.listen_count = 2;
    config_init(&config);
    assert_int_equal(supervisor_effective_config(&options, &config, used, &fault), KH_OK);
    assert_int_equal(config.workers, 2);
    assert_int_equal(config.listener_count, 2);
    assert_string_equal(config.listener[1].address, "[::1]:0");
    assert_false(config.listener[1].insecure);
    config_free(&config);
}

static void
listeners_are_matched_one_to_one(void **state)
{
    (void)state;
    const struct listener served[] = {
        {.config.address = TEXT("127.0.0.1:1")},
        {.config.address = TEXT("127.0.0.1:0")},
        {.config = {.address = TEXT("10.0.0.1:2"), .tls = true}},
        {.local = true, .name = TEXT("/s/proxy.sock")},
    };
    const struct config_listener wanted[] = {
        {.address = TEXT("127.0.0.1:0")},
        {.address = TEXT("127.0.0.1:0")}, // a second one of any port is another one
        {.address = TEXT("10.0.0.1:2")},  // not TLS any more
        {.address = TEXT("127.0.0.1:3")},
    };
    bool kept[4], found[4];
    reload_match(served, 4, wanted, 4, kept, found);
    assert_false(kept[0]);
    assert_true(kept[1]);
    assert_false(kept[2]);
    assert_true(kept[3]);
    assert_true(found[0]);
    assert_false(found[1]);
    assert_false(found[2]);
    assert_false(found[3]);
}

static void
another_certificate_is_another_listener(void **state)
{
    (void)state;
    const struct listener served[] = {
        {.config = {.address = TEXT("10.0.0.1:2"),
                    .tls = true,
                    .certificate = TEXT("a"),
                    .key = TEXT("k")}},
    };
    struct config_listener wanted = {
        .address = TEXT("10.0.0.1:2"), .tls = true, .certificate = TEXT("b"), .key = TEXT("k")};
    bool kept[1], found[1];
    reload_match(served, 1, &wanted, 1, kept, found);
    assert_false(kept[0]);
    wanted.certificate = NULL;
    reload_match(served, 1, &wanted, 1, kept, found);
    assert_false(kept[0]);
    wanted.certificate = TEXT("a");
    reload_match(served, 1, &wanted, 1, kept, found);
    assert_true(kept[0]);
    assert_true(found[0]);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_that_is_asked_for_must_be_there),
        cmocka_unit_test(a_bad_standard_file_is_an_error),
        cmocka_unit_test(the_command_line_replaces_the_listeners),
        cmocka_unit_test(listeners_are_matched_one_to_one),
        cmocka_unit_test(another_certificate_is_another_listener),
    };
    return cmocka_run_group_tests(tests, directory_setup, directory_teardown);
}
