/* SPDX-License-Identifier: Apache-2.0 */
/* The relay: listeners, and what is said of each connection. */
#include "relay_test.h"

static const struct preface plain = {.kind = PREFACE_PROXY};

static void
test_bad_arguments(void **state)
{
    (void)state;
    static const struct {
        const char *address, *ca_file, *says;
        enum kh_err err;
    } row[] = {
        {"http://127.0.0.1:1/prefix", NULL, "no path", KH_ERR_USAGE},
        {"http://no-such-host.invalid:1", NULL, "no-such-host.invalid", KH_ERR_NOT_FOUND},
        {"https://127.0.0.1:1", "/nonexistent/ca.pem", "/nonexistent/ca.pem", KH_ERR_IO},
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        struct fault fault = {.err = KH_OK};
        struct test_relay relay;
        enum kh_err err = test_relay_open(&relay, row[i].address, row[i].ca_file, &fault);
        if (err != row[i].err || strstr(fault.detail, row[i].says) == NULL)
            fail_msg("%s: %s: %s", row[i].address, kh_err_code(err), fault.detail);
        assert_null(relay.relay);
        test_relay_close(&relay);
    }
}

static void
test_prefaces_that_cannot_be_said(void **state)
{
    (void)state;
    struct fault fault = {.err = KH_OK};
    struct test_relay relay;
    static char much[PREFACE_HOSTS_MAX + 1];
    memset(much, 'a', sizeof much);
    assert_ok(test_relay_open(&relay, "unix:/nonexistent/sock", NULL, &fault));
    const struct preface bad[] = {
        {.kind = PREFACE_KIND_COUNT},
        {.hosts = bytes_of(much, sizeof much)},
        {.hosts = BYTES("not a host!")},
        {.token = bytes_of(much, PREFACE_TOKEN_MAX + 1)},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        uint16_t port;
        int fd = test_listen_tcp(&port);
        assert_int_equal(relay_listen(relay.relay, fd, &bad[i], &fault), KH_ERR_USAGE);
        assert_int_equal(fcntl(fd, F_GETFD), -1); // it was taken over all the same
    }
    // DNS over TCP is a connection like others.
    uint16_t port;
    const struct preface dns = {.kind = PREFACE_DNS, .answer = {198, 18, 0, 1}};
    assert_ok(relay_listen(relay.relay, test_listen_tcp(&port), &dns, &fault));
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    assert_int_equal(relay_serve_dns(relay.relay, fd, &plain, &fault), KH_ERR_USAGE);
    assert_int_equal(fcntl(fd, F_GETFD), -1);
    test_relay_close(&relay);
}

static void
test_what_is_said_of_a_connection(void **state)
{
    (void)state;
    struct fault fault = {.err = KH_OK};
    struct test_relay relay;
    uint8_t storage[PREFACE_MAX];
    uint16_t port;
    char token[] = "kh1_example", hosts[] = "api.openai.com *.example";
    int broker = test_listen_unix(test_path("sock"), 16);
    assert_ok(test_relay_open(&relay, test_path("sock"), NULL, &fault));
    struct preface given = {.require_token = true,
                            .run = {1, [15] = 2},
                            .token = bytes_str(token),
                            .hosts = bytes_str(hosts)};
    assert_ok(relay_listen(relay.relay, test_listen_tcp(&port), &given, &fault));
    memset(token, 'x', sizeof token - 1); // it was copied
    memset(hosts, 'x', sizeof hosts - 1);
    test_relay_run(&relay);
    int client = test_connect(port);
    test_send(client, "GET / HTTP/1.1\r\n\r\n", 18);
    int end = test_accept(broker);
    struct preface got = test_read_preface(end, storage, sizeof storage);
    assert_int_equal(got.kind, PREFACE_PROXY);
    assert_true(got.require_token);
    assert_memory_equal(got.run, given.run, PREFACE_RUN_SIZE);
    assert_true(bytes_is(got.token, "kh1_example"));
    assert_true(bytes_is(got.hosts, "api.openai.com *.example"));
    test_expect(end, "GET / HTTP/1.1\r\n\r\n", 18);
    test_relay_stop(&relay);
    test_relay_close(&relay);
    close(client);
    close(end);
    close(broker);
}

static void
test_the_port_of_a_transparent_connection(void **state)
{
    (void)state;
    struct fault fault = {.err = KH_OK};
    struct test_relay relay;
    uint8_t storage[PREFACE_MAX];
    uint16_t port[2];
    int broker = test_listen_unix(test_path("sock-transparent"), 16);
    assert_ok(test_relay_open(&relay, test_path("sock-transparent"), NULL, &fault));
    const struct preface given = {.kind = PREFACE_TRANSPARENT};
    for (size_t i = 0; i < 2; i++)
        assert_ok(relay_listen(relay.relay, test_listen_tcp(&port[i]), &given, &fault));
    test_relay_run(&relay);
    for (size_t i = 0; i < 2; i++) {
        int client = test_connect(port[i]);
        int end = test_accept(broker);
        struct preface got = test_read_preface(end, storage, sizeof storage);
        assert_int_equal(got.kind, PREFACE_TRANSPARENT);
        assert_int_equal(got.port, port[i]);
        close(client);
        close(end);
    }
    test_relay_stop(&relay);
    test_relay_close(&relay);
    close(broker);
}

static void
test_no_broker(void **state)
{
    (void)state;
    struct fault fault = {.err = KH_OK};
    struct test_relay relay;
    uint16_t port;
    assert_ok(test_relay_open(&relay, test_path("nobody"), NULL, &fault));
    assert_ok(relay_listen(relay.relay, test_listen_tcp(&port), &plain, &fault));
    test_relay_run(&relay);
    for (unsigned i = 0; i < 3; i++) {
        int client = test_connect(port);
        test_expect_reset(client);
        close(client);
    }
    test_relay_stop(&relay);
    assert_int_equal(relay_lost(relay.relay), 3);
    test_relay_close(&relay);
}

static void
test_a_broker_that_comes_later(void **state)
{
    (void)state;
    struct fault fault = {.err = KH_OK};
    struct test_relay relay;
    uint8_t storage[PREFACE_MAX];
    uint16_t port;
    assert_ok(test_relay_open(&relay, test_path("later"), NULL, &fault));
    assert_ok(relay_listen(relay.relay, test_listen_tcp(&port), &plain, &fault));
    test_relay_run(&relay);
    int client = test_connect(port);
    test_expect_reset(client);
    close(client);
    int broker = test_listen_unix(test_path("later"), 16);
    client = test_connect(port);
    int end = test_accept(broker);
    test_read_preface(end, storage, sizeof storage);
    test_send(end, "hello", 5);
    test_expect(client, "hello", 5);
    // What still runs when the relay ends is cut.
    test_relay_stop(&relay);
    assert_int_equal(relay_lost(relay.relay), 1);
    test_relay_close(&relay);
    test_expect_reset(client);
    test_expect_end(end);
    close(client);
    close(end);
    close(broker);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bad_arguments),
        cmocka_unit_test(test_prefaces_that_cannot_be_said),
        cmocka_unit_test(test_what_is_said_of_a_connection),
        cmocka_unit_test(test_the_port_of_a_transparent_connection),
        cmocka_unit_test(test_no_broker),
        cmocka_unit_test(test_a_broker_that_comes_later),
    };
    return cmocka_run_group_tests(tests, directory_setup, directory_teardown);
}
