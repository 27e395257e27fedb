/* SPDX-License-Identifier: Apache-2.0 */
/* Edits, and the head that goes upstream. */

#include "request_test.h"

#define GET "GET / HTTP/1.1\r\nHost: h\r\n"

#define EDIT(kind_, name_, value_)                                                                 \
    {                                                                                              \
        .kind = EDIT_##kind_, .name = TEXT(name_), .value = TEXT(value_)                           \
    }

static void
written(const struct request *request, enum http1_body body, uint64_t length, bool identity,
        struct buffer *out)
{
    buffer_clear(out);
    request_write(request, body, length, identity, out);
    assert_false(out->failed);
}

static void
test_edits_that_do_not_apply(void **state)
{
    static const struct edit edits[] = {
        {.kind = EDIT_UNSET},
        {.kind = (enum edit_kind)99, .name = TEXT("a")},
        EDIT(HEADER_SET, "", "v"),
        EDIT(HEADER_SET, "a b", "v"),
        EDIT(HEADER_SET, "a", "v\r\nb: c"),
        EDIT(HEADER_SET, "Host", "evil"),
        EDIT(HEADER_SET, "content-length", "5"),
        EDIT(HEADER_SET, "Transfer-Encoding", "chunked"),
        EDIT(HEADER_SET, "connection", "close"),
        EDIT(HEADER_SET, "proxy-authorization", "v"),
        EDIT(HEADER_REMOVE, "Host", ""),
        EDIT(HEADER_REMOVE, "", ""),
        EDIT(QUERY_SET, "", "v"),
        EDIT(QUERY_REMOVE, "", ""),
    };

    (void)state;
    for (size_t i = 0; i < COUNT(edits); i++) {
        struct parsed parsed;

        build_ok(GET "\r\n", &parsed);
        if (request_apply(&parsed.request, &edits[i], 1) != KH_ERR_PROTOCOL)
            fail_msg("edit %zu was applied", i);
        request_free(&parsed.request);
    }
}

static void
test_edits_apply_once(void **state)
{
    static const struct edit edit = EDIT(HEADER_SET, "a", "b");
    struct edit many[DECISION_EDITS_MAX + 1];
    struct parsed parsed;

    (void)state;
    for (size_t i = 0; i < COUNT(many); i++)
        many[i] = edit;
    build_ok(GET "\r\n", &parsed);
    assert_int_equal(request_apply(&parsed.request, many, COUNT(many)), KH_ERR_PROTOCOL);
    assert_int_equal(request_apply(&parsed.request, many, COUNT(many) - 1), KH_OK);
    assert_int_equal(request_apply(&parsed.request, &edit, 1), KH_ERR_PROTOCOL);
    request_free(&parsed.request);
    build_ok(GET "\r\n", &parsed);
    assert_int_equal(request_apply(&parsed.request, NULL, 0), KH_OK);
    request_free(&parsed.request);
}

static void
test_edits(void **state)
{
    static const struct edit edits[] = {
        EDIT(HEADER_SET, "Authorization", "Bearer sk real"),
        EDIT(HEADER_REMOVE, "x-remove", ""),
        EDIT(HEADER_SET, "x-twice", "3"),
        EDIT(QUERY_SET, "key", "a b&c=\xc3\xa4+%"),
        EDIT(QUERY_REMOVE, "gone", ""),
        EDIT(QUERY_SET, "n w", "1"),
    };
    struct parsed parsed;
    BUFFER_AUTO out;

    (void)state;
    buffer_init_secret(&out, 4096);
    build_ok("GET /p?x&k%65y=old&y=1&gone=1&key=older&gone HTTP/1.1\r\nHost: h\r\nX-Twice: 1\r\n"
             "x-remove: 1\r\nX-TWICE: 2\r\nauthorization: Bearer kept-out\r\nLast: l\r\n\r\n",
             &parsed);
    assert_int_equal(request_apply(&parsed.request, edits, COUNT(edits)), KH_OK);
    written(&parsed.request, BODY_NONE, 0, false, &out);
    assert_text(buffer_bytes(&out), "GET /p?x&key=a%20b%26c%3D%C3%A4%2B%25&y=1&n%20w=1 HTTP/1.1\r\n"
                                    "host: api.example.com\r\nlast: l\r\n"
                                    "Authorization: Bearer sk real\r\nx-twice: 3\r\n\r\n");
    request_free(&parsed.request);
}

/* Some services read parameters in order, and a signature covers them in it. */
static void
test_a_query_edit_takes_the_place_of_the_token(void **state)
{
    static const struct edit edit = EDIT(QUERY_SET, "key", "real");
    static struct route route = {.slot_count = 1};
    const struct route *routes[] = {&route};
    struct request_token token;
    struct parsed parsed;
    BUFFER_AUTO out;

    (void)state;
    route.slot[0] = (struct slot){.kind = SLOT_QUERY, .name = BYTES("key")};
    buffer_init_secret(&out, 4096);
    build_ok("GET /p?a=1&key=kh1_AgEDYWJj&b=2 HTTP/1.1\r\nHost: h\r\n\r\n", &parsed);
    assert_int_equal(
        request_take_token(&parsed.request, &parsed.head, routes, 1, &token, &parsed.fault),
        KH_REASON_UNSET);
    assert_int_equal(request_apply(&parsed.request, &edit, 1), KH_OK);
    written(&parsed.request, BODY_NONE, 0, false, &out);
    assert_text(buffer_bytes(&out),
                "GET /p?a=1&key=real&b=2 HTTP/1.1\r\nhost: api.example.com\r\n\r\n");
    request_free(&parsed.request);
}

static void
test_edits_copy(void **state)
{
    char name[] = "x-key", value[] = "secret";
    struct edit edit = {
        .kind = EDIT_HEADER_SET, .name = bytes_of(name, 5), .value = bytes_of(value, 6)};
    struct parsed parsed;
    BUFFER_AUTO out;

    (void)state;
    buffer_init_secret(&out, 4096);
    build_ok(GET "\r\n", &parsed);
    assert_int_equal(request_apply(&parsed.request, &edit, 1), KH_OK);
    memset(name, '!', sizeof name);
    memset(value, '!', sizeof value);
    written(&parsed.request, BODY_NONE, 0, false, &out);
    assert_true(bytes_find(buffer_bytes(&out), BYTES("x-key: secret\r\n")) < out.n);
    request_free(&parsed.request);
}

/* A request is judged again while it runs: on what was judged, not on what was put in. */
static void
test_the_facts_stay_what_was_judged(void **state)
{
    static const struct edit edits[] = {
        EDIT(HEADER_SET, "x-a", "secret"), EDIT(HEADER_REMOVE, "x-b", ""),
        EDIT(QUERY_SET, "q", "secret"),    EDIT(QUERY_REMOVE, "r", ""),
        EDIT(QUERY_SET, "s", "secret"),
    };
    static struct message_decide before, after;
    struct parsed parsed;

    (void)state;
    build_ok("GET /?r=1&q=2 HTTP/1.1\r\nHost: h\r\nX-A: 1\r\nX-B: 2\r\n\r\n", &parsed);
    request_describe(&parsed.request, &before);
    assert_int_equal(request_apply(&parsed.request, edits, COUNT(edits)), KH_OK);
    request_describe(&parsed.request, &after);
    assert_int_equal(after.query_count, before.query_count);
    assert_int_equal(after.header_count, before.header_count);
    for (size_t i = 0; i < before.query_count; i++) {
        assert_bytes(after.query[i].name, before.query[i].name);
        assert_bytes(after.query[i].value, before.query[i].value);
    }
    for (size_t i = 0; i < before.header_count; i++) {
        assert_bytes(after.header[i].name, before.header[i].name);
        assert_bytes(after.header[i].value, before.header[i].value);
    }
    request_free(&parsed.request);
}

static void
test_queries_that_vanish(void **state)
{
    static const struct edit edits[] = {EDIT(QUERY_REMOVE, "a", "")};
    struct parsed parsed;
    BUFFER_AUTO out;

    (void)state;
    buffer_init(&out, 4096);
    build_ok("GET /?a HTTP/1.1\r\nHost: h\r\n\r\n", &parsed);
    assert_int_equal(request_apply(&parsed.request, edits, 1), KH_OK);
    written(&parsed.request, BODY_NONE, 0, false, &out);
    assert_true(bytes_starts(buffer_bytes(&out), BYTES("GET / HTTP/1.1\r\n")));
    request_free(&parsed.request);
    build_ok("GET /? HTTP/1.1\r\nHost: h\r\n\r\n", &parsed);
    written(&parsed.request, BODY_NONE, 0, false, &out);
    assert_true(bytes_starts(buffer_bytes(&out), BYTES("GET /? HTTP/1.1\r\n")));
    request_free(&parsed.request);
}

static void
test_host(void **state)
{
    static const struct {
        struct bytes scheme, host;
        uint16_t port;
        const char *want;
    } rows[] = {
        {TEXT("https"), TEXT("a.b"), 443, "\r\nhost: a.b\r\n"},
        {TEXT("https"), TEXT("a.b"), 80, "\r\nhost: a.b:80\r\n"},
        {TEXT("http"), TEXT("a.b"), 80, "\r\nhost: a.b\r\n"},
        {TEXT("http"), TEXT("127.0.0.1"), 443, "\r\nhost: 127.0.0.1:443\r\n"},
        {TEXT("https"), TEXT("::1"), 443, "\r\nhost: [::1]\r\n"},
        {TEXT("https"), TEXT("2001:db8::1"), 8443, "\r\nhost: [2001:db8::1]:8443\r\n"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct request_destination to = {
            .way = WAY_HOST, .scheme = rows[i].scheme, .host = rows[i].host, .port = rows[i].port};
        struct parsed parsed;
        BUFFER_AUTO out;

        buffer_init(&out, 4096);
        assert_reason(build_for(GET "\r\n", &to, &parsed), KH_REASON_UNSET);
        written(&parsed.request, BODY_NONE, 0, false, &out);
        if (bytes_find(buffer_bytes(&out), bytes_str(rows[i].want)) == out.n) {
            print_text("got", buffer_bytes(&out));
            fail_msg("expected %s", rows[i].want);
        }
        request_free(&parsed.request);
    }
}

static void
test_a_host_that_is_none_is_not_written(void **state)
{
    struct request_destination to = {.scheme = BYTES("https"), .host = BYTES("a\r\nb"), .port = 1};
    struct parsed parsed;
    BUFFER_AUTO out;

    (void)state;
    buffer_init(&out, 4096);
    assert_reason(build_for(GET "\r\n", &to, &parsed), KH_REASON_UNSET);
    request_write(&parsed.request, BODY_NONE, 0, false, &out);
    assert_true(out.failed);
    request_free(&parsed.request);
}

static void
test_framing(void **state)
{
    static const struct {
        const char *method;
        enum http1_body body;
        uint64_t length;
        const char *want; /* NULL: no framing */
    } rows[] = {
        {"GET", BODY_NONE, 0, NULL},
        {"DELETE", BODY_NONE, 0, NULL},
        {"POST", BODY_NONE, 0, "\r\nContent-Length: 0\r\n"},
        {"PUT", BODY_NONE, 0, "\r\nContent-Length: 0\r\n"},
        {"PATCH", BODY_NONE, 0, "\r\nContent-Length: 0\r\n"},
        {"GET", BODY_LENGTH, 0, "\r\nContent-Length: 0\r\n"},
        {"POST", BODY_LENGTH, 17, "\r\nContent-Length: 17\r\n"},
        {"POST", BODY_CHUNKED, 17, "\r\ntransfer-encoding: chunked\r\n"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct parsed parsed;
        BUFFER_AUTO text;
        BUFFER_AUTO out;

        buffer_init(&text, 1024);
        buffer_init(&out, 4096);
        buffer_printf(&text, "%s / HTTP/1.1\r\nHost: h\r\n\r\n", rows[i].method);
        build_ok(buffer_text(&text), &parsed);
        written(&parsed.request, rows[i].body, rows[i].length, false, &out);
        if (rows[i].want == NULL) {
            assert_true(bytes_find(buffer_bytes(&out), BYTES("ength")) == out.n);
            assert_true(bytes_find(buffer_bytes(&out), BYTES("encoding")) == out.n);
        } else {
            assert_true(bytes_find(buffer_bytes(&out), bytes_str(rows[i].want)) < out.n);
        }
        buffer_clear(&out);
        request_write(&parsed.request, BODY_CLOSE, 0, false, &out);
        assert_true(out.failed); /* the end of a connection ends no request */
        request_free(&parsed.request);
    }
}

static void
test_identity(void **state)
{
    struct parsed parsed;
    BUFFER_AUTO out;

    (void)state;
    buffer_init(&out, 4096);
    build_ok(GET "Accept-Encoding: gzip\r\nA: b\r\naccept-encoding: br\r\n\r\n", &parsed);
    written(&parsed.request, BODY_NONE, 0, true, &out);
    assert_text(buffer_bytes(&out), "GET / HTTP/1.1\r\nhost: api.example.com\r\na: b\r\n"
                                    "accept-encoding: identity\r\n\r\n");
    written(&parsed.request, BODY_NONE, 0, false, &out);
    assert_text(buffer_bytes(&out),
                "GET / HTTP/1.1\r\nhost: api.example.com\r\naccept-encoding: gzip\r\na: b\r\n"
                "accept-encoding: br\r\n\r\n");
    request_free(&parsed.request);
    build_ok(GET "\r\n", &parsed);
    written(&parsed.request, BODY_NONE, 0, true, &out);
    assert_true(bytes_find(buffer_bytes(&out), BYTES("accept-encoding: identity\r\n")) < out.n);
    request_free(&parsed.request);
}

/* The parser's word counts for what it has seen, and for nothing that was put together since. */
static void
test_what_was_not_parsed_is_looked_at(void **state)
{
    static const struct bytes bad[] = {TEXT("v\r\nEvil: 1"), TEXT("v\nEvil: 1"), TEXT("\x7f")};

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct parsed parsed;
        BUFFER_AUTO out;

        buffer_init(&out, 4096);
        build_ok(GET "A: b\r\n\r\n", &parsed);
        assert_true(parsed.request.field[0].parsed);
        parsed.request.field[0].value = bad[i];
        parsed.request.field[0].parsed = false;
        request_write(&parsed.request, BODY_NONE, 0, false, &out);
        assert_true(out.failed);
        request_free(&parsed.request);
    }
}

static void
test_upgrade(void **state)
{
    struct parsed parsed;
    BUFFER_AUTO out;

    (void)state;
    buffer_init(&out, 4096);
    build_ok(GET "Connection: upgrade\r\nUpgrade: websocket\r\n\r\n", &parsed);
    written(&parsed.request, BODY_NONE, 0, false, &out);
    assert_text(buffer_bytes(&out), "GET / HTTP/1.1\r\nhost: api.example.com\r\n"
                                    "connection: upgrade\r\nupgrade: websocket\r\n\r\n");
    request_free(&parsed.request);

    /* Nothing else is passed on, and nothing that would hide what comes back. */
    build_ok(GET "Connection: upgrade\r\nUpgrade: h2c\r\n"
                 "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n",
             &parsed);
    written(&parsed.request, BODY_NONE, 0, true, &out);
    assert_text(buffer_bytes(&out), "GET / HTTP/1.1\r\nhost: api.example.com\r\n"
                                    "accept-encoding: identity\r\n\r\n");
    request_free(&parsed.request);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_edits_that_do_not_apply),
        cmocka_unit_test(test_edits_apply_once),
        cmocka_unit_test(test_edits),
        cmocka_unit_test(test_a_query_edit_takes_the_place_of_the_token),
        cmocka_unit_test(test_edits_copy),
        cmocka_unit_test(test_the_facts_stay_what_was_judged),
        cmocka_unit_test(test_queries_that_vanish),
        cmocka_unit_test(test_host),
        cmocka_unit_test(test_a_host_that_is_none_is_not_written),
        cmocka_unit_test(test_framing),
        cmocka_unit_test(test_identity),
        cmocka_unit_test(test_what_was_not_parsed_is_looked_at),
        cmocka_unit_test(test_upgrade),
    };
    return cmocka_run_group_tests_name("http/request_write", tests, NULL, NULL);
}
