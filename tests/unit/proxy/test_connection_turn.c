/* SPDX-License-Identifier: Apache-2.0 */
/* What comes together, in one turn of the event loop or at the border of two. */
#include "stepped_fixture.h"

#define CONNECT_API "CONNECT api.test:443 HTTP/1.1\r\nHost: api.test:443\r\n\r\n"

static struct identity ca;

/* ---- what is ended where it begins ---- */

/* A redirected connection of which nobody knows where it was to go: its client must not wait, and
 * no drain for it. */
static void
test_a_transparent_client_without_a_destination(void **state)
{
    const struct world_route route = {.credential = "api", .host = "api.test"};
    struct world *w = stepped_world(&route, NULL);
    struct listener listener = *TAILQ_FIRST(&proxy->listeners);
    int pair[2];
    (void)state;
    listener.transparent = true;
    size_t count = proxy->connections.count;
    uint64_t open = metrics_cell_get(&listener.counted->open);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    set_patience(pair[0]);
    connection_accept(proxy, &listener, pair[1]);
    assert_int_equal(proxy->connections.count, count);
    assert_int_equal(metrics_cell_get(&listener.counted->open), open);
    read_until(pair[0], &received, NULL); // to the end
    assert_int_equal(received.n, 0);
    close(pair[0]);
    stepped_free(w);
}

/* ---- a tunnel's first bytes ---- */

static void
finish_handshake(SSL *ssl)
{
    int r, fd = SSL_get_fd(ssl);
    assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    while ((r = SSL_do_handshake(ssl)) != 1) {
        if (SSL_get_error(ssl, r) != SSL_ERROR_WANT_READ)
            fail_msg("the proxy ended the handshake");
        go_on_until_readable(fd);
    }
}

static void
give_leaf(void *context)
{
    answer_leaf(context, &ca, "api.test");
    events();
}

/* The client answers 200 at once, and the turn that wrote it has no round left to look at that. */
static void
test_hello_behind_the_last_round(void **state)
{
    const struct world_route route = {
        .credential = "api", .host = "api.test", .tls = true, .ca = ca.pem};
    struct world *w = stepped_world(&route, NULL);
    struct busy busy = {.work = give_leaf, .context = w};
    int client = connect_loopback(w->port);
    (void)state;
    send_text(client, CONNECT_API);
    go_on_until_readable(w->authority);
    busy_begin(&busy);
    assert_false(turn());
    busy.at = 2 * busy.rounds; // the last one of the next turn
    assert_false(turn());
    assert_int_equal(busy.rounds, busy.at);
    read_until(client, &received, "\r\n\r\n");
    assert_contains(received.p, "HTTP/1.1 200 ");
    SSL *ssl = connect_tls(client, "api.test", ca.pem, "api.test");
    assert_int_equal(fcntl(client, F_SETFL, O_NONBLOCK), 0);
    assert_int_equal(SSL_do_handshake(ssl), -1); // the ClientHello is there
    events();
    busy_end(&busy);
    (void)turn();
    finish_handshake(ssl);
    tls_end(ssl);
    stepped_free(w);
}

/* Whoever does not wait for the 200 gets none, whether there is a certificate already or not. */
static void
test_hello_before_the_tunnel_is_open(void **state)
{
    const struct world_route route = {
        .credential = "api", .host = "api.test", .tls = true, .ca = ca.pem};
    struct world *w = stepped_world(&route, NULL);
    (void)state;
    for (int known = 0; known < 2; known++) {
        int client = connect_loopback(w->port);
        go_on_until_there_are(1, CONNECTION_IDLE);
        const struct connection *c = connection_in(CONNECTION_IDLE);
        send_text(client, CONNECT_API);
        arrives(&c->conduit);
        events(); // the head is read, and not served yet
        if (!known) {
            (void)turn();
            answer_leaf(w, &ca, "api.test");
        }
        send_text(client, "\x16\x03\x01");
        arrives(&c->conduit);
        (void)turn();
        go_on_until_readable(w->authority);
        assert_int_equal(expect_decide(w)->refused, KH_REASON_REQUEST_MALFORMED);
        deny(w, KH_REASON_REQUEST_MALFORMED);
        go_on_until_readable(client);
        read_answer(client);
        assert_contains(received.p, "HTTP/1.1 400 ");
        close(client);
        go_on_until_there_are(0, CONNECTION_LINGERING);
    }
    stepped_free(w);
}

/* ---- time limits ---- */

static void
expire(struct connection *c)
{
    c->since_ms -= 1000000;
    event_active(proxy->connections.timer[c->state], EV_TIMEOUT, 1);
    events();
}

/* Something comes for the only connection in that state, which has been there for as long as it
 * may. */
static void
let_expire(enum connection_state state, bool told)
{
    struct connection *c = connection_in(state);
    arrives(c->exchange ? &c->exchange->upstream->conduit : &c->conduit);
    if (told)
        events();
    expire(c);
}

static void
expect_allowed(struct world *w)
{
    go_on_until_readable(w->authority);
    assert_int_equal(expect_decide(w)->refused, KH_REASON_UNSET);
    allow(w);
}

/* After a stop of the whole process, say: what is there when the limit is looked at is in time,
 * whether the event loop has told of it or has yet to. */
static void
come_in_the_turn_of_the_limit(struct world *w, bool told)
{
    int client = connect_loopback(w->port);
    // The first bytes, and the rest of a head.
    go_on_until_there_are(1, CONNECTION_IDLE);
    send_text(client, "GET /~api/v1/models HTTP/1.1\r\n");
    let_expire(CONNECTION_IDLE, told);
    (void)turn();
    send_text(client, "Host: localhost\r\nAuthorization: Bearer " TOKEN "\r\n\r\n");
    let_expire(CONNECTION_HEAD, told);
    (void)turn();
    // The answer, and more of it.
    expect_allowed(w);
    go_on_until_readable(w->upstream);
    int up = accept_upstream(w);
    go_on_until_readable(up);
    read_until(up, &sent_up, "\r\n\r\n");
    send_text(up, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 6\r\n\r\nabc");
    let_expire(CONNECTION_WAITING, told);
    (void)turn();
    send_text(up, "def");
    let_expire(CONNECTION_RELAYING, told);
    go_on_until_readable(client);
    read_answer(client);
    assert_contains(received.p, "HTTP/1.1 200 ");
    assert_contains(received.p, "\r\n\r\nabcdef");
    go_on_until_readable(w->authority);
    expect_finished(w);
    // But nothing is nothing.
    go_on_until_there_are(1, CONNECTION_IDLE);
    expire(connection_in(CONNECTION_IDLE));
    go_on_until_readable(client);
    read_until(client, &received, NULL);
    assert_int_equal(received.n, 0);
    close(up);
    close(client);
}

static void
test_what_came_in_the_turn_of_its_limit(void **state)
{
    const struct world_route route = {.credential = "api", .host = "api.test"};
    struct world *w = stepped_world(&route, NULL);
    (void)state;
    come_in_the_turn_of_the_limit(w, true);
    come_in_the_turn_of_the_limit(w, false);
    stepped_free(w);
}

/* ---- the end ---- */

/* A request that is there when the broker is told to end is served, whichever of them the event
 * loop tells first. */
static void
test_a_request_beside_a_drain(void **state)
{
    const struct world_route route = {.credential = "api", .host = "api.test"};
    struct world *w = stepped_world(&route, NULL);
    int client = connect_loopback(w->port), resting = connect_loopback(w->port);
    (void)state;
    for (int i = 0; i < 2; i++) { // both have asked for something before
        send_text(i ? resting : client, GET_MODELS);
        go_on_until_readable(w->authority);
        expect_decide(w);
        deny(w, KH_REASON_EXPIRED);
        go_on_until_readable(i ? resting : client);
        read_answer(i ? resting : client);
    }
    go_on_until_there_are(2, CONNECTION_IDLE);
    send_frame(w->supervisor, MESSAGE_PROXY_DRAIN, 0, BYTES_EMPTY, -1);
    send_text(client, GET_MODELS);
    arrives(&TAILQ_FIRST(&proxy->connections.list[CONNECTION_IDLE])->conduit);
    go_on_until_readable(w->authority);
    expect_decide(w);
    deny(w, KH_REASON_EXPIRED);
    go_on_until_readable(client);
    read_answer(client);
    assert_contains(received.p, "HTTP/1.1 401 ");
    assert_contains(received.p, "Connection: close");
    read_until(resting, &received, NULL);
    assert_int_equal(received.n, 0);
    close(client);
    close(resting);
    stepped_free(w);
}

static int
setup(void **state)
{
    (void)state;
    signal(SIGPIPE, SIG_IGN);
    identity_init(&ca, "A test CA");
    return 0;
}

static int
teardown(void **state)
{
    (void)state;
    identity_fini(&ca);
    return 0;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_transparent_client_without_a_destination),
        cmocka_unit_test(test_hello_behind_the_last_round),
        cmocka_unit_test(test_hello_before_the_tunnel_is_open),
        cmocka_unit_test(test_what_came_in_the_turn_of_its_limit),
        cmocka_unit_test(test_a_request_beside_a_drain),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
