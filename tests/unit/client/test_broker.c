/* SPDX-License-Identifier: Apache-2.0 */
/* Calls to a broker. */
#include "../../../client/broker.h"
#include "http_server.h"

static void
test_addresses_that_are_none(void **state)
{
    (void)state;
    static const char *const row[] = {
        "",
        "unix:",
        "broker.example",
        "ftp://broker.example",
        "file:///etc/passwd",
        "http://",
        "http://user@broker.example",
        "http://user:word@broker.example",
        "https://broker.example/?a=b",
        "https://broker.example/#part",
        "https://broker.example:99999",
        "https://bro ker.example",
        "/0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567"
        "89012345678901234567890123456789",
    };
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        struct broker_address address = {.exposed = true};
        struct fault fault = {.err = KH_OK};
        enum kh_err err = broker_address_read(row[i], &address, &fault);
        if (err != KH_ERR_USAGE || fault.detail[0] == '\0' || address.url != NULL)
            fail_msg("'%s': %s", row[i], kh_err_code(err));
    }
}

static void
test_addresses(void **state)
{
    (void)state;
    static const struct {
        const char *text, *url, *unix_path;
        bool exposed;
    } row[] = {
        {"http://127.0.0.1:8437", "http://127.0.0.1:8437", NULL, false},
        {"http://127.1.2.3", "http://127.1.2.3", NULL, false},
        {"http://localhost:8437/", "http://localhost:8437", NULL, false},
        {"http://[::1]:8437/", "http://[::1]:8437", NULL, false},
        {"http://10.0.0.1", "http://10.0.0.1", NULL, true},
        {"http://127.evil.example", "http://127.evil.example", NULL, true},
        {"https://broker.example/base/", "https://broker.example/base", NULL, false},
        {"/run/keyholed/proxy.sock", "http://localhost", "/run/keyholed/proxy.sock", false},
        {"./proxy.sock", "http://localhost", "./proxy.sock", false},
        {"unix:proxy.sock", "http://localhost", "proxy.sock", false},
    };
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        struct broker_address address;
        struct fault fault = {.err = KH_OK};
        assert_ok(broker_address_read(row[i].text, &address, &fault));
        assert_string_equal(address.url, row[i].url);
        if (row[i].unix_path != NULL)
            assert_string_equal(address.unix_path, row[i].unix_path);
        else
            assert_null(address.unix_path);
        assert_int_equal(address.exposed, row[i].exposed);
        broker_address_free(&address);
    }
}

static void
call_arrives(bool unix_socket)
{
    struct http_server server =
        http_server_start(unix_socket, HTTP_ANSWER("200 OK", "application/json", "{}"));
    struct broker_address address;
    struct http_answer answer;
    struct fault fault = {.err = KH_OK};
    assert_ok(broker_address_read(server.address, &address, &fault));
    assert_ok(broker_call(&address, "/.well-known/x",
                          (struct http_request){.method = HTTP_POST, .bearer = BYTES("kh1_abc")},
                          &answer, &fault));
    assert_int_equal(answer.status, 200);
    http_answer_free(&answer);
    broker_address_free(&address);
    char *got = http_server_stop(&server, true);
    assert_contains(got, "POST /.well-known/x HTTP/1.1\r\n");
    assert_contains(got, "\r\nAuthorization: Bearer kh1_abc\r\n");
    free(got);
}

static void
test_call_over_tcp(void **state)
{
    (void)state;
    call_arrives(false);
}

static void
test_call_over_unix_socket(void **state)
{
    (void)state;
    call_arrives(true);
}

static void
test_url_that_is_too_long(void **state)
{
    (void)state;
    char path[HTTP_URL_MAX + 1];
    struct broker_address address;
    struct http_answer answer;
    struct fault fault = {.err = KH_OK};
    memset(path, 'x', sizeof path - 1);
    path[sizeof path - 1] = '\0';
    assert_ok(broker_address_read("http://127.0.0.1:1", &address, &fault));
    assert_int_equal(broker_call(&address, path, (struct http_request){0}, &answer, &fault),
                     KH_ERR_TOO_LONG);
    broker_address_free(&address);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_addresses_that_are_none), cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_url_that_is_too_long),    cmocka_unit_test(test_call_over_tcp),
        cmocka_unit_test(test_call_over_unix_socket),
    };
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
