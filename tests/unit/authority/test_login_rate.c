/* SPDX-License-Identifier: Apache-2.0 */
/* Logins per minute: for one address, and in all. */
#include "../files.h"

#include "../../../broker/authority/login_rate.h"

enum { START_MS = 1000000 };

static struct login_rate rate;
static uint32_t retry;

static int
setup(void **state)
{
    (void)state;
    rate = (struct login_rate){.total_us = 0};
    retry = 0;
    return 0;
}

static unsigned
take_many(const char *client, unsigned times, int64_t per_client, int64_t total, int64_t now_ms)
{
    unsigned taken = 0;
    for (unsigned i = 0; i < times; i++)
        taken += login_rate_take(&rate, bytes_str(client), per_client, total, now_ms, &retry);
    return taken;
}

static void
a_minute_at_once_and_then_one_by_one(void **state)
{
    (void)state;
    assert_int_equal(take_many("192.0.2.1", 30, 10, 1000, START_MS), 10);
    assert_int_equal(retry, 6);
    assert_int_equal(take_many("192.0.2.1", 3, 10, 1000, START_MS + 5999), 0);
    assert_int_equal(retry, 1);
    assert_int_equal(take_many("192.0.2.1", 3, 10, 1000, START_MS + 6000), 1);
    assert_int_equal(take_many("192.0.2.1", 30, 10, 1000, START_MS + 66000), 10);
    // What is refused costs nothing.
    assert_int_equal(take_many("192.0.2.1", 100, 10, 1000, START_MS + 66000), 0);
    assert_int_equal(take_many("192.0.2.1", 3, 10, 1000, START_MS + 72000), 1);
}

static void
each_address_has_its_own(void **state)
{
    (void)state;
    assert_int_equal(take_many("192.0.2.1", 5, 2, 1000, START_MS), 2);
    assert_int_equal(take_many("192.0.2.2", 5, 2, 1000, START_MS), 2);
    assert_int_equal(take_many("::ffff:192.0.2.1", 5, 2, 1000, START_MS), 0); // the same peer
    assert_int_equal(take_many("unix", 5, 2, 1000, START_MS), 2);
    assert_int_equal(take_many("", 5, 2, 1000, START_MS), 2);
}

/* One client has a network of 2^64 addresses. */
static void
of_ipv6_the_network_counts(void **state)
{
    (void)state;
    assert_int_equal(take_many("2001:db8:1:2::1", 5, 2, 1000, START_MS), 2);
    assert_int_equal(take_many("2001:db8:1:2:ffff::9", 5, 2, 1000, START_MS), 0);
    assert_int_equal(take_many("2001:db8:1:3::1", 5, 2, 1000, START_MS), 2);
}

static void
in_all(void **state)
{
    (void)state;
    unsigned taken = 0;
    for (int i = 1; i <= 50; i++) {
        char client[32];
        snprintf(client, sizeof client, "192.0.2.%d", i);
        taken += take_many(client, 2, 10, 30, START_MS);
    }
    assert_int_equal(taken, 30);
    assert_int_equal(retry, 2);
    // Refused by the total, an address has not used up its own.
    assert_int_equal(take_many("192.0.2.50", 20, 10, 1000, START_MS + 1000), 10);
}

/* A flood of addresses has room for no more than the total, and forgets nobody who owes most. */
static void
more_addresses_than_there_is_room(void **state)
{
    (void)state;
    assert_int_equal(take_many("192.0.2.1", 10, 10, 100000, START_MS), 10);
    for (int i = 0; i < 3 * LOGIN_RATE_CLIENTS_MAX; i++) {
        char client[32];
        snprintf(client, sizeof client, "10.0.%d.%d", i / 256, i % 256);
        assert_int_equal(take_many(client, 1, 10, 100000, START_MS), 1);
    }
    assert_int_equal(take_many("192.0.2.1", 1, 10, 100000, START_MS), 0);
}

static void
one_per_minute(void **state)
{
    (void)state;
    assert_int_equal(take_many("192.0.2.1", 2, 1, 1, START_MS), 1);
    assert_int_equal(retry, 60);
    assert_int_equal(take_many("192.0.2.2", 2, 1, 1, START_MS + 59999), 0);
    assert_int_equal(take_many("192.0.2.2", 2, 1, 1, START_MS + 60000), 1);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup(f, setup)
    const struct CMUnitTest tests[] = {
        TEST(a_minute_at_once_and_then_one_by_one), TEST(each_address_has_its_own),
        TEST(of_ipv6_the_network_counts),           TEST(in_all),
        TEST(more_addresses_than_there_is_room),    TEST(one_per_minute),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
