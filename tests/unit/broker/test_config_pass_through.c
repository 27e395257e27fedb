/* SPDX-License-Identifier: Apache-2.0 */
/* `pass-through:` and transparent listeners: refusals with their lines, and what is read. */
#include "../../../broker/messages.h"
#include "../../../caveats/decide.h"
#include "config_text.h"

static const struct {
    const char *text;
    unsigned line;
    const char *says;
} refusals[] = {
    {"pass-through: x\n", 1, "pass-through: expected a list"},
    {"pass-through:\n  - {}\n", 2, "host"},
    {"pass-through:\n  - host: a.test\n    port: 443\n", 3, "unknown setting \"port\""},
    {"pass-through:\n  - host: a.test\n    host: b.test\n", 3, "given a second time"},
    {"pass-through:\n  - host: \"*\"\n", 2, "pass-through[1].host"},
    {"pass-through:\n  - host: \"*.com\"\n", 2, "too wide"},
    {"pass-through:\n  - host: a.*.test\n", 2, "pass-through[1].host"},
    {"pass-through:\n  - host: https://a.test\n", 2, "pass-through[1].host"},
    {"pass-through:\n  - host: a.test:443\n", 2, "pass-through[1].host"},
    {"pass-through:\n  - host: \"\"\n", 2, "pass-through[1].host"},
    {"pass-through:\n  - host: \"*.127.0.0.1\"\n", 2, "an address has no names below it"},
    {"pass-through:\n  - host: a.test\n    ports: [0]\n", 3, "pass-through[1].ports[1]: expected"},
    {"pass-through:\n  - host: a.test\n    ports:\n      - 443\n      - 443\n", 5,
     "ports[2]: 443 is given a second time"},
    {"pass-through:\n  - host: a.test\n    ports: [65536]\n", 3, "ports[1]"},
    {"pass-through:\n  - host: a.test\n    ports: [https]\n", 3, "ports[1]"},
    {"pass-through:\n  - host: a.test\n    resolve: [\"a.test:443\"]\n", 3, "resolve[1]"},
    {"pass-through:\n  - host: a.test\n    resolve: [\"b.test:443:192.0.2.1:443\"]\n", 3,
     "resolve[1]: b.test is not a.test"},
    {"pass-through:\n  - host: a.test\n    resolve: [\"a.test:8443:192.0.2.1:443\"]\n", 3,
     "resolve[1]: port 8443 is none of its ports"},
    {"pass-through:\n  - host: a.test\n    resolve: [\"a.test:443:name:443\"]\n", 3, "resolve[1]"},
    {"pass-through:\n  - host: a.test\n    allow-networks: [10.0.0.0/40]\n", 3,
     "allow-networks[1]"},
    {"pass-through:\n  - host: a.test\n    allow-networks: [10.1.0.0/8]\n", 3, "allow-networks[1]"},
    {"pass-through:\n  - host: a.test\n    plain: yes\n", 3, "plain: expected true or false"},
    {"pass-through:\n  - host: a.test\n    plain: true\n", 3, "expected allow-networks"},
    {"pass-through:\n  - host: a.test\n    upstream-ca: none.pem\n", 3, "none that can be read"},
    {"pass-through:\n  - host: a.test\n    upstream-ca: keyholed.yaml\n", 3,
     "there is no PEM certificate in it"},
    {"pass-through:\n  - host: a.test\n    upstream-ca: key.pem\n", 3, "holds a private key"},
    {"pass-through:\n  - host: a.test\n  - host: b.test\n  - host: A.test.\n", 4,
     "pass-through[3].host: A.test. with port 443 is given a second time"},
    {"pass-through:\n  - host: a.test\n    ports: [1, 443]\n  - host: a.test\n", 4,
     "given a second time"},
    // the listener
    {"listen:\n  - address: 127.0.0.1:1\n    transparent: maybe\n", 3,
     "transparent: expected true or false"},
    {"listen:\n  - address: 127.0.0.1:1\n    transparent: true\n    tls: true\n", 4,
     "listen[1].tls: clients of a transparent listener"},
    {"listen:\n  - address: 0.0.0.0:1\n    transparent: true\n", 2, "or insecure: true"},
    {"discharger:\n  listen:\n    - address: 127.0.0.1:1\n      transparent: true\n", 4,
     "transparent: a discharger is none"},
};

static void
test_refusals(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        struct config config;
        struct fault fault;
        char place[160];
        config_init(&config);
        enum kh_err err = read_text(refusals[i].text, &config, &fault);
        snprintf(place, sizeof(place), "%s:%u: ", config_path(), refusals[i].line);
        if (err == KH_OK || !strstr(fault.detail, refusals[i].says) ||
            strncmp(fault.detail, place, strlen(place)) != 0)
            fail_msg("%s\n%s, expected line %u, %s", refusals[i].text,
                     err == KH_OK ? "was taken" : fault.detail, refusals[i].line, refusals[i].says);
        assert_int_equal(config.pass_through_count, 0);
        config_free(&config);
    }
}

static void
test_what_is_read(void **state)
{
    struct config config;
    struct fault fault;
    struct route route;
    (void)state;
    config_init(&config);
    enum kh_err err = read_text("pass-through:\n"
                                "  - host: Files.Example.TEST.\n"
                                "  - host: \"*.wild.test\"\n"
                                "    ports: [443, 8443]\n"
                                "    resolve: [\"A.wild.test:8443:[2001:DB8::1]:9\"]\n"
                                "    allow-networks: [10.0.0.0/8, \"::1\"]\n"
                                "    upstream-ca: ca.pem\n"
                                "  - host: plain.test\n"
                                "    plain: true\n"
                                "    allow-networks: [127.0.0.0/8]\n"
                                "  - host: plain.test\n"
                                "    ports: [81]\n"
                                "listen:\n"
                                "  - address: 127.0.0.1:0\n"
                                "    transparent: true\n",
                                &config, &fault);
    if (err != KH_OK)
        fail_msg("%s", fault.detail);
    assert_int_equal(config.pass_through_count, 4);
    assert_string_equal(config.pass_through[0].host, "files.example.test");
    assert_int_equal(message_route_rx(buffer_bytes(&config.pass_through[0].route), &route), KH_OK);
    assert_true(route.pass_through && route.enabled && !route.scrub && !route.plain);
    assert_true(bytes_is(route.credential, PASS_THROUGH_NAME));
    assert_true(bytes_is(route.host[0], "files.example.test"));
    assert_int_equal(route.port_count, 1);
    assert_int_equal(route.port[0], 443);
    assert_int_equal(route.network_count, 0);
    assert_int_equal(message_route_rx(buffer_bytes(&config.pass_through[1].route), &route), KH_OK);
    assert_int_equal(route.port_count, 2);
    assert_true(bytes_is(route.resolve[0].host, "a.wild.test"));
    assert_true(bytes_is(route.resolve[0].address, "2001:db8::1"));
    assert_int_equal(route.resolve[0].port, 8443);
    assert_int_equal(route.resolve[0].address_port, 9);
    assert_int_equal(route.network_count, 2);
    assert_int_equal(route.network[0].prefix_bits, 104);
    assert_true(bytes_starts(route.upstream_ca, BYTES("-----BEGIN CERTIFICATE-----\n")));
    assert_true(bytes_find(route.upstream_ca, BYTES("a remark")) == route.upstream_ca.n);
    assert_int_equal(message_route_rx(buffer_bytes(&config.pass_through[2].route), &route), KH_OK);
    assert_true(route.plain);
    assert_int_equal(route.port[0], 80);
    assert_true(config.listener[0].transparent);
    // A reload without the list is one without hosts.
    assert_int_equal(read_text("pass-through: []\n", &config, &fault), KH_OK);
    assert_int_equal(config.pass_through_count, 0);
    config_free(&config);
}

static int
setup(void **state)
{
    if (directory_setup(state) != 0)
        return -1;
    char command[512];
    snprintf(
        command, sizeof(command),
        "cd %s && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 "
        "-subj /CN=x -keyout key.pem -out ca.pem 2>/dev/null && { echo a remark; cat ca.pem; } "
        "> both.pem && mv both.pem ca.pem",
        test_directory);
    return system(command);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_what_is_read),
    };
    return cmocka_run_group_tests_name("broker/config_pass_through", tests, setup,
                                       directory_teardown);
}
