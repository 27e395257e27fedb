/* SPDX-License-Identifier: Apache-2.0 */
/* The pages of runs. */
#include "plain_fixture.h"

#include "../../../broker/proxy/own.h"

#define GET(path) "GET " path " HTTP/1.1\r\nHost: localhost\r\n"
#define RUN       "0102030405060708090a0b0c0d0e0f10"

static void
expect_refused(const char *request, enum kh_reason reason)
{
    send_text(client, request);
    assert_int_equal(expect_decide(w)->refused, reason);
    assert_int_equal(w->decide.way, WAY_OWN);
    deny(w, reason);
    assert_contains(read_answer(client), kh_reason_code(reason));
}

static void
test_refused(void **state)
{
    static char request[12000], token[9000];
    (void)state;
    expect_refused(GET(OWN_ENVIRONMENT_PATH) "\r\n", KH_REASON_TOKEN_MISSING);
    expect_refused(GET(OWN_ENVIRONMENT_PATH) "Authorization: Bearer key\r\n\r\n",
                   KH_REASON_FOREIGN_KEY);
    memset(token, 'A', sizeof token - 1);
    memcpy(token, "kh1_", 4);
    snprintf(request, sizeof request, GET(OWN_ENVIRONMENT_PATH) "Authorization: Bearer %s\r\n\r\n",
             token);
    expect_refused(request, KH_REASON_TOKEN_MALFORMED);
    expect_refused("POST " OWN_CA_PATH " HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n",
                   KH_REASON_METHOD_NOT_ALLOWED);
    expect_refused(GET(OWN_CA_PATH "/") "\r\n", KH_REASON_NOT_FOUND);
    expect_refused(GET(OWN_RUNS_PATH) "\r\n", KH_REASON_NOT_FOUND);
    expect_refused(GET("/.well-known/keyhole/runs") "\r\n", KH_REASON_NOT_FOUND);
    expect_refused(GET(OWN_RUNS_PATH "01") "\r\n", KH_REASON_NOT_FOUND);
    expect_refused(GET(OWN_RUNS_PATH RUN "00") "\r\n", KH_REASON_NOT_FOUND);
    expect_refused(GET(OWN_RUNS_PATH RUN "/") "\r\n", KH_REASON_NOT_FOUND);
    expect_refused(GET(OWN_RUNS_PATH "g102030405060708090a0b0c0d0e0f10") "\r\n",
                   KH_REASON_NOT_FOUND);
    expect_refused(GET(OWN_RUNS_PATH "00000000000000000000000000000000") "\r\n",
                   KH_REASON_NOT_FOUND);
}

static void
answer_environment(struct message_environment answer, bool ca_alone, const char *token)
{
    struct message_environment_ask ask;
    struct bytes body;
    BUFFER_AUTO out;
    buffer_init(&out, 131072);
    assert_int_equal(next_frame(w, &body), MESSAGE_ENVIRONMENT_ASK);
    assert_int_equal(message_environment_ask_rx(body, &ask), KH_OK);
    assert_int_equal(ask.ca_alone, ca_alone);
    assert_true(bytes_is(ask.token, token));
    assert_true(bytes_is(ask.client, "127.0.0.1"));
    message_environment_tx(&answer, &out);
    send_frame(w->authority, MESSAGE_ENVIRONMENT, w->question, buffer_bytes(&out), -1);
}

static void
test_environment(void **state)
{
    (void)state;
    send_text(client, GET(OWN_ENVIRONMENT_PATH) "Authorization: Bearer " TOKEN "\r\n\r\n");
    answer_environment((struct message_environment){.given = true, .content = BYTES("{\"a\":1}\n")},
                       false, TOKEN);
    read_answer(client);
    assert_contains(received.p, "HTTP/1.1 200 ");
    assert_contains(received.p, "Content-Type: application/json\r\n");
    assert_contains(received.p, "\r\n\r\n{\"a\":1}\n");
    send_text(client, GET(OWN_ENVIRONMENT_PATH) "Keyhole-Token: " TOKEN "\r\n\r\n");
    answer_environment(
        (struct message_environment){.reason = KH_REASON_HOLE_OPEN, .request_id = {0x0e}}, false,
        TOKEN);
    read_answer(client);
    assert_contains(received.p, "HTTP/1.1 401 ");
    assert_contains(received.p, "hole-open");
    assert_contains(received.p, "Keyhole-Request-Id: 0e00000000000000");
}

static void
test_certificate(void **state)
{
    (void)state;
    send_text(client, GET(OWN_CA_PATH) "\r\n");
    answer_environment((struct message_environment){.given = true, .content = BYTES("-----B")},
                       true, "");
    read_answer(client);
    assert_contains(received.p, "Content-Type: application/pem-certificate-chain\r\n");
    assert_contains(received.p, "\r\n\r\n-----B");
}

static void
test_refusals(void **state)
{
    static const uint8_t expected[RUN_ID_SIZE] = {1, 2,  3,  4,  5,  6,  7,  8,
                                                  9, 10, 11, 12, 13, 14, 15, 16};
    uint8_t run[RUN_ID_SIZE];
    struct bytes body;
    (void)state;
    send_text(client, GET(OWN_RUNS_PATH RUN) "\r\n");
    assert_int_equal(next_frame(w, &body), MESSAGE_RUN_ASK);
    assert_int_equal(message_run_ask_rx(body, run), KH_OK);
    assert_memory_equal(run, expected, sizeof run);
    send_frame(w->authority, MESSAGE_RUN, w->question, BYTES("{\"refused\":[]}\n"), -1);
    read_answer(client);
    assert_contains(received.p, "HTTP/1.1 200 ");
    assert_contains(received.p, "{\"refused\":[]}");
}

static void
test_without_an_authority(void **state)
{
    struct bytes body;
    (void)state;
    send_text(client, GET(OWN_RUNS_PATH RUN) "\r\n");
    assert_int_equal(next_frame(w, &body), MESSAGE_RUN_ASK);
    close(w->authority);
    assert_contains(read_answer(client), "HTTP/1.1 503 ");
    send_text(client, GET(OWN_CA_PATH) "\r\n");
    assert_contains(read_answer(client), "HTTP/1.1 503 ");
    send_authority_channel(w);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, plain_setup, plain_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_refused),  TEST(test_environment),          TEST(test_certificate),
        TEST(test_refusals), TEST(test_without_an_authority),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
