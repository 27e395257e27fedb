/* SPDX-License-Identifier: Apache-2.0 */
/* keyhole login, as one runs it. */
#include "../scratch.h"
#include "discharges.h"

static int
setup(void **state)
{
    test_clear_environment(state);
    if (directory_setup(state) != 0)
        return -1;
    setenv("XDG_CONFIG_HOME", test_directory, 1);
    setenv("XDG_STATE_HOME", test_directory, 1);
    unsetenv("KEYHOLE_DISCHARGER");
    return 0;
}

static void
test_wrong_command_lines(void **state)
{
    (void)state;
    static const struct {
        const char *argument[8];
        const char *words;
    } row[] = {
        {{"login", "--credential", "one"}, "Give one USER"},
        {{"login", "alice", "bob", "--credential", "one"}, "Give one USER"},
        {{"login", "alice"}, "Give a --credential"},
        {{"login", "alice", "--credential", "one", "--for", "soon"}, "--for: "},
        {{"login", "alice", "--credential", "one"}, "which broker?"},
        {{"login", "alice", "--credential", "one", "--with", "magic"}, "--with takes"},
    };
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        struct test_run run = test_run_with("", row[i].argument);
        assert_status(run, CLI_USAGE);
        assert_contains(run.err, row[i].words);
        assert_string_equal(run.out, "");
        test_run_free(&run);
    }
}

// The broker gives a token with a hole, and says who fills it; then it is filled.
static void
test_login(void **state)
{
    (void)state;
    struct http_server broker = http_server_open(true), discharger = http_server_open(false);
    struct test_hole hole = test_hole_make(TEST_CONDITION, discharger.address);
    char *address = test_hole_address(&hole, discharger.address);
    char token[TOKEN_TEXT_MAX], announcement[1024];
    snprintf(token, sizeof token, HTTP_ANSWER("200 OK", "application/json", "{\"token\":\"%s\"}"),
             hole.token);
    snprintf(announcement, sizeof announcement,
             HTTP_ANSWER("200 OK", "application/json",
                         "{\"dischargers\":[{\"name\":\"local\",\"url\":\"%s\",\"public_key\":"
                         "\"%s\"}]}"),
             discharger.address, strchr(address, '#') + 1);
    char *answer = test_answer_discharge("201 Created", &hole, hole.parent, 3600);
    http_server_begin(&broker, NULL, (const char *const[]){token, announcement, NULL});
    http_server_begin(&discharger, NULL, (const char *const[]){answer, NULL});
    setenv("KEYHOLE_BROKER", broker.address, 1);
    struct test_run run = test_run("login", "alice", "--credential", "openai", "--credential",
                                   "github", "--for", "8h", "--with", "browser", "--no-open");
    char *got = http_server_stop(&broker, false);
    free(http_server_stop(&discharger, false));
    assert_status(run, CLI_DONE);
    assert_contains(got, "\"lifetime_s\":28800");
    run.out[strlen(run.out) - 1] = '\0';
    struct token *filled = test_scan(run.out);
    assert_int_equal(filled->macaroon_count, 2);
    token_free(&filled);
    test_run_free(&run);
    free(got);
    free(answer);
    free(address);
    test_hole_free(&hole);
}

static void
test_refused(void **state)
{
    (void)state;
    struct http_server broker = http_server_start(
        true, HTTP_PROBLEM("403 Forbidden", "{\"code\":\"no-grant\",\"title\":\"No grant.\"}"));
    struct test_run run =
        test_run("login", "alice", "--credential", "one", "--broker", broker.address);
    free(http_server_stop(&broker, true));
    assert_status(run, CLI_DENIED);
    assert_string_equal(run.out, "");
    assert_contains(run.err, "No grant. (no-grant, status 403)");
    test_run_free(&run);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_wrong_command_lines, setup, directory_teardown),
        cmocka_unit_test_setup_teardown(test_login, setup, directory_teardown),
        cmocka_unit_test_setup_teardown(test_refused, setup, directory_teardown),
    };
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
