/* SPDX-License-Identifier: Apache-2.0 */
/* keyhole discharge, as one runs it. */
#include "../scratch.h"
#include "discharges.h"

static struct http_server server;
static struct test_hole hole;

static int
setup(void **state)
{
    test_clear_environment(state);
    if (directory_setup(state) != 0)
        return -1;
    setenv("XDG_CONFIG_HOME", test_directory, 1);
    setenv("XDG_STATE_HOME", test_directory, 1);
    unsetenv("KEYHOLE_DISCHARGER");
    server = http_server_open(false);
    hole = test_hole_make(TEST_CONDITION, server.address);
    return 0;
}

static int
teardown(void **state)
{
    test_hole_free(&hole);
    unsetenv("KEYHOLE_DISCHARGER");
    return directory_teardown(state);
}

#define DISCHARGE(...)                                                                             \
    test_run_input(hole.token, "discharge", "--with", "browser", "--no-open", __VA_ARGS__)

static void
test_untrusted(void **state)
{
    (void)state;
    struct test_run run = DISCHARGE("-");
    assert_status(run, CLI_FAILED);
    assert_string_equal(run.out, "");
    assert_contains(run.err, "keyhole trust http://127.0.0.1:");
    test_run_free(&run);
    close(server.listener);
}

static void
test_wrong_command_lines(void **state)
{
    (void)state;
    struct test_run run = test_run("discharge", "--with", "magic", hole.token);
    assert_status(run, CLI_USAGE);
    test_run_free(&run);
    run = test_run("discharge", "--discharger", "nowhere", hole.token);
    assert_status(run, CLI_USAGE);
    test_run_free(&run);
    run = test_run_input("no token", "discharge", "-");
    assert_status(run, CLI_FAILED);
    assert_string_equal(run.out, "");
    test_run_free(&run);
    close(server.listener);
}

static void
test_token_alone_on_standard_output(void **state)
{
    (void)state;
    char *answer = test_answer_discharge("201 Created", &hole, hole.parent, 3600);
    char *address = test_hole_address(&hole, server.address);
    http_server_begin(&server, NULL, (const char *const[]){answer, NULL});
    setenv("KEYHOLE_DISCHARGER", address, 1);
    struct test_run run = DISCHARGE("-");
    free(http_server_stop(&server, true));
    assert_status(run, CLI_DONE);
    run.out[strlen(run.out) - 1] = '\0';
    struct token *token = test_scan(run.out);
    assert_int_equal(token->macaroon_count, 2);
    token_free(&token);
    assert_contains(run.err, "a hole is filled by a browser, good until ");
    assert_lacks(run.err, "kh1_");
    test_run_free(&run);
    // And once more, with nobody there.
    run = DISCHARGE("--json", "-");
    assert_status(run, CLI_DONE);
    assert_contains(run.out, "\"with\": \"kept\"");
    test_run_free(&run);
    free(answer);
    free(address);
}

static void
test_declined(void **state)
{
    (void)state;
    http_server_begin(&server, NULL,
                      (const char *const[]){HTTP_ANSWER("403 Forbidden", "application/json",
                                                        "{\"error\":\"declined\",\"message\":"
                                                        "\"A person declined.\"}"),
                                            NULL});
    struct test_run run = DISCHARGE("--discharger", server.address, "-");
    free(http_server_stop(&server, true));
    assert_status(run, CLI_DENIED);
    assert_string_equal(run.out, "");
    assert_contains(run.err, "keyhole discharge: A person declined. (declined)");
    test_run_free(&run);
}

static void
test_nothing_to_do(void **state)
{
    (void)state;
    char *plain = test_mint_fresh("method = GET", NULL);
    struct test_run run = test_run("discharge", plain);
    assert_status(run, CLI_DONE);
    assert_contains(run.out, plain);
    assert_contains(run.err, "no open hole");
    test_run_free(&run);
    free(plain);
    close(server.listener);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_wrong_command_lines),
        CASE(test_untrusted),
        CASE(test_nothing_to_do),
        CASE(test_token_alone_on_standard_output),
        CASE(test_declined),
    };
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
