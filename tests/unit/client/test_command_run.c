/* SPDX-License-Identifier: Apache-2.0 */
/* keyhole run and keyhole env, up to where a broker is needed; the rest is end to end. */
#include "client_test.h"
#include "http_server.h"

static void
refused(int status, const char *says, const char *const *argument)
{
    struct test_run run = test_run_with("", argument);
    assert_status(run, status);
    assert_contains(run.err, says);
    assert_string_equal(run.out, "");
    test_run_free(&run);
}
#define REFUSED(status, says, ...) refused(status, says, (const char *const[]){__VA_ARGS__, NULL})

static void
test_command_lines(void **state)
{
    (void)state;
    REFUSED(CLI_USAGE, "what is to be run?", "run");
    REFUSED(CLI_USAGE, "what is to be run?", "run", "--quiet", "--");
    REFUSED(CLI_USAGE, "what is to be run?", "run", "");
    REFUSED(CLI_USAGE, "there is no option --tokens; did you mean --token?", "run", "--tokens",
            "x");
    REFUSED(CLI_USAGE, "expected", "run", "--caveat", "method GET", "true");
    REFUSED(CLI_USAGE, "--for: ", "run", "--for", "never", "true");
    REFUSED(CLI_USAGE, "keyhole run does", "env", "curl");
    REFUSED(CLI_USAGE, "shell|fish", "env", "--format", "cmd");
}

static void
test_brokers_and_tokens(void **state)
{
    (void)state;
    setenv("KEYHOLE_BROKER", "http://a:b@c", 1);
    REFUSED(CLI_USAGE, "broker's URL has no user", "run", "true");
    setenv("KEYHOLE_BROKER", "/nonexistent/sock", 1);
    REFUSED(CLI_USAGE, "which token?", "run", "true");
    REFUSED(CLI_USAGE, "keyhole login", "run", "--dir", "/nonexistent", "--broker",
            "/nonexistent/sock", "--credential", "openai", "true");
    REFUSED(CLI_FAILED, "--token: ", "run", "--token", "kh1_x", "true");
    char *token = test_mint_fresh(NULL);
    setenv("KEYHOLE_TOKEN", token, 1);
    REFUSED(CLI_USAGE, "the token is for openai, github", "run", "--credential", "x", "true");
    REFUSED(CLI_FAILED, "/nonexistent/sock", "run", "true");
    free(token);
    test_clear_environment(NULL);
}

// What the broker refuses nothing is run with.
static void
test_a_broker_that_does_not_take_the_token(void **state)
{
    (void)state;
    struct http_server server = http_server_start(
        true, HTTP_PROBLEM("401 Unauthorized", "{\"code\":\"revoked\",\"title\":\"It is over.\"}"));
    char *token = test_mint_fresh(NULL);
    setenv("KEYHOLE_TOKEN", token, 1);
    setenv("KEYHOLE_BROKER", server.address, 1);
    REFUSED(CLI_DENIED, "It is over. (revoked, status 401)", "run", "--", "echo", "ran");
    free(http_server_stop(&server, true));
    free(token);
    test_clear_environment(NULL);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_command_lines, test_clear_environment),
        cmocka_unit_test_setup(test_brokers_and_tokens, test_clear_environment),
        cmocka_unit_test_setup(test_a_broker_that_does_not_take_the_token, test_clear_environment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
