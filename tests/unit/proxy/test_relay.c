/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies both ways: framing, back pressure, early ends. */
#include "fixture.h"

#define POST_HEAD                                                                                  \
    "POST /~api/v1/x HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " TOKEN "\r\n"

/* One allowed request, as far as its head at the upstream. */
static int
begin(struct world *w, int client, const char *request)
{
    send_text(client, request);
    expect_decide(w);
    allow(w);
    int up = accept_upstream(w);
    read_until(up, &sent_up, "\r\n\r\n");
    return up;
}

static void
test_keep_alive_and_pool(void **state)
{
    struct world *w = world_plain();
    int client = connect_loopback(w->port);
    (void)state;
    int up = begin(w, client, GET_MODELS);
    for (int i = 0; i < 5; i++) {
        if (i) { // the same connections again, both
            send_text(client, GET_MODELS);
            expect_decide(w);
            allow(w);
            read_until(up, &sent_up, "\r\n\r\n");
        }
        send_text(up, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        read_answer(client);
        assert_contains(received.p, "\r\n\r\nok");
        expect_finished(w);
    }
    assert_false(wait_readable(w->upstream, 0));
    close(up);
    close(client);
    world_free(w);
}

/* Each is judged by itself, in order; a refusal in between does not disturb the others. */
static void
test_pipelined(void **state)
{
    struct world *w = world_plain();
    int client = connect_loopback(w->port);
    (void)state;
    send_text(client, GET_MODELS POST_HEAD "Content-Length: 3\r\n\r\nabc" GET_MODELS);
    expect_decide(w);
    assert_true(authority_is_silent(w)); // the second one waits for the first
    allow(w);
    int up = accept_upstream(w);
    read_until(up, &sent_up, "\r\n\r\n");
    send_text(up, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\none");
    read_answer(client);
    assert_contains(received.p, "\r\n\r\none");
    expect_finished(w);
    assert_true(bytes_is(expect_decide(w)->method, "POST"));
    deny(w, KH_REASON_CAVEAT_FAILED);
    read_answer(client);
    assert_contains(received.p, "caveat-failed");
    assert_true(bytes_is(expect_decide(w)->method, "GET"));
    allow(w);
    read_until(up, &sent_up, "\r\n\r\n");
    assert_contains(sent_up.p, "GET /v1/models");
    send_text(up, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nthree");
    read_answer(client);
    assert_contains(received.p, "\r\n\r\nthree");
    close(up);
    close(client);
    world_free(w);
}

static void
test_chunked_both_ways(void **state)
{
    struct world *w = world_plain();
    int client = connect_loopback(w->port);
    (void)state;
    int up = begin(w, client, POST_HEAD "Transfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n");
    assert_contains(sent_up.p, "transfer-encoding: chunked\r\n");
    assert_lacks(sent_up.p, "content-length");
    read_until(up, &sent_up, "3\r\nabc\r\n"); // extensions stay here
    // The answer begins while the request goes on.
    send_text(up, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x\r\nhi\r\n");
    read_until(client, &received, "2\r\nhi\r\n");
    send_text(client, "4\r\ndefg\r\n0\r\nX-Trailer: t\r\n\r\n");
    read_until(up, &sent_up, "4\r\ndefg\r\n0\r\n\r\n"); // trailers stay here
    send_text(up, "0\r\n\r\n");
    read_until(client, &received, "0\r\n\r\n");
    const struct message_finished *finished = expect_finished(w);
    assert_int_equal(finished->bytes_up, 7);
    assert_int_equal(finished->bytes_down, 2);
    close(up);
    close(client);
    world_free(w);
}

/* Server-sent events pass as they come. */
static void
test_events_pass_at_once(void **state)
{
    struct world *w = world_plain();
    int client = connect_loopback(w->port);
    (void)state;
    int up = begin(w, client, GET_MODELS);
    send_text(up, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                  "Transfer-Encoding: chunked\r\n\r\n");
    read_until(client, &received, "\r\n\r\n");
    for (int i = 0; i < 3; i++) {
        send_text(up, "10\r\ndata: something\n\r\n");
        read_until(client, &received, "\r\n");
        assert_string_equal(received.p, "10\r\n");
        read_until(client, &received, "data: something\n\r\n");
    }
    send_text(up, "0\r\n\r\n");
    read_until(client, &received, "0\r\n\r\n");
    close(up);
    close(client);
    world_free(w);
}

static void
test_large_body_to_a_slow_reader(void **state)
{
    enum { TOTAL = 32 << 20, PIECE = 65536 };
    struct world *w = world_plain();
    int client = connect_loopback(w->port);
    static char piece[PIECE], back[PIECE];
    size_t sent = 0, got = 0;
    (void)state;
    int up = begin(w, client, GET_MODELS);
    char head[128];
    snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", (int)TOTAL);
    send_text(up, head);
    // Nobody reads: the upstream has to stop far from the end.
    while (sent < TOTAL) {
        for (size_t i = 0; i < PIECE; i++)
            piece[i] = (char)((sent + i) % 251);
        ssize_t n = send(up, piece, PIECE, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0) {
            struct pollfd p = {.fd = up, .events = POLLOUT};
            if (poll(&p, 1, 300) == 0)
                break;
            continue;
        }
        sent += (size_t)n;
    }
    assert_true(sent < TOTAL);
    read_until(client, &received, "\r\n\r\n");
    assert_contains(received.p, "Transfer-Encoding: chunked"); // scrubbed: its length may change
    while (got < TOTAL) {
        char line[32] = "";
        size_t k = 0;
        do
            read_exactly(client, line + k, 1);
        while (line[k++] != '\n' && k < sizeof line - 1);
        size_t n = strtoul(line, NULL, 16);
        assert_true(n > 0);
        while (n > 0) {
            size_t m = n < PIECE ? n : PIECE;
            read_exactly(client, back, m);
            for (size_t i = 0; i < m; i++) {
                if (back[i] != (char)((got + i) % 251))
                    fail_msg("byte %zu is another one", got + i);
            }
            got += m;
            n -= m;
            while (sent < TOTAL) { // the other half, as far as it goes
                for (size_t i = 0; i < PIECE; i++)
                    piece[i] = (char)((sent + i) % 251);
                size_t want = TOTAL - sent < PIECE ? TOTAL - sent : PIECE;
                ssize_t r = send(up, piece, want, MSG_DONTWAIT | MSG_NOSIGNAL);
                if (r <= 0)
                    break;
                sent += (size_t)r;
            }
        }
        read_exactly(client, line, 2);
    }
    assert_int_equal(got, TOTAL);
    read_until(client, &received, "0\r\n\r\n");
    assert_int_equal(expect_finished(w)->bytes_down, TOTAL);
    close(up);
    close(client);
    world_free(w);
}

static void
test_large_upload(void **state)
{
    enum { TOTAL = 8 << 20 };
    struct world *w = world_plain();
    int client = connect_loopback(w->port);
    static char body[TOTAL];
    char head[256];
    (void)state;
    for (size_t i = 0; i < TOTAL; i++)
        body[i] = (char)(i % 253);
    snprintf(head, sizeof head, POST_HEAD "Content-Length: %d\r\n\r\n", (int)TOTAL);
    int up = begin(w, client, head);
    assert_contains(sent_up.p, "Content-Length: 8388608\r\n");
    pid_t writer = fork();
    if (writer == 0) {
        send_bytes(client, body, TOTAL);
        _exit(0);
    }
    for (size_t at = 0; at < TOTAL;) {
        static char back[65536];
        size_t n = TOTAL - at < sizeof back ? TOTAL - at : sizeof back;
        read_exactly(up, back, n);
        assert_memory_equal(back, body + at, n);
        at += n;
    }
    waitpid(writer, NULL, 0);
    send_text(up, "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n");
    read_answer(client);
    assert_contains(received.p, "201 Created");
    assert_int_equal(expect_finished(w)->bytes_up, TOTAL);
    close(up);
    close(client);
    world_free(w);
}

static void
test_continue_is_said_after_the_decision(void **state)
{
    struct world *w = world_plain();
    int client = connect_loopback(w->port);
    (void)state;
    send_text(client, POST_HEAD "Expect: 100-continue\r\nContent-Length: 3\r\n\r\n");
    expect_decide(w);
    assert_false(wait_readable(client, 50)); // not before
    allow(w);
    int up = accept_upstream(w);
    read_until(up, &sent_up, "\r\n\r\n");
    assert_lacks(sent_up.p, "xpect");
    read_until(client, &received, "\r\n\r\n");
    assert_string_equal(received.p, "HTTP/1.1 100 Continue\r\n\r\n");
    send_text(client, "abc");
    char body[3];
    read_exactly(up, body, 3);
    send_text(up, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n"
                  "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    read_answer(client); // 1xx of the upstream are consumed
    assert_contains(received.p, "HTTP/1.1 200 OK\r\n");
    close(up);
    // Denied: no invitation, and the connection ends, because the body may come or not.
    send_text(client, POST_HEAD "Expect: 100-continue\r\nContent-Length: 3\r\n\r\n");
    expect_finished(w);
    expect_decide(w);
    deny(w, KH_REASON_EXPIRED);
    read_until(client, &received, NULL);
    assert_contains(received.p, "HTTP/1.1 401 ");
    assert_contains(received.p, "Connection: close");
    close(client);
    world_free(w);
}

/* The upstream answers before the body was sent: its answer arrives, its connection goes. */
static void
test_early_answer(void **state)
{
    struct world *w = world_plain();
    int client = connect_loopback(w->port);
    (void)state;
    int up = begin(w, client, POST_HEAD "Content-Length: 6\r\n\r\nabc");
    send_text(up, "HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno");
    read_answer(client);
    assert_contains(received.p, "HTTP/1.1 413 ");
    assert_int_equal(expect_finished(w)->upstream_status, 413);
    send_text(client, "def" GET_MODELS); // the rest is drained, the connection kept
    expect_decide(w);
    allow(w);
    int second = accept_upstream(w);
    read_until(second, &sent_up, "\r\n\r\n");
    send_text(second, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    read_answer(client);
    close(up);
    close(second);
    close(client);
    world_free(w);
}

static void
test_broken_request_body(void **state)
{
    struct world *w = world_plain();
    int client = connect_loopback(w->port);
    (void)state;
    int up = begin(w, client, POST_HEAD "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
    read_until(up, &sent_up, "3\r\nabc\r\n");
    send_text(client, "3\nabc\r\n"); // a bare LF
    read_until(client, &received, NULL);
    assert_contains(received.p, "HTTP/1.1 400 ");
    assert_contains(received.p, "request-malformed");
    read_to_reset(up, &sent_up); // no last chunk: it does not look whole
    assert_lacks(sent_up.p, "0\r\n\r\n");
    assert_int_equal(expect_finished(w)->reason, KH_REASON_REQUEST_MALFORMED);
    close(up);
    close(client);
    world_free(w);
}

static void
test_client_goes_away(void **state)
{
    struct world *w = world_plain();
    int client = connect_loopback(w->port);
    (void)state;
    int up = begin(w, client, POST_HEAD "Content-Length: 6\r\n\r\nabc");
    close(client); // in the middle of the body
    read_to_reset(up, &sent_up);
    assert_int_equal(expect_finished(w)->upstream_status, 0);
    close(up);
    // And while the upstream thinks: it need not think for nobody.
    client = connect_loopback(w->port);
    up = begin(w, client, GET_MODELS);
    close(client);
    read_to_reset(up, &sent_up);
    expect_finished(w);
    close(up);
    // Whoever only says that nothing more comes still reads a refusal.
    client = connect_loopback(w->port);
    send_text(client, GET_MODELS GET_MODELS);
    shutdown(client, SHUT_WR);
    for (int i = 0; i < 2; i++) {
        expect_decide(w);
        deny(w, KH_REASON_EXPIRED);
        read_answer(client);
        assert_contains(received.p, "expired");
    }
    read_until(client, &received, NULL);
    close(client);
    world_free(w);
}

static void
test_http_1_0_client(void **state)
{
    struct world *w = world_plain();
    int client = connect_loopback(w->port);
    (void)state;
    int up =
        begin(w, client,
              "GET /~api/ HTTP/1.0\r\nHost: localhost\r\nAuthorization: Bearer " TOKEN "\r\n\r\n");
    assert_contains(sent_up.p, "GET / HTTP/1.1\r\n");
    send_text(up, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n");
    read_until(client, &received, NULL);
    assert_lacks(received.p, "chunked");
    assert_contains(received.p, "\r\n\r\nhello");
    close(up);
    close(client);
    world_free(w);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keep_alive_and_pool),
        cmocka_unit_test(test_pipelined),
        cmocka_unit_test(test_chunked_both_ways),
        cmocka_unit_test(test_events_pass_at_once),
        cmocka_unit_test(test_large_body_to_a_slow_reader),
        cmocka_unit_test(test_large_upload),
        cmocka_unit_test(test_continue_is_said_after_the_decision),
        cmocka_unit_test(test_early_answer),
        cmocka_unit_test(test_broken_request_body),
        cmocka_unit_test(test_client_goes_away),
        cmocka_unit_test(test_http_1_0_client),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
