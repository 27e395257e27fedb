/* SPDX-License-Identifier: Apache-2.0 */
/* The codecs of tokens that are kept. */
#include "../../../broker/messages.h"
#include "codec.h"

static bool
seal_again(struct bytes body, struct buffer *again)
{
    struct message_seal_token message;
    if (message_seal_token_rx(body, &message) != KH_OK)
        return false;
    message_seal_token_tx(&message, again);
    return true;
}

static bool
sealed_again(struct bytes body, struct buffer *again)
{
    struct message_token_sealed message;
    if (message_token_sealed_rx(body, &message) != KH_OK)
        return false;
    message_token_sealed_tx(&message, again);
    return true;
}

static void
test_refuses(void **state)
{
    static uint8_t text[SEAL_TOKEN_MAX + 1];
    const struct message_seal_token wrong[] = {{.token = BYTES_EMPTY},
                                               {.token = {text, sizeof text}}};
    const struct message_token_sealed both = {.sealed = true, .detail = BYTES("why")};
    BUFFER_AUTO body;
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        BUFFER_AUTO out;
        buffer_init(&out, 65536);
        message_seal_token_tx(&wrong[i], &out);
        assert_true(out.failed);
    }
    buffer_init(&body, 65536);
    message_token_sealed_tx(&both, &body);
    assert_true(body.failed);
}

static void
test_round_trips(void **state)
{
    const struct message_seal_token seal = {.request_id = {1, 2, 3}, .token = BYTES("at-1")};
    const struct message_token_sealed sealed[] = {
        {.sealed = true}, {.detail = BYTES("why")}, {.sealed = false}};
    struct random random = {.state = 61};
    struct message_seal_token read;
    BUFFER_AUTO body;
    (void)state;
    buffer_init(&body, 65536);
    message_seal_token_tx(&seal, &body);
    assert_int_equal(message_seal_token_rx(buffer_bytes(&body), &read), KH_OK);
    assert_memory_equal(read.request_id, seal.request_id, REQUEST_ID_SIZE);
    assert_true(bytes_is(read.token, "at-1"));
    codec_torture(&random, seal_again, buffer_bytes(&body));
    for (size_t i = 0; i < sizeof sealed / sizeof *sealed; i++) {
        BUFFER_AUTO out;
        buffer_init(&out, 65536);
        message_token_sealed_tx(&sealed[i], &out);
        codec_torture(&random, sealed_again, buffer_bytes(&out));
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refuses),
        cmocka_unit_test(test_round_trips),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
