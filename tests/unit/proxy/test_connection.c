/* SPDX-License-Identifier: Apache-2.0 */
/* Time limits of the states, each with the answer that belongs to it (docs/THREATS.md, 20). */
#include "tls_fixture.h"

static const struct world_route route = {.credential = "api", .host = "api.test"};

static struct world *
world_with(void (*configure)(struct config *config))
{
    return world_new(&route, 1, configure);
}

static void
short_head(struct config *config)
{
    config->head_timeout_ms = 30;
}

// threat 20
static void
test_a_head_that_does_not_come(void **state)
{
    struct world *w = world_with(short_head);
    int client = connect_loopback(w->port);
    (void)state;
    send_text(client, "GET / HTTP/1.1\r\nHost: loc");
    const struct message_decide *decide = expect_decide(w);
    assert_int_equal(decide->refused, KH_REASON_REQUEST_TIMEOUT);
    deny(w, KH_REASON_REQUEST_TIMEOUT);
    read_until(client, &received, NULL);
    assert_contains(received.p, "HTTP/1.1 408 ");
    assert_contains(received.p, "Connection: close");
    close(client);
    world_free(w);
}

static void
short_idle(struct config *config)
{
    config->idle_timeout_ms = 30;
}

static void
test_idle_connections_end_quietly(void **state)
{
    struct world *w = world_with(short_idle);
    int client = connect_loopback(w->port);
    (void)state;
    read_until(client, &received, NULL);
    assert_int_equal(received.n, 0);
    assert_true(authority_is_silent(w));
    close(client);
    world_free(w);
}

static void
short_decide(struct config *config)
{
    config->decide_timeout_ms = 30;
}

static void
test_no_decision_in_time(void **state)
{
    struct world *w = world_with(short_decide);
    int client = connect_loopback(w->port);
    (void)state;
    send_text(client, GET_MODELS);
    expect_decide(w);
    read_answer(client);
    assert_contains(received.p, "HTTP/1.1 503 ");
    assert_contains(received.p, "broker-unavailable");
    allow(w); // too late: nothing goes anywhere, and the record says so
    const struct message_finished *finished = expect_finished(w);
    assert_int_equal(finished->reason, KH_REASON_BROKER_UNAVAILABLE);
    assert_int_equal(finished->request_id[0], 1);
    assert_false(wait_readable(w->upstream, 0));
    close(client);
    world_free(w);
}

static void
short_first_byte(struct config *config)
{
    config->first_byte_timeout_ms = 30;
}

static void
test_an_upstream_that_does_not_answer(void **state)
{
    struct world *w = world_with(short_first_byte);
    int client = connect_loopback(w->port);
    (void)state;
    send_text(client, GET_MODELS);
    expect_decide(w);
    allow(w);
    int up = accept_upstream(w);
    read_answer(client);
    assert_contains(received.p, "HTTP/1.1 504 ");
    assert_contains(received.p, "upstream-timeout");
    assert_int_equal(expect_finished(w)->reason, KH_REASON_UPSTREAM_TIMEOUT);
    read_to_reset(up, &sent_up);
    close(up);
    close(client);
    world_free(w);
}

static void
short_body(struct config *config)
{
    config->body_timeout_ms = 30;
}

static void
test_a_body_that_stands_still(void **state)
{
    struct world *w = world_with(short_body);
    int client = connect_loopback(w->port);
    (void)state;
    send_text(client, "POST /~api/ HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " TOKEN
                      "\r\nContent-Length: 9\r\n\r\nabc");
    expect_decide(w);
    allow(w);
    int up = accept_upstream(w);
    read_until(client, &received, NULL);
    assert_contains(received.p, "HTTP/1.1 408 ");
    assert_int_equal(expect_finished(w)->reason, KH_REASON_REQUEST_TIMEOUT);
    close(up);
    close(client);
    // And one that comes down.
    client = connect_loopback(w->port);
    send_text(client, GET_MODELS);
    expect_decide(w);
    allow(w);
    up = accept_upstream(w);
    read_until(up, &sent_up, "\r\n\r\n");
    send_text(up, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab\n\r\n");
    read_until(client, &received, "ab\n\r\n");
    assert_true(read_to_reset(client, &received));
    assert_int_equal(expect_finished(w)->reason, KH_REASON_UPSTREAM_TIMEOUT);
    close(up);
    close(client);
    world_free(w);
}

// So long that the upstream, which is this test, is never the one that stands still.
static void
longer_body(struct config *config)
{
    config->body_timeout_ms = 2000;
}

/* An answer that nobody takes is no fault of the upstream. */
static void
test_a_client_that_does_not_read(void **state)
{
    enum { ANSWER_BYTES = 64 << 20 };
    static char piece[65536];
    struct world *w = world_with(longer_body);
    int client = connect_loopback(w->port);
    (void)state;
    send_text(client, GET_MODELS);
    expect_decide(w);
    allow(w);
    int up = accept_upstream(w);
    read_until(up, &sent_up, "\r\n\r\n");
    send_text(up, "HTTP/1.1 200 OK\r\nContent-Length: 67108864\r\n\r\n");
    ssize_t n = 1;
    for (size_t sent = 0; sent < ANSWER_BYTES && n > 0; sent += (size_t)n)
        n = send(up, piece, sizeof piece, MSG_NOSIGNAL);
    assert_true(n < 0); // the broker closed it
    const struct message_finished *finished = expect_finished(w);
    assert_string_equal(kh_reason_code(finished->reason), "client-stalled");
    assert_int_equal(finished->upstream_status, 200);
    assert_true(finished->duration_ms >= w->config.body_timeout_ms);
    close(up);
    close(client);
    world_free(w);
}

static void
short_tls(struct config *config)
{
    config->tls_timeout_ms = 30;
}

static void
test_handshakes_that_do_not_come(void **state)
{
    struct identity identity;
    identity_init(&identity, "api.test");
    const struct world_route tls = {
        .credential = "api", .host = "api.test", .tls = true, .ca = identity.pem};
    struct world *w = world_new(&tls, 1, short_tls);
    int client = connect_loopback(w->tls_port);
    (void)state;
    read_to_reset(client, &received);
    close(client);
    client = connect_loopback(w->port);
    send_text(client, GET_MODELS);
    expect_decide(w);
    allow(w);
    int up = accept_upstream(w);
    read_answer(client);
    assert_contains(received.p, "upstream-timeout");
    assert_int_equal(expect_finished(w)->reason, KH_REASON_UPSTREAM_TIMEOUT);
    close(up);
    close(client);
    world_free(w);
    identity_fini(&identity);
}

/* Half a head and gone: nobody asked for anything. */
static void
test_a_client_that_goes(void **state)
{
    struct world *w = world_plain();
    (void)state;
    int client = connect_loopback(w->port);
    send_text(client, "GET / HT");
    shutdown(client, SHUT_WR);
    read_until(client, &received, NULL);
    assert_int_equal(received.n, 0);
    close(client);
    // While the authority thinks: its allow moves nothing.
    client = connect_loopback(w->port);
    send_text(client, GET_MODELS);
    expect_decide(w);
    uint64_t question = w->question;
    struct linger reset = {.l_onoff = 1};
    setsockopt(client, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    close(client);
    client = connect_loopback(w->port); // and the other one shows that the reset was seen
    send_text(client, GET_MODELS);
    expect_decide(w);
    deny(w, KH_REASON_EXPIRED);
    read_answer(client);
    w->question = question;
    allow(w);
    assert_int_equal(expect_finished(w)->upstream_status, 0);
    assert_false(wait_readable(w->upstream, 0));
    close(client);
    world_free(w);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_head_that_does_not_come),
        cmocka_unit_test(test_idle_connections_end_quietly),
        cmocka_unit_test(test_no_decision_in_time),
        cmocka_unit_test(test_an_upstream_that_does_not_answer),
        cmocka_unit_test(test_a_body_that_stands_still),
        cmocka_unit_test(test_a_client_that_does_not_read),
        cmocka_unit_test(test_handshakes_that_do_not_come),
        cmocka_unit_test(test_a_client_that_goes),
    };
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
