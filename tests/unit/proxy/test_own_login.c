/* SPDX-License-Identifier: Apache-2.0 */
/* POST /.well-known/keyhole/login: the question is read strictly, and asked of the authority. */
#include "plain_fixture.h"

#include "../../../broker/proxy/own.h"
#include "../../../broker/proxy/own_login.h"

static void
post(const char *type, const char *body)
{
    char request[8192];
    snprintf(request, sizeof request,
             "POST " OWN_LOGIN_PATH " HTTP/1.1\r\nHost: localhost\r\n%s%s%sContent-Length: %zu\r\n"
             "\r\n%s",
             type[0] ? "Content-Type: " : "", type, type[0] ? "\r\n" : "", strlen(body), body);
    send_text(client, request);
}

/* ---- refusals ---- */

static void
expect_refused(enum kh_reason reason, const char *contains)
{
    const struct message_decide *decide = expect_decide(w);
    assert_int_equal(decide->refused, reason);
    if (contains[0] &&
        bytes_find(decide->refused_detail, bytes_str(contains)) == decide->refused_detail.n)
        fail_msg("expected \"%s\" in: %.*s", contains, BYTES_ARG(decide->refused_detail));
    deny(w, reason);
    read_answer(client);
    assert_contains(received.p, kh_reason_code(reason));
}

static void
bodies_that_are_none(void **state)
{
    static const struct {
        const char *body, *says;
    } cases[] = {
        {"", "no JSON"},
        {"{", "no JSON"},
        {"{} x", "no JSON"},
        {"{\"user\": \"a\", \"user\": \"b\", \"credentials\": [\"c\"]}", "no JSON"},
        {"{\"user\": \"a\\u0000b\", \"credentials\": [\"c\"]}", "no JSON"},
        {"{\"user\": \"\xff\", \"credentials\": [\"c\"]}", "no JSON"},
        {"[]", "no JSON object"},
        {"\"alice\"", "no JSON"},
        {"{\"credentials\": [\"c\"]}", "user:"},
        {"{\"user\": \"\", \"credentials\": [\"c\"]}", "user:"},
        {"{\"user\": 1, \"credentials\": [\"c\"]}", "user:"},
        {"{\"user\": \"a\"}", "credentials:"},
        {"{\"user\": \"a\", \"credentials\": []}", "credentials:"},
        {"{\"user\": \"a\", \"credentials\": \"c\"}", "credentials:"},
        {"{\"user\": \"a\", \"credentials\": [\"\"]}", "credentials:"},
        {"{\"user\": \"a\", \"credentials\": [{}]}", "credentials:"},
        {"{\"user\": \"a\", \"credentials\": [\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\","
         "\"9\"]}",
         "1 to 8"},
        {"{\"user\": \"a\", \"credentials\": [\"c\"], \"lifetime_s\": 0}", "lifetime_s:"},
        {"{\"user\": \"a\", \"credentials\": [\"c\"], \"lifetime_s\": -5}", "lifetime_s:"},
        {"{\"user\": \"a\", \"credentials\": [\"c\"], \"lifetime_s\": 1.5}", "lifetime_s:"},
        {"{\"user\": \"a\", \"credentials\": [\"c\"], \"lifetime_s\": \"1h\"}", "lifetime_s:"},
        {"{\"user\": \"a\", \"credentials\": [\"c\"], \"lifetime_s\": null}", "lifetime_s:"},
        {"{\"user\": \"a\", \"credentials\": [\"c\"], \"caveats\": []}", "a member beside"},
        {"{\"user\": \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\", "
         "\"credentials\": [\"c\"]}",
         "too long"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        post("application/json", cases[i].body);
        expect_refused(KH_REASON_LOGIN_MALFORMED, cases[i].says);
    }
}

static void
other_types(void **state)
{
    static const char *const types[] = {"", "text/plain", "application/x-www-form-urlencoded",
                                        "application/jsonx", "text/plain; application/json"};
    (void)state;
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        post(types[i], "{\"user\": \"alice\", \"credentials\": [\"openai\"]}");
        expect_refused(KH_REASON_LOGIN_MALFORMED, "Content-Type");
    }
}

static void
too_large(void **state)
{
    static char body[OWN_LOGIN_BODY_MAX + 64];
    (void)state;
    memset(body, ' ', OWN_LOGIN_BODY_MAX + 1);
    post("application/json", body);
    expect_refused(KH_REASON_BODY_TOO_LARGE, "");
    assert_contains(received.p, "HTTP/1.1 413 ");
    // And when its length is not said before.
    close(client);
    client = connect_loopback(w->port);
    send_text(client, "POST " OWN_LOGIN_PATH " HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
                      "application/json\r\nTransfer-Encoding: chunked\r\n\r\n1001\r\n");
    send_text(client, body);
    expect_refused(KH_REASON_BODY_TOO_LARGE, "");
}

static void
other_methods(void **state)
{
    (void)state;
    send_text(client, "GET " OWN_LOGIN_PATH " HTTP/1.1\r\nHost: localhost\r\n\r\n");
    expect_refused(KH_REASON_METHOD_NOT_ALLOWED, "");
    assert_contains(received.p, "Allow: POST");
}

/* ---- logins ---- */

static struct message_login_ask
expect_ask(void)
{
    struct message_login_ask ask;
    struct bytes body;
    assert_int_equal(next_frame(w, &body), MESSAGE_LOGIN_ASK);
    assert_int_equal(message_login_ask_rx(body, &ask), KH_OK);
    return ask;
}

static void
tell(const struct message_login_done *done)
{
    BUFFER_AUTO body;
    buffer_init(&body, 16384);
    message_login_done_tx(done, &body);
    assert_false(body.failed);
    send_frame(w->authority, MESSAGE_LOGIN_DONE, w->question, buffer_bytes(&body), -1);
}

static void
answer(const struct message_login_done *done)
{
    tell(done);
    read_answer(client);
}

static const struct message_login_done minted = {
    .minted = true, .token = BYTES("kh1_abc"), .expires_at = 1793000000};

static void
a_login(void **state)
{
    (void)state;
    post("application/json", "{\"user\": \"alice\", \"credentials\": [\"openai\", \"github\"], "
                             "\"lifetime_s\": 600}");
    struct message_login_ask ask = expect_ask();
    assert_true(bytes_is(ask.user, "alice"));
    assert_int_equal(ask.credential_count, 2);
    assert_true(bytes_is(ask.credential[1], "github"));
    assert_true(ask.lifetime_s == 600);
    assert_true(bytes_is(ask.client, "127.0.0.1"));
    answer(&minted);
    assert_contains(received.p, "HTTP/1.1 200 ");
    assert_contains(received.p, "Content-Type: application/json");
    assert_contains(received.p, "Cache-Control: no-store");
    assert_contains(received.p,
                    "{\"token\":\"kh1_abc\",\"expires_at\":\"2026-10-26T07:33:20Z\"}\n");
    // The connection goes on.
    post("Application/JSON; charset=utf-8", "{\"credentials\": [\"openai\"], \"user\": \"bob\"}");
    ask = expect_ask();
    assert_true(bytes_is(ask.user, "bob"));
    assert_true(ask.lifetime_s == 0);
    answer(&minted);
}

static void
in_pieces(void **state)
{
    (void)state;
    send_text(client, "POST " OWN_LOGIN_PATH " HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
                      "application/json\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked"
                      "\r\n\r\n");
    read_until(client, &received, "\r\n\r\n");
    assert_true(strncmp(received.p, "HTTP/1.1 100 ", 13) == 0);
    send_text(client, "10\r\n{\"user\": \"alice\"\r\n");
    send_text(client, "1a\r\n, \"credentials\": [\"openai\"\r\n2\r\n]}\r\n0\r\n\r\n");
    assert_true(bytes_is(expect_ask().user, "alice"));
    answer(&minted);
    assert_contains(received.p, "kh1_abc");
}

static void
what_the_authority_refuses(void **state)
{
    static const char question[] = "{\"user\": \"alice\", \"credentials\": [\"openai\"]}";
    (void)state;
    post("application/json", question);
    expect_ask();
    tell(&(struct message_login_done){.reason = KH_REASON_LOGIN_TOO_OFTEN, .retry_after_s = 7});
    expect_refused(KH_REASON_LOGIN_TOO_OFTEN, "");
    assert_contains(received.p, "HTTP/1.1 429 ");
    assert_contains(received.p, "Retry-After: 7\r\n");
    assert_contains(received.p, "login-too-often");
    assert_contains(received.p, "Logins are asked for too often.");
    assert_contains(received.p, "Keyhole-Request-Id: ");
    post("application/json", question);
    expect_ask();
    tell(&(struct message_login_done){.reason = KH_REASON_NO_DISCHARGER});
    expect_refused(KH_REASON_NO_DISCHARGER, "");
    assert_contains(received.p, "HTTP/1.1 503 ");
    assert_contains(received.p, "no-discharger");
}

static void
without_an_authority(void **state)
{
    static const char question[] = "{\"user\": \"alice\", \"credentials\": [\"openai\"]}";
    (void)state;
    post("application/json", question);
    expect_ask();
    close(w->authority);
    read_answer(client);
    assert_contains(received.p, "HTTP/1.1 503 ");
    post("application/json", question);
    read_answer(client);
    assert_contains(received.p, "HTTP/1.1 503 ");
    send_authority_channel(w);
}

/* ---- dischargers ---- */

static void
the_dischargers(void **state)
{
    static const char ask[] = "GET " OWN_DISCHARGERS_PATH " HTTP/1.1\r\nHost: localhost\r\n\r\n";
    struct message_dischargers list = {
        .discharger = {{.name = "local", .url = "http://localhost:8438", .public_key = {9}},
                       {.name = "b", .url = "https://b.example", .public_key = {8}}},
        .count = 2};
    BUFFER_AUTO body;
    (void)state;
    send_text(client, ask);
    read_answer(client);
    assert_contains(received.p, "{\"dischargers\":[]}\n");
    buffer_init(&body, 65536);
    message_dischargers_tx(&list, &body);
    send_frame(w->supervisor, MESSAGE_PROXY_DISCHARGERS, 0, buffer_bytes(&body), -1);
    do { // whichever of the two descriptors is looked at first
        send_text(client, ask);
        read_answer(client);
    } while (strstr(received.p, "\"dischargers\":[]"));
    assert_contains(received.p, "HTTP/1.1 200 ");
    assert_contains(received.p,
                    "{\"dischargers\":[{\"name\":\"local\",\"url\":\"http://localhost:8438\","
                    "\"public_key\":\"kd1_CQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"},"
                    "{\"name\":\"b\",\"url\":\"https://b.example\",");
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, plain_setup, plain_teardown)
    const struct CMUnitTest tests[] = {
        TEST(bodies_that_are_none),
        TEST(other_types),
        TEST(too_large),
        TEST(other_methods),
        TEST(a_login),
        TEST(in_pieces),
        TEST(what_the_authority_refuses),
        TEST(without_an_authority),
        TEST(the_dischargers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
