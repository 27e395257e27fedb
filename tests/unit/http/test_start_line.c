/* SPDX-License-Identifier: Apache-2.0 */
/* The first line of requests and answers. */

#include "http_test.h"

#include "../../../broker/http/start_line.h"

static const struct {
    struct bytes line;
    const char *why;
} refused_requests[] = {
    {TEXT(""), "exactly three parts"},
    {TEXT(" "), "exactly three parts"},
    {TEXT("  "), "the method"},
    {TEXT("GET  HTTP/1.1"), "neither a path nor"},
    /* the request line */
    {TEXT("GET /"), "exactly three parts"},
    {TEXT("GET  / HTTP/1.1"), "exactly three parts"},
    {TEXT("GET / a HTTP/1.1"), "exactly three parts"},
    {TEXT("GET / HTTP/1.1 "), "exactly three parts"},
    {TEXT(" GET / HTTP/1.1"), "exactly three parts"},
    {TEXT("GET\t/\tHTTP/1.1"), "exactly three parts"},
    {TEXT("\r\n"), "exactly three parts"},
    {TEXT("get / HTTP/1.1"), "the method"},
    {TEXT("G@T / HTTP/1.1"), "the method"},
    {TEXT("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA / HTTP/1.1"), "the method"},
    {TEXT("GET / HTTP/2.0"), "this is HTTP/2"},
    {TEXT("GET / HTTP/0.9"), "the version"},
    {TEXT("GET / HTTP/1.2"), "the version"},
    {TEXT("GET / HTTP/1.10"), "the version"},
    {TEXT("GET / http/1.1"), "the version"},
    {TEXT("PRI * HTTP/2.0\r\n"), "the version"},
    /* the target */
    {TEXT("GET /a#b HTTP/1.1"), "RFC 3986"},
    {TEXT("GET /a%zz HTTP/1.1"), "RFC 3986"},
    {TEXT("GET /a% HTTP/1.1"), "RFC 3986"},
    {TEXT("GET /?%2 HTTP/1.1"), "RFC 3986"},
    {TEXT("GET /a\\b HTTP/1.1"), "RFC 3986"},
    {TEXT("GET /\"a\" HTTP/1.1"), "RFC 3986"},
    {TEXT("GET /<a> HTTP/1.1"), "RFC 3986"},
    {TEXT("GET /[a] HTTP/1.1"), "RFC 3986"},
    {TEXT("GET /\xc3\xa4 HTTP/1.1"), "RFC 3986"},
    {TEXT("GET /?a|b HTTP/1.1"), "RFC 3986"},
    {TEXT("GET /?a#b HTTP/1.1"), "RFC 3986"},
    {TEXT("GET http://h/a|b HTTP/1.1"), "RFC 3986"},
    {TEXT("GET http://h#a HTTP/1.1"), "the authority of the target"},
    {TEXT("GET http://u:p@h/ HTTP/1.1"), "the authority of the target"},
    {TEXT("GET http:///a HTTP/1.1"), "the authority of the target"},
    {TEXT("GET HTTP://h/ HTTP/1.1"), "neither a path nor"},
    {TEXT("GET ftp://h/ HTTP/1.1"), "neither a path nor"},
    {TEXT("GET a HTTP/1.1"), "neither a path nor"},
    {TEXT("GET h:80 HTTP/1.1"), "neither a path nor"},
    {TEXT("GET * HTTP/1.1"), "OPTIONS alone"},
    {TEXT("OPTIONS *a HTTP/1.1"), "neither a path nor"},
    {TEXT("CONNECT h HTTP/1.1"), "target of CONNECT"},
    {TEXT("CONNECT h:0 HTTP/1.1"), "target of CONNECT"},
    {TEXT("CONNECT /a HTTP/1.1"), "target of CONNECT"},
    {TEXT("CONNECT http://h:443 HTTP/1.1"), "target of CONNECT"},
    {TEXT("CONNECT [::1] HTTP/1.1"), "target of CONNECT"},
};

static void
test_refused_requests(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(refused_requests); i++) {
        struct bytes line = exact_copy(refused_requests[i].line);
        struct http1_head head = {0};
        const char *why = NULL;

        if (start_line_parse_request(line, &head, &why)) {
            print_text("accepted", line);
            fail_msg("row %zu, expected: %s", i, refused_requests[i].why);
        }
        assert_why(why, refused_requests[i].why);
        exact_free(line);
    }
}

static void
test_forms_of_targets(void **state)
{
    static const struct {
        struct bytes line;
        const char *scheme, *authority, *path, *query;
        enum http1_target_form form;
        unsigned minor;
        bool has_query;
    } rows[] = {
        {TEXT("GET / HTTP/1.1"), "", "", "/", "", TARGET_ORIGIN, 1, false},
        {TEXT("GET /a?b?c HTTP/1.0"), "", "", "/a", "b?c", TARGET_ORIGIN, 0, true},
        {TEXT("GET //h/a? HTTP/1.1"), "", "", "//h/a", "", TARGET_ORIGIN, 1, true},
        {TEXT("GET http://h HTTP/1.1"), "http", "h", "/", "", TARGET_ABSOLUTE, 1, false},
        {TEXT("GET https://h:1/?x HTTP/1.1"), "https", "h:1", "/", "x", TARGET_ABSOLUTE, 1, true},
        {TEXT("GET http://h?x HTTP/1.1"), "http", "h", "/", "x", TARGET_ABSOLUTE, 1, true},
        {TEXT("GET http://[::1]:8/%41 HTTP/1.1"), "http", "[::1]:8", "/%41", "", TARGET_ABSOLUTE, 1,
         false},
        {TEXT("CONNECT h:443 HTTP/1.1"), "", "h:443", "", "", TARGET_AUTHORITY, 1, false},
        {TEXT("OPTIONS * HTTP/1.1"), "", "", "*", "", TARGET_ASTERISK, 1, false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct http1_head head = {0};
        const char *why = "";

        if (!start_line_parse_request(rows[i].line, &head, &why)) {
            print_text(why, rows[i].line);
            fail();
        }
        assert_text(head.scheme, rows[i].scheme);
        assert_text(head.authority, rows[i].authority);
        assert_text(head.path, rows[i].path);
        assert_text(head.query, rows[i].query);
        assert_int_equal(head.form, rows[i].form);
        assert_int_equal(head.minor, rows[i].minor);
        assert_int_equal(head.has_query, rows[i].has_query);
    }
}

static void
test_status_lines(void **state)
{
    static const struct {
        struct bytes line;
        unsigned status;  /* 0: refused */
        const char *rest; /* the reason, or why */
    } rows[] = {
        {TEXT(""), 0, "HTTP/1.1 or HTTP/1.0"},
        {TEXT("HTTP/1.1"), 0, "a version, a status and a reason"},
        {TEXT("HTTP/1.1 "), 0, "a version, a status and a reason"},
        {TEXT("HTTP/1.1 200"), 0, "a version, a status and a reason"},
        {TEXT("HTTP/1.1\t200\tOK"), 0, "a version, a status and a reason"},
        {TEXT("HTTP/1.1 2OO OK"), 0, "three digits"},
        {TEXT("HTTP/1.1 600 x"), 0, "between 100 and 599"},
        {TEXT("HTTP/1.0 599 "), 599, ""},
        {TEXT("HTTP/1.1 100  two spaces"), 100, " two spaces"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct bytes line = exact_copy(rows[i].line);
        struct http1_head head = {0};
        const char *why = NULL;

        assert_int_equal(start_line_parse_response(line, &head, &why), rows[i].status != 0);
        if (rows[i].status == 0) {
            assert_why(why, rows[i].rest);
        } else {
            assert_int_equal(head.status, rows[i].status);
            assert_text(head.reason, rows[i].rest);
        }
        exact_free(line);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refused_requests),
        cmocka_unit_test(test_forms_of_targets),
        cmocka_unit_test(test_status_lines),
    };
    return cmocka_run_group_tests_name("http/start_line", tests, NULL, NULL);
}
