/* SPDX-License-Identifier: Apache-2.0 */
/* TLS with clients: CONNECT tunnels, TLS listeners, and names that must agree. */
#include "tls_fixture.h"

#include "../../../broker/proxy/intercept.h"

#define CONNECT_API "CONNECT api.test:443 HTTP/1.1\r\nHost: api.test:443\r\n"
#define INNER       "GET /v1/models HTTP/1.1\r\nHost: api.test\r\nAuthorization: Bearer " TOKEN "\r\n\r\n"
#define INNER_BARE  "GET /v1/models HTTP/1.1\r\nHost: api.test\r\n\r\n"

static struct identity ca, upstream;
static SSL_CTX *upstream_tls_context;

static struct world *
make_world(void)
{
    const struct world_route route = {
        .credential = "api", .host = "api.test", .tls = true, .ca = upstream.pem};
    return world_new(&route, 1, NULL);
}

static SSL *
open_tunnel(struct world *w, const char *connect, const char *sni, bool asks)
{
    int client = connect_loopback(w->port);
    send_text(client, connect);
    send_text(client, "\r\n");
    if (asks)
        answer_leaf(w, &ca, "api.test");
    read_until(client, &received, "\r\n\r\n");
    assert_contains(received.p, "HTTP/1.1 200 ");
    SSL *ssl = connect_tls(client, sni, ca.pem, "api.test");
    assert_int_equal(SSL_connect(ssl), 1);
    return ssl;
}

/* One request through the tunnel, with the upstream's part. */
static void
serve(struct world *w, SSL *client)
{
    allow(w);
    SSL *up = accept_tls(upstream_tls_context, accept_upstream(w));
    assert_non_null(up);
    tls_read_until(up, &sent_up, "\r\n\r\n");
    assert_contains(sent_up.p, "Bearer " SECRET);
    tls_send(up, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 6\r\n\r\ninside");
    tls_read_until(client, &received, "inside");
    expect_finished(w);
    tls_end(up);
}

static void
test_tunnel(void **state)
{
    struct world *w = make_world();
    (void)state;
    SSL *client = open_tunnel(w, CONNECT_API, "api.test", true);
    tls_send(client, INNER);
    const struct message_decide *decide = expect_decide(w);
    assert_int_equal(decide->way, WAY_CONNECT);
    assert_true(bytes_is(decide->scheme, "https"));
    assert_true(bytes_is(decide->host, "api.test"));
    assert_int_equal(decide->port, 443);
    serve(w, client);
    tls_send(client, INNER); // the tunnel stays
    expect_decide(w);
    deny(w, KH_REASON_EXPIRED);
    tls_read_until(client, &received, "}");
    assert_contains(received.p, "expired");
    tls_end(client);
    // The certificate is kept: nobody is asked again.
    client = open_tunnel(w, CONNECT_API, "api.test", false);
    tls_send(client, INNER);
    expect_decide(w);
    serve(w, client);
    tls_end(client);
    world_free(w);
}

static void
test_token_of_the_tunnel(void **state)
{
    struct world *w = make_world();
    (void)state;
    // base64("any:" TOKEN)
    SSL *client = open_tunnel(
        w,
        CONNECT_API "Proxy-Authorization: Basic YW55OmtoMV9BZ0VMZEdWemRDMTBiMnRsYmkxMFpYaDA=\r\n",
        NULL, true);
    tls_send(client, INNER_BARE);
    const struct message_decide *decide = expect_decide(w);
    assert_int_equal(decide->refused, KH_REASON_UNSET);
    assert_true(bytes_is(decide->token, TOKEN));
    assert_int_equal(decide->slot.kind, SLOT_PROXY_AUTHORIZATION);
    serve(w, client);
    assert_lacks(sent_up.p, "roxy-");
    tls_end(client);
    // And without one there is none.
    client = open_tunnel(w, CONNECT_API, NULL, false);
    tls_send(client, INNER_BARE);
    assert_int_equal(expect_decide(w)->refused, KH_REASON_TOKEN_MISSING);
    deny(w, KH_REASON_TOKEN_MISSING);
    tls_read_until(client, &received, "}");
    assert_contains(received.p, "token-missing");
    tls_end(client);
    world_free(w);
}

/* docs/THREATS.md, 1. */
static void
test_names_that_disagree(void **state)
{
    static const char *const request[] = {
        "GET / HTTP/1.1\r\nHost: evil.test\r\nAuthorization: Bearer " TOKEN "\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: api.test:8443\r\nAuthorization: Bearer " TOKEN "\r\n\r\n",
        INNER,
    };
    static const char *const sni[] = {"api.test", "api.test", "evil.test"};
    struct world *w = make_world();
    (void)state;
    for (int i = 0; i < 3; i++) {
        SSL *client = open_tunnel(w, CONNECT_API, sni[i], i == 0);
        tls_send(client, request[i]);
        assert_int_equal(expect_decide(w)->refused, KH_REASON_DESTINATION_CONFLICT);
        deny(w, KH_REASON_DESTINATION_CONFLICT);
        tls_read_until(client, &received, "}");
        assert_contains(received.p, "HTTP/1.1 421 ");
        tls_end(client);
    }
    assert_false(wait_readable(w->upstream, 0));
    world_free(w);
}

static void
expect_refused(struct world *w, const char *request, enum kh_reason reason, const char *status)
{
    int client = connect_loopback(w->port);
    send_text(client, request);
    assert_int_equal(expect_decide(w)->refused, reason);
    deny(w, reason);
    read_answer(client);
    if (strncmp(received.p, status, strlen(status)) != 0)
        fail_msg("%s gave %s", request, received.p);
    close(client);
}

static void
test_tunnels_that_are_not_opened(void **state)
{
    struct world *w = make_world();
    (void)state;
    expect_refused(w, "CONNECT evil.test:443 HTTP/1.1\r\nHost: evil.test:443\r\n\r\n",
                   KH_REASON_HOST_NOT_ALLOWED, "HTTP/1.1 403 ");
    expect_refused(w, "CONNECT api.test:22 HTTP/1.1\r\nHost: api.test:22\r\n\r\n",
                   KH_REASON_HOST_NOT_ALLOWED, "HTTP/1.1 403 ");
    expect_refused(w, "CONNECT api.test:443 HTTP/1.1\r\nHost: api.test:443\r\n\r\n\x16\x03\x01",
                   KH_REASON_REQUEST_MALFORMED, "HTTP/1.1 400 ");
    // No certificate is to be had.
    int client = connect_loopback(w->port);
    send_text(client, CONNECT_API "\r\n");
    answer_leaf(w, NULL, "api.test");
    assert_int_equal(expect_decide(w)->refused, KH_REASON_HOST_NOT_ALLOWED);
    deny(w, KH_REASON_HOST_NOT_ALLOWED);
    read_answer(client);
    assert_contains(received.p, "HTTP/1.1 403 ");
    assert_contains(received.p, "Keyhole-Request-Id: ");
    close(client);
    // The authority dies instead of making one.
    struct bytes body;
    client = connect_loopback(w->port);
    send_text(client, CONNECT_API "\r\n");
    assert_int_equal(next_frame(w, &body), MESSAGE_LEAF_ASK);
    close(w->authority);
    read_answer(client);
    assert_contains(received.p, "HTTP/1.1 503 ");
    close(client);
    send_authority_channel(w);
    world_free(w);
}

/* What is not TLS inside of the tunnel ends it; nothing of it is passed on. */
static void
test_plain_text_in_the_tunnel(void **state)
{
    struct world *w = make_world();
    int client = connect_loopback(w->port);
    (void)state;
    send_text(client, CONNECT_API "\r\n");
    answer_leaf(w, &ca, "api.test");
    read_until(client, &received, "\r\n\r\n");
    send_text(client, INNER);
    read_to_reset(client, &received);
    assert_true(authority_is_silent(w));
    assert_false(wait_readable(w->upstream, 0));
    close(client);
    world_free(w);
}

static SSL *
connect_listener(struct world *w, const char *sni, const char *leaf, const char *expect)
{
    SSL *ssl = connect_tls(connect_loopback(w->tls_port), sni, ca.pem, expect);
    int fd = SSL_get_fd(ssl);
    // The first flight goes out, then the proxy asks.
    assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    (void)SSL_connect(ssl);
    assert_int_equal(fcntl(fd, F_SETFL, 0), 0);
    if (leaf)
        answer_leaf(w, &ca, leaf);
    return ssl;
}

static void
test_tls_listener(void **state)
{
    struct world *w = make_world();
    (void)state;
    SSL *client = connect_listener(w, "localhost", "localhost", "localhost");
    assert_int_equal(SSL_connect(client), 1);
    tls_send(client,
             "GET /~api/v1 HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " TOKEN "\r\n\r\n");
    assert_int_equal(expect_decide(w)->way, WAY_BASE_URL);
    serve(w, client);
    tls_end(client);
    // By Host and SNI alike.
    client = connect_listener(w, "api.test", "api.test", "api.test");
    assert_int_equal(SSL_connect(client), 1);
    tls_send(client, INNER);
    assert_int_equal(expect_decide(w)->way, WAY_HOST);
    serve(w, client);
    tls_end(client);
    // SNI says one, Host another.
    client = connect_listener(w, "localhost", NULL, "localhost");
    assert_int_equal(SSL_connect(client), 1);
    tls_send(client, INNER);
    assert_int_equal(expect_decide(w)->refused, KH_REASON_DESTINATION_CONFLICT);
    deny(w, KH_REASON_DESTINATION_CONFLICT);
    tls_read_until(client, &received, "}");
    tls_end(client);
    // A name that nobody serves gets no certificate, and the authority is not troubled.
    client = connect_tls(connect_loopback(w->tls_port), "evil.test", ca.pem, "evil.test");
    assert_int_not_equal(SSL_connect(client), 1);
    tls_end(client);
    assert_true(authority_is_silent(w));
    world_free(w);
}

/* A proxy that is spoken to by TLS, and a tunnel through it: TLS inside of TLS. */
static void
test_tunnel_in_tls(void **state)
{
    struct world *w = make_world();
    (void)state;
    SSL *outer = connect_listener(w, "localhost", "localhost", "localhost");
    assert_int_equal(SSL_connect(outer), 1);
    tls_send(outer, CONNECT_API "\r\n");
    answer_leaf(w, &ca, "api.test");
    tls_read_until(outer, &received, "\r\n\r\n");
    SSL *inner = connect_tls(-1, "api.test", ca.pem, "api.test");
    BIO *bio = BIO_new(BIO_f_ssl());
    BIO_set_ssl(bio, outer, BIO_NOCLOSE);
    SSL_set_bio(inner, bio, bio);
    assert_int_equal(SSL_connect(inner), 1);
    tls_send(inner, INNER);
    expect_decide(w);
    serve(w, inner);
    tls_send(inner, INNER);
    expect_decide(w);
    serve(w, inner);
    SSL_free(inner);
    tls_end(outer);
    world_free(w);
}

static int
setup(void **state)
{
    (void)state;
    identity_init(&ca, "Test CA");
    identity_init(&upstream, "api.test");
    upstream_tls_context = upstream_context(&upstream);
    return 0;
}

static int
teardown(void **state)
{
    (void)state;
    SSL_CTX_free(upstream_tls_context);
    identity_fini(&ca);
    identity_fini(&upstream);
    return 0;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tunnel),
        cmocka_unit_test(test_token_of_the_tunnel),
        cmocka_unit_test(test_names_that_disagree),
        cmocka_unit_test(test_tunnels_that_are_not_opened),
        cmocka_unit_test(test_plain_text_in_the_tunnel),
        cmocka_unit_test(test_tls_listener),
        cmocka_unit_test(test_tunnel_in_tls),
    };
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, setup, teardown);
}
