/* SPDX-License-Identifier: Apache-2.0 */
/* The codecs of what a run is told. */
#include "../../../broker/messages.h"
#include "codec.h"

#include "../../../broker/channel.h"
#include "../../../broker/messages_limits.h"

enum { ROUNDS = 100 };

static const uint8_t run[RUN_ID_SIZE] = {0, 0, 7};

/* ---- the environment of a token ---- */

static bool
ask_again(struct bytes body, struct buffer *again)
{
    struct message_environment_ask message;
    if (message_environment_ask_rx(body, &message) != KH_OK)
        return false;
    message_environment_ask_tx(&message, again);
    return true;
}

static bool
environment_again(struct bytes body, struct buffer *again)
{
    struct message_environment message;
    if (message_environment_rx(body, &message) != KH_OK)
        return false;
    message_environment_tx(&message, again);
    return true;
}

static void
test_contradictions(void **state)
{
    static const struct message_environment wrong[] = {
        {0}, // neither given nor refused
        {.given = true, .reason = KH_REASON_EXPIRED},
        {.reason = KH_REASON_EXPIRED, .content = BYTES("{}")},
    };
    static const struct message_environment_ask both = {.ca_alone = true, .token = BYTES("kh1_")};
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        BUFFER_AUTO body;
        buffer_init(&body, 1024);
        message_environment_tx(&wrong[i], &body);
        assert_true(body.failed);
    }
    BUFFER_AUTO body;
    buffer_init(&body, 1024);
    message_environment_ask_tx(&both, &body);
    assert_true(body.failed);
    // The same from a peer.
    static const struct bytes said[] = {BYTES("\1\1\0\0\0x\0\0\0\0"), BYTES("\2\0\0\0\0\0\0\0\0"),
                                        BYTES_EMPTY};
    for (size_t i = 0; i < 3; i++) {
        struct message_environment_ask out = {.client = BYTES("as it was")};
        assert_int_equal(message_environment_ask_rx(said[i], &out), KH_ERR_PROTOCOL);
        assert_bytes_equal(out.client, BYTES("as it was"));
    }
}

static void
test_environment_ask(void **state)
{
    struct random random = {.state = 5};
    (void)state;
    for (int i = 0; i < ROUNDS; i++) {
        BUFFER_AUTO pool, body;
        pool_init(&pool, 1 << 16);
        buffer_init_secret(&body, 16384);
        struct message_environment_ask a = {.ca_alone = random_below(&random, 2) == 1};
        struct message_environment_ask b;
        a.client = random_bytes(&random, &pool, MESSAGE_ADDRESS_MAX);
        if (!a.ca_alone)
            a.token = random_bytes(&random, &pool, 8192);
        message_environment_ask_tx(&a, &body);
        assert_int_equal(message_environment_ask_rx(buffer_bytes(&body), &b), KH_OK);
        assert_int_equal(a.ca_alone, b.ca_alone);
        assert_bytes_equal(a.token, b.token);
        assert_bytes_equal(a.client, b.client);
        if (i % 10 == 0)
            codec_torture(&random, ask_again, buffer_bytes(&body));
    }
}

static void
test_environment(void **state)
{
    struct random random = {.state = 6};
    (void)state;
    for (int i = 0; i < ROUNDS; i++) {
        BUFFER_AUTO pool, body;
        pool_init(&pool, 1 << 16);
        buffer_init(&body, 131072);
        struct message_environment a = {.given = random_below(&random, 2) == 1}, b;
        if (a.given)
            a.content = random_bytes(&random, &pool, 20000);
        else
            a.reason = (enum kh_reason)(1 + random_below(&random, KH_REASON_COUNT - 1));
        for (size_t j = 0; j < REQUEST_ID_SIZE; j++)
            a.request_id[j] = (uint8_t)random_below(&random, 256);
        message_environment_tx(&a, &body);
        assert_int_equal(message_environment_rx(buffer_bytes(&body), &b), KH_OK);
        assert_memory_equal(a.request_id, b.request_id, REQUEST_ID_SIZE);
        assert_int_equal(a.given, b.given);
        assert_int_equal(a.reason, b.reason);
        assert_bytes_equal(a.content, b.content);
        if (i % 10 == 0)
            codec_torture(&random, environment_again, buffer_bytes(&body));
    }
}

/* ---- runs ---- */

static bool
run_again(struct bytes body, struct buffer *again)
{
    uint8_t read[RUN_ID_SIZE];
    if (message_run_ask_rx(body, read) != KH_OK)
        return false;
    message_run_ask_tx(read, again);
    return true;
}

static bool
refused_again(struct bytes body, struct buffer *again)
{
    struct message_run_refused message;
    if (message_run_refused_rx(body, &message) != KH_OK)
        return false;
    message_run_refused_tx(&message, again);
    return true;
}

static void
test_runs(void **state)
{
    struct random random = {.state = 7};
    struct message_run_refused a = {.host = BYTES("files.example")}, b;
    uint8_t read[RUN_ID_SIZE];
    BUFFER_AUTO ask, body;
    (void)state;
    memcpy(a.run, run, sizeof run);
    buffer_init(&ask, 16);
    buffer_init(&body, 512);
    message_run_ask_tx(run, &ask);
    message_run_refused_tx(&a, &body);
    assert_false(ask.failed || body.failed);
    assert_int_equal(message_run_ask_rx(buffer_bytes(&ask), read), KH_OK);
    assert_memory_equal(read, run, sizeof run);
    assert_int_equal(message_run_refused_rx(buffer_bytes(&body), &b), KH_OK);
    assert_memory_equal(b.run, run, sizeof run);
    assert_bytes_equal(b.host, a.host);
    codec_torture(&random, run_again, buffer_bytes(&ask));
    codec_torture(&random, refused_again, buffer_bytes(&body));
}

static void
test_runs_without_a_name(void **state)
{
    static const uint8_t none[RUN_ID_SIZE];
    static uint8_t zeros[RUN_ID_SIZE + 3 + 4] = {[RUN_ID_SIZE] = 3};
    uint8_t read[RUN_ID_SIZE] = {1};
    struct message_run_refused refused = {.host = BYTES("a")};
    BUFFER_AUTO body;
    (void)state;
    buffer_init(&body, 512);
    message_run_ask_tx(none, &body);
    assert_true(body.failed);
    buffer_free(&body);
    message_run_refused_tx(&refused, &body);
    assert_true(body.failed);
    buffer_free(&body);
    memcpy(refused.run, run, sizeof run);
    refused.host = BYTES_EMPTY;
    message_run_refused_tx(&refused, &body);
    assert_true(body.failed);
    assert_int_equal(message_run_ask_rx(bytes_of(none, sizeof none), read), KH_ERR_PROTOCOL);
    assert_int_equal(read[0], 1);
    assert_int_equal(message_run_refused_rx(bytes_of(zeros, sizeof zeros), &refused),
                     KH_ERR_PROTOCOL);
}

// A name of the longest kind, and a token with a vendor's prefix, fit their messages.
static void
test_fit(void **state)
{
    static char host[MESSAGE_HOST_MAX], token[8192];
    struct message_run_refused refused = {.host = {(uint8_t *)host, sizeof host}};
    const struct message_environment_ask ask = {.token = {(uint8_t *)token, sizeof token},
                                                .client = BYTES("unix")};
    size_t refused_max = 0, ask_max = 0;
    BUFFER_AUTO body, other;
    (void)state;
#define KH_MESSAGE(label, number, from, to, size, with_fd)                                         \
    if (number == MESSAGE_RUN_REFUSED)                                                             \
        refused_max = size;                                                                        \
    if (number == MESSAGE_ENVIRONMENT_ASK)                                                         \
        ask_max = size;
#include "../../../schema/messages.def"
    memset(host, 'a', sizeof host);
    memcpy(refused.run, run, sizeof run);
    buffer_init(&body, refused_max);
    buffer_init(&other, ask_max);
    message_run_refused_tx(&refused, &body);
    message_environment_ask_tx(&ask, &other);
    assert_false(body.failed || other.failed);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_contradictions),      cmocka_unit_test(test_environment_ask),
        cmocka_unit_test(test_environment),         cmocka_unit_test(test_runs),
        cmocka_unit_test(test_runs_without_a_name), cmocka_unit_test(test_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
