/* SPDX-License-Identifier: Apache-2.0 */
/* What the command line says of how holes are to be filled. */
#include "../../../client/discharge_options.h"
#include "../../../client/monotonic.h"
#include "../scratch.h"
#include "client_test.h"

static const struct option_spec spec[] = {
    DISCHARGE_OPTIONS_WAY, DISCHARGE_OPTIONS_FIDO, DISCHARGE_OPTIONS_TRUST, {0}};

static int
setup(void **state)
{
    test_clear_environment(state);
    if (directory_setup(state) != 0)
        return -1;
    setenv("XDG_CONFIG_HOME", test_directory, 1);
    unsetenv("KEYHOLE_DISCHARGER");
    return 0;
}

static int
teardown(void **state)
{
    unsetenv("XDG_CONFIG_HOME");
    return directory_teardown(state);
}

static enum kh_err
setup_read(const char *const *argument, struct discharge_setup *out, struct fault *fault)
{
    struct cli cli = {.now = TEST_NOW};
    struct options options;
    // What is read borrows from the command line.
    static char line[16][64];
    char *argv[16] = {NULL};
    int argc = 0;
    for (; argument[argc] != NULL; argc++) {
        snprintf(line[argc], sizeof line[argc], "%s", argument[argc]);
        argv[argc] = line[argc];
    }
    *fault = (struct fault){.err = KH_OK};
    assert_int_equal(options_parse(spec, argc, argv, &options, fault), KH_OK);
    enum kh_err err = discharge_setup_read(&cli, &options, out, fault);
    options_free(&options);
    return err;
}
#define READ(out, fault, ...) setup_read((const char *const[]){__VA_ARGS__, NULL}, out, fault)

static void
test_wrong_ones(void **state)
{
    (void)state;
    static const char *const row[] = {
        "--with=fido",
        "--with=",
        "--timeout=0",
        "--timeout=2h",
        "--timeout=soon",
        "--pin-fd=-1",
        "--pin-fd=x",
        "--pin-fd=99999999999",
        "--broker=gopher://x",
        "--discharger=x",
        "--discharger=http://d.example",
    };
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        struct discharge_setup read;
        struct fault fault;
        enum kh_err err = READ(&read, &fault, row[i]);
        if (err != KH_ERR_USAGE)
            fail_msg("%s: %s: %s", row[i], kh_err_code(err), fault.detail);
    }
}

static void
test_nothing_given(void **state)
{
    (void)state;
    struct discharge_setup read;
    struct fault fault;
    int64_t before = monotonic_ms();
    assert_int_equal(setup_read((const char *const[]){NULL}, &read, &fault), KH_OK);
    assert_int_equal(read.settings.way, DISCHARGE_ANY);
    assert_int_equal(read.settings.fido.pin_fd, -1);
    assert_ptr_equal(read.settings.fido.backend, &fido_backend_system);
    assert_null(read.settings.broker);
    assert_null(read.settings.ca_file);
    assert_int_equal(read.trusted.count, 0);
    assert_false(read.settings.no_open || read.settings.no_reuse);
    assert_true(read.settings.fido.deadline_ms >= before + 300000);
    discharge_setup_free(&read);
}

static void
test_everything_given(void **state)
{
    (void)state;
    struct discharge_setup read;
    struct fault fault;
    setenv("KEYHOLE_BROKER", "http://127.0.0.1:2", 1);
    setenv("KEYHOLE_CA", "/other.pem", 1);
    assert_int_equal(READ(&read, &fault, "--with=browser", "--no-open", "--no-reuse",
                          "--timeout=30s", "--pin-fd=7", "--broker=http://127.0.0.1:1",
                          "--cacert=/ca.pem", "--discharger=https://d.example"),
                     KH_OK);
    assert_int_equal(read.settings.way, DISCHARGE_BROWSER);
    assert_int_equal(read.settings.fido.pin_fd, 7);
    assert_string_equal(read.settings.broker->url, "http://127.0.0.1:1");
    assert_string_equal(read.settings.ca_file, "/ca.pem");
    assert_int_equal(read.trusted.count, 1);
    assert_true(read.settings.no_open && read.settings.no_reuse);
    assert_true(read.settings.fido.deadline_ms <= monotonic_ms() + 30000);
    discharge_setup_free(&read);
    assert_int_equal(setup_read((const char *const[]){NULL}, &read, &fault), KH_OK);
    assert_string_equal(read.settings.broker->url, "http://127.0.0.1:2");
    assert_string_equal(read.settings.ca_file, "/other.pem");
    discharge_setup_free(&read);
    test_clear_environment(state);
}

// A key that is named is one that is meant.
static void
test_way_by_key(void **state)
{
    (void)state;
    struct discharge_setup read;
    struct fault fault;
    assert_int_equal(READ(&read, &fault, "--device=/dev/hidraw1"), KH_OK);
    assert_int_equal(read.settings.way, DISCHARGE_FIDO2);
    discharge_setup_free(&read);
    assert_int_equal(READ(&read, &fault, "--ssh-key=k"), KH_OK);
    assert_int_equal(read.settings.way, DISCHARGE_SSH);
    discharge_setup_free(&read);
}

static void
test_result(void **state)
{
    (void)state;
    char *text = test_mint_fresh("method = GET", NULL), *out = NULL;
    size_t out_n = 0;
    struct token *token = test_scan(text);
    struct cli cli = {.out = open_memstream(&out, &out_n), .err = stderr, .now = TEST_NOW};
    struct discharge_report report = {
        .hole = {{.location = "https://d.example",
                  .demand = "user = alice for 8h",
                  .way = DISCHARGE_SSH,
                  .expires_at = TEST_EXPIRES},
                 {.location = "https://e.example", .way = DISCHARGE_KEPT, .expires_at = INT64_MAX}},
        .count = 2};
    assert_int_equal(discharge_print(&cli, token, &report, false), CLI_DONE);
    rewind(cli.out);
    assert_int_equal(discharge_print(&cli, token, &report, true), CLI_DONE);
    fclose(cli.out);
    json_t *object = json_loads(out, 0, NULL);
    assert_string_equal(answer_string(object, "token"), text);
    const json_t *hole = json_array_get(json_object_get(object, "holes"), 0);
    assert_string_equal(answer_string(hole, "location"), "https://d.example");
    assert_string_equal(answer_string(hole, "demand"), "user = alice for 8h");
    assert_string_equal(answer_string(hole, "with"), "ssh");
    assert_string_equal(answer_string(hole, "expires_at"), "2026-11-18T23:06:40Z");
    hole = json_array_get(json_object_get(object, "holes"), 1);
    assert_int_equal(json_object_size(hole), 2);
    assert_string_equal(answer_string(hole, "with"), "kept");
    json_decref(object);
    free(out);
    token_free(&token);
    free(text);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_wrong_ones), CASE(test_nothing_given), CASE(test_everything_given),
        CASE(test_way_by_key), CASE(test_result),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
