/* SPDX-License-Identifier: Apache-2.0 */
#include "../files.h"

#include "../../../broker/discharge/peer.h"

#include <arpa/inet.h>
#include <sys/un.h>

static struct peer
peer_of(const char *text)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    struct peer peer;

    if (inet_pton(AF_INET, text, &v4.sin_addr) == 1) {
        peer_read((const struct sockaddr *)&v4, &peer);
    } else {
        assert_int_equal(inet_pton(AF_INET6, text, &v6.sin6_addr), 1);
        peer_read((const struct sockaddr *)&v6, &peer);
    }
    return peer;
}

static bool
same(const char *a, const char *b)
{
    struct peer first = peer_of(a), second = peer_of(b);
    return peer_is_same(&first, &second);
}

static void
addresses_are_printed(void **state)
{
    struct sockaddr_un unix_address = {.sun_family = AF_UNIX};
    struct peer peer;

    (void)state;
    assert_string_equal(peer_of("192.0.2.1").text, "192.0.2.1");
    assert_string_equal(peer_of("::ffff:192.0.2.1").text, "192.0.2.1");
    assert_string_equal(peer_of("2001:db8::1").text, "2001:db8::1");
    peer_read((const struct sockaddr *)&unix_address, &peer);
    assert_string_equal(peer.text, "unix");
}

static void
one_client_has_one_network(void **state)
{
    (void)state;
    assert_true(same("192.0.2.1", "192.0.2.1"));
    assert_true(same("192.0.2.1", "::ffff:192.0.2.1"));
    assert_false(same("192.0.2.1", "192.0.2.2"));
    assert_true(same("2001:db8::1", "2001:db8::ffff:1"));
    assert_false(same("2001:db8:0:1::1", "2001:db8:0:2::1"));
    assert_false(same("0.0.0.0", "::"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_printed),
        cmocka_unit_test(one_client_has_one_network),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
