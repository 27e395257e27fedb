/* SPDX-License-Identifier: Apache-2.0 */
/* The table of states: every state is complete, and says what the others rely on. */
#include "unit.h"

#include "../../../broker/proxy/proxy.h"

static void
test_every_state_is_complete(void **state)
{
    (void)state;
    for (int i = 0; i < CONNECTION_STATE_COUNT; i++) {
        const struct connection_row *row = &connection_row[i];
        if (!row->name || !row->step || !row->expired)
            fail_msg("state %d is not in the table", i);
        for (int j = 0; j < i; j++)
            assert_string_not_equal(row->name, connection_row[j].name);
        if (row->timeout_field != CONNECTION_NO_FIELD)
            assert_true(row->timeout_field + sizeof(int64_t) <= sizeof(struct config));
        assert_true(row->read_ahead <= CONDUIT_IN_MAX);
    }
}

/* Each limit is the setting that the manual names for it; a zeroed configuration would end every
 * connection at once, not keep it for ever. */
static void
test_every_state_ends(void **state)
{
    static const enum connection_state without[] = {CONNECTION_CLOSED, CONNECTION_LINGERING};
    struct config config;
    (void)state;
    config_init(&config);
    for (int i = 0; i < CONNECTION_STATE_COUNT; i++) {
        bool fixed = false;
        for (size_t j = 0; j < COUNT(without); j++)
            fixed |= (int)without[j] == i;
        assert_int_equal(connection_row[i].timeout_field == CONNECTION_NO_FIELD, fixed);
        if (!fixed) {
            int64_t limit;
            memcpy(&limit, (const char *)&config + connection_row[i].timeout_field, sizeof limit);
            assert_true(limit > 0);
        }
    }
    config_free(&config);
}

static void
test_heads_and_bodies_are_read_where_they_are_wanted(void **state)
{
    (void)state;
    assert_true(connection_row[CONNECTION_HEAD].read_ahead > HTTP1_HEAD_MAX);
    assert_true(connection_row[CONNECTION_IDLE].read_ahead > HTTP1_HEAD_MAX);
    // The handshake's bytes are OpenSSL's.
    assert_int_equal(connection_row[CONNECTION_HANDSHAKE].read_ahead, 0);
    assert_int_equal(connection_row[CONNECTION_LEAF].read_ahead, 0);
    assert_int_equal(connection_row[CONNECTION_OPENING].read_ahead, 0);
    for (int i = CONNECTION_DECIDING; i <= CONNECTION_RELAYING; i++)
        assert_true(connection_row[i].serving);
    for (int i = CONNECTION_CLOSED; i < CONNECTION_DECIDING; i++)
        assert_false(connection_row[i].serving);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_state_is_complete),
        cmocka_unit_test(test_every_state_ends),
        cmocka_unit_test(test_heads_and_bodies_are_read_where_they_are_wanted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
