/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens of an answer: read strictly, replaced, kept by the authority; and everything that fails.
 */
#include "fixture.h"

#include "../../../broker/proxy/token_seal.h"

#define ACCESS  "at-0123456789abcdef"
#define REFRESH "rt-0123456789abcdef"
#define ID      "id-0123456789abcdef"

static void
assert_text(struct bytes actual, const char *expected)
{
    if (!bytes_is(actual, expected))
        fail_msg("\"%.*s\" is not \"%s\"", BYTES_ARG(actual), expected);
}

static void
test_what_is_not_read(void **state)
{
    static const char *const bad[] = {
        "",
        "{",
        "{}",
        "[]",
        "{\"refresh_token\":\"" REFRESH "\"}",
        "{\"access_token\":\"\"}",
        "{\"access_token\":7}",
        "{\"access_token\":\"" ACCESS "\"",
        "{\"access_token\":\"" ACCESS "\"} x",
        "{\"access_token\":\"" ACCESS "\",\"access_token\":\"" ID "\"}",
        "{\"access_token\":\"" ACCESS "\",\"Access_Token\":\"" ID "\"}",
        "{\"access_token\":\"" ACCESS "\",\"refresh_token\":[\"" REFRESH "\"]}",
        "access_token=",
        "access_token=a&access_token=b",
        "access_token=%zz",
        "scope=a",
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct bytes token[TOKEN_SEAL_TOKENS];
        BUFFER_AUTO text;
        buffer_init_secret(&text, TOKEN_SEAL_TEXT_MAX);
        if (token_seal_read(bytes_str(bad[i]), token, &text))
            fail_msg("it was read: %s", bad[i]);
    }
}

static void
test_read_and_rewrite(void **state)
{
    static const struct {
        const char *body, *access, *refresh, *id, *after;
    } rows[] = {
        {"{\"access_token\":\"" ACCESS "\"}", ACCESS, "", "", "{\"access_token\":\"" TOKEN "\"}"},
        {" { \"n\" : 1.0,\"refresh_token\":\"" REFRESH "\", \"access_token\" :\"" ACCESS
         "\",\"id_token\":\"" ID "\"}\n",
         ACCESS, REFRESH, ID,
         " { \"n\" : 1.0,\"refresh_token\":\"" TOKEN "\", \"access_token\" :\"" TOKEN
         "\",\"id_token\":\"" TOKEN "\"}\n"},
        {"{\"access_token\":\"\\u0061\\/b\",\"refresh_token\":null,\"id_token\":\"\"}", "a/b", "",
         "", "{\"access_token\":\"" TOKEN "\",\"refresh_token\":null,\"id_token\":\"\"}"},
        {"{\"x\":{\"access_token\":\"n\"},\"access_token\":\"a\"}", "a", "", "",
         "{\"x\":{\"access_token\":\"n\"},\"access_token\":\"" TOKEN "\"}"},
        {"{\"access\\u005ftoken\":\"a\"}", "a", "", "", "{\"access\\u005ftoken\":\"" TOKEN "\"}"},
        {"access_token=a%2Bb&scope=c%2Cd&refresh_token=e", "a+b", "e", "",
         "access_token=" TOKEN "&scope=c%2Cd&refresh_token=" TOKEN},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct bytes token[TOKEN_SEAL_TOKENS], body = bytes_str(rows[i].body);
        BUFFER_AUTO text, out;
        buffer_init_secret(&text, TOKEN_SEAL_TEXT_MAX);
        buffer_init_secret(&out, 65536);
        if (!token_seal_read(body, token, &text))
            fail_msg("it was not read: %s", rows[i].body);
        assert_text(token[0], rows[i].access);
        assert_text(token[1], rows[i].refresh);
        assert_text(token[2], rows[i].id);
        assert_true(token_seal_rewrite(body, BYTES(TOKEN), &out));
        assert_text(buffer_bytes(&out), rows[i].after);
    }
}

/* ---- with an authority ---- */

static struct world *
world_with(enum token_answers answers)
{
    const struct world_route route = {
        .credential = "api", .host = "api.test", .token_answers = answers};
    return world_new(&route, 1, NULL);
}

#define ANSWER                                                                                     \
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-Token: " ACCESS                        \
    "\r\nTransfer-Encoding: chunked\r\n\r\n"                                                       \
    "2f\r\n{\"token\":1,\"access_token\":\"" ACCESS "\"\r\n"                                       \
    "1b\r\n,\"b\":\"" ACCESS "\"}\r\n0\r\n\r\n"

static int
begin(struct world *w, const char *answer)
{
    int client = connect_loopback(w->port);
    send_text(client, GET_MODELS);
    expect_decide(w);
    allow(w);
    int up = accept_upstream(w);
    read_until(up, &sent_up, "\r\n\r\n");
    send_text(up, answer);
    shutdown(up, SHUT_WR);
    close(up);
    return client;
}

static void
expect_seal(struct world *w, const char *token)
{
    struct bytes body;
    struct message_seal_token message;
    const struct message_decision decision = allow_decision();
    assert_int_equal(next_frame(w, &body), MESSAGE_SEAL_TOKEN);
    assert_int_equal(message_seal_token_rx(body, &message), KH_OK);
    assert_text(message.token, token);
    assert_memory_equal(message.request_id, decision.request_id, REQUEST_ID_SIZE);
}

static void
answer_sealed(struct world *w, bool sealed, const char *detail)
{
    BUFFER_AUTO body;
    buffer_init(&body, 8192);
    const struct message_token_sealed done = {.sealed = sealed, .detail = bytes_str(detail)};
    message_token_sealed_tx(&done, &body);
    send_frame(w->authority, MESSAGE_TOKEN_SEALED, w->question, buffer_bytes(&body), -1);
}

static void
test_sealed(void **state)
{
    struct world *w = world_with(TOKEN_ANSWERS_SEAL);
    (void)state;
    int client = begin(w, ANSWER);
    expect_seal(w, ACCESS);
    assert_false(wait_readable(client, 0)); // nothing before it is on the disk
    answer_sealed(w, true, "");
    read_answer(client);
    assert_contains(received.p, "HTTP/1.1 200 OK\r\n");
    assert_contains(received.p, "X-Token: " TOKEN "\r\n");
    assert_contains(received.p,
                    "\r\n\r\n{\"token\":1,\"access_token\":\"" TOKEN "\",\"b\":\"" TOKEN "\"}");
    assert_lacks(received.p, ACCESS);
    assert_lacks(received.p, "chunked");
    assert_int_equal(expect_finished(w)->reason, KH_REASON_UNSET);
    assert_int_equal(w->finished.upstream_status, 200);
    close(client);
    world_free(w);
}

static void
test_not_sealed(void **state)
{
    struct world *w = world_with(TOKEN_ANSWERS_SEAL);
    (void)state;
    int client = begin(w, ANSWER);
    expect_seal(w, ACCESS);
    answer_sealed(w, false, "credential x is disabled");
    read_answer(client);
    assert_contains(received.p, "HTTP/1.1 502 ");
    assert_contains(received.p, "token-answer");
    assert_contains(received.p, "credential x is disabled");
    assert_lacks(received.p, ACCESS);
    assert_int_equal(expect_finished(w)->reason, KH_REASON_TOKEN_ANSWER);
    close(client);
    // The authority goes away meanwhile.
    client = begin(w, ANSWER);
    expect_seal(w, ACCESS);
    close(w->authority);
    w->authority = -1;
    read_answer(client);
    assert_contains(received.p, "HTTP/1.1 502 ");
    assert_lacks(received.p, ACCESS);
    close(client);
    world_free(w);
}

static void
short_decide(struct config *config)
{
    config->decide_timeout_ms = 1000; // also for what is decided before
}

static void
test_no_answer_in_time(void **state)
{
    const struct world_route route = {
        .credential = "api", .host = "api.test", .token_answers = TOKEN_ANSWERS_SEAL};
    struct world *w = world_new(&route, 1, short_decide);
    (void)state;
    int client = begin(w, ANSWER);
    expect_seal(w, ACCESS);
    read_answer(client);
    assert_contains(received.p, "HTTP/1.1 502 ");
    assert_contains(received.p, "in time");
    assert_int_equal(expect_finished(w)->reason, KH_REASON_TOKEN_ANSWER);
    answer_sealed(w, true, ""); // late, and nobody's
    close(client);
    world_free(w);
}

static void
test_a_client_that_goes_away(void **state)
{
    struct world *w = world_with(TOKEN_ANSWERS_SEAL);
    (void)state;
    int client = begin(w, ANSWER);
    expect_seal(w, ACCESS);
    const struct linger reset = {.l_onoff = 1};
    assert_int_equal(setsockopt(client, SOL_SOCKET, SO_LINGER, &reset, sizeof reset), 0);
    close(client);
    expect_finished(w);
    answer_sealed(w, true, "");
    world_free(w);
}

static void
test_refused_without_asking(void **state)
{
    static const char *const rows[] = {
        "HTTP/1.1 200 OK\r\nContent-Length: 24\r\n\r\n{\"refresh_token\":\"abcde\"}",
        "HTTP/1.1 200 OK\r\nContent-Length: "
        "39\r\n\r\n{\"id_token\":\"a\",\"access_token\":\"bcdefg\"",
        "HTTP/1.1 200 OK\r\nContent-Length: 19\r\n\r\na=1&access_token=ab",
    };
    struct world *w = world_with(TOKEN_ANSWERS_SEAL);
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int client = begin(w, rows[i]);
        read_answer(client);
        assert_contains(received.p, "HTTP/1.1 502 ");
        assert_contains(received.p, "token-answer");
        assert_int_equal(expect_finished(w)->reason, KH_REASON_TOKEN_ANSWER);
        close(client);
    }
    world_free(w);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_not_read),
        cmocka_unit_test(test_read_and_rewrite),
        cmocka_unit_test(test_sealed),
        cmocka_unit_test(test_not_sealed),
        cmocka_unit_test(test_no_answer_in_time),
        cmocka_unit_test(test_a_client_that_goes_away),
        cmocka_unit_test(test_refused_without_asking),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
