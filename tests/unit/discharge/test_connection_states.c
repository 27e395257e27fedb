/* SPDX-License-Identifier: Apache-2.0 */
#include "serving.h"

#define DESCRIBE "GET /.well-known/keyhole/discharger"
#define ASK      "POST /.well-known/macfly/3p"

static void
what_is_no_request_is_refused(void **state)
{
    static const char *const wrong[] = {
        "GET / HTTP/1.1\nHost: x\n\n",
        "GET  / HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET / HTTP/2.0\r\nHost: x\r\n\r\n",
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1, 1\r\n\r\n",
        "\x16\x03\x01\x02\x05\x01\x01\xfc\x03\x03 a TLS hello\r\n\r\n",
    };

    (void)state;
    serving_start(&server_limits_default, NULL);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        int fd = client();
        say(fd, wrong[i]);
        assert_heard(fd, "HTTP/1.1 400 Bad Request\r\n");
        assert_non_null(strstr(heard_text, "Connection: close\r\n"));
        assert_non_null(strstr(heard_text, "\"error\":\"request-invalid\""));
        assert_true(heard_end);
        close(fd);
    }
    settle();
    assert_int_equal(server.connection_count, 0);
}

static void
too_much_is_refused(void **state)
{
    static char head[HTTP1_HEAD_MAX + 4096], chunks[SERVICE_BODY_MAX + 1024];
    size_t n;

    (void)state;
    serving_start(&server_limits_default, NULL);
    int fd = client();
    n = (size_t)snprintf(head, sizeof head, "GET / HTTP/1.1\r\nHost: %s\r\n", host);
    while (n < HTTP1_HEAD_MAX + 1024)
        n += (size_t)snprintf(head + n, sizeof head - n, "A%zu: %0900d\r\n", n, 7);
    say(fd, head);
    assert_heard(fd, "HTTP/1.1 400 ");
    close(fd);
    // More than a body may have, in chunks, so that the head does not say so.
    fd = client();
    request(fd, ASK, "Transfer-Encoding: chunked\r\nContent-Type: application/json\r\n");
    n = (size_t)snprintf(chunks, sizeof chunks, "%x\r\n", SERVICE_BODY_MAX + 1);
    memset(chunks + n, 'x', SERVICE_BODY_MAX + 1);
    chunks[n + SERVICE_BODY_MAX + 1] = '\0';
    say(fd, chunks);
    assert_heard(fd, "HTTP/1.1 413 ");
    assert_true(heard_end);
    close(fd);
    fd = client();
    request(fd, ASK, "Content-Length: 65537\r\n");
    assert_heard(fd, "HTTP/1.1 413 ");
    assert_true(heard_end);
    close(fd);
}

static void
one_after_the_other(void **state)
{
    (void)state;
    serving_start(&server_limits_default, NULL);
    int fd = client();
    request(fd, DESCRIBE, "");
    assert_heard(fd, "\"public_key\"");
    assert_false(heard_end);
    request(fd, "GET /nothing", "");
    assert_heard(fd, "HTTP/1.1 404 ");
    request(fd, "GET /enroll", "");
    assert_heard(fd, "<!doctype html>");
    assert_non_null(strstr(heard_text, "text/html"));
    request(fd, DESCRIBE, "Connection: close\r\n");
    assert_heard(fd, "HTTP/1.1 200 ");
    assert_non_null(strstr(heard_text, "Connection: close\r\n"));
    assert_true(heard_end);
    close(fd);
}

static void
pipelined_ones_have_their_order(void **state)
{
    char text[8192] = "";
    size_t n = 0;

    (void)state;
    serving_start(&server_limits_default, NULL);
    int fd = client();
    for (int i = 0; i < 20; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "%s HTTP/1.1\r\nHost: %s\r\n\r\n",
                              i % 2 ? "GET /nothing" : DESCRIBE, host);
    say(fd, text);
    (void)heard(fd);
    assert_int_equal(count_of("HTTP/1.1 200 "), 10);
    assert_int_equal(count_of("HTTP/1.1 404 "), 10);
    assert_true(strstr(heard_text, " 200 ") < strstr(heard_text, " 404 "));
    close(fd);
    // A refusal in the middle ends it: where the next one begins is not known.
    fd = client();
    snprintf(text, sizeof text,
             "POST / HTTP/1.1\r\nHost: evil.example\r\nContent-Length: 5\r\n\r\n" DESCRIBE
             " HTTP/1.1\r\nHost: %s\r\n\r\n",
             host);
    say(fd, text);
    assert_heard(fd, "HTTP/1.1 421 ");
    assert_int_equal(count_of("HTTP/1.1 "), 1);
    assert_true(heard_end);
    close(fd);
}

static void
a_body_comes_in_pieces(void **state)
{
    (void)state;
    serving_start(&server_limits_default, NULL);
    int fd = client();
    request(fd, ASK, "Transfer-Encoding: chunked\r\nContent-Type: application/json\r\n");
    say(fd, "1\r\n{\r\n");
    assert_string_equal(heard(fd), "");
    say(fd, "1;a=b\r\n}\r\n0\r\n");
    assert_string_equal(heard(fd), "");
    say(fd, "\r\n");
    assert_heard(fd, "HTTP/1.1 400 ");
    assert_non_null(strstr(heard_text, "ticket"));
    assert_false(heard_end);
    request(fd, ASK, "Content-Length: 2\r\nExpect: 100-continue\r\n");
    assert_string_equal(heard(fd), "HTTP/1.1 100 Continue\r\n\r\n");
    say(fd, "{}");
    assert_heard(fd, "HTTP/1.1 400 ");
    // Bad framing after some of it.
    request(fd, ASK, "Transfer-Encoding: chunked\r\n");
    say(fd, "1\r\n{\r\nzz\r\n");
    assert_heard(fd, "HTTP/1.1 400 ");
    assert_true(heard_end);
    close(fd);
    // Whoever goes before the end is not answered.
    fd = client();
    request(fd, ASK, "Content-Length: 5\r\n");
    say(fd, "{}");
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    settle();
    assert_string_equal(heard(fd), "");
    assert_true(heard_end);
    close(fd);
}

static void
a_client_may_end_its_side(void **state)
{
    char text[256];

    (void)state;
    serving_start(&server_limits_default, NULL);
    int fd = client();
    snprintf(text, sizeof text, DESCRIBE " HTTP/1.1\r\nHost: %s\r\n\r\n", host);
    assert_int_equal(send(fd, text, strlen(text), 0), strlen(text));
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    settle();
    assert_heard(fd, "HTTP/1.1 200 ");
    assert_true(heard_end);
    close(fd);
    settle();
    assert_int_equal(server.connection_count, 0);
}

static void
head_gets_no_body(void **state)
{
    (void)state;
    serving_start(&server_limits_default, NULL);
    int fd = client();
    request(fd, "HEAD /enroll", "");
    assert_heard(fd, "HTTP/1.1 200 ");
    assert_string_equal(heard_text + heard_n - 4, "\r\n\r\n");
    assert_null(strstr(heard_text, "Content-Length: 0\r\n"));
    // What is given once is not taken by a look.
    request(fd, "HEAD /poll/AAAAAAAAAAAAAAAAAAAAAA", "");
    assert_heard(fd, "HTTP/1.1 405 ");
    close(fd);
}

static void
old_clients_get_one_answer(void **state)
{
    char text[256];

    (void)state;
    serving_start(&server_limits_default, NULL);
    int fd = client();
    snprintf(text, sizeof text, DESCRIBE " HTTP/1.0\r\nHost: %s\r\n\r\n", host);
    say(fd, text);
    assert_heard(fd, "HTTP/1.1 200 ");
    assert_true(heard_end);
    close(fd);
}

static void
slow_ones_are_ended(void **state)
{
    struct server_limits limits = server_limits_default;

    (void)state;
    limits.head_ms = limits.body_ms = limits.linger_ms = 1;
    serving_start(&limits, NULL);
    int fd = client();
    say(fd, "GET / HTTP/1.1\r\nHo");
    assert_non_null(strstr(heard_until_end(fd), "HTTP/1.1 408 "));
    close(fd);
    fd = client();
    request(fd, ASK, "Content-Length: 5\r\n");
    say(fd, "{");
    assert_non_null(strstr(heard_until_end(fd), "HTTP/1.1 408 "));
    assert_non_null(strstr(heard_text, "the body did not arrive in time"));
    close(fd);
}

static void
quiet_ones_are_ended_quietly(void **state)
{
    struct server_limits limits = server_limits_default;

    (void)state;
    limits.idle_ms = 1;
    serving_start(&limits, NULL);
    int fd = client();
    assert_string_equal(heard_until_end(fd), "");
    close(fd);
    assert_int_equal(server.connection_count, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        serving_test(what_is_no_request_is_refused),
        serving_test(too_much_is_refused),
        serving_test(one_after_the_other),
        serving_test(pipelined_ones_have_their_order),
        serving_test(a_body_comes_in_pieces),
        serving_test(a_client_may_end_its_side),
        serving_test(head_gets_no_body),
        serving_test(old_clients_get_one_answer),
        serving_test(slow_ones_are_ended),
        serving_test(quiet_ones_are_ended_quietly),
    };
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
