/* SPDX-License-Identifier: Apache-2.0 */
/* Connections to upstreams: checked addresses, verified TLS, the pool, and one more try. */
#include "tls_fixture.h"

#include <sys/resource.h>

#define POST_EMPTY                                                                                 \
    "POST /~api/v1/x HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " TOKEN                  \
    "\r\nContent-Length: 0\r\n\r\n"
#define OK_ANSWER "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

static void
ask(struct world *w, int client, const char *request)
{
    send_text(client, request);
    expect_decide(w);
    allow(w);
}

static void
expect_problem(struct world *w, int client, const char *status, const char *code,
               enum kh_reason reason)
{
    read_answer(client);
    assert_contains(received.p, status);
    assert_contains(received.p, code);
    assert_int_equal(expect_finished(w)->reason, reason);
}

static void
test_addresses_that_are_not_listed(void **state)
{
    const struct world_route route = {.credential = "api", .host = "api.test", .no_network = true};
    struct world *w = world_new(&route, 1, NULL);
    int client = connect_loopback(w->port);
    (void)state;
    ask(w, client, GET_MODELS);
    expect_problem(w, client, "HTTP/1.1 403 ", "address-forbidden", KH_REASON_ADDRESS_FORBIDDEN);
    assert_false(wait_readable(w->upstream, 0));
    close(client);
    world_free(w);
}

static void
test_nobody_listens(void **state)
{
    struct world *w = world_plain();
    int client = connect_loopback(w->port);
    (void)state;
    close(w->upstream);
    w->upstream = -1;
    ask(w, client, GET_MODELS);
    expect_problem(w, client, "HTTP/1.1 502 ", "upstream-unreachable",
                   KH_REASON_UPSTREAM_UNREACHABLE);
    close(client);
    world_free(w);
}

static void
test_ends_without_an_answer(void **state)
{
    struct world *w = world_plain();
    int client = connect_loopback(w->port);
    (void)state;
    ask(w, client, GET_MODELS);
    int up = accept_upstream(w);
    read_until(up, &sent_up, "\r\n\r\n");
    close(up); // a new connection: not tried again
    expect_problem(w, client, "HTTP/1.1 502 ", "upstream-unreachable",
                   KH_REASON_UPSTREAM_UNREACHABLE);
    assert_false(wait_readable(w->upstream, 0));
    close(client);
    world_free(w);
}

/* One request and its answer: the connection to the upstream rests, and is returned. */
static int
serve_first(struct world *w, int client)
{
    ask(w, client, GET_MODELS);
    int up = accept_upstream(w);
    read_until(up, &sent_up, "\r\n\r\n");
    send_text(up, OK_ANSWER);
    read_answer(client);
    expect_finished(w);
    return up;
}

/* The upstream is well: it is the broker that has no room, and whoever asks again later is served.
 */
static void
test_no_descriptor_for_it(void **state)
{
    struct world *w = world_plain();
    int client = connect_loopback(w->port);
    struct rlimit before, none;
    (void)state;
    send_text(client, GET_MODELS);
    expect_decide(w);
    assert_int_equal(prlimit(w->pid, RLIMIT_NOFILE, NULL, &before), 0);
    none = (struct rlimit){.rlim_cur = 1, .rlim_max = before.rlim_max};
    assert_int_equal(prlimit(w->pid, RLIMIT_NOFILE, &none, NULL), 0);
    allow(w);
    expect_problem(w, client, "HTTP/1.1 503 ", "broker-busy", KH_REASON_BROKER_BUSY);
    assert_contains(received.p, "no descriptor");
    assert_int_equal(prlimit(w->pid, RLIMIT_NOFILE, &before, NULL), 0);
    serve_first(w, client);
    close(client);
    world_free(w);
}

/* A pooled connection that has served, then gets `second` and ends. */
static int
reuse_and_end(struct world *w, int client, const char *second)
{
    int up = serve_first(w, client);
    ask(w, client, second);
    read_until(up, &sent_up, "\r\n\r\n");
    close(up);
    return up;
}

static void
test_once_more_on_a_new_connection(void **state)
{
    struct world *w = world_plain();
    int client = connect_loopback(w->port);
    (void)state;
    reuse_and_end(w, client, GET_MODELS);
    int up = accept_upstream(w);
    read_until(up, &sent_up, "\r\n\r\n");
    assert_contains(sent_up.p, "Bearer " SECRET);
    send_text(up, OK_ANSWER);
    read_answer(client);
    assert_contains(received.p, "HTTP/1.1 200 ");
    close(up);
    close(client);
    world_free(w);
}

/* It may have been acted on. */
static void
test_a_post_is_not_repeated(void **state)
{
    struct world *w = world_plain();
    int client = connect_loopback(w->port);
    (void)state;
    reuse_and_end(w, client, POST_EMPTY);
    expect_problem(w, client, "HTTP/1.1 502 ", "upstream-unreachable",
                   KH_REASON_UPSTREAM_UNREACHABLE);
    assert_false(wait_readable(w->upstream, 0));
    close(client);
    world_free(w);
}

/* Whoever said "go on" has seen the request; and a body by itself would be read as a request. */
static void
test_not_repeated_after_an_interim_answer(void **state)
{
    static const char *const request[] = {
        "POST /~api/v1/x HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " TOKEN
        "\r\nExpect: 100-continue\r\nContent-Length: 37\r\n\r\n",
        GET_MODELS,
    };
    static const char *const interim[] = {"HTTP/1.1 100 Continue\r\n\r\n",
                                          "HTTP/1.1 103 Early Hints\r\n\r\n"};
    (void)state;
    for (size_t i = 0; i < sizeof request / sizeof *request; i++) {
        struct world *w = world_plain();
        int client = connect_loopback(w->port);
        int up = serve_first(w, client);
        ask(w, client, request[i]);
        read_until(up, &sent_up, "\r\n\r\n");
        send_text(up, interim[i]);
        close(up);
        if (i == 0)
            read_until(client, &received, "HTTP/1.1 100 Continue\r\n\r\n");
        if (i == 0)
            send_text(client, "GET /unjudged HTTP/1.1\r\nHost: a.b\r\n\r\n");
        expect_problem(w, client, "HTTP/1.1 502 ", "upstream-unreachable",
                       KH_REASON_UPSTREAM_UNREACHABLE);
        assert_false(wait_readable(w->upstream, 0));
        close(client);
        world_free(w);
    }
}

/* Bytes that nobody asked for are not the answer to the next request. */
static void
test_stray_bytes_end_an_idle_connection(void **state)
{
    struct world *w = world_plain();
    int client = connect_loopback(w->port);
    (void)state;
    int up = serve_first(w, client);
    send_text(up, "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged");
    read_to_reset(up, &sent_up);
    ask(w, client, GET_MODELS);
    int second = accept_upstream(w);
    read_until(second, &sent_up, "\r\n\r\n");
    send_text(second, OK_ANSWER);
    read_answer(client);
    assert_lacks(received.p, "forged");
    close(up);
    close(second);
    // The same together with the answer.
    expect_finished(w);
    ask(w, client, GET_MODELS);
    up = accept_upstream(w);
    read_until(up, &sent_up, "\r\n\r\n");
    send_text(up, OK_ANSWER "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged");
    read_answer(client);
    read_to_reset(up, &sent_up);
    close(up);
    close(client);
    world_free(w);
}

/* Nor when they come at the same time as the decision that would send something there. */
static void
test_stray_bytes_beside_a_decision(void **state)
{
    static const char *const stray[] = {"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged", ""};
    (void)state;
    for (size_t i = 0; i < sizeof stray / sizeof *stray; i++) {
        struct world *w = world_plain();
        int client = connect_loopback(w->port);
        int up = serve_first(w, client);
        send_text(client, GET_MODELS);
        expect_decide(w);
        assert_int_equal(kill(w->pid, SIGSTOP), 0);
        assert_int_equal(waitpid(w->pid, NULL, WUNTRACED), w->pid);
        send_text(up, stray[i]);
        if (!*stray[i])
            assert_int_equal(shutdown(up, SHUT_WR), 0);
        allow(w);
        assert_int_equal(kill(w->pid, SIGCONT), 0);
        int second = accept_upstream(w);
        read_until(second, &sent_up, "\r\n\r\n");
        send_text(second, OK_ANSWER);
        read_answer(client);
        assert_lacks(received.p, "forged");
        assert_contains(received.p, "HTTP/1.1 200 ");
        close(up);
        close(second);
        close(client);
        world_free(w);
    }
}

// threat 7
static void
test_credentials_do_not_share_connections(void **state)
{
    const struct world_route routes[] = {{.credential = "api", .host = "api.test"},
                                         {.credential = "two", .host = "api.test"}};
    struct world *w = world_new(routes, 2, NULL);
    int client = connect_loopback(w->port);
    (void)state;
    int up = serve_first(w, client);
    send_text(client,
              "GET /~two/ HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " TOKEN "\r\n\r\n");
    expect_decide(w);
    struct message_decision decision = allow_decision();
    decision.credential = BYTES("two");
    answer_decision(w, &decision);
    int second = accept_upstream(w);
    read_until(second, &sent_up, "\r\n\r\n");
    send_text(second, OK_ANSWER);
    read_answer(client);
    close(up);
    close(second);
    close(client);
    world_free(w);
}

/* ---- TLS ---- */

static void
test_tls_verified_and_resumed(void **state)
{
    struct identity identity;
    identity_init(&identity, "api.test");
    SSL_CTX *context = upstream_context(&identity);
    const struct world_route route = {
        .credential = "api", .host = "api.test", .tls = true, .ca = identity.pem};
    struct world *w = world_new(&route, 1, NULL);
    (void)state;
    for (int i = 0; i < 3; i++) {
        int client = connect_loopback(w->port);
        ask(w, client, GET_MODELS);
        SSL *up = accept_tls(context, accept_upstream(w));
        assert_non_null(up);
        assert_string_equal(SSL_get_servername(up, TLSEXT_NAMETYPE_host_name), "api.test");
        assert_int_equal(SSL_session_reused(up), i > 0);
        tls_read_until(up, &sent_up, "\r\n\r\n");
        assert_contains(sent_up.p, "Bearer " SECRET);
        tls_send(up, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok");
        read_answer(client);
        assert_contains(received.p, "\r\n\r\nok");
        expect_finished(w);
        tls_end(up);
        close(client);
    }
    world_free(w);
    SSL_CTX_free(context);
    identity_fini(&identity);
}

static void
test_tls_that_is_not_accepted(void **state)
{
    struct identity good, stranger, other_name;
    identity_init(&good, "api.test");
    identity_init(&stranger, "api.test");
    identity_init(&other_name, "other.test");
    char both[sizeof good.pem * 2];
    snprintf(both, sizeof both, "%s%s", good.pem, other_name.pem);
    const struct world_route route = {
        .credential = "api", .host = "api.test", .tls = true, .ca = both};
    const struct identity *const shown[] = {&stranger, &other_name};
    struct world *w = world_new(&route, 1, NULL);
    (void)state;
    for (int i = 0; i < 2; i++) {
        SSL_CTX *context = upstream_context(shown[i]);
        int client = connect_loopback(w->port);
        ask(w, client, GET_MODELS);
        int fd = accept_upstream(w);
        SSL *up = accept_tls(context, fd);
        if (up) { // TLS 1.3: our side is done before the other one objects
            tls_read_until(up, &sent_up, NULL);
            assert_int_equal(sent_up.n, 0);
            SSL_free(up);
        }
        expect_problem(w, client, "HTTP/1.1 502 ", "upstream-tls", KH_REASON_UPSTREAM_TLS);
        close(fd);
        close(client);
        SSL_CTX_free(context);
    }
    // No TLS at all.
    int client = connect_loopback(w->port);
    ask(w, client, GET_MODELS);
    int up = accept_upstream(w);
    send_text(up, OK_ANSWER);
    expect_problem(w, client, "HTTP/1.1 502 ", "upstream-tls", KH_REASON_UPSTREAM_TLS);
    read_to_reset(up, &sent_up);
    assert_null(memmem(sent_up.p, sent_up.n, "Bearer", 6));
    close(up);
    close(client);
    world_free(w);
    identity_fini(&good);
    identity_fini(&stranger);
    identity_fini(&other_name);
}

/* A body that ends with the connection, and the connection ends without close_notify. */
static void
test_truncated_tls_is_a_cut(void **state)
{
    struct identity identity;
    identity_init(&identity, "api.test");
    SSL_CTX *context = upstream_context(&identity);
    const struct world_route route = {
        .credential = "api", .host = "api.test", .tls = true, .ca = identity.pem};
    struct world *w = world_new(&route, 1, NULL);
    (void)state;
    for (int orderly = 0; orderly < 2; orderly++) {
        int client = connect_loopback(w->port);
        ask(w, client, GET_MODELS);
        SSL *up = accept_tls(context, accept_upstream(w));
        assert_non_null(up);
        tls_read_until(up, &sent_up, "\r\n\r\n");
        tls_send(up, "HTTP/1.1 200 OK\r\n\r\npart");
        read_until(client, &received, "part\r\n");
        if (orderly) {
            SSL_shutdown(up);
            tls_end(up);
            read_until(client, &received, "0\r\n\r\n");
            assert_int_equal(expect_finished(w)->reason, KH_REASON_UNSET);
        } else {
            tls_end(up);
            assert_true(read_to_reset(client, &received));
            assert_int_equal(received.n, 0);
            assert_int_equal(expect_finished(w)->reason, KH_REASON_UPSTREAM_RESPONSE);
        }
        close(client);
    }
    world_free(w);
    SSL_CTX_free(context);
    identity_fini(&identity);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_addresses_that_are_not_listed),
        cmocka_unit_test(test_nobody_listens),
        cmocka_unit_test(test_no_descriptor_for_it),
        cmocka_unit_test(test_ends_without_an_answer),
        cmocka_unit_test(test_once_more_on_a_new_connection),
        cmocka_unit_test(test_a_post_is_not_repeated),
        cmocka_unit_test(test_not_repeated_after_an_interim_answer),
        cmocka_unit_test(test_stray_bytes_end_an_idle_connection),
        cmocka_unit_test(test_stray_bytes_beside_a_decision),
        cmocka_unit_test(test_credentials_do_not_share_connections),
        cmocka_unit_test(test_tls_verified_and_resumed),
        cmocka_unit_test(test_tls_that_is_not_accepted),
        cmocka_unit_test(test_truncated_tls_is_a_cut),
    };
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
