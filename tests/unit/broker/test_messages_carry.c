/* SPDX-License-Identifier: Apache-2.0 */
/* The codecs of carried requests. */
#include "../../../broker/messages.h"
#include "codec.h"

static bool
carry_again(struct bytes body, struct buffer *again)
{
    struct message_carry message;
    if (message_carry_rx(body, &message) != KH_OK)
        return false;
    message_carry_tx(&message, again);
    return true;
}

static bool
carried_again(struct bytes body, struct buffer *again)
{
    struct message_carried message;
    if (message_carried_rx(body, &message) != KH_OK)
        return false;
    message_carried_tx(&message, again);
    return true;
}

static struct message_carry
whole(void)
{
    return (struct message_carry){
        .credential = BYTES("api"),
        .host = BYTES("api.test"),
        .port = 443,
        .method = BYTES("POST"),
        .target = BYTES("/token"),
        .field = {{BYTES("Content-Type"), BYTES("text/plain")}, {BYTES("Accept"), BYTES("*/*")}},
        .field_count = 2,
        .edit = {{EDIT_HEADER_SET, BYTES("Authorization"), BYTES("Bearer x")}},
        .edit_count = 1,
        .body = BYTES("a=b"),
        .status_alone = true,
        .timeout_ms = 10000,
    };
}

static void
test_carry_refuses(void **state)
{
    struct message_carry wrong[8];
    (void)state;
    for (size_t i = 0; i < 8; i++)
        wrong[i] = whole();
    wrong[0].credential = BYTES_EMPTY;
    wrong[1].host = BYTES_EMPTY;
    wrong[2].port = 0;
    wrong[3].method = BYTES_EMPTY;
    wrong[4].target = BYTES_EMPTY;
    wrong[5].timeout_ms = 0;
    wrong[6].field_count = CARRY_FIELDS_MAX + 1;
    wrong[7].edit[0].kind = EDIT_UNSET;
    for (size_t i = 0; i < 8; i++) {
        BUFFER_AUTO body;
        buffer_init(&body, 65536);
        message_carry_tx(&wrong[i], &body);
        if (!body.failed)
            fail_msg("case %zu was written", i);
    }
}

static void
test_carried_refuses(void **state)
{
    static uint8_t long_body[CARRY_ANSWER_MAX + 1];
    const struct message_carried wrong[] = {
        {0}, // neither
        {.answered = true},
        {.answered = true, .status = 100},
        {.answered = true, .status = 600},
        {.answered = true, .status = 200, .reason = KH_REASON_INTERNAL},
        {.answered = true, .status = 200, .detail = BYTES("why")},
        {.answered = true, .status = 200, .body = {long_body, sizeof long_body}},
        {.reason = KH_REASON_INTERNAL, .status = 200},
        {.reason = KH_REASON_INTERNAL, .body = BYTES("a")},
    };
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        BUFFER_AUTO body;
        buffer_init(&body, 131072);
        message_carried_tx(&wrong[i], &body);
        if (!body.failed)
            fail_msg("case %zu was written", i);
    }
}

static void
test_carry(void **state)
{
    struct random random = {.state = 4};
    struct message_carry a = whole(), b;
    BUFFER_AUTO body;
    (void)state;
    buffer_init(&body, 65536);
    message_carry_tx(&a, &body);
    assert_int_equal(message_carry_rx(buffer_bytes(&body), &b), KH_OK);
    assert_bytes_equal(a.credential, b.credential);
    assert_false(b.plain);
    assert_bytes_equal(a.host, b.host);
    assert_int_equal(b.port, 443);
    assert_bytes_equal(a.method, b.method);
    assert_bytes_equal(a.target, b.target);
    assert_int_equal(b.field_count, 2);
    assert_bytes_equal(a.field[1].name, b.field[1].name);
    assert_bytes_equal(a.field[1].value, b.field[1].value);
    assert_int_equal(b.edit_count, 1);
    assert_int_equal(b.edit[0].kind, EDIT_HEADER_SET);
    assert_bytes_equal(a.edit[0].value, b.edit[0].value);
    assert_bytes_equal(a.body, b.body);
    assert_true(b.status_alone);
    assert_int_equal(b.timeout_ms, 10000);
    codec_torture(&random, carry_again, buffer_bytes(&body));
}

static void
test_carried(void **state)
{
    const struct message_carried value[] = {
        {.answered = true, .status = 200, .body = BYTES("{\"access_token\":\"x\"}")},
        {.answered = true, .status = 599},
        {.reason = KH_REASON_UPSTREAM_TIMEOUT, .detail = BYTES("too slow")},
    };
    struct random random = {.state = 4};
    (void)state;
    for (size_t i = 0; i < sizeof value / sizeof *value; i++) {
        struct message_carried b;
        BUFFER_AUTO body;
        buffer_init(&body, 131072);
        message_carried_tx(&value[i], &body);
        assert_int_equal(message_carried_rx(buffer_bytes(&body), &b), KH_OK);
        assert_int_equal(value[i].answered, b.answered);
        assert_int_equal(value[i].status, b.status);
        assert_int_equal(value[i].reason, b.reason);
        assert_bytes_equal(value[i].body, b.body);
        assert_bytes_equal(value[i].detail, b.detail);
        codec_torture(&random, carried_again, buffer_bytes(&body));
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_carry_refuses),
        cmocka_unit_test(test_carried_refuses),
        cmocka_unit_test(test_carry),
        cmocka_unit_test(test_carried),
    };
    return cmocka_run_group_tests_name("messages_carry", tests, NULL, NULL);
}
