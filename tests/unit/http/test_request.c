/* SPDX-License-Identifier: Apache-2.0 */
/* The canonical request: what is refused, what is dropped, what is kept and how. */

#include "request_test.h"

#define GET "GET / HTTP/1.1\r\nHost: h\r\n"

static void
test_refused(void **state)
{
    static const struct {
        const char *text, *why;
        enum kh_reason reason;
    } rows[] = {
        {"GET /a/../b HTTP/1.1\r\nHost: h\r\n\r\n", "dot segment", KH_REASON_PATH_AMBIGUOUS},
        {"GET /a/%2e%2e/b HTTP/1.1\r\nHost: h\r\n\r\n", "dot segment", KH_REASON_PATH_AMBIGUOUS},
        {"GET /a//b HTTP/1.1\r\nHost: h\r\n\r\n", "empty segment", KH_REASON_PATH_AMBIGUOUS},
        {"GET /a%2fb HTTP/1.1\r\nHost: h\r\n\r\n", "escaped slash", KH_REASON_PATH_AMBIGUOUS},
        {"GET /a%00 HTTP/1.1\r\nHost: h\r\n\r\n", "control character", KH_REASON_PATH_AMBIGUOUS},
        {"GET /a;b HTTP/1.1\r\nHost: h\r\n\r\n", "semicolon", KH_REASON_PATH_AMBIGUOUS},
        {"GET /?a=%00 HTTP/1.1\r\nHost: h\r\n\r\n", "stands for NUL", KH_REASON_REQUEST_MALFORMED},
        {"GET /?%00=a HTTP/1.1\r\nHost: h\r\n\r\n", "stands for NUL", KH_REASON_REQUEST_MALFORMED},
        {"OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", "not a path", KH_REASON_REQUEST_MALFORMED},
        {"CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\n\r\n", "not a path",
         KH_REASON_REQUEST_MALFORMED},
        {"TRACE / HTTP/1.1\r\nHost: h\r\n\r\n", "the request back", KH_REASON_REQUEST_MALFORMED},
        {"TRACK / HTTP/1.1\r\nHost: h\r\n\r\n", "the request back", KH_REASON_REQUEST_MALFORMED},
        {GET "X-HTTP-Method-Override: DELETE\r\n\r\n", "another method",
         KH_REASON_REQUEST_MALFORMED},
        {GET "x_http_method_override: DELETE\r\n\r\n", "another method",
         KH_REASON_REQUEST_MALFORMED},
        {GET "X-Original-URL: /admin\r\n\r\n", "another method", KH_REASON_REQUEST_MALFORMED},
        {GET "X-Override-URL: /admin\r\n\r\n", "another method", KH_REASON_REQUEST_MALFORMED},
        {GET "X-HTTP-DestinationURL: http://h/admin\r\n\r\n", "another method",
         KH_REASON_REQUEST_MALFORMED},
        {GET "Authorization: NTLM abc\r\n\r\n", "NTLM", KH_REASON_REQUEST_MALFORMED},
        {GET "Authorization: negotiate\r\n\r\n", "NTLM", KH_REASON_REQUEST_MALFORMED},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct request_destination to = to_example();
        struct parsed parsed;

        assert_reason(build_for(rows[i].text, &to, &parsed), rows[i].reason);
        assert_why(parsed.fault.detail, rows[i].why);
        assert_null(parsed.request.storage.p); /* nothing to free, nothing to use */
        assert_int_equal(parsed.request.method.n, 0);
    }
}

static void
test_path_exceptions(void **state)
{
    struct request_destination to = to_example();
    struct parsed parsed;

    (void)state;
    to.path_exceptions = PATH_ALLOW_ESCAPED_SLASH;
    assert_reason(build_for("GET /p/a%2fb HTTP/1.1\r\nHost: h\r\n\r\n", &to, &parsed),
                  KH_REASON_UNSET);
    assert_text(parsed.request.path, "/p/a%2Fb");
    assert_text(parsed.request.path_decoded, "/p/a%2Fb");
    request_free(&parsed.request);
}

static void
test_canonical(void **state)
{
    struct parsed parsed;

    (void)state;
    build_ok("PATCH http://h/%41%c3%a4%7e HTTP/1.1\r\nHost: h\r\nX-MiXed: Value \r\n"
             "Accept:\r\nCookie: a\r\nCookie: b\r\n\r\n",
             &parsed);
    assert_int_equal(parsed.request.way, WAY_HOST);
    assert_text(parsed.request.method, "PATCH");
    assert_text(parsed.request.scheme, "https"); /* of the destination, not of the target */
    assert_text(parsed.request.host, "api.example.com");
    assert_int_equal(parsed.request.port, 443);
    assert_text(parsed.request.path, "/A%C3%A4~");
    assert_text(parsed.request.path_decoded, "/A\xc3\xa4~");
    assert_false(parsed.request.has_query);
    assert_int_equal(parsed.request.field_count, 4);
    assert_text(parsed.request.field[0].name, "x-mixed");
    assert_text(parsed.request.field[0].value, "Value");
    assert_text(parsed.request.field[1].name, "accept");
    assert_text(parsed.request.field[1].value, "");
    assert_text(parsed.request.field[2].value, "a");
    assert_text(parsed.request.field[3].value, "b");
    request_free(&parsed.request);
}

static void
test_path_of_the_destination_counts(void **state)
{
    struct request_destination to = to_example();
    struct parsed parsed;

    (void)state;
    parse_head("GET /~openai/v1/%6dodels?a HTTP/1.1\r\nHost: h\r\n\r\n", &parsed.head);
    to.way = WAY_BASE_URL;
    to.path = bytes_from(parsed.head.path, 8);
    assert_reason(request_build(&parsed.head, &to, &parsed.request, &parsed.fault),
                  KH_REASON_UNSET);
    assert_text(parsed.request.path, "/v1/models");
    assert_int_equal(parsed.request.query_count, 1);
    request_free(&parsed.request);
}

static void
test_query(void **state)
{
    static const struct {
        const char *raw_name, *raw_value, *name, *value;
        bool has_value;
    } want[] = {
        {"a", "1", "a", "1", true},
        {"b+c", "%C3%A4%26", "b c", "\xc3\xa4&", true},
        {"", "", "", "", false},
        {"d", "", "d", "", false},
        {"e", "", "e", "", true},
        {"f", "g=h", "f", "g=h", true},
        {"x%5By%5D", "%5b%5B", "x[y]", "[[", true},
        {"a", "2", "a", "2", true},
        {"", "", "", "", false},
    };
    struct parsed parsed;

    (void)state;
    build_ok("GET /?a=1&b+c=%C3%A4%26&&d&e=&f=g=h&x[y]=%5b[&a=2& HTTP/1.1\r\nHost: h\r\n\r\n",
             &parsed);
    assert_int_equal(parsed.request.query_count, COUNT(want));
    for (size_t i = 0; i < COUNT(want); i++) {
        const struct request_query_pair *pair = &parsed.request.query[i];

        assert_text(pair->raw_name, want[i].raw_name);
        assert_text(pair->raw_value, want[i].raw_value);
        assert_text(pair->name, want[i].name);
        assert_text(pair->value, want[i].value);
        assert_int_equal(pair->has_value, want[i].has_value);
    }
    request_free(&parsed.request);
}

static void
test_too_many_parameters(void **state)
{
    struct request_destination to = to_example();
    struct parsed parsed;
    BUFFER_AUTO text;

    (void)state;
    buffer_init(&text, 8192);
    buffer_put_str(&text, "GET /?");
    for (size_t i = 0; i < REQUEST_QUERY_MAX - 1; i++)
        buffer_put_str(&text, "a&");
    buffer_put_str(&text, "a HTTP/1.1\r\nHost: h\r\n\r\n");
    build_ok(buffer_text(&text), &parsed);
    assert_int_equal(parsed.request.query_count, REQUEST_QUERY_MAX);
    request_free(&parsed.request);
    buffer_clear(&text);
    buffer_put_str(&text, "GET /?");
    for (size_t i = 0; i < REQUEST_QUERY_MAX; i++)
        buffer_put_str(&text, "a&");
    buffer_put_str(&text, "a HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_reason(build_for(buffer_text(&text), &to, &parsed), KH_REASON_REQUEST_MALFORMED);
    assert_why(parsed.fault.detail, "more than 128");
}

static void
test_dropped_fields(void **state)
{
    struct parsed parsed;

    (void)state;
    build_ok(
        "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nConnection: keep-alive, x-named\r\n"
        "X-Named: 1\r\nKeep-Alive: 5\r\nTE: trailers\r\nTrailer: a\r\nUpgrade: h2c\r\n"
        "HTTP2-Settings: AA\r\nProxy-Authorization: Basic eDp5\r\nProxy-Connection: close\r\n"
        "Proxy: http://evil\r\nKeyhole-Token: t\r\nKeyhole-Anything: t\r\n"
        "Forwarded: for=1\r\nX-Forwarded-For: 1\r\nX-Forwarded-Host: evil\r\n"
        "X-Host: evil\r\nX_Original_Host: evil\r\nX-HTTP-Host-Override: evil\r\n"
        "X-Real-IP: 1\r\nExpect: 100-continue\r\nx_forwarded_for: 1\r\n"
        "content_length: 9\r\nTransfer_Encoding: chunked\r\nProxy_Authorization: x\r\n"
        "X_Kept: 1\r\nAccept-Encoding: br\r\n\r\n",
        &parsed);
    assert_int_equal(parsed.request.field_count, 2);
    assert_text(parsed.request.field[0].name, "x_kept");
    assert_text(parsed.request.field[1].name, "accept-encoding");
    assert_text(parsed.request.upgrade, "");
    request_free(&parsed.request);
}

// threat 21
static void
test_upgrade_is_a_fact(void **state)
{
    struct parsed parsed;

    (void)state;
    build_ok(GET "Connection: Upgrade\r\nUpgrade: WebSocket\r\n\r\n", &parsed);
    assert_text(parsed.request.upgrade, "websocket");
    assert_int_equal(parsed.request.field_count, 0);
    request_free(&parsed.request);
    build_ok(GET "Connection: Upgrade\r\nUpgrade: websocket, h2c\r\n\r\n", &parsed);
    assert_text(parsed.request.upgrade, "");
    request_free(&parsed.request);
}

static void
test_describe(void **state)
{
    static struct message_decide message;
    struct parsed parsed;

    (void)state;
    message.token = BYTES("stays");
    build_ok("GET /%41b%20?q=1+2&r HTTP/1.1\r\nHost: h\r\nA: b\r\nConnection: upgrade\r\n"
             "Upgrade: websocket\r\n\r\n",
             &parsed);
    request_describe(&parsed.request, &message);
    assert_int_equal(message.way, WAY_HOST);
    assert_text(message.scheme, "https");
    assert_text(message.host, "api.example.com");
    assert_int_equal(message.port, 443);
    assert_text(message.method, "GET");
    assert_text(message.path, "/Ab ");
    assert_text(message.path_encoded, "/Ab%20");
    assert_text(message.upgrade, "websocket");
    assert_text(message.token, "stays");
    assert_int_equal(message.query_count, 2);
    assert_text(message.query[0].value, "1 2");
    assert_text(message.query[1].name, "r");
    assert_int_equal(message.header_count, 1);
    assert_text(message.header[0].name, "a");
    assert_text(message.header[0].value, "b");
    request_free(&parsed.request);
}

/* What was is neither a fact of the next one nor left in the memory that both have. */
static void
test_build_again(void **state)
{
    static const struct edit edit = {
        .kind = EDIT_HEADER_SET, .name = TEXT("x-key"), .value = TEXT("sk-secret")};
    struct request_destination to = to_example();
    struct parsed parsed;
    struct fault fault;
    const uint8_t *storage, *edits;

    (void)state;
    request_init(&parsed.request);
    parse_head("GET /%41b?q=%61 HTTP/1.1\r\nHost: h\r\nLong-Name: v\r\n\r\n", &parsed.head);
    to.path = parsed.head.path;
    assert_reason(request_build_again(&parsed.head, &to, &parsed.request, &fault), KH_REASON_UNSET);
    assert_int_equal(request_apply(&parsed.request, &edit, 1), KH_OK);
    storage = parsed.request.storage.p;
    edits = parsed.request.edits.p;
    request_clear(&parsed.request);
    assert_ptr_equal(parsed.request.storage.p, storage);
    assert_ptr_equal(parsed.request.edits.p, edits);
    assert_int_equal(parsed.request.storage.mark + parsed.request.edits.mark, 0);
    assert_int_not_equal(memcmp(edits, "x-key", 5), 0);

    parse_head("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", &parsed.head);
    assert_reason(request_build_again(&parsed.head, &to, &parsed.request, &fault),
                  KH_REASON_REQUEST_MALFORMED);

    parse_head("GET /c HTTP/1.1\r\nHost: h\r\n\r\n", &parsed.head);
    to.path = parsed.head.path;
    assert_reason(request_build_again(&parsed.head, &to, &parsed.request, &fault), KH_REASON_UNSET);
    assert_ptr_equal(parsed.request.storage.p, storage);
    assert_text(parsed.request.path, "/c");
    assert_int_equal(parsed.request.query_count + parsed.request.field_count, 0);
    assert_int_equal(request_apply(&parsed.request, &edit, 1), KH_OK);
    assert_text(parsed.request.field[0].value, "sk-secret");
    assert_ptr_equal(parsed.request.edits.p, edits);
    request_free(&parsed.request);
}

/* Everything at its limit: the slices are still those of one storage. */
static void
test_largest_request(void **state)
{
    struct parsed parsed;
    BUFFER_AUTO text;

    (void)state;
    buffer_init(&text, HTTP1_HEAD_MAX);
    buffer_put_str(&text, "GET /");
    for (size_t i = 0; i < 2700; i++)
        buffer_put_str(&text, "%41");
    buffer_put_str(&text, "?");
    for (size_t i = 0; i < 127; i++)
        buffer_put_str(&text, "[[[[[[[[[[[[[[[[[[[[[[=%41%42+%43[[]]&");
    buffer_put_str(&text, " HTTP/1.1\r\nHost: h\r\n");
    for (size_t i = 0; i < 99; i++) {
        for (size_t j = 0; j < 300; j++)
            buffer_put_byte(&text, "aBc-_"[j % 5]);
        buffer_put_str(&text, ": v\r\n");
    }
    buffer_put_str(&text, "\r\n");
    assert_false(text.failed);
    build_ok(buffer_text(&text), &parsed);
    assert_int_equal(parsed.request.path.n, 2701);
    assert_int_equal(parsed.request.query_count, 128);
    assert_int_equal(parsed.request.query[126].raw_name.n, 66);
    assert_int_equal(parsed.request.field_count, 99);
    assert_int_equal(parsed.request.field[98].name.n, 300);
    request_free(&parsed.request);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_path_exceptions),
        cmocka_unit_test(test_canonical),
        cmocka_unit_test(test_path_of_the_destination_counts),
        cmocka_unit_test(test_query),
        cmocka_unit_test(test_too_many_parameters),
        cmocka_unit_test(test_dropped_fields),
        cmocka_unit_test(test_upgrade_is_a_fact),
        cmocka_unit_test(test_describe),
        cmocka_unit_test(test_build_again),
        cmocka_unit_test(test_largest_request),
    };
    return cmocka_run_group_tests_name("http/request", tests, NULL, NULL);
}
