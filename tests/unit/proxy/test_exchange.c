/* SPDX-License-Identifier: Apache-2.0 */
/* Where heads lead, and what is refused before anybody is asked: each refusal has its record first.
 */
#include "fixture.h"

#define AUTH "Authorization: Bearer " TOKEN "\r\n"

static struct world *w;

static int
setup(void **state)
{
    const struct world_route routes[] = {
        {.credential = "api", .host = "api.test"},
        {.credential = "git", .host = "git.test", .basic = true},
    };
    (void)state;
    w = world_new(routes, 2, NULL);
    return 0;
}

static int
teardown(void **state)
{
    (void)state;
    world_free(w);
    return 0;
}

struct row {
    const char *request;
    enum kh_reason reason;
    enum way way;
    const char *status, *host, *path;
};

static void
run(const struct row *row)
{
    int client = connect_loopback(w->port);
    send_text(client, row->request);
    const struct message_decide *decide = expect_decide(w);
    if (decide->refused != row->reason || decide->way != row->way)
        fail_msg("%s\nrefused for %s, way %s", row->request, kh_reason_code(decide->refused),
                 way_name(decide->way));
    assert_true(bytes_is(decide->client, "127.0.0.1"));
    assert_int_equal(decide->token.n, 0);
    if (row->host && !bytes_is(decide->host, row->host))
        fail_msg("%s\nhost %.*s", row->request, BYTES_ARG(decide->host));
    if (row->path && !bytes_is(decide->path_encoded, row->path))
        fail_msg("%s\npath %.*s", row->request, BYTES_ARG(decide->path_encoded));
    struct message_decision decision = {
        .reason = decide->refused, .detail = decide->refused_detail, .request_id = {7}};
    answer_decision(w, &decision);
    read_answer(client);
    if (strncmp(received.p, row->status, strlen(row->status)) != 0)
        fail_msg("%s\n%s", row->request, received.p);
    assert_contains(received.p, "Keyhole-Request-Id: 0700");
    assert_contains(received.p, kh_reason_code(row->reason));
    close(client);
}

static void
test_refusals(void **state)
{
    static const struct row rows[] = {
        {"nonsense\r\n\r\n", KH_REASON_REQUEST_MALFORMED, WAY_UNSET, "HTTP/1.1 400 ", "", ""},
        {"GET / HTTP/1.1\n\n", KH_REASON_REQUEST_MALFORMED, WAY_UNSET, "HTTP/1.1 400 ", "", ""},
        {"GET / HTTP/1.1\r\n\r\n", KH_REASON_REQUEST_MALFORMED, WAY_UNSET, "HTTP/1.1 400 ", "", ""},
        {"GET /~api/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n"
         "Transfer-Encoding: chunked\r\n" AUTH "\r\n",
         KH_REASON_REQUEST_MALFORMED, WAY_UNSET, "HTTP/1.1 400 ", "", ""},
        {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", KH_REASON_REQUEST_MALFORMED, WAY_UNSET,
         "HTTP/1.1 400 ", "", ""},
        {"GET /~api/a HTTP/1.1\r\nHost: localhost\r\nExpect: the-best\r\n" AUTH "\r\n",
         KH_REASON_EXPECTATION_FAILED, WAY_UNSET, "HTTP/1.1 417 ", "", "/~api/a"},
        {"GET / HTTP/1.1\r\nHost: evil.test\r\n" AUTH "\r\n", KH_REASON_MISDIRECTED, WAY_HOST,
         "HTTP/1.1 421 ", "evil.test", "/"},
        {"GET http://evil.test/x HTTP/1.1\r\nHost: evil.test\r\n" AUTH "\r\n",
         KH_REASON_HOST_NOT_ALLOWED, WAY_HTTP_PROXY, "HTTP/1.1 403 ", "evil.test", "/x"},
        {"GET /~nobody/x HTTP/1.1\r\nHost: localhost\r\n" AUTH "\r\n", KH_REASON_CREDENTIAL_UNKNOWN,
         WAY_BASE_URL, "HTTP/1.1 403 ", NULL, "/x"},
        {"GET /~api/a/../b HTTP/1.1\r\nHost: localhost\r\n" AUTH "\r\n", KH_REASON_PATH_AMBIGUOUS,
         WAY_BASE_URL, "HTTP/1.1 400 ", "api.test", "/a/../b"},
        {"GET /~api/a%2fb HTTP/1.1\r\nHost: localhost\r\n" AUTH "\r\n", KH_REASON_PATH_AMBIGUOUS,
         WAY_BASE_URL, "HTTP/1.1 400 ", "api.test", NULL},
        {"GET /~api/a HTTP/1.1\r\nHost: localhost\r\n\r\n", KH_REASON_TOKEN_MISSING, WAY_BASE_URL,
         "HTTP/1.1 401 ", "api.test", "/a"},
        {"GET /~api/a HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer sk-mine\r\n\r\n",
         KH_REASON_FOREIGN_KEY, WAY_BASE_URL, "HTTP/1.1 401 ", "api.test", "/a"},
        {"GET /~api/a HTTP/1.1\r\nHost: localhost\r\nX-Api-Key: " TOKEN "\r\n\r\n",
         KH_REASON_TOKEN_MISPLACED, WAY_BASE_URL, "HTTP/1.1 400 ", "api.test", "/a"},
        {"OPTIONS * HTTP/1.1\r\nHost: api.test\r\n" AUTH "\r\n", KH_REASON_REQUEST_MALFORMED,
         WAY_UNSET, "HTTP/1.1 400 ", "api.test", "*"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        run(&rows[i]);
    assert_false(wait_readable(w->upstream, 0));
}

/* What was refused here stays refused, whatever the answer says. */
static void
test_a_refusal_is_not_overruled(void **state)
{
    int client = connect_loopback(w->port);
    (void)state;
    send_text(client, "GET /~api/a HTTP/1.1\r\nHost: localhost\r\n\r\n");
    expect_decide(w);
    allow(w);
    read_answer(client);
    assert_contains(received.p, "token-missing");
    assert_false(wait_readable(w->upstream, 0));
    close(client);
}

static void
test_basic_is_offered_where_it_is_a_slot(void **state)
{
    int client = connect_loopback(w->port);
    (void)state;
    send_text(client, "GET /~git/ HTTP/1.1\r\nHost: localhost\r\n\r\n");
    expect_decide(w);
    deny(w, KH_REASON_TOKEN_MISSING);
    read_answer(client);
    assert_contains(received.p, "WWW-Authenticate: Basic");
    send_text(client, "GET /~api/ HTTP/1.1\r\nHost: localhost\r\n\r\n");
    expect_decide(w);
    deny(w, KH_REASON_TOKEN_MISSING);
    read_answer(client);
    assert_lacks(received.p, "Basic");
    close(client);
}

static void
test_ways(void **state)
{
    static const struct {
        const char *request;
        enum way way;
    } rows[] = {
        {"GET /a HTTP/1.1\r\nHost: api.test\r\n" AUTH "\r\n", WAY_HOST},
        {"GET http://api.test/a HTTP/1.1\r\nHost: api.test\r\n" AUTH "\r\n", WAY_HTTP_PROXY},
        {"GET http://api.test/a HTTP/1.1\r\nHost: api.test\r\nProxy-Authorization: Bearer " TOKEN
         "\r\n\r\n",
         WAY_HTTP_PROXY},
        {"GET /~api/a HTTP/1.1\r\nHost: localhost\r\nKeyhole-Token: " TOKEN "\r\n\r\n",
         WAY_BASE_URL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int client = connect_loopback(w->port);
        send_text(client, rows[i].request);
        const struct message_decide *decide = expect_decide(w);
        assert_int_equal(decide->refused, KH_REASON_UNSET);
        assert_int_equal(decide->way, rows[i].way);
        assert_true(bytes_is(decide->token, TOKEN));
        assert_true(bytes_is(decide->path, "/a"));
        deny(w, KH_REASON_EXPIRED);
        read_answer(client);
        close(client);
    }
}

/* The token and what is between us and the client do not go up; h2c is not spoken of. */
static void
test_what_stays_here(void **state)
{
    int client = connect_loopback(w->port);
    (void)state;
    send_text(client, "GET /~api/a?b=c HTTP/1.1\r\nHost: localhost\r\n" AUTH
                      "Connection: X-Mine, Upgrade\r\nX-Mine: 1\r\nUpgrade: h2c\r\n"
                      "Proxy-Connection: keep-alive\r\nX-Forwarded-For: 1.2.3.4\r\n"
                      "Keyhole-Anything: 1\r\nTE: trailers\r\nAccept-Encoding: gzip\r\n"
                      "X-Kept: 2\r\n\r\n");
    expect_decide(w);
    allow(w);
    int up = accept_upstream(w);
    read_until(up, &sent_up, "\r\n\r\n");
    static const char *const gone[] = {TOKEN, "x-mine",     "X-Mine",   "pgrade",
                                       "h2c", "onnection:", "orwarded", "eyhole",
                                       "te:", "TE:",        "gzip",     "localhost"};
    for (size_t i = 0; i < sizeof gone / sizeof *gone; i++)
        assert_lacks(sent_up.p, gone[i]);
    assert_contains(sent_up.p, "x-kept: 2\r\n");
    assert_contains(sent_up.p, "GET /a?b=c HTTP/1.1\r\n");
    send_text(up, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    read_answer(client);
    expect_finished(w);
    close(up);
    close(client);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_a_refusal_is_not_overruled),
        cmocka_unit_test(test_basic_is_offered_where_it_is_a_slot),
        cmocka_unit_test(test_ways),
        cmocka_unit_test(test_what_stays_here),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
