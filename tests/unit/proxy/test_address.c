/* SPDX-License-Identifier: Apache-2.0 */
/* Which addresses may be dialled. */
#include "unit.h"

#include "../../../broker/proxy/address.h"

static struct address
parse(const char *text)
{
    struct address address;
    if (!address_parse(bytes_str(text), 443, &address))
        fail_msg("%s is not taken for an address", text);
    return address;
}

static void
test_names_are_no_addresses(void **state)
{
    static const char *const rows[] = {
        "",
        "localhost",
        "127.1",
        "0x7f.1",
        "2130706433",
        "127.0.0.1 ",
        "[::1]",
        "::1%lo",
        "1.2.3.4.5",
        "0177.0.0.1",
        "1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc:dddd",
    };
    struct address address;
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        if (address_parse(bytes_str(rows[i]), 1, &address))
            fail_msg("\"%s\" is taken for an address", rows[i]);
    }
}

// threat 11
static void
test_classes(void **state)
{
    static const struct {
        const char *text;
        enum address_class class;
    } rows[] = {
        {"8.8.8.8", ADDRESS_PUBLIC},
        {"2606:4700::1111", ADDRESS_PUBLIC},
        {"172.15.255.255", ADDRESS_PUBLIC},
        {"172.32.0.0", ADDRESS_PUBLIC},
        {"100.63.255.255", ADDRESS_PUBLIC},
        {"100.128.0.0", ADDRESS_PUBLIC},
        {"198.17.255.255", ADDRESS_PUBLIC},
        {"198.20.0.0", ADDRESS_PUBLIC},
        {"223.255.255.255", ADDRESS_PUBLIC},
        {"0.0.0.0", ADDRESS_INTERNAL},
        {"0.1.2.3", ADDRESS_INTERNAL},
        {"10.0.0.1", ADDRESS_INTERNAL},
        {"100.64.0.1", ADDRESS_INTERNAL},
        {"127.0.0.1", ADDRESS_INTERNAL},
        {"127.255.255.255", ADDRESS_INTERNAL},
        {"172.16.0.1", ADDRESS_INTERNAL},
        {"172.31.255.255", ADDRESS_INTERNAL},
        {"192.168.1.1", ADDRESS_INTERNAL},
        {"192.0.2.1", ADDRESS_INTERNAL},
        {"198.18.0.1", ADDRESS_INTERNAL},
        {"198.51.100.1", ADDRESS_INTERNAL},
        {"203.0.113.1", ADDRESS_INTERNAL},
        {"224.0.0.1", ADDRESS_INTERNAL},
        {"240.0.0.1", ADDRESS_INTERNAL},
        {"255.255.255.255", ADDRESS_INTERNAL},
        {"::", ADDRESS_INTERNAL},
        {"::1", ADDRESS_INTERNAL},
        {"::127.0.0.1", ADDRESS_INTERNAL},
        {"::ffff:127.0.0.1", ADDRESS_INTERNAL},
        {"::ffff:8.8.8.8", ADDRESS_INTERNAL},
        {"64:ff9b::8.8.8.8", ADDRESS_PUBLIC},
        {"64:ff9b::10.0.0.1", ADDRESS_INTERNAL},
        {"64:ff9b:1::1", ADDRESS_INTERNAL},
        {"2001::1", ADDRESS_INTERNAL},
        {"2001:db8::1", ADDRESS_INTERNAL},
        {"2002:7f00:1::", ADDRESS_INTERNAL},
        {"2002:a00:1::", ADDRESS_INTERNAL},
        {"2002:808:808::", ADDRESS_PUBLIC},
        {"4000::1", ADDRESS_INTERNAL},
        {"fc00::1", ADDRESS_INTERNAL},
        {"fd12:3456::1", ADDRESS_INTERNAL},
        {"fec0::1", ADDRESS_INTERNAL},
        {"ff02::1", ADDRESS_INTERNAL},
        {"169.254.169.254", ADDRESS_NEVER},
        {"169.254.0.1", ADDRESS_NEVER},
        {"100.100.100.200", ADDRESS_NEVER},
        {"168.63.129.16", ADDRESS_NEVER},
        {"fe80::1", ADDRESS_NEVER},
        {"fd00:ec2::254", ADDRESS_NEVER},
        {"fd20:ce::254", ADDRESS_NEVER},
        {"::ffff:169.254.169.254", ADDRESS_NEVER},
        {"::169.254.169.254", ADDRESS_NEVER},
        {"64:ff9b::169.254.169.254", ADDRESS_NEVER},
        {"64:ff9b:1::169.254.169.254", ADDRESS_NEVER},
        {"2002:a9fe:a9fe::", ADDRESS_NEVER},
        {"2001::5601:5601", ADDRESS_NEVER}, // Teredo, the client's address inverted
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct address address = parse(rows[i].text);
        if (address_classify(&address) != rows[i].class)
            fail_msg("%s has class %d", rows[i].text, (int)address_classify(&address));
    }
}

static struct route
route_with(const char *network, uint8_t bits, bool plain)
{
    struct route route = {.network_count = 1, .plain = plain};
    struct address address = parse(network);
    if (address.storage.ss_family == AF_INET) {
        route.network[0].address[10] = route.network[0].address[11] = 0xff;
        memcpy(route.network[0].address + 12, (char *)&address.storage + 4, 4);
        route.network[0].prefix_bits = (uint8_t)(96 + bits);
    } else {
        memcpy(route.network[0].address, (char *)&address.storage + 8, 16);
        route.network[0].prefix_bits = bits;
    }
    return route;
}

static void
test_networks_open_what_is_internal(void **state)
{
    struct route none = {0}, ten = route_with("10.1.0.0", 16, false);
    struct route everything = route_with("0.0.0.0", 0, false), v6 = route_with("fd12::", 16, false);
    (void)state;
    static const struct {
        const char *text;
        bool none, ten, everything, v6;
    } rows[] = {
        {"8.8.8.8", true, true, true, true},
        {"10.1.2.3", false, true, true, false},
        {"10.2.0.1", false, false, true, false},
        {"::ffff:10.1.2.3", false, true, true, false},
        {"fd12::1", false, false, false, true},
        {"fd13::1", false, false, false, false},
        {"169.254.169.254", false, false, false, false},
        {"::ffff:169.254.169.254", false, false, false, false},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct address a = parse(rows[i].text);
        if (address_allowed(&a, &none) != rows[i].none ||
            address_allowed(&a, &ten) != rows[i].ten ||
            address_allowed(&a, &everything) != rows[i].everything ||
            address_allowed(&a, &v6) != rows[i].v6)
            fail_msg("%s", rows[i].text);
    }
}

// threat 5
static void
test_plain_needs_a_network(void **state)
{
    struct route none = {.plain = true}, listed = route_with("8.8.8.0", 24, true);
    struct address inside = parse("8.8.8.8"), outside = parse("9.9.9.9");
    (void)state;
    assert_false(address_allowed(&inside, &none));
    assert_true(address_allowed(&inside, &listed));
    assert_false(address_allowed(&outside, &listed));
}

static void
test_unknown_family_is_never(void **state)
{
    struct address address = {.storage.ss_family = AF_UNIX};
    char text[64];
    (void)state;
    assert_int_equal(address_classify(&address), ADDRESS_NEVER);
    address_print(&address, text, sizeof text);
    assert_string_equal(text, "unknown");
    assert_int_equal(address_port(&address), 0);
}

static void
test_loopback(void **state)
{
    static const char *const own[] = {"127.0.0.1", "127.255.3.2", "::1", "::ffff:127.0.0.1"};
    static const char *const others[] = {
        "126.0.0.1", "128.0.0.1", "::2", "::", "1::1", "::ffff:10.0.0.1", "::127.0.0.1"};
    struct address address;
    (void)state;
    for (size_t i = 0; i < COUNT(own); i++) {
        assert_true(address_parse(bytes_str(own[i]), 0, &address));
        if (!address_is_loopback(&address))
            fail_msg("%s is none", own[i]);
    }
    for (size_t i = 0; i < COUNT(others); i++) {
        assert_true(address_parse(bytes_str(others[i]), 0, &address));
        if (address_is_loopback(&address))
            fail_msg("%s is one", others[i]);
    }
    memset(&address, 0, sizeof address);
    assert_false(address_is_loopback(&address));
}

static void
test_print(void **state)
{
    static const char *const rows[][2] = {{"192.0.2.1", "192.0.2.1"},
                                          {"::ffff:192.0.2.1", "192.0.2.1"},
                                          {"2001:DB8::0:1", "2001:db8::1"}};
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct address address = parse(rows[i][0]);
        char text[64];
        address_print(&address, text, sizeof text);
        assert_string_equal(text, rows[i][1]);
        assert_int_equal(address_port(&address), 443);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_are_no_addresses),
        cmocka_unit_test(test_classes),
        cmocka_unit_test(test_networks_open_what_is_internal),
        cmocka_unit_test(test_plain_needs_a_network),
        cmocka_unit_test(test_unknown_family_is_never),
        cmocka_unit_test(test_print),
        cmocka_unit_test(test_loopback),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
