/* SPDX-License-Identifier: Apache-2.0 */
/* Answers of our own, and whether the connection goes on after them. */
#include "fixture.h"

#include "../../../broker/proxy/answer.h"

#define POST_HEAD                                                                                  \
    "POST /~api/v1/x HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " TOKEN "\r\n"

static void
test_refused_body_is_drained(void **state)
{
    struct world *w = world_plain();
    int client = connect_loopback(w->port);
    (void)state;
    send_text(client, POST_HEAD "Content-Length: 5\r\n\r\nab");
    expect_decide(w);
    deny(w, KH_REASON_EXPIRED);
    read_answer(client);
    assert_lacks(received.p, "Connection: close");
    send_text(client, "cde" GET_MODELS);
    assert_true(bytes_is(expect_decide(w)->method, "GET"));
    deny(w, KH_REASON_EXPIRED);
    read_answer(client);
    // Too much to read for nothing.
    send_text(client, POST_HEAD "Content-Length: 99999999\r\n\r\nab");
    expect_decide(w);
    deny(w, KH_REASON_EXPIRED);
    read_until(client, &received, NULL);
    assert_contains(received.p, "Connection: close");
    close(client);
    world_free(w);
}

static void
test_head_gets_no_body(void **state)
{
    struct world *w = world_plain();
    int client = connect_loopback(w->port);
    (void)state;
    send_text(client, "HEAD /~api/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    expect_decide(w);
    deny(w, KH_REASON_TOKEN_MISSING);
    read_until(client, &received, NULL);
    assert_contains(received.p, "HTTP/1.1 401 ");
    assert_lacks(received.p, "{");
    close(client);
    world_free(w);
}

static void
test_retry_after(void **state)
{
    struct world *w = world_plain();
    int client = connect_loopback(w->port);
    (void)state;
    send_text(client, GET_MODELS);
    expect_decide(w);
    struct message_decision decision = {
        .reason = KH_REASON_RATE_EXCEEDED, .retry_after_s = 17, .request_id = {1}};
    answer_decision(w, &decision);
    read_answer(client);
    assert_contains(received.p, "HTTP/1.1 429 ");
    assert_contains(received.p, "Retry-After: 17\r\n");
    close(client);
    world_free(w);
}

static void
test_busy(void **state)
{
    struct bytes answer = answer_busy();
    (void)state;
    assert_true(bytes_starts(answer, BYTES("HTTP/1.1 503 ")));
    assert_true(bytes_find(answer, BYTES("Connection: close\r\n")) < answer.n);
    assert_ptr_equal(answer_busy().p, answer.p);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refused_body_is_drained),
        cmocka_unit_test(test_head_gets_no_body),
        cmocka_unit_test(test_retry_after),
        cmocka_unit_test(test_busy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
