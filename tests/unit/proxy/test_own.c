/* SPDX-License-Identifier: Apache-2.0 */
/* The broker's own pages. */
#include "plain_fixture.h"

#include "../../../broker/proxy/own.h"

#define REVOKE "POST " OWN_REVOKE_PATH " HTTP/1.1\r\nHost: localhost\r\n"

static void
expect_refused(const char *request, enum kh_reason reason, const char *contains)
{
    send_text(client, request);
    const struct message_decide *decide = expect_decide(w);
    assert_int_equal(decide->refused, reason);
    assert_int_equal(decide->way, WAY_OWN);
    deny(w, reason);
    read_answer(client);
    assert_contains(received.p, kh_reason_code(reason));
    assert_contains(received.p, contains);
}

static void
test_what_is_not_there(void **state)
{
    (void)state;
    expect_refused("GET /x HTTP/1.1\r\nHost: localhost\r\n\r\n", KH_REASON_NOT_FOUND,
                   "HTTP/1.1 404 ");
    expect_refused("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n",
                   KH_REASON_METHOD_NOT_ALLOWED, "Allow: GET, HEAD");
    expect_refused("GET " OWN_REVOKE_PATH " HTTP/1.1\r\nHost: localhost\r\n\r\n",
                   KH_REASON_METHOD_NOT_ALLOWED, "Allow: POST");
    expect_refused(REVOKE "\r\n", KH_REASON_TOKEN_MISSING, "HTTP/1.1 401 ");
    expect_refused(REVOKE "Authorization: Bearer abc\r\n\r\n", KH_REASON_FOREIGN_KEY,
                   "HTTP/1.1 401 ");
}

static void
test_index(void **state)
{
    (void)state;
    send_text(client, "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
    read_answer(client);
    assert_contains(received.p, "HTTP/1.1 200 ");
    assert_contains(received.p, "Keyhole");
    send_text(client, "HEAD / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\nGET / HTTP/1.1\r\n"
                      "Host: 127.0.0.1\r\n\r\n");
    read_until(client, &received, "\r\n\r\n"); // no body, so the next head follows
    read_until(client, &received, "\r\n\r\n");
    assert_true(strncmp(received.p, "HTTP/1.1 200 ", 13) == 0);
}

static void
answer_revoke(bool revoked, enum kh_reason reason)
{
    struct bytes body;
    struct message_revoke_ask ask;
    BUFFER_AUTO out;
    buffer_init(&out, 1024);
    assert_int_equal(next_frame(w, &body), MESSAGE_REVOKE_ASK);
    assert_int_equal(message_revoke_ask_rx(body, &ask), KH_OK);
    assert_true(bytes_is(ask.token, TOKEN));
    assert_true(bytes_is(ask.client, "127.0.0.1"));
    struct message_revoke_done done = {
        .revoked = revoked, .reason = reason, .request_id = {0x0e}, .lineage = {0xab, 0xcd}};
    message_revoke_done_tx(&done, &out);
    assert_false(out.failed);
    send_frame(w->authority, MESSAGE_REVOKE_DONE, w->question, buffer_bytes(&out), -1);
}

static void
test_revoke(void **state)
{
    (void)state;
    send_text(client, REVOKE "Authorization: Bearer " TOKEN "\r\n\r\n");
    answer_revoke(true, KH_REASON_UNSET);
    read_answer(client);
    assert_contains(received.p, "HTTP/1.1 200 ");
    assert_contains(received.p,
                    "{\"revoked\":true,\"lineage\":\"abcd0000000000000000000000000000\"}");
    send_text(client, REVOKE "Keyhole-Token: " TOKEN "\r\nContent-Length: 2\r\n\r\n{}");
    answer_revoke(false, KH_REASON_SIGNATURE_INVALID);
    read_answer(client);
    assert_contains(received.p, "HTTP/1.1 401 ");
    assert_contains(received.p, "signature-invalid");
    assert_contains(received.p, "Keyhole-Request-Id: 0e00000000000000");
}

static void
test_revoke_without_an_authority(void **state)
{
    (void)state;
    struct bytes body;
    send_text(client, REVOKE "Authorization: Bearer " TOKEN "\r\n\r\n");
    assert_int_equal(next_frame(w, &body), MESSAGE_REVOKE_ASK);
    close(w->authority);
    read_answer(client);
    assert_contains(received.p, "HTTP/1.1 503 ");
    send_text(client, REVOKE "Authorization: Bearer " TOKEN "\r\n\r\n");
    read_answer(client);
    assert_contains(received.p, "HTTP/1.1 503 ");
    send_authority_channel(w);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, plain_setup, plain_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_what_is_not_there),
        TEST(test_index),
        TEST(test_revoke),
        TEST(test_revoke_without_an_authority),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
