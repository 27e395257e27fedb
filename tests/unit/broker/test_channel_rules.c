/* SPDX-License-Identifier: Apache-2.0 */
/* The table of messages and the header of a frame. */
#include "../../../broker/channel_internal.h"
#include "support.h"

static void
test_unknown_types_have_no_rule(void **state)
{
    (void)state;
    assert_null(channel_rule(0));
    assert_null(channel_rule(9999));
    assert_null(channel_rule(UINT32_MAX));
    assert_string_equal(message_name((enum message_type)0), "unknown");
    assert_string_equal(message_name((enum message_type)9999), "unknown");
    assert_string_equal(role_name((enum role)99), "unset");
}

// A number that is used twice would let one message pass for another.
static void
test_every_row_is_found_by_its_number(void **state)
{
    (void)state;
#define KH_MESSAGE(label, number, from, to, size, with_fd)                                         \
    do {                                                                                           \
        const struct channel_rule *rule = channel_rule(number);                                    \
        assert_non_null(rule);                                                                     \
        assert_string_equal(rule->name, #label);                                                   \
        assert_int_equal(rule->sender, ROLE_##from);                                               \
        assert_int_equal(rule->receiver, ROLE_##to);                                               \
        assert_int_equal(rule->body_max, size);                                                    \
        assert_int_equal(rule->carries_fd, with_fd);                                               \
        assert_int_equal(MESSAGE_##label, number);                                                 \
        assert_true((number) > 0 && (number) <= UINT16_MAX);                                       \
        assert_int_not_equal(rule->sender, rule->receiver);                                        \
    } while (0);
#include "../../../schema/messages.def"
}

// Only the supervisor hands out descriptors, and no process but the authority may decide.
static void
test_who_may_say_the_dangerous_things(void **state)
{
    (void)state;
#define KH_MESSAGE(label, number, from, to, size, with_fd)                                         \
    if (with_fd)                                                                                   \
        assert_int_equal(ROLE_##from, ROLE_SUPERVISOR);
#include "../../../schema/messages.def"
    assert_int_equal(channel_rule(MESSAGE_DECISION)->sender, ROLE_AUTHORITY);
    assert_int_equal(channel_rule(MESSAGE_ROUTE)->sender, ROLE_AUTHORITY);
    assert_int_equal(channel_rule(MESSAGE_REVOKE_DONE)->sender, ROLE_AUTHORITY);
}

static void
test_header_is_little_endian(void **state)
{
    static const uint8_t expected[CHANNEL_HEADER_SIZE] = {
        0x04, 0x03, 0x02, 0x01, 48, 0, 0, 0, 0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11};
    uint8_t p[CHANNEL_HEADER_SIZE];
    (void)state;
    channel_header_write(p, MESSAGE_DECIDE, UINT64_C(0x1122334455667788), 0x01020304);
    assert_memory_equal(p, expected, sizeof(p));
    struct channel_header header = channel_header_read(p);
    assert_int_equal(header.body, 0x01020304);
    assert_int_equal(header.type, MESSAGE_DECIDE);
    assert_int_equal(header.reserved, 0);
    assert_true(header.id == UINT64_C(0x1122334455667788));
    p[6] = 0x34;
    p[7] = 0x12;
    assert_int_equal(channel_header_read(p).reserved, 0x1234);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unknown_types_have_no_rule),
        cmocka_unit_test(test_every_row_is_found_by_its_number),
        cmocka_unit_test(test_who_may_say_the_dangerous_things),
        cmocka_unit_test(test_header_is_little_endian),
    };
    return cmocka_run_group_tests_name("channel_rules", tests, NULL, NULL);
}
