/* SPDX-License-Identifier: Apache-2.0 */
/* Heads of requests: every rule with an input that breaks it, then what must pass. The first line
 * is test_start_line.c's, answers are test_http1_response.c's. */

#include "http_test.h"

#include "../../../caveats/field_name.h"

/* ---- requests that are refused ---- */

#define GET  "GET / HTTP/1.1\r\n"
#define POST "POST / HTTP/1.1\r\n"
#define HOST "Host: h\r\n"
#define END  "\r\n"

struct refused {
    struct bytes in;
    const char *why;
};

static const struct refused refused_requests[] = {
    /* the request line */
    {TEXT("\r\n\r\n" GET HOST END), "exactly three parts"},
    {TEXT("GET / HTTP/2.0\r\n" HOST END), "this is HTTP/2"},
    {TEXT("PRI * HTTP/2.0\r\n\r\n"), "this is HTTP/2"},
    /* bytes */
    {TEXT("GET / HTTP/1.1\n" HOST END), "LF without CR"},
    {TEXT(GET "Host: h\n" END), "LF without CR"},
    {TEXT(GET HOST "\n"), "LF without CR"},
    {TEXT("\n" GET HOST END), "LF without CR"},
    {TEXT(GET "Host: h\rX: y\r\n" END), "CR inside a line"},
    {TEXT(GET "Host: h\r\r\n" END), "CR inside a line"},
    {TEXT(GET HOST "\r\r\n"), "CR inside a line"},
    {TEXT("\x16\x03\x01\x02\0\x01"), "this is TLS"},
    {TEXT("GET / HTTP/1.1\r\n\x16\r\n"), "control character"},
    {TEXT(GET "Host: h\0\r\n" END), "control character"},
    {TEXT(GET HOST "A: b\x01\r\n" END), "control character"},
    {TEXT(GET HOST "A: \x7f\r\n" END), "control character"},
    {TEXT("GET /\0 HTTP/1.1\r\n" HOST END), "control character"},
    /* fields */
    {TEXT(GET HOST "A: b\r\n c\r\n" END), "folded"},
    {TEXT(GET HOST "A: b\r\n\tc\r\n" END), "folded"},
    {TEXT(GET " Host: h\r\n" END), "folded"},
    {TEXT(GET "Host : h\r\n" END), "white space before"},
    {TEXT(GET HOST "A\t: b\r\n" END), "white space before"},
    {TEXT(GET HOST "A\r\n" END), "no colon"},
    {TEXT(GET HOST ": b\r\n" END), "empty name"},
    {TEXT(GET HOST "A b: c\r\n" END), "not a token"},
    {TEXT(GET HOST "A(: c\r\n" END), "not a token"},
    {TEXT(GET HOST "\xc3\xa4: c\r\n" END), "not a token"},
    /* duplicates */
    {TEXT(GET HOST HOST END), "twice"},
    {TEXT(GET HOST "hOST: h\r\n" END), "twice"},
    {TEXT(POST HOST "Content-Length: 5\r\nContent-Length: 5\r\n" END), "twice"},
    {TEXT(POST HOST "Content-Length: 5\r\nContent-Length: 6\r\n" END), "twice"},
    {TEXT(POST HOST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n" END), "twice"},
    {TEXT(GET HOST "Authorization: a\r\nAuthorization: b\r\n" END), "twice"},
    {TEXT(GET HOST "Proxy-Authorization: a\r\nProxy-Authorization: b\r\n" END), "twice"},
    {TEXT(POST HOST "Content-Type: a\r\nContent-Type: a\r\n" END), "twice"},
    {TEXT(GET HOST "Upgrade: a\r\nUpgrade: a\r\n" END), "twice"},
    {TEXT(GET HOST "Expect: a\r\nExpect: a\r\n" END), "twice"},
    {TEXT(POST HOST "Content-Encoding: a\r\nContent-Encoding: a\r\n" END), "twice"},
    /* Host */
    {TEXT(GET END), "no Host"},
    {TEXT("GET / HTTP/1.0\r\n" END), "no Host"},
    {TEXT("CONNECT h:443 HTTP/1.1\r\n" END), "no Host"},
    {TEXT("GET http://h/ HTTP/1.0\r\n" END), "no Host"},
    {TEXT(GET "Host:\r\n" END), "Host is not"},
    {TEXT(GET "Host: a b\r\n" END), "Host is not"},
    {TEXT(GET "Host: a, b\r\n" END), "Host is not"},
    {TEXT(GET "Host: u@h\r\n" END), "Host is not"},
    {TEXT(GET "Host: h.\r\n" END), "Host is not"},
    {TEXT(GET "Host: h:0\r\n" END), "Host is not"},
    {TEXT(GET "Host: h/x\r\n" END), "Host is not"},
    {TEXT("GET http://a/ HTTP/1.1\r\nHost: b\r\n" END), "Host differs"},
    {TEXT("GET http://a/ HTTP/1.1\r\nHost: a:443\r\n" END), "Host differs"},
    {TEXT("GET http://a:443/ HTTP/1.1\r\nHost: a\r\n" END), "Host differs"},
    {TEXT("GET https://a:80/ HTTP/1.1\r\nHost: a\r\n" END), "Host differs"},
    {TEXT("GET http://a:80/ HTTP/1.1\r\nHost: a:8080\r\n" END), "Host differs"},
    {TEXT("GET http://ab:80/ HTTP/1.1\r\nHost: a\r\n" END), "Host differs"},
    {TEXT("CONNECT a:443 HTTP/1.1\r\nHost: b:443\r\n" END), "Host differs"},
    {TEXT("CONNECT a:443 HTTP/1.1\r\nHost: a:444\r\n" END), "Host differs"},
    {TEXT("CONNECT a:8443 HTTP/1.1\r\nHost: a\r\n" END), "Host differs"},
    {TEXT("CONNECT [::1]:443 HTTP/1.1\r\nHost: [::2]\r\n" END), "Host differs"},
    /* framing */
    {TEXT(POST HOST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n" END), "both"},
    {TEXT(POST HOST "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n" END), "both"},
    {TEXT("POST / HTTP/1.0\r\n" HOST "Transfer-Encoding: chunked\r\n" END), "in HTTP/1.0"},
    {TEXT(POST HOST "Transfer-Encoding: chunked, identity\r\n" END), "not exactly chunked"},
    {TEXT(POST HOST "Transfer-Encoding: gzip, chunked\r\n" END), "not exactly chunked"},
    {TEXT(POST HOST "Transfer-Encoding: chunked;a=b\r\n" END), "not exactly chunked"},
    {TEXT(POST HOST "Transfer-Encoding: xchunked\r\n" END), "not exactly chunked"},
    {TEXT(POST HOST "Transfer-Encoding: \"chunked\"\r\n" END), "not exactly chunked"},
    {TEXT(POST HOST "Transfer-Encoding:\r\n" END), "not exactly chunked"},
    {TEXT(POST HOST "Content-Length:\r\n" END), "plain number"},
    {TEXT(POST HOST "Content-Length: -1\r\n" END), "plain number"},
    {TEXT(POST HOST "Content-Length: +5\r\n" END), "plain number"},
    {TEXT(POST HOST "Content-Length: 05\r\n" END), "plain number"},
    {TEXT(POST HOST "Content-Length: 5, 5\r\n" END), "plain number"},
    {TEXT(POST HOST "Content-Length: 0x5\r\n" END), "plain number"},
    {TEXT(POST HOST "Content-Length: 1000000000000000000\r\n" END), "plain number"},
    /* the target */
    {TEXT("GET /a#b HTTP/1.1\r\n" HOST END), "RFC 3986"},
    {TEXT("GET http://u:p@h/ HTTP/1.1\r\n" HOST END), "the authority of the target"},
    {TEXT("CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\nContent-Length: 0\r\n" END), "has a body"},
    {TEXT("CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\nTransfer-Encoding: chunked\r\n" END),
     "has a body"},
    /* Connection */
    {TEXT(GET HOST "Connection: host\r\n" END), "Connection names"},
    {TEXT(GET HOST "Connection: close, Content-Length\r\n" END), "Connection names"},
    {TEXT(GET HOST "Connection: transfer-encoding\r\n" END), "Connection names"},
    {TEXT(GET HOST "Connection: close\r\nConnection: ,authorization\r\n" END), "Connection names"},
    {TEXT(GET HOST "Connection: cookie\r\n" END), "Connection names"},
    {TEXT(GET HOST "Connection: proxy-authorization\r\n" END), "Connection names"},
    {TEXT(GET HOST "Connection: a b\r\n" END), "not a list of tokens"},
    {TEXT(GET HOST "Connection: a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q,r,s,t,u,v,w,x,y,z,0,1,2,3,4,5,6"
                   "\r\n" END),
     "more than 32"},
};

/* ---- requests that pass ---- */

struct accepted {
    struct bytes in;
    const char *method, *target, *host, *path, *query; /* query NULL: there is none */
    enum http1_target_form form;
    enum http1_body body;
    uint64_t content_length;
    size_t fields;
    bool keep_alive;
};

static const struct accepted accepted_requests[] = {
    {TEXT(GET HOST END), "GET", "/", "h", "/", NULL, TARGET_ORIGIN, BODY_NONE, 0, 1, true},
    {TEXT("\r\n" GET HOST END), "GET", "/", "h", "/", NULL, TARGET_ORIGIN, BODY_NONE, 0, 1, true},
    {TEXT("GET /? HTTP/1.1\r\nHOST:h\r\n" END), "GET", "/?", "h", "/", "", TARGET_ORIGIN, BODY_NONE,
     0, 1, true},
    {TEXT("GET /a//b;c?d?e=%41[f]&g HTTP/1.1\r\nHost: \t a_b.C:8080 \t\r\n" END), "GET",
     "/a//b;c?d?e=%41[f]&g", "a_b.C:8080", "/a//b;c", "d?e=%41[f]&g", TARGET_ORIGIN, BODY_NONE, 0,
     1, true},
    {TEXT("GET http://h HTTP/1.1\r\nHost: H\r\n" END), "GET", "http://h", "h", "/", NULL,
     TARGET_ABSOLUTE, BODY_NONE, 0, 1, true},
    {TEXT("GET https://h?a=b HTTP/1.1\r\n" HOST END), "GET", "https://h?a=b", "h", "/", "a=b",
     TARGET_ABSOLUTE, BODY_NONE, 0, 1, true},
    {TEXT("GET http://h:80/x HTTP/1.1\r\n" HOST END), "GET", "http://h:80/x", "h:80", "/x", NULL,
     TARGET_ABSOLUTE, BODY_NONE, 0, 1, true},
    {TEXT("GET https://h/x HTTP/1.1\r\nHost: h:443\r\n" END), "GET", "https://h/x", "h", "/x", NULL,
     TARGET_ABSOLUTE, BODY_NONE, 0, 1, true},
    {TEXT("OPTIONS * HTTP/1.1\r\n" HOST END), "OPTIONS", "*", "h", "*", NULL, TARGET_ASTERISK,
     BODY_NONE, 0, 1, true},
    {TEXT("CONNECT h:8443 HTTP/1.1\r\nHost: H:8443\r\n" END), "CONNECT", "h:8443", "h:8443", "",
     NULL, TARGET_AUTHORITY, BODY_NONE, 0, 1, true},
    /* undici leaves the default port out, http.client of Python 3.11 leaves Host out */
    {TEXT("CONNECT h:443 HTTP/1.1\r\n" HOST END), "CONNECT", "h:443", "h:443", "", NULL,
     TARGET_AUTHORITY, BODY_NONE, 0, 1, true},
    {TEXT("CONNECT h:80 HTTP/1.1\r\n" HOST END), "CONNECT", "h:80", "h:80", "", NULL,
     TARGET_AUTHORITY, BODY_NONE, 0, 1, true},
    {TEXT("CONNECT h:443 HTTP/1.0\r\n" END), "CONNECT", "h:443", "h:443", "", NULL,
     TARGET_AUTHORITY, BODY_NONE, 0, 0, false},
    {TEXT("CONNECT [::1]:443 HTTP/1.1\r\nHost: [::1]:443\r\n" END), "CONNECT", "[::1]:443",
     "[::1]:443", "", NULL, TARGET_AUTHORITY, BODY_NONE, 0, 1, true},
    {TEXT(POST HOST "Content-Length: 0\r\n" END), "POST", "/", "h", "/", NULL, TARGET_ORIGIN,
     BODY_LENGTH, 0, 2, true},
    {TEXT(POST HOST "Content-Length: 999999999999999999\r\n" END), "POST", "/", "h", "/", NULL,
     TARGET_ORIGIN, BODY_LENGTH, UINT64_C(999999999999999999), 2, true},
    {TEXT(POST HOST "Transfer-Encoding: Chunked \r\n" END), "POST", "/", "h", "/", NULL,
     TARGET_ORIGIN, BODY_CHUNKED, 0, 2, true},
    {TEXT("POST / HTTP/1.0\r\n" HOST "Connection: keep-alive\r\nContent-Length: 1\r\n" END), "POST",
     "/", "h", "/", NULL, TARGET_ORIGIN, BODY_LENGTH, 1, 3, false},
    {TEXT(GET HOST "Connection: , Close ,\r\n" END), "GET", "/", "h", "/", NULL, TARGET_ORIGIN,
     BODY_NONE, 0, 2, false},
    {TEXT(GET HOST "Connection: keep-alive, te\r\nConnection: x-y\r\nTE: trailers\r\n" END), "GET",
     "/", "h", "/", NULL, TARGET_ORIGIN, BODY_NONE, 0, 4, true},
    {TEXT(GET HOST "Cookie: a\r\nCookie: b\r\nEmpty:\r\nx_y!:\xff\ta\r\n" END), "GET", "/", "h",
     "/", NULL, TARGET_ORIGIN, BODY_NONE, 0, 5, true},
    {TEXT("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA / HTTP/1.1\r\n" HOST END),
     "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "/", "h", "/", NULL, TARGET_ORIGIN, BODY_NONE, 0, 1, true},
};

static enum http1_result
parse_request(struct bytes text, struct http1_head *head, const char **why)
{
    struct bytes copy = exact_copy(text);
    size_t scanned = 0;
    enum http1_result result = http1_parse_request(copy, head, &scanned, why);

    /* Slices must be looked at while the copy is there. */
    exact_free(copy);
    return result;
}

// threat 3
static void
test_refused_requests(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(refused_requests); i++) {
        struct http1_head head;
        const char *why = NULL;

        if (parse_request(refused_requests[i].in, &head, &why) != HTTP1_REJECT) {
            print_text("accepted", refused_requests[i].in);
            fail_msg("row %zu, expected: %s", i, refused_requests[i].why);
        }
        assert_why(why, refused_requests[i].why);
    }
}

static void
assert_accepted(const struct accepted *row, const struct http1_head *head)
{
    assert_text(head->method, row->method);
    assert_text(head->target, row->target);
    assert_text(head->host, row->host);
    assert_text(head->path, row->path);
    assert_int_equal(head->has_query, row->query != NULL);
    assert_text(head->query, row->query);
    assert_int_equal(head->form, row->form);
    assert_int_equal(head->body, row->body);
    assert_true(head->content_length == row->content_length);
    assert_int_equal(head->field_count, row->fields);
    assert_int_equal(head->keep_alive, row->keep_alive);
    assert_int_equal(head->length, row->in.n);
}

static void
test_accepted_requests(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(accepted_requests); i++) {
        const struct accepted *row = &accepted_requests[i];
        struct http1_head head;
        const char *why = NULL;
        size_t scanned = 0;

        if (http1_parse_request(row->in, &head, &scanned, &why) != HTTP1_DONE) {
            print_text(why ? why : "incomplete", row->in);
            fail_msg("row %zu", i);
        }
        assert_accepted(row, &head);
    }
}

/* ---- in pieces ---- */

/* Give the text byte by byte; every byte is scanned once (`scanned` follows the input). */
static enum http1_result
parse_in_pieces(struct bytes text, struct http1_head *head, const char **why, size_t *length)
{
    size_t scanned = 0;
    enum http1_result result = HTTP1_MORE;

    for (*length = 0; *length <= text.n && result == HTTP1_MORE; (*length)++) {
        struct bytes copy = exact_copy(bytes_slice(text, 0, *length));

        result = http1_parse_request(copy, head, &scanned, why);
        if (result == HTTP1_MORE && *length > 2)
            assert_int_equal(scanned, *length);
        exact_free(copy);
    }
    (*length)--;
    return result;
}

static void
test_requests_in_pieces(void **state)
{
    struct http1_head head;
    const char *why;
    size_t length;

    (void)state;
    for (size_t i = 0; i < COUNT(accepted_requests); i++) {
        assert_int_equal(parse_in_pieces(accepted_requests[i].in, &head, &why, &length),
                         HTTP1_DONE);
        assert_int_equal(length, accepted_requests[i].in.n);
        assert_int_equal(head.length, length);
        assert_int_equal(head.field_count, accepted_requests[i].fields);
    }
    for (size_t i = 0; i < COUNT(refused_requests); i++) {
        why = NULL;
        assert_int_equal(parse_in_pieces(refused_requests[i].in, &head, &why, &length),
                         HTTP1_REJECT);
        assert_why(why, refused_requests[i].why);
    }
}

static void
test_split_anywhere_is_the_same(void **state)
{
    static const struct bytes text = TEXT(
        "\r\nPOST http://h:80/a?b HTTP/1.1\r\nHost: h\r\nX:  y \r\nContent-Length: 3\r\n\r\nabc");

    (void)state;
    for (size_t split = 0; split <= text.n; split++) {
        struct http1_head head;
        const char *why = NULL;
        size_t scanned = 0;
        enum http1_result first =
            http1_parse_request(bytes_slice(text, 0, split), &head, &scanned, &why);

        assert_int_equal(first, split < text.n - 3 ? HTTP1_MORE : HTTP1_DONE);
        if (first == HTTP1_MORE)
            assert_int_equal(http1_parse_request(text, &head, &scanned, &why), HTTP1_DONE);
        assert_int_equal(head.length, text.n - 3);
        assert_text(head.path, "/a");
        assert_int_equal(head.content_length, 3);
        assert_text(http1_find(&head, "x")->value, "y");
    }
}

static void
test_what_is_certain_is_refused_at_once(void **state)
{
    static const struct bytes texts[] = {
        TEXT("\x16\x03\x01\x02"), /* a TLS ClientHello on a plain port */
        TEXT("GET / HTTP/1.1\n"),
        TEXT("GET / HTTP/1.1\r\nHost: h\0"),
        TEXT("GET / HTTP/1.1\r\nHost: h\rX"),
    };

    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct http1_head head;
        const char *why = NULL;

        assert_int_equal(parse_request(texts[i], &head, &why), HTTP1_REJECT);
        assert_non_null(why);
    }
}

/* ---- limits ---- */

static struct bytes
build_fields(struct buffer *b, size_t count, size_t value_length)
{
    buffer_clear(b);
    buffer_put_str(b, GET HOST);
    for (size_t i = 0; i < count; i++) {
        buffer_put_str(b, "a:");
        for (size_t j = 0; j < value_length; j++)
            buffer_put_byte(b, 'b');
        buffer_put_str(b, "\r\n");
    }
    buffer_put_str(b, "\r\n");
    assert_false(b->failed);
    return buffer_bytes(b);
}

// threat 20
static void
test_limits(void **state)
{
    const size_t fixed = sizeof GET HOST END - 1;
    struct http1_head head;
    const char *why = NULL;
    BUFFER_AUTO b;

    (void)state;
    buffer_init(&b, 1 << 20);
    assert_int_equal(parse_request(build_fields(&b, HTTP1_FIELDS_MAX - 1, 1), &head, &why),
                     HTTP1_DONE);
    assert_int_equal(parse_request(build_fields(&b, HTTP1_FIELDS_MAX, 1), &head, &why),
                     HTTP1_REJECT);
    assert_why(why, "more than 100 fields");

    /* A line counts with its CR. */
    assert_int_equal(parse_request(build_fields(&b, 1, HTTP1_LINE_MAX - 3), &head, &why),
                     HTTP1_DONE);
    assert_int_equal(parse_request(build_fields(&b, 1, HTTP1_LINE_MAX - 2), &head, &why),
                     HTTP1_REJECT);
    assert_why(why, "longer than 16 KiB");
    /* … and is refused as soon as it is too long. */
    assert_int_equal(
        parse_request(bytes_slice(buffer_bytes(&b), 0, sizeof GET HOST - 1 + HTTP1_LINE_MAX + 1),
                      &head, &why),
        HTTP1_REJECT);

    /* 64 KiB in eight lines, exactly. */
    assert_int_equal(
        parse_request(build_fields(&b, 8, (HTTP1_HEAD_MAX - fixed) / 8 - 4), &head, &why),
        HTTP1_DONE);
    assert_true(head.length <= HTTP1_HEAD_MAX && head.length > HTTP1_HEAD_MAX - 8);
    assert_int_equal(
        parse_request(build_fields(&b, 8, (HTTP1_HEAD_MAX - fixed) / 8 - 3), &head, &why),
        HTTP1_REJECT);
    assert_why(why, "larger than 64 KiB");
    assert_int_equal(parse_request(bytes_slice(buffer_bytes(&b), 0, HTTP1_HEAD_MAX), &head, &why),
                     HTTP1_REJECT);
    assert_int_equal(
        parse_request(bytes_slice(buffer_bytes(&b), 0, HTTP1_HEAD_MAX - 1), &head, &why),
        HTTP1_MORE);
}

/* ---- what else a head says ---- */

static void
parse_or_fail(struct bytes text, struct http1_head *head)
{
    const char *why = "incomplete";
    size_t scanned = 0;

    if (http1_parse_request(text, head, &scanned, &why) != HTTP1_DONE) {
        print_text(why, text);
        fail();
    }
}

/* RFC 1945 knows no Host; whatever else is refused stays so. */
static void
test_without_host_where_it_decides_nothing(void **state)
{
    static const struct bytes refused[] = {
        TEXT("GET / HTTP/1.1\r\n" END), TEXT("GET http://h/ HTTP/1.0\r\n" END),
        TEXT("OPTIONS * HTTP/1.0\r\n" END), TEXT("GET / HTTP/1.0\r\nHost:\r\n" END),
        TEXT("GET / HTTP/1.0\r\nHost: h\r\nHost: h\r\n" END)};
    struct http1_head head;
    const char *why;
    size_t scanned = 0;

    (void)state;
    assert_int_equal(http1_parse_request_hostless((struct bytes)TEXT("GET /a HTTP/1.0\r\n" END),
                                                  &head, &scanned, &why),
                     HTTP1_DONE);
    assert_int_equal(head.host.n, 0);
    assert_true(bytes_is(head.path, "/a"));
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        scanned = 0;
        if (http1_parse_request_hostless(refused[i], &head, &scanned, &why) != HTTP1_REJECT) {
            print_text("accepted", refused[i]);
            fail();
        }
    }
}

static void
test_expect(void **state)
{
    static const struct {
        struct bytes in;
        bool is_continue, is_other;
    } rows[] = {
        {TEXT(POST HOST END), false, false},
        {TEXT(POST HOST "Expect: 100-Continue\r\n" END), true, false},
        {TEXT("POST / HTTP/1.0\r\n" HOST "Expect: 100-continue\r\n" END), false, false},
        {TEXT(POST HOST "Expect: 200-ok\r\n" END), false, true},
        {TEXT(POST HOST "Expect: 100-continue, x\r\n" END), false, true},
        {TEXT(POST HOST "Expect:\r\n" END), false, true},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct http1_head head;

        parse_or_fail(rows[i].in, &head);
        assert_int_equal(head.expect_continue, rows[i].is_continue);
        assert_int_equal(head.expect_other, rows[i].is_other);
    }
}

static void
test_upgrade_needs_connection(void **state)
{
    struct http1_head head;

    (void)state;
    parse_or_fail((struct bytes)TEXT(GET HOST "Upgrade: websocket\r\n" END), &head);
    assert_text(head.upgrade, "");
    parse_or_fail((struct bytes)TEXT(GET HOST "Upgrade: h2c\r\nConnection: a, UPGRADE\r\n" END),
                  &head);
    assert_text(head.upgrade, "h2c");
    parse_or_fail((struct bytes)TEXT("GET / HTTP/1.0\r\n" HOST
                                     "Upgrade: websocket\r\nConnection: upgrade\r\n" END),
                  &head);
    assert_text(head.upgrade, "");
}

// threat 4
static void
test_hop_by_hop(void **state)
{
    static const struct {
        const char *name;
        bool hop;
    } rows[] = {
        {"Connection", true},  {"keep-alive", true}, {"Proxy-Anything", true}, {"TE", true},
        {"trailer", true},     {"Upgrade", true},    {"HTTP2-Settings", true}, {"X-Named", true},
        {"x-named-too", true}, {"Accept", false},    {"X-Name", false},        {"X-Named-", false},
        {"Host", false},
    };
    struct http1_head head = {0};
    BUFFER_AUTO text;
    const char *why = NULL;
    size_t scanned = 0;

    (void)state;
    buffer_init(&text, 4096);
    buffer_put_str(&text, "GET / HTTP/1.1\r\n");
    for (size_t i = 0; i < COUNT(rows); i++)
        buffer_printf(&text, "%s: %s\r\n", rows[i].name, i ? "h" : "x-Named ,, X-NAMED-TOO");
    buffer_put_str(&text, "x-named: twice\r\nconnection: x-third\r\nX-Third: 3\r\n\r\n");
    assert_int_equal(http1_parse_request(buffer_bytes(&text), &head, &scanned, &why), HTTP1_DONE);
    for (size_t i = 0; i < head.field_count; i++) {
        bool hop = (head.field[i].traits & FIELD_HOP) != 0;

        if (hop != (i < COUNT(rows) ? rows[i].hop : true))
            fail_msg("%.*s is %s", BYTES_ARG(head.field[i].name), hop ? "one" : "none");
    }
}

static void
test_pipelined(void **state)
{
    static const struct bytes text = TEXT(GET HOST END "HEAD /b HTTP/1.1\r\nHost: i\r\n\r\n");
    struct http1_head head;

    (void)state;
    parse_or_fail(text, &head);
    assert_text(head.method, "GET");
    parse_or_fail(bytes_from(text, head.length), &head);
    assert_text(head.method, "HEAD");
    assert_text(head.host, "i");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refused_requests),
        cmocka_unit_test(test_accepted_requests),
        cmocka_unit_test(test_requests_in_pieces),
        cmocka_unit_test(test_split_anywhere_is_the_same),
        cmocka_unit_test(test_what_is_certain_is_refused_at_once),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_without_host_where_it_decides_nothing),
        cmocka_unit_test(test_expect),
        cmocka_unit_test(test_upgrade_needs_connection),
        cmocka_unit_test(test_hop_by_hop),
        cmocka_unit_test(test_pipelined),
    };
    return cmocka_run_group_tests_name("http/http1", tests, NULL, NULL);
}
