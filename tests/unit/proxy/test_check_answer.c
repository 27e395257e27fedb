/* SPDX-License-Identifier: Apache-2.0 */
/* Answers to gateways: fields to set and to remove, and a secret in a 200 alone. */
#include "gateway_fixture.h"

static struct world *w;
static uint16_t port;
static int client;

static int
setup(void **state)
{
    (void)state;
    w = gateway_world(&port);
    client = connect_loopback(port);
    return 0;
}

static int
teardown(void **state)
{
    (void)state;
    close(client);
    world_free(w);
    return 0;
}

static void
test_an_edit_that_is_no_field(void **state)
{
    static const enum edit_kind kinds[] = {EDIT_QUERY_SET, EDIT_CLIENT_CERTIFICATE, EDIT_FIELD_SET};
    (void)state;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        struct message_decision decision = allow_decision();
        decision.edit[0].kind = kinds[i];
        send_text(client, NGINX_ASKS("/a") BEARER "\r\n");
        (void)expect_decide(w);
        answer_decision(w, &decision);
        assert_int_equal(expect_finished(w)->reason, KH_REASON_GATEWAY_CANNOT);
        read_answer(client);
        assert_contains(received.p, "HTTP/1.1 403 ");
        assert_contains(received.p, "gateway-cannot");
        assert_lacks(received.p, SECRET);
    }
}

static void
test_a_field_that_the_gateway_does_not_know(void **state)
{
    struct message_decision decision = allow_decision();
    (void)state;
    decision.edit[0].name = BYTES("X-Api-Key");
    send_text(client, NGINX_ASKS("/a") BEARER "\r\n");
    (void)expect_decide(w);
    answer_decision(w, &decision);
    assert_int_equal(expect_finished(w)->reason, KH_REASON_GATEWAY_CANNOT);
    assert_lacks(read_answer(client), SECRET);
    send_text(client, ENVOY_ASKS("GET", "/~api/a", "unseen") BEARER "\r\n");
    (void)expect_decide(w);
    answer_decision(w, &decision);
    assert_int_equal(expect_finished(w)->reason, KH_REASON_GATEWAY_CANNOT);
    assert_lacks(read_answer(client), SECRET);
}

static void
test_nginx_is_told(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) { // one connection, many questions
        send_text(client, NGINX_ASKS("/%61?x=1") "X-Team: red\r\n" BEARER "\r\n");
        (void)expect_decide(w);
        allow(w);
        assert_int_equal(expect_finished(w)->upstream_status, 0);
        read_answer(client);
        assert_true(strncmp(received.p, "HTTP/1.1 200 ", 13) == 0);
        assert_contains(received.p, "Keyhole-Target: /a?x=1\r\n");
        assert_contains(received.p, "Keyhole-Set-Authorization: Bearer " SECRET "\r\n");
        assert_contains(received.p, "Content-Length: 0\r\n");
        assert_lacks(received.p, "Keyhole-Set-X-Team");
        assert_lacks(received.p, TOKEN);
        assert_true(!wait_readable(w->upstream, 0)); // the traffic is the gateway's
    }
}

static void
test_envoy_is_told(void **state)
{
    (void)state;
    send_text(client,
              ENVOY_ASKS("GET", "/~api/a", "unseen") "X-Forwarded-For: 1\r\nAccept: x\r\n"
                                                     "Keyhole-Token: " TOKEN "\r\n" BEARER "\r\n");
    (void)expect_decide(w);
    allow(w);
    (void)expect_finished(w);
    read_answer(client);
    assert_true(strncmp(received.p, "HTTP/1.1 200 ", 13) == 0);
    assert_contains(received.p, "\r\nAuthorization: Bearer " SECRET "\r\n");
    const char *removed = strstr(received.p, "x-envoy-auth-headers-to-remove: ");
    assert_non_null(removed);
    assert_contains(removed, "X-Forwarded-For");
    assert_contains(removed, "Keyhole-Token");
    assert_contains(removed, "Keyhole-Gateway-Key");
    assert_lacks(removed, "Accept");
    assert_lacks(received.p, "Keyhole-Target");
}

static void
test_refusals_for_nginx_and_for_envoy(void **state)
{
    (void)state;
    send_text(client, NGINX_ASKS("/a") BEARER "\r\n");
    (void)expect_decide(w);
    deny(w, KH_REASON_RATE_EXCEEDED);
    read_answer(client);
    assert_true(strncmp(received.p, "HTTP/1.1 403 ", 13) == 0);
    assert_contains(received.p, "Keyhole-Status: 429\r\n");
    assert_contains(received.p, "Keyhole-Problem: {\"type\":\"about:blank\"");
    assert_contains(received.p, "Retry-After: ");
    send_text(client, NGINX_ASKS("/a") BEARER "\r\n");
    (void)expect_decide(w);
    deny(w, KH_REASON_EXPIRED);
    read_answer(client);
    assert_true(strncmp(received.p, "HTTP/1.1 401 ", 13) == 0);
    assert_contains(received.p, "WWW-Authenticate: ");
    send_text(client, ENVOY_ASKS("GET", "/~api/a", "unseen") BEARER "\r\n");
    (void)expect_decide(w);
    deny(w, KH_REASON_RATE_EXCEEDED);
    read_answer(client);
    assert_true(strncmp(received.p, "HTTP/1.1 429 ", 13) == 0);
    assert_lacks(received.p, "Keyhole-Problem");
}

static void
test_no_authority_no_answer(void **state)
{
    (void)state;
    send_text(client, NGINX_ASKS("/a") BEARER "\r\n");
    (void)expect_decide(w);
    close(w->authority);
    w->authority = -1;
    read_answer(client);
    assert_true(strncmp(received.p, "HTTP/1.1 403 ", 13) == 0);
    assert_contains(received.p, "Keyhole-Status: 503\r\n");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_an_edit_that_is_no_field, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_field_that_the_gateway_does_not_know, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_nginx_is_told, setup, teardown),
        cmocka_unit_test_setup_teardown(test_envoy_is_told, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refusals_for_nginx_and_for_envoy, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_authority_no_answer, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
