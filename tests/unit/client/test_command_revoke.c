/* SPDX-License-Identifier: Apache-2.0 */
/* keyhole revoke, as one runs it, against servers that are brokers, are not, or lie. */
#include "http_server.h"

#include <jansson.h>

static void
test_refusals(void **state)
{
    (void)state;
    char *token = test_mint(NULL);
    struct test_run run = test_run("revoke", token);
    assert_status(run, CLI_USAGE);
    assert_contains(run.err, "which broker?");
    test_run_free(&run);
    run = test_run("revoke", "--broker", "gopher://x", token);
    assert_status(run, CLI_USAGE);
    test_run_free(&run);
    run = test_run("revoke", "--broker", "/nonexistent/keyhole.sock", token);
    assert_status(run, CLI_FAILED);
    assert_string_equal(run.out, "");
    assert_lacks(run.err, token);
    test_run_free(&run);
    run = test_run("revoke", "--broker", "https://127.0.0.1:1", "--cacert", "/nonexistent.pem",
                   token);
    assert_status(run, CLI_FAILED);
    test_run_free(&run);
    free(token);
}

static void
lineage_of(const char *text, char hex[2 * LINEAGE_ID_SIZE + 1])
{
    uint8_t lineage[LINEAGE_ID_SIZE];
    struct token *token = test_scan(text);
    token_lineage_last(token, lineage);
    token_free(&token);
    assert_true(bytes_to_hex(bytes_of(lineage, sizeof lineage), hex, 2 * LINEAGE_ID_SIZE + 1));
}

static void
test_done(void **state)
{
    (void)state;
    char hex[2 * LINEAGE_ID_SIZE + 1], answer[512], expected[64];
    static char *token; // which the server's process has as well, and does not lose
    token = test_mint("method = GET", NULL);
    lineage_of(token, hex);
    snprintf(answer, sizeof answer,
             HTTP_ANSWER("200 OK", "application/json", "{\"revoked\":true,\"lineage\":\"%s\"}"),
             hex);
    struct http_server server = http_server_start(true, answer);
    setenv("KEYHOLE_BROKER", server.address, 1);
    struct test_run run = test_run_input(token, "revoke");
    char *got = http_server_stop(&server, true);
    assert_status(run, CLI_DONE);
    snprintf(expected, sizeof expected, "%s\n", hex);
    assert_string_equal(run.out, expected);
    assert_contains(got, "POST /.well-known/keyhole/revoke HTTP/1.1\r\n");
    char field[4096];
    snprintf(field, sizeof field, "\r\nAuthorization: Bearer %s\r\n", token);
    assert_contains(got, field);
    free(got);
    test_run_free(&run);

    server = http_server_start(false, answer);
    run = test_run("revoke", "--json", "--broker", server.address, token); // before KEYHOLE_BROKER
    free(http_server_stop(&server, true));
    assert_status(run, CLI_DONE);
    json_t *object = json_loads(run.out, 0, NULL);
    assert_true(json_is_true(json_object_get(object, "revoked")));
    assert_string_equal(json_string_value(json_object_get(object, "lineage")), hex);
    json_decref(object);
    test_run_free(&run);
    free(token);
}

#define DENIAL                                                                                     \
    HTTP_PROBLEM("401 Unauthorized",                                                               \
                 "{\"title\":\"The token has \\u001b[31mexpired.\",\"status\":401,"                \
                 "\"code\":\"expired\",\"advice\":\"Ask for a new token.\"}")

static void
test_denied(void **state)
{
    (void)state;
    char *token = test_mint(NULL);
    struct http_server server = http_server_start(false, DENIAL);
    struct test_run run = test_run("revoke", "--broker", server.address, token);
    free(http_server_stop(&server, true));
    assert_status(run, CLI_DENIED);
    assert_string_equal(run.out, "");
    assert_contains(run.err, "The token has \\x1b[31mexpired. (expired, status 401)");
    assert_contains(run.err, "Ask for a new token.");
    test_run_free(&run);

    server = http_server_start(false, DENIAL);
    run = test_run("revoke", "--json", "--broker", server.address, token);
    free(http_server_stop(&server, true));
    assert_status(run, CLI_DENIED);
    json_t *object = json_loads(run.out, 0, NULL);
    assert_true(json_is_false(json_object_get(object, "revoked")));
    assert_string_equal(json_string_value(json_object_get(object, "code")), "expired");
    assert_int_equal(json_integer_value(json_object_get(object, "status")), 401);
    json_decref(object);
    test_run_free(&run);
    free(token);
}

// Success is only what the broker says of this very token.
static void
test_lies(void **state)
{
    (void)state;
    static const char *const answer[] = {
        HTTP_ANSWER("200 OK", "application/json",
                    "{\"revoked\":true,\"lineage\":\"00000000000000000000000000000000\"}"),
        HTTP_ANSWER("200 OK", "text/html", "<h1>It works!</h1>"),
        HTTP_ANSWER("404 Not Found", "text/html", ""),
        HTTP_PROBLEM("503 Service Unavailable",
                     "{\"code\":\"broker-unavailable\",\"title\":\"t\"}"),
        "",
        "SSH-2.0-OpenSSH_9.2\r\n",
    };
    char *token = test_mint(NULL);
    for (size_t i = 0; i < sizeof answer / sizeof answer[0]; i++) {
        struct http_server server = http_server_start(false, answer[i]);
        struct test_run run = test_run("revoke", "--broker", server.address, token);
        free(http_server_stop(&server, true));
        assert_status(run, CLI_FAILED);
        assert_string_equal(run.out, "");
        assert_lacks(run.err, token);
        test_run_free(&run);
    }
    free(token);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_refusals, test_clear_environment),
        cmocka_unit_test_setup(test_done, test_clear_environment),
        cmocka_unit_test_setup(test_denied, test_clear_environment),
        cmocka_unit_test_setup(test_lies, test_clear_environment),
    };
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
