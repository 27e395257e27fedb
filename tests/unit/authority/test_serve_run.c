/* SPDX-License-Identifier: Apache-2.0 */
/* What runs ask, over the channel of a proxy. */
#include "proxy_peer.h"

static struct authority authority;
static struct peer proxy;
static const uint8_t run[RUN_ID_SIZE] = {7, 7};

static int
setup(void **state)
{
    int ends[2];
    struct fault fault = {0};

    if (fixture_setup(state))
        return -1;
    fixture_create();
    fixture_open(&authority);
    fixture_add_openai(&authority);
    authority.base = peer_base();
    if (channel_pair(ends, &fault) || serve_proxy_add(&authority, ends[0], 1, &fault))
        return -1;
    peer_open(&proxy, authority.base, ends[1], ROLE_PROXY);
    return 0;
}

static int
teardown(void **state)
{
    peer_close(&proxy);
    serve_proxies_close(&authority);
    event_base_free(authority.base);
    authority_close(&authority);
    return fixture_teardown(state);
}

static void
decide(const char *token, const char *host, bool of_run)
{
    struct message_decide request = peer_request(token);
    BUFFER_AUTO body;
    request.host = bytes_str(host);
    if (of_run)
        memcpy(request.run, run, sizeof run);
    buffer_init(&body, 131072);
    message_decide_tx(&request, &body);
    channel_send(proxy.channel, MESSAGE_DECIDE, 1, buffer_bytes(&body));
    peer_settle(authority.base);
}

static void
expect_run(const char *expected)
{
    struct bytes text;
    BUFFER_AUTO body;
    buffer_init(&body, 16);
    message_run_ask_tx(run, &body);
    channel_send(proxy.channel, MESSAGE_RUN_ASK, 9, buffer_bytes(&body));
    peer_settle(authority.base);
    const struct peer_message *answer = peer_last(&proxy, MESSAGE_RUN);
    assert_non_null(answer);
    assert_int_equal(answer->id, 9);
    assert_int_equal(message_text_rx(buffer_bytes(&answer->body), &text), KH_OK);
    if (!bytes_is(text, expected))
        fail_msg("%.*s", BYTES_ARG(text));
}

static void
refused_requests_are_listed(void **state)
{
    char *token = fixture_mint(&authority, "");
    (void)state;
    expect_run("{\"refused\":[],\"more\":0}\n");
    decide(token, "api.openai.com", true); // allowed
    decide(token, "other.test", false);    // of no run
    decide(token, "other.test", true);
    decide(token, "other.test", true);
    decide("", "api.openai.com", true);
    expect_run("{\"refused\":["
               "{\"host\":\"other.test\",\"port\":443,\"code\":\"host-not-allowed\",\"count\":2},"
               "{\"host\":\"api.openai.com\",\"port\":443,\"code\":\"token-missing\",\"count\":1}"
               "],\"more\":0}\n");
    free(token);
}

static void
names_that_were_not_answered_are_listed(void **state)
{
    struct message_run_refused refused = {.host = BYTES("evil.test")};
    BUFFER_AUTO body;
    (void)state;
    memcpy(refused.run, run, sizeof run);
    buffer_init(&body, 512);
    message_run_refused_tx(&refused, &body);
    channel_send(proxy.channel, MESSAGE_RUN_REFUSED, 0, buffer_bytes(&body));
    expect_run("{\"refused\":[{\"host\":\"evil.test\",\"port\":0,\"code\":\"host-not-allowed\","
               "\"count\":1}],\"more\":0}\n");
}

static void
the_environment(void **state)
{
    char *token = fixture_mint(&authority, "");
    struct message_environment_ask ask = {.token = bytes_str(token), .client = BYTES("unix")};
    struct message_environment out;
    BUFFER_AUTO body;
    (void)state;
    buffer_init(&body, 16384);
    message_environment_ask_tx(&ask, &body);
    channel_send(proxy.channel, MESSAGE_ENVIRONMENT_ASK, 3, buffer_bytes(&body));
    peer_settle(authority.base);
    const struct peer_message *answer = peer_last(&proxy, MESSAGE_ENVIRONMENT);
    assert_non_null(answer);
    assert_int_equal(answer->id, 3);
    assert_int_equal(message_environment_rx(buffer_bytes(&answer->body), &out), KH_OK);
    assert_true(out.given);
    assert_true(bytes_find(out.content, BYTES("\"openai\"")) < out.content.n);
    free(token);
}

static void
malformed_ones_end_the_proxy(void **state)
{
    (void)state;
    channel_send(proxy.channel, MESSAGE_RUN_ASK, 1, BYTES("short"));
    peer_settle(authority.base);
    assert_true(proxy.closed);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(refused_requests_are_listed),
        TEST(names_that_were_not_answered_are_listed),
        TEST(the_environment),
        TEST(malformed_ones_end_the_proxy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
