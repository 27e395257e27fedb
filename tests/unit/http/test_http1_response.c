/* SPDX-License-Identifier: Apache-2.0 */
/* Heads of answers: an answer that is not unambiguous is refused like a request. */

#include "http_test.h"

#define END "\r\n"

struct refused {
    struct bytes in;
    const char *why;
};

#define OK "HTTP/1.1 200 OK\r\n"

static const struct refused refused_responses[] = {
    {TEXT("\r\n" OK END), "the status line"},
    {TEXT("HTTP/1.1 200\r\n" END), "the status line"},
    {TEXT("HTTP/1.1  200 OK\r\n" END), "the status line"},
    {TEXT("HTTP/2 200 OK\r\n" END), "the status line"},
    {TEXT("HTTP/1.2 200 OK\r\n" END), "the status line"},
    {TEXT("http/1.1 200 OK\r\n" END), "the status line"},
    {TEXT("HTTP/1.1 2000 OK\r\n" END), "the status line"},
    {TEXT("HTTP/1.1 20 OK\r\n" END), "the status line"},
    {TEXT("HTTP/1.1 2x0 OK\r\n" END), "three digits"},
    {TEXT("HTTP/1.1 +20 OK\r\n" END), "three digits"},
    {TEXT("HTTP/1.1 099 OK\r\n" END), "between 100 and 599"},
    {TEXT("HTTP/1.1 600 OK\r\n" END), "between 100 and 599"},
    {TEXT("ICY 200 OK\r\n" END), "the status line"},
    {TEXT("HTTP/1.1 200 OK\n" END), "LF without CR"},
    {TEXT(OK "A: b\n" END), "LF without CR"},
    {TEXT(OK "A: b\r\n c\r\n" END), "folded"},
    {TEXT(OK "A : b\r\n" END), "white space before"},
    {TEXT(OK "A: \0\r\n" END), "control character"},
    {TEXT("HTTP/1.1 200 O\x01K\r\n" END), "control character"},
    {TEXT(OK "Content-Length: 5\r\nContent-Length: 5\r\n" END), "twice"},
    {TEXT(OK "Content-Length: 5\r\nContent-Length: 6\r\n" END), "twice"},
    {TEXT(OK "Content-Length: 5, 5\r\n" END), "plain number"},
    {TEXT(OK "Content-Length: -5\r\n" END), "plain number"},
    {TEXT(OK "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n" END), "both"},
    {TEXT(OK "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n" END), "twice"},
    {TEXT(OK "Transfer-Encoding: gzip\r\n" END), "not exactly chunked"},
    {TEXT(OK "Transfer-Encoding: identity, chunked\r\n" END), "not exactly chunked"},
    {TEXT("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n" END), "in HTTP/1.0"},
    {TEXT(OK "Content-Encoding: gzip\r\nContent-Encoding: identity\r\n" END), "twice"},
    {TEXT(OK "Connection: transfer-encoding\r\n" END), "Connection names"},
    {TEXT("HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n" END), "no body"},
    {TEXT("HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n" END), "no body"},
    {TEXT("HTTP/1.1 100 Continue\r\nContent-Length: 5\r\n" END), "no body"},
    {TEXT("HTTP/1.1 101 Switching\r\nTransfer-Encoding: chunked\r\n" END), "no body"},
};

static const struct {
    struct bytes in;
    const char *method, *reason;
    unsigned status;
    enum http1_body body;
    uint64_t content_length;
    bool keep_alive;
} accepted_responses[] = {
    {TEXT(OK "Content-Length: 5\r\n" END), "GET", "OK", 200, BODY_LENGTH, 5, true},
    {TEXT("HTTP/1.1 200 \r\nContent-Length: 0\r\n" END), "GET", "", 200, BODY_LENGTH, 0, true},
    {TEXT("HTTP/1.1 418 a b \xff\t\r\nTransfer-Encoding: CHUNKED\r\n" END), "GET", "a b \xff\t",
     418, BODY_CHUNKED, 0, true},
    {TEXT(OK END), "GET", "OK", 200, BODY_CLOSE, 0, false},
    {TEXT(OK "Connection: keep-alive\r\n" END), "GET", "OK", 200, BODY_CLOSE, 0, false},
    {TEXT(OK "Connection: close\r\nContent-Length: 1\r\n" END), "GET", "OK", 200, BODY_LENGTH, 1,
     false},
    {TEXT(OK "Content-Length: 5\r\n" END), "HEAD", "OK", 200, BODY_NONE, 5, true},
    {TEXT(OK "Transfer-Encoding: chunked\r\n" END), "HEAD", "OK", 200, BODY_NONE, 0, true},
    {TEXT(OK END), "HEAD", "OK", 200, BODY_NONE, 0, true},
    {TEXT("HTTP/1.1 204 No Content\r\n" END), "GET", "No Content", 204, BODY_NONE, 0, true},
    {TEXT("HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n" END), "GET", "No Content", 204,
     BODY_NONE, 0, true},
    {TEXT("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n" END), "GET", "Not Modified", 304,
     BODY_NONE, 5, true},
    {TEXT("HTTP/1.1 100 Continue\r\n" END), "GET", "Continue", 100, BODY_NONE, 0, true},
    {TEXT("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n" END),
     "GET", "Switching Protocols", 101, BODY_NONE, 0, true},
    {TEXT("HTTP/1.0 200 OK\r\nContent-Length: 5\r\n" END), "GET", "OK", 200, BODY_LENGTH, 5, false},
    {TEXT("HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 5\r\n" END), "GET", "OK",
     200, BODY_LENGTH, 5, true},
    {TEXT(OK "Set-Cookie: a\r\nSet-Cookie: b\r\nContent-Length: 1\r\n" END), "GET", "OK", 200,
     BODY_LENGTH, 1, true},
};

// threat 3
static void
test_refused_responses(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(refused_responses); i++) {
        struct bytes copy = exact_copy(refused_responses[i].in);
        struct http1_head head;
        const char *why = NULL;
        size_t scanned = 0;

        if (http1_parse_response(copy, BYTES("GET"), &head, &scanned, &why) != HTTP1_REJECT) {
            print_text("accepted", copy);
            fail_msg("row %zu, expected: %s", i, refused_responses[i].why);
        }
        assert_why(why, refused_responses[i].why);
        exact_free(copy);
    }
}

static void
test_accepted_responses(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(accepted_responses); i++) {
        struct http1_head head;
        const char *why = "incomplete";
        size_t scanned = 0;
        enum http1_result result = HTTP1_MORE;

        for (size_t n = 0; n <= accepted_responses[i].in.n && result == HTTP1_MORE; n++)
            result = http1_parse_response(bytes_slice(accepted_responses[i].in, 0, n),
                                          bytes_str(accepted_responses[i].method), &head, &scanned,
                                          &why);
        if (result != HTTP1_DONE) {
            print_text(why, accepted_responses[i].in);
            fail_msg("row %zu", i);
        }
        assert_int_equal(head.status, accepted_responses[i].status);
        assert_text(head.reason, accepted_responses[i].reason);
        assert_int_equal(head.body, accepted_responses[i].body);
        assert_true(head.content_length == accepted_responses[i].content_length);
        assert_int_equal(head.keep_alive, accepted_responses[i].keep_alive);
        assert_int_equal(head.length, accepted_responses[i].in.n);
    }
}

static void
test_heads_are_bounded(void **state)
{
    BUFFER_AUTO text;
    struct http1_head head;
    const char *why = NULL;
    size_t scanned = 0;

    (void)state;
    buffer_init(&text, 1 << 20);
    buffer_put_str(&text, OK);
    while (text.n < HTTP1_HEAD_MAX)
        buffer_put_str(&text, "a: bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\r\n");
    assert_int_equal(http1_parse_response(buffer_bytes(&text), BYTES("GET"), &head, &scanned, &why),
                     HTTP1_REJECT);
    assert_why(why, "larger than 64 KiB");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refused_responses),
        cmocka_unit_test(test_accepted_responses),
        cmocka_unit_test(test_heads_are_bounded),
    };
    return cmocka_run_group_tests_name("http/http1_response", tests, NULL, NULL);
}
