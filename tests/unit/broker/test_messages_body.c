/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of a body: what is written is read again, and nothing else is. */
#include "codec.h"

#include "../../../broker/messages.h"

static bool
part_again(struct bytes body, struct buffer *again)
{
    struct message_body_part part;
    if (message_body_part_rx(body, &part) != KH_OK)
        return false;
    message_body_part_tx(&part, again);
    return true;
}

static void
test_what_is_no_part(void **state)
{
    static uint8_t data[BODY_PART_MAX + 1];
    const struct message_body_part wrong[] = {
        {.data = BYTES_EMPTY},
        {.data = bytes_of(data, sizeof data)},
        {.offset = BODY_CONTENT_MAX, .data = BYTES("x")},
        {.offset = UINT64_MAX, .data = BYTES("x")},
    };
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        BUFFER_AUTO body;
        buffer_init(&body, 131072);
        message_body_part_tx(&wrong[i], &body);
        assert_true(body.failed);
    }
}

static void
test_part(void **state)
{
    static uint8_t data[BODY_PART_MAX];
    struct random random = {.state = 7};
    (void)state;
    for (int i = 0; i < 30; i++) {
        struct message_body_part a = {.offset = random_below(&random, 1 << 20), .data = {data, 0}};
        struct message_body_part b;
        BUFFER_AUTO body;
        buffer_init(&body, 65536);
        a.data.n = i == 0 ? sizeof data : 1 + random_below(&random, 300);
        for (size_t j = 0; j < sizeof a.request_id; j++)
            a.request_id[j] = (uint8_t)random_next(&random);
        message_body_part_tx(&a, &body);
        assert_false(body.failed);
        assert_int_equal(message_body_part_rx(buffer_bytes(&body), &b), KH_OK);
        assert_true(a.offset == b.offset);
        assert_bytes_equal(a.data, b.data);
        assert_memory_equal(a.request_id, b.request_id, sizeof a.request_id);
        codec_torture(&random, part_again, buffer_bytes(&body));
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_no_part),
        cmocka_unit_test(test_part),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
