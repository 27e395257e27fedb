/* SPDX-License-Identifier: Apache-2.0 */
/* One HTTP exchange, with servers that behave and servers that do not. */
#include "../../../client/http.h"
#include "http_server.h"

static enum kh_err
post(const char *where, const char *token, struct http_answer *answer, struct fault *fault)
{
    char url[256];
    bool unix_socket = where[0] == '/';
    snprintf(url, sizeof url, "%s/.well-known/x", unix_socket ? "http://localhost" : where);
    struct http_request request = {.method = HTTP_POST,
                                   .url = url,
                                   .unix_path = unix_socket ? where : NULL,
                                   .bearer = bytes_str(token)};
    return http_call(&request, answer, fault);
}

static void
test_token_cannot_begin_another_field(void **state)
{
    (void)state;
    struct http_answer answer;
    struct fault fault;
    assert_int_equal(post("http://127.0.0.1:1", "kh1_a\r\nX: y", &answer, &fault),
                     KH_ERR_MALFORMED);
    assert_int_equal(post("http://127.0.0.1:1", "kh1_a b", &answer, &fault), KH_ERR_MALFORMED);
}

static void
test_nobody_there(void **state)
{
    (void)state;
    struct http_answer answer;
    struct fault fault;
    assert_int_equal(post("/nonexistent/keyhole.sock", "kh1_a", &answer, &fault), KH_ERR_IO);
    assert_lacks(fault.detail, "kh1_a");
}

static void
request_arrives(bool unix_socket)
{
    struct http_server server = http_server_start(
        unix_socket, HTTP_ANSWER("200 OK", "Application/JSON; charset=utf-8", "{}"));
    struct http_answer answer;
    struct fault fault = {.err = KH_OK};
    assert_ok(post(server.address, "sk-kh1_abc", &answer, &fault));
    assert_int_equal(answer.status, 200);
    assert_string_equal(answer.content_type, "application/json");
    assert_true(bytes_is(buffer_bytes(&answer.body), "{}"));
    http_answer_free(&answer);
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
    struct http_answer answer;
    struct fault fault = {.err = KH_OK};
    setenv("http_proxy", other.address, 1);
    setenv("ALL_PROXY", other.address, 1);
    assert_ok(post(server.address, "kh1_abc", &answer, &fault));
    unsetenv("http_proxy");
    unsetenv("ALL_PROXY");
    assert_int_equal(answer.status, 307);
    http_answer_free(&answer);
    free(http_server_stop(&server, true));
    char *got = http_server_stop(&other, false);
    assert_string_equal(got, "");
    free(got);
}

static void
test_endless_answer_is_cut(void **state)
{
    (void)state;
    char *body = malloc(HTTP_ANSWER_MAX + 200);
    int n = snprintf(body, 100, HTTP_ANSWER("200 OK", "text/plain", ""));
    memset(body + n, 'x', HTTP_ANSWER_MAX + 1);
    body[n + HTTP_ANSWER_MAX + 1] = '\0';
    struct http_server server = http_server_start(false, body);
    struct http_answer answer;
    struct fault fault = {.err = KH_OK};
    assert_int_equal(post(server.address, "kh1_abc", &answer, &fault), KH_ERR_PROTOCOL);
    assert_contains(fault.detail, "more than 65536 bytes");
    free(http_server_stop(&server, true));
    free(body);
}

static void
test_json_both_ways(void **state)
{
    (void)state;
    struct http_server server = http_server_start(
        false, "HTTP/1.1 429 Too Many Requests\r\nContent-Type: application/json\r\n"
               "Retry-After: 7\r\nConnection: close\r\n\r\n{\"error\":\"busy\"}");
    struct http_answer answer;
    struct fault fault = {.err = KH_OK};
    struct http_request request = {
        .method = HTTP_POST, .url = server.address, .json = BYTES("{\"a\":1}")};
    assert_ok(http_call(&request, &answer, &fault));
    assert_int_equal(answer.status, 429);
    assert_int_equal(answer.retry_after_s, 7);
    assert_true(bytes_is(buffer_bytes(&answer.body), "{\"error\":\"busy\"}"));
    http_answer_free(&answer);
    char *got = http_server_stop(&server, true);
    assert_contains(got, "\r\nContent-Type: application/json\r\n");
    assert_contains(got, "\r\n\r\n{\"a\":1}");
    assert_lacks(got, "Authorization");
    assert_lacks(got, "Expect:");
    free(got);
}

static void
test_get(void **state)
{
    (void)state;
    struct http_server server = http_server_start(false, HTTP_ANSWER("200 OK", "text/plain", ""));
    struct http_answer answer;
    struct fault fault = {.err = KH_OK};
    struct http_request request = {.url = server.address};
    assert_ok(http_call(&request, &answer, &fault));
    assert_int_equal(answer.retry_after_s, 0);
    http_answer_free(&answer);
    char *got = http_server_stop(&server, true);
    assert_contains(got, "GET / HTTP/1.1\r\n");
    assert_lacks(got, "Content-Type");
    free(got);
}

// What is unguessable in a URL is in no message.
static void
test_messages_name_the_place_alone(void **state)
{
    (void)state;
    struct http_answer answer;
    struct fault fault = {.err = KH_OK};
    struct http_request request = {.url = "http://127.0.0.1:1/poll/unguessable"};
    assert_int_equal(http_call(&request, &answer, &fault), KH_ERR_IO);
    assert_contains(fault.detail, "http://127.0.0.1:1: ");
    assert_lacks(fault.detail, "unguessable");
}

static void
test_silence_is_a_time_out(void **state)
{
    (void)state;
    struct http_server server = {0};
    int listener = http_server_listen(&server, false); // the kernel accepts, nobody answers
    struct http_answer answer;
    struct fault fault = {.err = KH_OK};
    struct http_request request = {.url = server.address, .timeout_ms = 1};
    assert_int_equal(http_call(&request, &answer, &fault), KH_ERR_TIMEOUT);
    close(listener);
}

static void
test_only_http(void **state)
{
    (void)state;
    struct http_answer answer;
    struct fault fault = {.err = KH_OK};
    struct http_request request = {.url = "file:///etc/passwd"};
    assert_int_equal(http_call(&request, &answer, &fault), KH_ERR_IO);
}

// One call to a server with a certificate for `name`; its request is returned.
static char *
call_tls(const char *name, const char *ca_file, enum kh_err expected)
{
    char directory[] = "/tmp/keyhole-test-XXXXXX", pem[64], url[64];
    struct http_answer answer;
    struct fault fault = {.err = KH_OK};
    assert_non_null(mkdtemp(directory));
    snprintf(pem, sizeof pem, "%s/ca.pem", directory);
    SSL_CTX *tls = http_server_certify(name, pem);
    struct http_server server =
        http_server_start_tls(false, tls, HTTP_ANSWER("200 OK", "text/plain", "ok"));
    snprintf(url, sizeof url, "https%s/x", strchr(server.address, ':'));
    struct http_request request = {.method = HTTP_POST,
                                   .url = url,
                                   .ca_file = ca_file != NULL ? ca_file : pem,
                                   .bearer = BYTES("kh1_secret")};
    enum kh_err err = http_call(&request, &answer, &fault);
    if (err != expected)
        fail_msg("%s: %s", kh_err_code(err), fault.detail);
    if (err == KH_OK)
        http_answer_free(&answer);
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
        cmocka_unit_test(test_token_cannot_begin_another_field),
        cmocka_unit_test(test_only_http),
        cmocka_unit_test(test_nobody_there),
        cmocka_unit_test(test_messages_name_the_place_alone),
        cmocka_unit_test(test_silence_is_a_time_out),
        cmocka_unit_test(test_get),
        cmocka_unit_test(test_json_both_ways),
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
