/* SPDX-License-Identifier: Apache-2.0 */
/* Questions of gateways: who may ask, and what is made of what they say. */
#include "gateway_fixture.h"

#include <sys/un.h>

static struct world *w;
static uint16_t port;

static int
setup(void **state)
{
    (void)state;
    w = gateway_world(&port);
    return 0;
}

static int
teardown(void **state)
{
    (void)state;
    world_free(w);
    return 0;
}

static void
test_who_has_no_key(void **state)
{
    static const char *const keys[] = {
        "",
        "Keyhole-Gateway-Key: \r\n",
        "Keyhole-Gateway-Key: khg_other\r\n",
        "Keyhole-Gateway-Key: " GATEWAY_KEY "x\r\n",
        "Keyhole-Gateway-Key: " GATEWAY_KEY "\r\nKeyhole-Gateway-Key: " GATEWAY_KEY "\r\n",
        "Keyhole_Gateway_Key: " GATEWAY_KEY "\r\n",
    };
    (void)state;
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        char request[1024];
        snprintf(request, sizeof request,
                 "GET /envoy/api/x HTTP/1.1\r\nHost: x\r\n%s" BEARER "\r\n", keys[i]);
        expect_check_refused(w, port, request, KH_REASON_GATEWAY_UNPROVEN);
    }
}

/* A gateway's socket, with a name that the kernel gives; a connection to it is returned. */
static int
connect_gateway_socket(const uint32_t *uids, size_t count)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    socklen_t length = sizeof address;
    struct message_listener message = {.kind = LISTENER_UNIX, .name = BYTES("gateway.sock")};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    BUFFER_AUTO body;
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address.sun_family), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &length), 0);
    assert_int_equal(listen(fd, 8), 0);
    message.gateway.only = true;
    message.gateway.uid_count = count;
    memcpy(message.gateway.uid, uids, count * sizeof *uids);
    buffer_init(&body, 4096);
    message_listener_tx(&message, &body);
    assert_false(body.failed);
    send_frame(w->supervisor, MESSAGE_LISTENER, 0, buffer_bytes(&body), fd);
    set_patience(client);
    assert_int_equal(connect(client, (struct sockaddr *)&address, length), 0);
    close(fd);
    return client;
}

static void
test_users_of_a_socket(void **state)
{
    const uint32_t me = getuid(), other = me + 1;
    const struct {
        uint32_t uid[3];
        size_t count;
        bool answered;
    } lists[] = {
        {{0}, 0, true}, // its mode says who
        {{me}, 1, true},     {{other, me}, 2, true},          {{other, other + 1, me}, 3, true},
        {{other}, 1, false}, {{other, UINT32_MAX}, 2, false}, {{me + 65536, other}, 2, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        int client = connect_gateway_socket(lists[i].uid, lists[i].count);
        // The key is for listeners with an address: here it opens nothing.
        send_text(client, ENVOY_ASKS("GET", "/~api/x", "unseen") BEARER "\r\n");
        enum kh_reason refused = expect_decide(w)->refused;
        if (refused != (lists[i].answered ? KH_REASON_UNSET : KH_REASON_GATEWAY_UNPROVEN))
            fail_msg("list %zu: %s", i, kh_reason_code(refused));
        deny(w, KH_REASON_NO_GRANT);
        read_answer(client);
        close(client);
    }
}

static void
test_what_is_no_question(void **state)
{
    static const struct {
        const char *request;
        enum kh_reason reason;
    } bad[] = {
        {"GET / HTTP/1.1\r\n" SAYS BEARER "\r\n", KH_REASON_NOT_FOUND},
        {"GET /~api/x HTTP/1.1\r\n" SAYS BEARER "\r\n", KH_REASON_NOT_FOUND},
        {"GET /nginx/ HTTP/1.1\r\n" SAYS BEARER "\r\n", KH_REASON_NOT_FOUND},
        {"GET http://api.test/envoy/api/x HTTP/1.1\r\nHost: "
         "api.test\r\nKeyhole-Gateway-Key: " GATEWAY_KEY "\r\n\r\n",
         KH_REASON_NOT_FOUND},
        {"GET /nginx/api HTTP/1.1\r\n" SAYS BEARER "\r\n", KH_REASON_REQUEST_MALFORMED},
        {NGINX_ASKS("/a b") BEARER "\r\n", KH_REASON_REQUEST_MALFORMED},
        {NGINX_ASKS("/a#b") BEARER "\r\n", KH_REASON_REQUEST_MALFORMED},
        {NGINX_ASKS("http://api.test/") BEARER "\r\n", KH_REASON_REQUEST_MALFORMED},
        {NGINX_ASKS("*") BEARER "\r\n", KH_REASON_REQUEST_MALFORMED},
        {NGINX_ASKS("/a") "Keyhole-Check-Target: /b\r\n" BEARER "\r\n",
         KH_REASON_REQUEST_MALFORMED},
        {NGINX_ASKS("/a") "Keyhole-Check-Length: 1x\r\n" BEARER "\r\n",
         KH_REASON_REQUEST_MALFORMED},
        {NGINX_ASKS("/a") "Keyhole-Check-Client: 192.0.2.9\r\n" BEARER "\r\n",
         KH_REASON_REQUEST_MALFORMED},
        {NGINX_ASKS("/a/../b") BEARER "\r\n", KH_REASON_PATH_AMBIGUOUS},
        {NGINX_ASKS("/a") "\r\n", KH_REASON_TOKEN_MISSING},
        {NGINX_ASKS("/a") "X-Forwarded-For: 1\r\n" BEARER "\r\n", KH_REASON_GATEWAY_CANNOT},
        {ENVOY_ASKS("GET", "/~other/x", "unseen") BEARER "\r\n", KH_REASON_MISDIRECTED},
        {ENVOY_ASKS("GET", "/~api", "unseen") BEARER "\r\n", KH_REASON_MISDIRECTED},
        {ENVOY_ASKS("GET", "/~apix/", "unseen") BEARER "\r\n", KH_REASON_MISDIRECTED},
        {ENVOY_ASKS("GET", "/~api/%61", "unseen") BEARER "\r\n", KH_REASON_GATEWAY_CANNOT},
        {ENVOY_ASKS("GET", "/~api/x", "some") BEARER "\r\n", KH_REASON_REQUEST_MALFORMED},
        {ENVOY_ASKS("GET", "/~api/x", "whole") BEARER "\r\n", KH_REASON_REQUEST_MALFORMED},
        {ENVOY_ASKS("GET", "/~api/x", "whole") "X-Envoy-Auth-Partial-Body: true\r\n" BEARER "\r\n",
         KH_REASON_REQUEST_MALFORMED},
        {ENVOY_ASKS("GET", "/~api/x",
                    "unseen") "Connection: upgrade\r\nUpgrade: websocket\r\n"
                              "Sec-WebSocket-Version: 13\r\n"
                              "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n" BEARER "\r\n",
         KH_REASON_GATEWAY_CANNOT},
        {ENVOY_ASKS("GET", "/~api/x", "unseen") "X-HTTP-Method: PUT\r\n" BEARER "\r\n",
         KH_REASON_REQUEST_MALFORMED},
        {"GET /envoy/other/x HTTP/1.1\r\n" SAYS "Keyhole-Check-Prefix: -\r\n"
         "Keyhole-Check-Headers: a\r\nKeyhole-Check-Body: unseen\r\n" BEARER "\r\n",
         KH_REASON_CREDENTIAL_UNKNOWN},
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        expect_check_refused(w, port, bad[i].request, bad[i].reason);
}

static void
test_where_it_goes_is_the_credentials(void **state)
{
    static const char *const destinations[] = {"http://api.test:443",    "https://api.test",
                                               "https://other.test:443", "https://api.test:8443",
                                               "https://api.test:443@x", ""};
    (void)state;
    for (size_t i = 0; i < sizeof destinations / sizeof *destinations; i++) {
        char request[1024];
        int client = connect_loopback(port);
        snprintf(request, sizeof request,
                 "GET /envoy/api/x HTTP/1.1\r\nHost: x\r\nKeyhole-Gateway-Key: " GATEWAY_KEY
                 "\r\nKeyhole-Check-Destination: %s\r\nKeyhole-Check-Client: 192.0.2.1\r\n"
                 "Keyhole-Check-Prefix: -\r\nKeyhole-Check-Headers: a\r\n"
                 "Keyhole-Check-Body: unseen\r\n" BEARER "\r\n",
                 destinations[i]);
        send_text(client, request);
        if (expect_decide(w)->refused == KH_REASON_UNSET)
            fail_msg("%s was taken", destinations[i]);
        deny(w, KH_REASON_HOST_NOT_ALLOWED);
        read_answer(client);
        close(client);
    }
}

static void
test_nginx_asks(void **state)
{
    int client = connect_loopback(port);
    (void)state;
    send_text(client, NGINX_ASKS("/v1/%61?b=c") "Keyhole-Check-Length: 12\r\nX-Team: red\r\n" BEARER
                                                "\r\n");
    const struct message_decide *decide = expect_decide(w);
    assert_int_equal(decide->refused, KH_REASON_UNSET);
    assert_int_equal(decide->way, WAY_CHECK);
    assert_true(bytes_is(decide->wanted, "api"));
    assert_true(bytes_is(decide->method, "POST"));
    assert_true(bytes_is(decide->scheme, "https"));
    assert_true(bytes_is(decide->host, "api.test"));
    assert_int_equal(decide->port, 443);
    assert_true(bytes_is(decide->path_encoded, "/v1/a"));
    assert_true(bytes_is(decide->client, "192.0.2.1"));
    assert_true(bytes_is(decide->token, TOKEN));
    assert_true(decide->body.has_size);
    assert_int_equal(decide->body.size, 12);
    assert_int_equal(decide->header_count, 1); // X-Team; nothing that the gateway says
    deny(w, KH_REASON_NO_GRANT);
    read_answer(client);
    close(client);
}

static void
test_envoy_asks(void **state)
{
    int client = connect_loopback(port);
    (void)state;
    send_text(client,
              ENVOY_ASKS("PUT", "/~api/v1?x=%7e", "unseen") "X-Team: red,blue\r\n"
                                                            "Content-Length: 0\r\n" BEARER "\r\n");
    const struct message_decide *decide = expect_decide(w);
    assert_int_equal(decide->refused, KH_REASON_UNSET);
    assert_true(bytes_is(decide->method, "PUT"));
    assert_true(bytes_is(decide->path_encoded, "/v1"));
    assert_false(decide->body.has_size); // there may be one
    size_t red = 0, blue = 0;
    for (size_t i = 0; i < decide->header_count; i++) {
        red += bytes_is(decide->header[i].value, "red");
        blue += bytes_is(decide->header[i].value, "blue");
    }
    assert_true(red == 1 && blue == 1); // joined by Envoy, judged one by one
    deny(w, KH_REASON_NO_GRANT);
    read_answer(client);
    close(client);
}

static void
test_a_body_that_is_not_seen(void **state)
{
    struct message_decision need = {.reason = KH_REASON_BODY_REQUIRED,
                                    .request_id = {7},
                                    .need_body = true,
                                    .pointer = {BYTES("/model")},
                                    .pointer_count = 1};
    int client = connect_loopback(port);
    (void)state;
    send_text(client, NGINX_ASKS("/a") "Keyhole-Check-Length: 12\r\n" BEARER "\r\n");
    assert_int_equal(expect_decide(w)->refused, KH_REASON_UNSET);
    answer_decision(w, &need);
    const struct message_decide *again = expect_decide(w);
    assert_int_equal(again->refused, KH_REASON_BODY_UNSEEN);
    assert_int_equal(again->request_id[0], 7);
    deny(w, KH_REASON_BODY_UNSEEN);
    assert_contains(read_answer(client), "body-unseen");
    close(client);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_who_has_no_key, setup, teardown),
        cmocka_unit_test_setup_teardown(test_users_of_a_socket, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_is_no_question, setup, teardown),
        cmocka_unit_test_setup_teardown(test_where_it_goes_is_the_credentials, setup, teardown),
        cmocka_unit_test_setup_teardown(test_nginx_asks, setup, teardown),
        cmocka_unit_test_setup_teardown(test_envoy_asks, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_body_that_is_not_seen, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
