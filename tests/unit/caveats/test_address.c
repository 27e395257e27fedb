/* SPDX-License-Identifier: Apache-2.0 */
#include "../../../caveats/address.h"
#include "unit.h"

static void
bad_addresses_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "/",
        "1.2.3",
        "1.2.3.4.5",
        "01.2.3.4",
        "256.1.1.1",
        "1.2.3.4/",
        "1.2.3.4/33",
        "1.2.3.4/032",
        "1.2.3.4/-1",
        "1.2.3.4/24",
        "10.0.0.0/8/8",
        "::1%eth0",
        "[::1]",
        "::/129",
        "2001:db8::1/32",
        "::ffff:10.0.0.0/104/1",
        "unix",
        "localhost",
        "0x7f.0.0.1",
        " 1.2.3.4",
        "1.2.3.4 ",
        "1:2:3:4:5:6:7:8:9",
        "1234567890123456789012345678901234567890123456789012345",
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        uint8_t address[ADDRESS_SIZE], bits = 7;
        if (address_network_read(bytes_str(bad[i]), address, &bits) || bits != 7)
            FAIL_WITH("\"%s\" was accepted", bad[i]);
    }
    uint8_t address[ADDRESS_SIZE];
    assert_false(address_read(BYTES("10.0.0.0/8"), address));
    assert_false(address_read(BYTES("1.2.3.4\0"), address));
}

static void
networks(void **state)
{
    (void)state;
    static const struct {
        const char *network, *printed, *inside, *outside;
    } cases[] = {
        {"10.0.0.0/8", "10.0.0.0/8", "10.255.0.1", "11.0.0.0"},
        {"192.0.2.7", "192.0.2.7", "192.0.2.7", "192.0.2.6"},
        {"192.0.2.7/32", "192.0.2.7", "::ffff:192.0.2.7", "192.0.2.8"},
        {"192.0.2.4/30", "192.0.2.4/30", "192.0.2.7", "192.0.2.8"},
        {"0.0.0.0/0", "0.0.0.0/0", "255.255.255.255", "::1"},
        {"::/0", "::/0", "1.2.3.4", NULL},
        {"2001:DB8:0::/48", "2001:db8::/48", "2001:db8:0:ffff::1", "2001:db8:1::"},
        {"fe80::/10", "fe80::/10", "febf::1", "fec0::"},
        {"::1/128", "::1", "::1", "::2"},
        {"::ffff:10.0.0.0/104", "10.0.0.0/8", "10.1.2.3", "11.1.2.3"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        uint8_t network[ADDRESS_SIZE], address[ADDRESS_SIZE], bits;
        char text[ADDRESS_TEXT_SIZE];
        if (!address_network_read(bytes_str(cases[i].network), network, &bits))
            FAIL_WITH("%s was refused", cases[i].network);
        address_network_print(network, bits, text);
        assert_string_equal(text, cases[i].printed);
        assert_true(address_read(bytes_str(cases[i].inside), address));
        if (!address_in_network(address, network, bits))
            FAIL_WITH("%s is not in %s", cases[i].inside, cases[i].network);
        if (!cases[i].outside)
            continue;
        assert_true(address_read(bytes_str(cases[i].outside), address));
        if (address_in_network(address, network, bits))
            FAIL_WITH("%s is in %s", cases[i].outside, cases[i].network);
    }
    uint8_t a[ADDRESS_SIZE] = {0};
    assert_false(address_in_network(a, a, 129));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_addresses_are_refused),
        cmocka_unit_test(networks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
