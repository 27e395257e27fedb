/* SPDX-License-Identifier: Apache-2.0 */
/* Requests of the authority's own: what is sent, what is told, and what does not get through. */
#include "tls_fixture.h"

#define ASKED "grant_type=refresh_token&refresh_token=rt-canary"

static struct message_carry
token_request(void)
{
    return (struct message_carry){
        .credential = BYTES("api"),
        .plain = true,
        .host = BYTES("api.test"),
        .port = 80,
        .method = BYTES("POST"),
        .target = BYTES("/oauth/token?a=b"),
        .field = {{BYTES("Content-Type"), BYTES("application/x-www-form-urlencoded")}},
        .field_count = 1,
        .body = BYTES(ASKED),
        .timeout_ms = PATIENCE_MS,
    };
}

static void
send_carry(struct world *w, uint64_t id, const struct message_carry *request)
{
    BUFFER_AUTO body;
    buffer_init(&body, 131072);
    message_carry_tx(request, &body);
    assert_false(body.failed);
    send_frame(w->authority, MESSAGE_CARRY, id, buffer_bytes(&body), -1);
}

static struct message_carried
expect_carried(struct world *w, uint64_t id)
{
    struct bytes body;
    struct message_carried carried;
    assert_int_equal(next_frame(w, &body), MESSAGE_CARRIED);
    assert_int_equal(w->question, id);
    assert_int_equal(message_carried_rx(body, &carried), KH_OK);
    return carried;
}

static void
expect_failure(struct world *w, uint64_t id, enum kh_reason reason, const char *detail)
{
    struct message_carried carried = expect_carried(w, id);
    if (carried.answered || carried.reason != reason ||
        (detail[0] && bytes_find(carried.detail, bytes_str(detail)) == carried.detail.n))
        fail_msg("answered %d, status %u, %s: %.*s", carried.answered, carried.status,
                 kh_reason_code(carried.reason), BYTES_ARG(carried.detail));
}

static int
carry_up(struct world *w, uint64_t id, const struct message_carry *request)
{
    send_carry(w, id, request);
    int up = accept_upstream(w);
    read_until(up, &sent_up, "\r\n\r\n");
    static char body[sizeof ASKED];
    read_exactly(up, body, request->body.n);
    assert_memory_equal(body, request->body.p, request->body.n);
    return up;
}

static void
test_what_breaks_the_protocol(void **state)
{
    struct world *w = world_plain();
    uint8_t rest[64];
    (void)state;
    send_frame(w->authority, MESSAGE_CARRY, 1, BYTES("rubbish"), -1);
    assert_int_equal(recv(w->authority, rest, sizeof rest, 0), 0);
    world_free(w);
}

static void
test_what_is_not_sent(void **state)
{
    const struct world_route route[] = {
        {.credential = "api", .host = "api.test"},
        {.credential = "tls", .host = "tls.test", .tls = true},
        {.credential = "walled", .host = "walled.test", .no_network = true},
    };
    struct world *w = world_new(route, 3, NULL);
    struct message_carry request = token_request();
    (void)state;
    request.credential = BYTES("other");
    send_carry(w, 1, &request);
    expect_failure(w, 1, KH_REASON_BROKER_UNAVAILABLE, "does not take it");
    request.credential = BYTES("tls");
    request.host = BYTES("tls.test");
    send_carry(w, 2, &request);
    expect_failure(w, 2, KH_REASON_ADDRESS_FORBIDDEN, "plain");
    request.credential = BYTES("walled");
    request.host = BYTES("walled.test");
    send_carry(w, 3, &request);
    expect_failure(w, 3, KH_REASON_ADDRESS_FORBIDDEN, "");
    request = token_request();
    request.host = BYTES("169.254.169.254"); // never, whatever a token-url says
    send_carry(w, 4, &request);
    expect_failure(w, 4, KH_REASON_ADDRESS_FORBIDDEN, "");
    request = token_request();
    request.target = BYTES("/a/../token");
    send_carry(w, 5, &request);
    expect_failure(w, 5, KH_REASON_INTERNAL, "");
    request = token_request();
    request.field[0].value = BYTES("a\r\nX: b");
    send_carry(w, 6, &request);
    expect_failure(w, 6, KH_REASON_INTERNAL, "");
    assert_false(wait_readable(w->upstream, 0));
    world_free(w);
}

static void
test_sent_and_answered(void **state)
{
    static const char *const answer[] = {
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: keep-alive\r\n\r\n{a:1}",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        "2\r\n{a\r\n3\r\n:1}\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\n\r\n{a:1}",
    };
    struct world *w = world_plain();
    struct message_carry request = token_request();
    (void)state;
    for (size_t i = 0; i < sizeof answer / sizeof *answer; i++) {
        int up = carry_up(w, 10 + i, &request); // a new connection each time
        assert_contains(sent_up.p, "POST /oauth/token?a=b HTTP/1.1\r\n");
        assert_contains(sent_up.p, "ccept-encoding: identity\r\n");
        assert_contains(sent_up.p, "ontent-type: application/x-www-form-urlencoded\r\n");
        assert_contains(sent_up.p, "Content-Length: 48\r\n");
        send_text(up, answer[i]);
        (void)shutdown(up, SHUT_WR);
        struct message_carried carried = expect_carried(w, 10 + i);
        assert_true(carried.answered);
        assert_int_equal(carried.status, 200);
        assert_int_equal(carried.body.n, 5);
        assert_memory_equal(carried.body.p, "{a:1}", 5);
        close(up);
    }
    world_free(w);
}

static void
test_answers_that_are_no_use(void **state)
{
    static const struct {
        const char *answer;
        enum kh_reason reason;
        const char *detail;
    } row[] = {
        {"", KH_REASON_UPSTREAM_UNREACHABLE, "closed"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n{a", KH_REASON_UPSTREAM_RESPONSE, "body"},
        {"garbage\r\n\r\n", KH_REASON_UPSTREAM_RESPONSE, ""},
        {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Encoding: gzip\r\n\r\n{a:1}",
         KH_REASON_RESPONSE_ENCODED, "encoded"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 65537\r\n\r\n", KH_REASON_UPSTREAM_RESPONSE, "64 KiB"},
        {"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: a\r\n\r\n",
         KH_REASON_UPSTREAM_RESPONSE, "switches"},
    };
    struct world *w = world_plain();
    struct message_carry request = token_request();
    (void)state;
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        int up = carry_up(w, 20 + i, &request);
        send_text(up, row[i].answer);
        close(up);
        expect_failure(w, 20 + i, row[i].reason, row[i].detail);
    }
    world_free(w);
}

static void
test_an_endless_answer(void **state)
{
    struct world *w = world_plain();
    struct message_carry request = token_request();
    char part[4096];
    (void)state;
    int up = carry_up(w, 1, &request);
    send_text(up, "HTTP/1.1 200 OK\r\n\r\n");
    memset(part, 'a', sizeof part);
    for (int i = 0; i < 17; i++)
        send_bytes(up, part, sizeof part);
    expect_failure(w, 1, KH_REASON_UPSTREAM_RESPONSE, "64 KiB");
    close(up);
    world_free(w);
}

static void
test_a_redirect_is_an_answer(void **state)
{
    struct world *w = world_plain();
    struct message_carry request = token_request();
    (void)state;
    int up = carry_up(w, 1, &request);
    send_text(up, "HTTP/1.1 307 Temporary Redirect\r\nLocation: http://api.test/else\r\n"
                  "Content-Length: 0\r\n\r\n");
    assert_int_equal(expect_carried(w, 1).status, 307);
    assert_false(wait_readable(w->upstream, 0));
    close(up);
    world_free(w);
}

static void
test_it_has_its_own_time(void **state)
{
    struct world *w = world_plain();
    struct message_carry request = token_request();
    (void)state;
    request.timeout_ms = 30;
    int up = carry_up(w, 1, &request);
    expect_failure(w, 1, KH_REASON_UPSTREAM_TIMEOUT, "in time");
    assert_true(read_until(up, &sent_up, NULL)); // and the connection ends
    close(up);
    world_free(w);
}

static void
test_the_status_alone(void **state)
{
    struct world *w = world_plain();
    struct message_carry request = token_request();
    (void)state;
    request.method = BYTES("GET");
    request.body = BYTES_EMPTY;
    request.status_alone = true;
    request.edit[0] = (struct edit){EDIT_HEADER_SET, BYTES("Authorization"), BYTES("Bearer k")};
    request.edit_count = 1;
    int up = carry_up(w, 1, &request);
    assert_contains(sent_up.p, "GET /oauth/token?a=b HTTP/1.1\r\n");
    assert_contains(sent_up.p, "Authorization: Bearer k\r\n");
    send_text(up, "HTTP/1.1 401 Unauthorized\r\nContent-Encoding: gzip\r\n"
                  "Content-Length: 999999\r\n\r\n");
    struct message_carried carried = expect_carried(w, 1);
    assert_int_equal(carried.status, 401);
    assert_int_equal(carried.body.n, 0);
    close(up);
    world_free(w);
}

static void
test_tls_is_verified(void **state)
{
    struct identity right, wrong;
    identity_init(&right, "tls.test");
    identity_init(&wrong, "tls.test");
    const struct world_route route = {
        .credential = "api", .host = "tls.test", .tls = true, .ca = right.pem};
    SSL_CTX *context = upstream_context(&wrong);
    struct world *w = world_new(&route, 1, NULL);
    struct message_carry request = token_request();
    (void)state;
    request.plain = false;
    request.host = BYTES("tls.test");
    request.port = 443;
    send_carry(w, 1, &request);
    int fd = accept_upstream(w);
    assert_null(accept_tls(context, fd));
    close(fd);
    expect_failure(w, 1, KH_REASON_UPSTREAM_TLS, "");
    SSL_CTX_free(context);
    context = upstream_context(&right);
    send_carry(w, 2, &request);
    SSL *up = accept_tls(context, accept_upstream(w));
    assert_non_null(up);
    tls_read_until(up, &sent_up, ASKED);
    tls_send(up, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    assert_int_equal(expect_carried(w, 2).status, 200);
    tls_end(up);
    world_free(w);
    SSL_CTX_free(context);
    identity_fini(&right);
    identity_fini(&wrong);
}

/* It is waited for, and a proxy that drains takes no other. */
static void
test_draining(void **state)
{
    struct world *w = world_plain();
    struct message_carry request = token_request();
    uint8_t drain[16] = {[4] = MESSAGE_PROXY_DRAIN};
    (void)state;
    int up = carry_up(w, 1, &request);
    assert_int_equal(send(w->supervisor, drain, sizeof drain, MSG_NOSIGNAL), sizeof drain);
    // The listener is closed by then: it drains.
    int client;
    do {
        struct sockaddr_in address = {.sin_family = AF_INET,
                                      .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                                      .sin_port = htons(w->port)};
        client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (connect(client, (struct sockaddr *)&address, sizeof address) != 0)
            break;
    } while (close(client) == 0);
    close(client);
    send_carry(w, 2, &request);
    expect_failure(w, 2, KH_REASON_BROKER_UNAVAILABLE, "does not take it");
    send_text(up, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    assert_int_equal(expect_carried(w, 1).status, 200);
    close(up);
    world_free(w);
}

/* A question that is answered later keeps its place; one that nobody asked is nothing. */
static void
short_decide(struct config *config)
{
    config->decide_timeout_ms = 1500;
}

static void
test_later(void **state)
{
    const struct world_route route = {.credential = "api", .host = "api.test"};
    struct world *w = world_new(&route, 1, short_decide);
    int client = connect_loopback(w->port);
    (void)state;
    send_frame(w->authority, MESSAGE_DECISION_LATER, 4711, BYTES_EMPTY, -1);
    send_text(client, GET_MODELS);
    expect_decide(w);
    // Longer in all than the limit, and each time not silent for as long as that.
    for (int i = 0; i < 8; i++) {
        assert_false(wait_readable(client, 200));
        send_frame(w->authority, MESSAGE_DECISION_LATER, w->question, BYTES_EMPTY, -1);
    }
    deny(w, KH_REASON_UPSTREAM_TIMEOUT);
    read_answer(client);
    assert_contains(received.p, "HTTP/1.1 504 ");
    close(client);
    world_free(w);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_breaks_the_protocol),
        cmocka_unit_test(test_what_is_not_sent),
        cmocka_unit_test(test_sent_and_answered),
        cmocka_unit_test(test_answers_that_are_no_use),
        cmocka_unit_test(test_an_endless_answer),
        cmocka_unit_test(test_a_redirect_is_an_answer),
        cmocka_unit_test(test_it_has_its_own_time),
        cmocka_unit_test(test_the_status_alone),
        cmocka_unit_test(test_tls_is_verified),
        cmocka_unit_test(test_draining),
        cmocka_unit_test(test_later),
    };
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
