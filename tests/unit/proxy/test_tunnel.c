/* SPDX-License-Identifier: Apache-2.0 */
/* A WebSocket: which requests ask for one, which answers are one, and its bytes. */
#include "fixture.h"

#define ASK                                                                                        \
    "GET /~api/v1/x HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " TOKEN                   \
    "\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
#define KEY     "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" /* RFC 6455 1.3 */
#define VERSION "Sec-WebSocket-Version: 13\r\n"
#define SWITCH  "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
#define ACCEPT  "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"

// threat 22
static void
test_bad_requests(void **state)
{
    static const char *const bad[] = {
        ASK "\r\n",
        ASK VERSION "\r\n",
        ASK KEY "\r\n",
        ASK KEY KEY VERSION "\r\n",
        ASK KEY "Sec-WebSocket-Version: 8\r\n\r\n",
        ASK "Sec-WebSocket-Key: eA==\r\n" VERSION "\r\n",
        ASK "Sec-WebSocket-Key: !\r\n" VERSION "\r\n",
        ASK KEY VERSION "Content-Length: 1\r\n\r\nx",
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct world *w = world_plain();
        int client = connect_loopback(w->port);
        send_text(client, bad[i]);
        assert_int_equal(expect_decide(w)->refused, KH_REASON_REQUEST_MALFORMED);
        deny(w, KH_REASON_REQUEST_MALFORMED);
        read_answer(client);
        assert_contains(received.p, "request-malformed");
        close(client);
        world_free(w);
    }
}

static int
ask(struct world *w, int client)
{
    send_text(client, ASK KEY VERSION "Sec-WebSocket-Extensions: x\r\n\r\n");
    assert_true(bytes_is(expect_decide(w)->upgrade, "websocket"));
    allow(w);
    int up = accept_upstream(w);
    read_until(up, &sent_up, "\r\n\r\n");
    return up;
}

static void
test_bad_answers(void **state)
{
    static const char *const bad[] = {
        SWITCH "\r\n",
        SWITCH "Sec-WebSocket-Accept: x\r\n\r\n",
        "HTTP/1.1 101 A\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n" ACCEPT "\r\n",
        "HTTP/1.1 101 A\r\nUpgrade: websocket\r\n" ACCEPT "\r\n",
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct world *w = world_plain();
        int client = connect_loopback(w->port);
        int up = ask(w, client);
        send_text(up, bad[i]);
        read_answer(client);
        assert_contains(received.p, "upstream-response");
        close(up);
        close(client);
        world_free(w);
    }
}

static void
test_bytes_and_end(void **state)
{
    (void)state;
    for (int by_client = 0; by_client < 2; by_client++) {
        struct world *w = world_plain();
        int client = connect_loopback(w->port);
        int up = ask(w, client);
        assert_contains(sent_up.p, "upgrade: websocket\r\n");
        send_text(up, SWITCH ACCEPT "\r\n\x81\x02hi");
        read_until(client, &received, "\x81\x02hi");
        assert_contains(received.p, "HTTP/1.1 101 ");
        assert_contains(received.p, "Upgrade: websocket\r\n");
        send_text(client, "\x81\x83"
                          "abcdxyz");
        read_until(up, &sent_up,
                   "\x81\x83"
                   "abcdxyz");
        close(by_client ? client : up);
        expect_finished(w);
        assert_int_equal(w->finished.upstream_status, 101);
        assert_int_equal(w->finished.bytes_up, 9);
        assert_int_equal(w->finished.bytes_down, 4);
        assert_int_equal(w->finished.reason, KH_REASON_UNSET);
        close(by_client ? up : client);
        world_free(w);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bad_requests),
        cmocka_unit_test(test_bad_answers),
        cmocka_unit_test(test_bytes_and_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
