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

static enum kh_err
post(const char *where, const char *token, struct broker_answer *answer, struct fault *fault)
{
    struct broker_address address;
    enum kh_err err = broker_address_read(where, &address, fault);
    if (err != KH_OK)
        return err;
    err = broker_post(&address, "/.well-known/x", bytes_str(token), NULL, answer, fault);
    broker_address_free(&address);
    return err;
}

static void
test_token_cannot_begin_another_field(void **state)
{
    (void)state;
    struct broker_answer answer;
    struct fault fault;
    assert_int_equal(post("http://127.0.0.1:1", "kh1_a\r\nX: y", &answer, &fault),
                     KH_ERR_MALFORMED);
    assert_int_equal(post("http://127.0.0.1:1", "kh1_a b", &answer, &fault), KH_ERR_MALFORMED);
}

static void
test_nobody_there(void **state)
{
    (void)state;
    struct broker_answer answer;
    struct fault fault;
    assert_int_equal(post("/nonexistent/keyhole.sock", "kh1_a", &answer, &fault), KH_ERR_IO);
    assert_lacks(fault.detail, "kh1_a");
}

static void
request_arrives(bool unix_socket)
{
    struct http_server server = http_server_start(
        unix_socket, HTTP_ANSWER("200 OK", "Application/JSON; charset=utf-8", "{}"));
    struct broker_answer answer;
    struct fault fault = {.err = KH_OK};
    assert_ok(post(server.address, "sk-kh1_abc", &answer, &fault));
    assert_int_equal(answer.status, 200);
    assert_string_equal(answer.content_type, "application/json");
    assert_true(bytes_is(buffer_bytes(&answer.body), "{}"));
    broker_answer_free(&answer);
    char *got = http_server_stop(&server, true);
    assert_contains(got, "POST /.well-known/x HTTP/1.1\r\n");
    assert_contains(got, "\r\nAuthorization: Bearer sk-kh1_abc\r\n");
    assert_contains(got, "\r\nContent-Length: 0\r\n");
    free(got);
}

static void
test_request_over_tcp(void **state)
{
    (void)state;
    request_arrives(false);
}

static void
test_request_over_unix_socket(void **state)
{
    (void)state;
    request_arrives(true);
}

// A token goes to the broker that was named: not on to where that points, not through a proxy.
static void
test_goes_nowhere_else(void **state)
{
    (void)state;
    struct http_server other = http_server_start(false, HTTP_ANSWER("200 OK", "text/plain", ""));
    char redirect[512];
    snprintf(redirect, sizeof redirect,
             "HTTP/1.1 307 Temporary Redirect\r\nLocation: %s/x\r\nContent-Length: 0\r\n\r\n",
             other.address);
    struct http_server server = http_server_start(false, redirect);
    struct broker_answer answer;
    struct fault fault = {.err = KH_OK};
    setenv("http_proxy", other.address, 1);
    setenv("ALL_PROXY", other.address, 1);
    assert_ok(post(server.address, "kh1_abc", &answer, &fault));
    unsetenv("http_proxy");
    unsetenv("ALL_PROXY");
    assert_int_equal(answer.status, 307);
    broker_answer_free(&answer);
    free(http_server_stop(&server, true));
    char *got = http_server_stop(&other, false);
    assert_string_equal(got, "");
    free(got);
}

static void
test_endless_answer_is_cut(void **state)
{
    (void)state;
    char *body = malloc(BROKER_ANSWER_MAX + 200);
    int n = snprintf(body, 100, HTTP_ANSWER("200 OK", "text/plain", ""));
    memset(body + n, 'x', BROKER_ANSWER_MAX + 1);
    body[n + BROKER_ANSWER_MAX + 1] = '\0';
    struct http_server server = http_server_start(false, body);
    struct broker_answer answer;
    struct fault fault = {.err = KH_OK};
    assert_int_equal(post(server.address, "kh1_abc", &answer, &fault), KH_ERR_PROTOCOL);
    assert_contains(fault.detail, "more than 65536 bytes");
    free(http_server_stop(&server, true));
    free(body);
}

// One call to a server with a certificate for `name`; its request is returned.
static char *
call_tls(const char *name, const char *ca_file, enum kh_err expected)
{
    char directory[] = "/tmp/keyhole-test-XXXXXX", pem[64], url[64];
    struct broker_address address;
    struct broker_answer answer;
    struct fault fault = {.err = KH_OK};
    assert_non_null(mkdtemp(directory));
    snprintf(pem, sizeof pem, "%s/ca.pem", directory);
    SSL_CTX *tls = http_server_certify(name, pem);
    struct http_server server =
        http_server_start_tls(false, tls, HTTP_ANSWER("200 OK", "text/plain", "ok"));
    snprintf(url, sizeof url, "https%s", strchr(server.address, ':'));
    assert_ok(broker_address_read(url, &address, &fault));
    enum kh_err err = broker_post(&address, "/x", BYTES("kh1_secret"),
                                  ca_file != NULL ? ca_file : pem, &answer, &fault);
    if (err != expected)
        fail_msg("%s: %s", kh_err_code(err), fault.detail);
    if (err == KH_OK)
        broker_answer_free(&answer);
    broker_address_free(&address);
    SSL_CTX_free(tls);
    unlink(pem);
    rmdir(directory);
    return http_server_stop(&server, expected == KH_OK);
}

static void
test_tls_is_verified(void **state)
{
    (void)state;
    char *got = call_tls("IP:127.0.0.1", "/etc/ssl/certs/ca-certificates.crt", KH_ERR_IO);
    assert_string_equal(got, ""); // the token was not sent to whoever that is
    free(got);
    got = call_tls("DNS:other.example", NULL, KH_ERR_IO);
    assert_string_equal(got, "");
    free(got);
    got = call_tls("IP:127.0.0.1", "/nonexistent/ca.pem", KH_ERR_IO);
    assert_string_equal(got, "");
    free(got);
}

static void
test_tls_with_its_own_ca(void **state)
{
    (void)state;
    char *got = call_tls("IP:127.0.0.1", NULL, KH_OK);
    assert_contains(got, "Authorization: Bearer kh1_secret\r\n");
    free(got);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_addresses_that_are_none),
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_token_cannot_begin_another_field),
        cmocka_unit_test(test_nobody_there),
        cmocka_unit_test(test_request_over_tcp),
        cmocka_unit_test(test_request_over_unix_socket),
        cmocka_unit_test(test_goes_nowhere_else),
        cmocka_unit_test(test_endless_answer_is_cut),
        cmocka_unit_test(test_tls_is_verified),
        cmocka_unit_test(test_tls_with_its_own_ca),
    };
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
