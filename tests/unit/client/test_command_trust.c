/* SPDX-License-Identifier: Apache-2.0 */
/* keyhole trust, as one runs it. */
#include "../scratch.h"
#include "http_server.h"

#include <jansson.h>

#define KEY   "kd1_AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE"
#define OTHER "kd1_AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI"

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

static void
runs(int status, const char *out, const char *words, const char *const *argument)
{
    struct test_run run = test_run_with("", argument);
    assert_status(run, status);
    assert_string_equal(run.out, out);
    assert_contains(run.err, words);
    test_run_free(&run);
}
#define TRUST(status, out, words, ...)                                                             \
    runs(status, out, words, (const char *const[]){"trust", __VA_ARGS__, NULL})

static void
test_wrong_command_lines(void **state)
{
    (void)state;
    runs(CLI_USAGE, "", "give one URL", (const char *const[]){"trust", NULL});
    TRUST(CLI_USAGE, "", "give one URL", "https://a.example", "https://b.example");
    TRUST(CLI_USAGE, "", "give one URL", "--list", "--remove", "x");
    TRUST(CLI_USAGE, "", "https", "d.example");
    TRUST(CLI_USAGE, "", "https", "http://d.example#" KEY);
    TRUST(CLI_USAGE, "", "not a public key", "https://d.example#kd1_x");
    TRUST(CLI_USAGE, "", "--name", "--name", "a b", "https://d.example#" KEY);
    TRUST(CLI_FAILED, "", "no discharger of that name", "--remove", "x");
}

static void
test_added_listed_removed(void **state)
{
    (void)state;
    TRUST(CLI_DONE, "", "as d.example", "https://d.example#" KEY);
    TRUST(CLI_DONE, "", "as home", "--name", "home", "http://localhost:8438#" OTHER);
    TRUST(CLI_DONE, "d.example https://d.example#" KEY "\nhome http://localhost:8438#" OTHER "\n",
          "", "--list");
    TRUST(CLI_FAILED, "", "another --name", "--name", "home", "https://e.example#" KEY);
    TRUST(CLI_DONE, "", "", "https://d.example#" KEY); // the same again is no harm
    TRUST(CLI_DONE, "", "", "--remove", "home");
    TRUST(CLI_DONE, "", "", "--remove", "https://d.example");
    TRUST(CLI_DONE, "", "", "--list");
}

// A key that changes is what an impostor's would do.
static void
test_another_key(void **state)
{
    (void)state;
    TRUST(CLI_DONE, "", "", "https://d.example#" KEY);
    TRUST(CLI_DENIED, "", "with another key", "https://d.example#" OTHER);
    TRUST(CLI_DONE, "d.example https://d.example#" KEY "\n", "", "--list");
}

static void
test_list_says_where_from(void **state)
{
    (void)state;
    TRUST(CLI_DONE, "", "", "https://d.example#" KEY);
    setenv("KEYHOLE_DISCHARGER", "https://e.example#" OTHER, 1);
    TRUST(CLI_DONE, "https://e.example#" OTHER "\nd.example https://d.example#" KEY "\n",
          "https://e.example: by KEYHOLE_DISCHARGER", "--list");
    struct test_run run = test_run("trust", "--list", "--json");
    json_t *list = json_loads(run.out, 0, NULL);
    assert_int_equal(json_array_size(list), 2);
    const json_t *first = json_array_get(list, 0);
    assert_string_equal(json_string_value(json_object_get(first, "url")), "https://e.example");
    assert_string_equal(json_string_value(json_object_get(first, "public_key")), OTHER);
    assert_string_equal(json_string_value(json_object_get(first, "from")), "KEYHOLE_DISCHARGER");
    json_decref(list);
    test_run_free(&run);
    unsetenv("KEYHOLE_DISCHARGER");
}

#define SELF                                                                                       \
    HTTP_ANSWER("200 OK", "application/json", "{\"url\":\"{self}\",\"public_key\":\"" KEY "\"}")

// Without a key it is asked for one; unseen that is taken only when somebody says so.
static void
test_key_that_is_asked_for(void **state)
{
    (void)state;
    char expected[256];
    struct http_server server = http_server_start(false, SELF);
    setsid(); // no terminal to confirm at
    snprintf(expected, sizeof expected, "\n  %s#" KEY "\n", server.address);
    struct test_run run = test_run("trust", server.address);
    free(http_server_stop(&server, true));
    assert_status(run, CLI_USAGE);
    assert_contains(run.err, expected);
    assert_contains(run.err, "--yes");
    test_run_free(&run);
    TRUST(CLI_DONE, "", "", "--list");

    server = http_server_start(false, SELF);
    run = test_run("trust", "--yes", server.address);
    free(http_server_stop(&server, true));
    assert_status(run, CLI_DONE);
    test_run_free(&run);
    snprintf(expected, sizeof expected, "127.0.0.1 %s#" KEY "\n", server.address);
    TRUST(CLI_DONE, expected, "", "--list");
}

static void
test_what_is_no_discharger(void **state)
{
    (void)state;
    struct http_server server =
        http_server_start(false, HTTP_ANSWER("200 OK", "text/html", "<h1>It works!</h1>"));
    struct test_run run = test_run("trust", "--yes", server.address);
    free(http_server_stop(&server, true));
    assert_status(run, CLI_FAILED);
    assert_contains(run.err, "no discharger of Keyhole");
    test_run_free(&run);
    TRUST(CLI_FAILED, "", "127.0.0.1:1", "--yes", "http://127.0.0.1:1");
}

static void
test_file_that_is_damaged_is_not_written_over(void **state)
{
    (void)state;
    assert_int_equal(mkdir(test_path("keyhole"), 0700), 0);
    write_file("keyhole/dischargers", "my notes\n", 0600);
    TRUST(CLI_FAILED, "", "dischargers:1: ", "https://d.example#" KEY);
    TRUST(CLI_FAILED, "", "dischargers:1: ", "--list");
    TRUST(CLI_FAILED, "", "dischargers:1: ", "--remove", "x");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, directory_teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_wrong_command_lines),   CASE(test_file_that_is_damaged_is_not_written_over),
        CASE(test_what_is_no_discharger), CASE(test_added_listed_removed),
        CASE(test_another_key),           CASE(test_list_says_where_from),
        CASE(test_key_that_is_asked_for),
    };
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
