/* SPDX-License-Identifier: Apache-2.0 */
#include "../../../caveats/request_text.h"
#include "unit.h"

static void
refused(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "",
        "GET",
        "GET ",
        "https://api.example.com/",
        "get https://api.example.com/",
        "G3T! https://api.example.com/",
        "GET  https://api.example.com/",
        "GET https://api.example.com/ HTTP/1.1",
        "GET /v1/x",
        "GET api.example.com/v1/x",
        "GET ftp://api.example.com/",
        "GET https:///x",
        "GET https://user@api.example.com/",
        "GET https://user:password@api.example.com/",
        "GET https://api.example.com:x/",
        "GET https://api.example.com:70000/",
        "GET https://api.example.com/#fragment",
        "GET https://api.example.com/a/../b",
        "GET https://api.example.com/%00",
        "GET https://api.example.com/%",
        "GET https://api.example.com/?a=%",
        "GET https://api.example.com/?%=a",
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct request_text request;
        struct fault fault = {0};
        if (request_text_read(bytes_str(cases[i]), 0, &request, &fault) == KH_OK)
            FAIL_WITH("%s was taken", cases[i]);
        assert_true(fault.detail[0] != '\0');
        request_text_free(&request);
    }
    struct request_text request;
    expect_err("an exception",
               request_text_read(BYTES("GET https://a.example/a%2Fb"), 0, &request, NULL),
               KH_ERR_SYNTAX);
    request_text_free(&request);
}

static void
facts(void **state)
{
    (void)state;
    struct request_text request;
    struct fault fault = {0};
    enum kh_err err = request_text_read(
        BYTES("POST https://API.Example.com./v1/%7Eme/%c3%a4?a=1&b=x+y%26&a=2&&c"), 0, &request,
        &fault);
    expect_err(fault.detail, err, KH_OK);
    const struct facts *f = &request.facts;
    expect_text("method", f->method, "POST");
    expect_text("scheme", f->scheme, "https");
    expect_text("host", f->host, "api.example.com");
    assert_int_equal(f->port, 443);
    expect_text("path", f->path, "/v1/~me/\xc3\xa4");
    expect_text("encoded", request.path_encoded, "/v1/~me/%C3%A4");
    assert_int_equal(f->query_count, 4);
    expect_text("a", f->query[0].value, "1");
    expect_text("b", f->query[1].value, "x y&");
    expect_text("a again", f->query[2].value, "2");
    expect_text("c", f->query[3].name, "c");
    expect_text("c", f->query[3].value, "");

    assert_int_equal(request_text_header(&request, BYTES("Content-Type:  application/json "), NULL),
                     KH_OK);
    assert_int_equal(f->header_count, 1);
    expect_text("name", f->header[0].name, "content-type");
    expect_text("value", f->header[0].value, "application/json");
    static const char *const bad[] = {"", "x", ": y", "a b: c", "a : c"};
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        expect_err(bad[i], request_text_header(&request, bytes_str(bad[i]), &fault), KH_ERR_SYNTAX);
    assert_int_equal(f->header_count, 1);
    expect_text("kept", request_text_keep(&request, BYTES("alice")), "alice");
    expect_text("method still", f->method, "POST");
    request_text_free(&request);
}

// As the broker's caveats see it: nothing that is for the neighbour, that says where the request
// goes, or that holds the token, however it is spelt, and wherever Connection names it.
static void
fields_that_are_not_seen(void **state)
{
    (void)state;
    static const char *const unseen[] = {
        "Host: a.example",
        "Content-Length: 3",
        "Transfer-Encoding: chunked",
        "TE: trailers",
        "Expect: 100-continue",
        "Keep-Alive: 5",
        "Trailer: x",
        "Proxy-Foo: 1",
        "X-Forwarded-For: 192.0.2.1",
        "X_Forwarded_For: x",
        "Forwarded: for=x",
        "Keyhole-Credential: one",
        "Upgrade: h2c",
        "X-Hop: 1",
        "Authorization: Bearer sk-kh1_AgEA",
        "Connection: close,x-hop",
        "X-Real-IP: 192.0.2.1",
    };
    struct request_text request;
    struct fault fault = {0};
    expect_err("line", request_text_read(BYTES("GET https://a.example/"), 0, &request, &fault),
               KH_OK);
    for (size_t i = 0; i < COUNT_OF(unseen); i++)
        expect_err(unseen[i], request_text_header(&request, bytes_str(unseen[i]), &fault), KH_OK);
    for (size_t i = 0; i < request.facts.header_count; i++)
        fail_msg("seen: %.*s", (int)request.facts.header[i].name.n,
                 (const char *)request.facts.header[i].name.p);
    expect_text("no upgrade", request.facts.upgrade, "");
    expect_err("seen", request_text_header(&request, BYTES("X-Hops: 1"), &fault), KH_OK);
    assert_int_equal(request.facts.header_count, 1);
    expect_text("seen", request.facts.header[0].name, "x-hops");
    request_text_free(&request);
}

static void
an_upgrade(void **state)
{
    (void)state;
    struct request_text request;
    struct fault fault = {0};
    expect_err("line", request_text_read(BYTES("GET https://a.example/"), 0, &request, &fault),
               KH_OK);
    expect_err("", request_text_header(&request, BYTES("Upgrade: WebSocket"), &fault), KH_OK);
    expect_text("Connection does not name it", request.facts.upgrade, "");
    expect_err("", request_text_header(&request, BYTES("Connection: Upgrade"), &fault), KH_OK);
    expect_text("asked for", request.facts.upgrade, "websocket");
    assert_int_equal(request.facts.header_count, 0);
    request_text_free(&request);
}

static void
forms(void **state)
{
    (void)state;
    static const struct {
        const char *line, *host, *path;
        uint16_t port;
    } cases[] = {
        {"GET http://a.example", "a.example", "/", 80},
        {"GET https://a.example?x=1", "a.example", "/", 443},
        {"GET https://a.example:8443/x/", "a.example", "/x/", 8443},
        {"GET http://127.0.0.1:1/x", "127.0.0.1", "/x", 1},
        {"GET https://[2001:DB8::1]/x", "2001:db8::1", "/x", 443},
        {"DELETE https://b\xc3\xbc"
         "cher.example/x",
         "xn--bcher-kva.example", "/x", 443},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct request_text request;
        struct fault fault = {0};
        if (request_text_read(bytes_str(cases[i].line), REQUEST_TEXT_LENIENT, &request, &fault))
            FAIL_WITH("%s: %s", cases[i].line, fault.detail);
        expect_text(cases[i].line, request.facts.host, cases[i].host);
        expect_text(cases[i].line, request.facts.path, cases[i].path);
        assert_int_equal(request.facts.port, cases[i].port);
        request_text_free(&request);
    }
}

static void
limits(void **state)
{
    (void)state;
    static char line[REQUEST_TEXT_MAX + 64];
    struct request_text request;
    struct fault fault = {0};
    memset(line, 'a', sizeof line - 1);
    memcpy(line, "GET https://a.example/", 22);
    expect_err("too long", request_text_read(bytes_str(line), 0, &request, &fault),
               KH_ERR_TOO_LONG);
    request_text_free(&request);
    line[REQUEST_TEXT_MAX] = '\0';
    expect_err("as long as can be", request_text_read(bytes_str(line), 0, &request, &fault), KH_OK);
    for (int i = 0; i < REQUEST_TEXT_PAIRS_MAX; i++)
        expect_err("header", request_text_header(&request, BYTES("a: b"), &fault), KH_OK);
    expect_err("too many", request_text_header(&request, BYTES("a: b"), &fault), KH_ERR_SYNTAX);
    request_text_free(&request);

    size_t n = (size_t)snprintf(line, sizeof line, "GET https://a.example/?");
    for (int i = 0; i <= REQUEST_TEXT_PAIRS_MAX; i++)
        n += (size_t)snprintf(line + n, sizeof line - n, "a=%d&", i);
    expect_err("too many", request_text_read(bytes_str(line), 0, &request, &fault), KH_ERR_SYNTAX);
    request_text_free(&request);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refused),
        cmocka_unit_test(facts),
        cmocka_unit_test(fields_that_are_not_seen),
        cmocka_unit_test(an_upgrade),
        cmocka_unit_test(forms),
        cmocka_unit_test(limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
