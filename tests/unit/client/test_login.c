/* SPDX-License-Identifier: Apache-2.0 */
/* What a broker answers to a login. */
#include "../../../client/login.h"
#include "discharges.h"

static const struct login login = {
    .user = "alice", .credential = {"github", "openai"}, .credential_count = 2, .lifetime_s = 600};

static struct test_hole hole;

static int
setup(void **state)
{
    (void)state;
    hole = test_hole_make(TEST_CONDITION, "https://d.example");
    return 0;
}

static int
teardown(void **state)
{
    (void)state;
    test_hole_free(&hole);
    return 0;
}

static enum kh_err
read_it(const struct login *asked, long status, const char *type, const char *body,
        struct fault *fault)
{
    struct http_answer answer = {.status = status, .retry_after_s = 7};
    struct token *token = NULL;
    snprintf(answer.content_type, sizeof answer.content_type, "%s", type);
    buffer_init(&answer.body, HTTP_ANSWER_MAX);
    buffer_put_str(&answer.body, body);
    *fault = (struct fault){.err = KH_OK};
    enum kh_err err = login_read_answer(asked, &answer, &token, fault);
    assert_int_equal(err == KH_OK, token != NULL);
    token_free(&token);
    http_answer_free(&answer);
    return err;
}

static enum kh_err
read_token(const struct login *asked, const char *text, struct fault *fault)
{
    char body[TOKEN_TEXT_MAX + 64];
    snprintf(body, sizeof body, "{\"token\":\"%s\",\"expires_at\":\"2099-01-01T00:00:00Z\"}", text);
    return read_it(asked, 200, "application/json", body, fault);
}

static void
test_token(void **state)
{
    (void)state;
    struct fault fault;
    assert_ok(read_token(&login, hole.token, &fault));
}

// A token that is good at once is one that somebody else wants us to use.
static void
test_tokens_that_were_not_asked_for(void **state)
{
    (void)state;
    struct fault fault;
    char *plain = test_mint_fresh("method = GET", NULL);
    assert_int_equal(read_token(&login, plain, &fault), KH_ERR_PROTOCOL);
    assert_contains(fault.detail, "no hole");
    free(plain);
    struct login other = login;
    other.user = "bob";
    assert_int_equal(read_token(&other, hole.token, &fault), KH_ERR_PROTOCOL);
    assert_contains(fault.detail, "something else");
    other = login;
    other.credential_count = 1;
    assert_int_equal(read_token(&other, hole.token, &fault), KH_ERR_PROTOCOL);
    other = login;
    other.credential[0] = "stripe";
    assert_int_equal(read_token(&other, hole.token, &fault), KH_ERR_PROTOCOL);
    assert_int_equal(read_token(&login, "kh1_AAAA", &fault), KH_ERR_PROTOCOL);
    assert_int_equal(read_token(&login, "", &fault), KH_ERR_PROTOCOL);
}

static void
test_refusals(void **state)
{
    (void)state;
    static const struct {
        long status;
        const char *type, *body;
        enum kh_err err;
        const char *words;
    } row[] = {
        {429, "application/problem+json", "{\"code\":\"rate-exceeded\"}", KH_ERR_PROTOCOL,
         "in 7 seconds"},
        {403, "application/problem+json",
         "{\"code\":\"no-grant\",\"title\":\"No grant.\",\"advice\":\"Ask.\"}", KH_ERR_DENIED,
         "No grant. (no-grant, status 403)\n  Ask."},
        {400, "application/problem+json", "{\"code\":\"request-malformed\"}", KH_ERR_PROTOCOL,
         "request-malformed"},
        {404, "text/html", "<h1>", KH_ERR_PROTOCOL, "no Keyhole broker"},
        {403, "application/json", "{\"code\":\"x\"}", KH_ERR_PROTOCOL, "no Keyhole broker"},
        {200, "text/html", "<h1>", KH_ERR_PROTOCOL, "no Keyhole broker"},
        {200, "application/json", "{}", KH_ERR_PROTOCOL, "without a token"},
        {302, "text/html", "", KH_ERR_PROTOCOL, "redirects are not followed"},
    };
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        struct fault fault;
        enum kh_err err = read_it(&login, row[i].status, row[i].type, row[i].body, &fault);
        if (err != row[i].err || strstr(fault.detail, row[i].words) == NULL)
            fail_msg("%ld %s: %s: %s", row[i].status, row[i].body, kh_err_code(err), fault.detail);
    }
}

static void
test_request(void **state)
{
    (void)state;
    struct fault fault = {.err = KH_OK};
    struct broker_address broker;
    struct token *token = NULL;
    struct http_server server =
        http_server_start(true, HTTP_ANSWER("200 OK", "application/json", "{}"));
    assert_ok(broker_address_read(server.address, &broker, &fault));
    assert_int_equal(login_ask(&login, &broker, NULL, &token, &fault), KH_ERR_PROTOCOL);
    char *got = http_server_stop(&server, true);
    assert_contains(got, "POST /.well-known/keyhole/login HTTP/1.1\r\n");
    assert_contains(got, "\r\n\r\n{\"user\":\"alice\",\"credentials\":[\"github\",\"openai\"],"
                         "\"lifetime_s\":600}");
    free(got);
    struct login bad = login;
    bad.user = "\xff";
    assert_int_equal(login_ask(&bad, &broker, NULL, &token, &fault), KH_ERR_USAGE);
    broker_address_free(&broker);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_token, setup, teardown),
        cmocka_unit_test_setup_teardown(test_tokens_that_were_not_asked_for, setup, teardown),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_request),
    };
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
