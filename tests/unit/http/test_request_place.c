/* SPDX-License-Identifier: Apache-2.0 */
/* From the token in a path, a cookie or a subprotocol to the key in the same place. */

#include "request_test.h"

#include "../../../broker/http/request_place.h"

#define T            "bot123:kh1_abc"
#define HEAD(target) "GET " target " HTTP/1.1\r\nHost: h\r\n"
#define GET          HEAD("/")

static const struct route path = {.slot = {{.kind = SLOT_PATH}}, .slot_count = 1};
static const struct route cookie = {.slot = {{.kind = SLOT_COOKIE, .name = TEXT("sid")}},
                                    .slot_count = 1};
static const struct route protocol = {.slot = {{.kind = SLOT_SUBPROTOCOL}}, .slot_count = 1};
static const struct route prefixed = {.slot = {{.kind = SLOT_SUBPROTOCOL, .name = TEXT("x.")}},
                                      .slot_count = 1};
static const struct route bearer = {.slot = {{.kind = SLOT_BEARER}}, .slot_count = 1};

static enum kh_reason
take(const char *text, const struct route *route, struct parsed *parsed, struct request_token *out)
{
    build_ok(text, parsed);
    return request_take_token(&parsed->request, &parsed->head, &route, 1, out, &parsed->fault);
}

static const struct {
    const char *text;
    const struct route *route;
    enum kh_reason reason;
} refused[] = {
    /* the path */
    {HEAD("/bots/123/get") "\r\n", &path, KH_REASON_TOKEN_MISSING},
    {HEAD("/" T "/" T) "\r\n", &path, KH_REASON_TOKEN_MISPLACED},
    {HEAD("/" T "/kh1_x") "\r\n", &path, KH_REASON_TOKEN_MISPLACED},
    {HEAD("/" T) "\r\n", &bearer, KH_REASON_TOKEN_MISPLACED},
    {HEAD("/a/%6bh1_x") "\r\n", &bearer, KH_REASON_TOKEN_MISPLACED},
    {HEAD("/kh1_x") "Authorization: Bearer kh1_x\r\n\r\n", &bearer, KH_REASON_TOKEN_MISPLACED},
    /* cookies */
    {GET "Cookie: a=b\r\n\r\n", &cookie, KH_REASON_TOKEN_MISSING},
    {GET "Cookie: SID=b\r\n\r\n", &cookie, KH_REASON_TOKEN_MISSING},
    {GET "Cookie: sid=real\r\n\r\n", &cookie, KH_REASON_FOREIGN_KEY},
    {GET "Cookie: a=kh1_x\r\n\r\n", &cookie, KH_REASON_TOKEN_MISPLACED},
    {GET "Cookie: sid=kh1_x; a=kh1_x\r\n\r\n", &cookie, KH_REASON_TOKEN_MISPLACED},
    {GET "Cookie: sid=kh1_x; sid=kh1_x\r\n\r\n", &cookie, KH_REASON_TOKEN_MISPLACED},
    {GET "Cookie: sid=kh1_x; sid=\r\n\r\n", &cookie, KH_REASON_TOKEN_MISPLACED},
    {GET "Cookie: sid=; sid=kh1_x\r\n\r\n", &cookie, KH_REASON_TOKEN_MISPLACED},
    {GET "Cookie: sid=kh1_x\r\nCookie: sid=kh1_x\r\n\r\n", &cookie, KH_REASON_TOKEN_MISPLACED},
    {GET "Cookie: a=b; sid=kh1_x\r\n\r\n", &bearer, KH_REASON_TOKEN_MISPLACED},
    /* subprotocols */
    {GET "Sec-WebSocket-Protocol: realtime\r\n\r\n", &protocol, KH_REASON_TOKEN_MISSING},
    {GET "Sec-WebSocket-Protocol: a, x.kh1_x\r\n\r\n", &bearer, KH_REASON_TOKEN_MISPLACED},
    {GET "Sec-WebSocket-Protocol: x.kh1_x, x.kh1_x\r\n\r\n", &protocol, KH_REASON_TOKEN_MISPLACED},
    {GET "Sec-WebSocket-Protocol: kh1_x, kh1_y\r\n\r\n", &protocol, KH_REASON_TOKEN_MISPLACED},
    {GET "Sec-WebSocket-Protocol: realtime, y.real\r\n\r\n", &prefixed, KH_REASON_TOKEN_MISSING},
    {GET "Sec-WebSocket-Protocol: realtime, x.real\r\n\r\n", &prefixed, KH_REASON_FOREIGN_KEY},
    {GET "Sec-WebSocket-Protocol: x.kh1_x, x.real\r\n\r\n", &prefixed, KH_REASON_TOKEN_MISPLACED},
    {GET "Sec-WebSocket-Protocol: x.real\r\nKeyhole-Token: kh1_x\r\n\r\n", &prefixed,
     KH_REASON_FOREIGN_KEY},
    {GET "Sec-WebSocket-Protocol: y.kh1_x\r\n\r\n", &prefixed, KH_REASON_TOKEN_MISPLACED},
};

static void
test_refusals(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        struct parsed parsed;
        struct request_token token = {0};
        struct message_decide message = {0};
        enum kh_reason reason = take(refused[i].text, refused[i].route, &parsed, &token);

        if (reason != refused[i].reason)
            fail_msg("%s: %s", refused[i].text, reason ? kh_reason_code(reason) : "taken");
        request_describe(&parsed.request, &message);
        assert_true(bytes_find(message.path_encoded, BYTES("kh1_")) == message.path_encoded.n);
        assert_true(bytes_find(message.path, BYTES("kh1_")) == message.path.n);
        request_free(&parsed.request);
    }
}

static const struct {
    const char *text;
    const struct route *route;
    const char *token, *path; /* path: judged */
    struct edit edit;
    const char *target;       /* sent */
    const char *fact, *field; /* the value of the list's field, judged and sent */
} places[] = {
    {HEAD("/" T "/getMe?a=b") "\r\n",
     &path,
     T,
     "/KEY/getMe",
     {.kind = EDIT_PATH_SET, .value = TEXT("bot12:real")},
     "/bot12:real/getMe?a=b",
     NULL,
     NULL},
    {HEAD("/file/" T "/a%20b/") "\r\n",
     &path,
     T,
     "/file/KEY/a b/",
     {.kind = EDIT_PATH_SET, .value = TEXT("a/b;c")},
     "/file/a%2Fb%3Bc/a%20b/",
     NULL,
     NULL},
    {HEAD("/" T) "\r\n",
     &path,
     T,
     "/KEY",
     {.kind = EDIT_PATH_SET, .value = TEXT("x")},
     "/x",
     NULL,
     NULL},
    {HEAD("/KEY/" T "/KEY") "\r\n",
     &path,
     T,
     "/KEY/KEY/KEY",
     {.kind = EDIT_PATH_SET, .value = TEXT("x")},
     "/KEY/x/KEY",
     NULL,
     NULL},
    {GET "Cookie: a=b;  sid=kh1_x;c=\"d\"\r\n\r\n",
     &cookie,
     "kh1_x",
     "/",
     {.kind = EDIT_COOKIE_SET, .name = TEXT("sid"), .value = TEXT("real")},
     "/",
     "a=b;c=\"d\"",
     "a=b; sid=real;c=\"d\""},
    {GET "Cookie: sid=\"kh1_x\"; c=d\r\n\r\n",
     &cookie,
     "kh1_x",
     "/",
     {.kind = EDIT_COOKIE_SET, .name = TEXT("auth"), .value = TEXT("real")},
     "/",
     "c=d",
     "auth=real;c=d"},
    {GET "Cookie: sid=kh1_x\r\n\r\n",
     &cookie,
     "kh1_x",
     "/",
     {.kind = EDIT_COOKIE_SET, .name = TEXT("sid"), .value = TEXT("real")},
     "/",
     NULL,
     "sid=real"},
    {GET "Authorization: Bearer kh1_x\r\n\r\n",
     &bearer,
     "kh1_x",
     "/",
     {.kind = EDIT_COOKIE_SET, .name = TEXT("sid"), .value = TEXT("real")},
     "/",
     NULL,
     "sid=real"},
    {GET "Authorization: Bearer kh1_x\r\nCookie: sid=mine; a=b\r\n\r\n",
     &bearer,
     "kh1_x",
     "/",
     {.kind = EDIT_COOKIE_SET, .name = TEXT("sid"), .value = TEXT("real")},
     "/",
     "sid=mine; a=b",
     "a=b; sid=real"},
    {GET "Sec-WebSocket-Protocol: realtime, key.kh1_x, beta\r\n\r\n",
     &protocol,
     "key.kh1_x",
     "/",
     {.kind = EDIT_SUBPROTOCOL_SET, .value = TEXT("key.real")},
     "/",
     "realtime, beta",
     "realtime, key.real, beta"},
};

static struct bytes
list_value(const struct request *request, bool sent)
{
    for (size_t i = 0; i < request->field_count; i++) {
        const struct request_field *field = &request->field[i];
        if ((bytes_is(field->name, "cookie") || bytes_is(field->name, "sec-websocket-protocol")) &&
            (sent ? !field->removed : !field->injected))
            return field->value;
    }
    return BYTES_EMPTY;
}

/* What is written without another look stands in the text that was parsed. */
static void
assert_parsed_is_in(const struct request *request, const char *text)
{
    for (size_t i = 0; i < request->field_count; i++) {
        const uint8_t *value = request->field[i].value.p, *from = (const uint8_t *)text;

        if (request->field[i].parsed && value != NULL)
            assert_true(value >= from && value <= from + strlen(text));
    }
}

static void
test_places(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        struct parsed parsed;
        struct request_token token = {0};
        struct message_decide message = {0};
        char line[256];
        BUFFER_AUTO out;

        buffer_init(&out, 4096);
        assert_reason(take(places[i].text, places[i].route, &parsed, &token), KH_REASON_UNSET);
        assert_text(token.text, places[i].token);
        assert_int_equal(request_apply(&parsed.request, &places[i].edit, 1), KH_OK);
        assert_parsed_is_in(&parsed.request, places[i].text);
        request_describe(&parsed.request, &message);
        assert_text(message.path, places[i].path);
        request_write(&parsed.request, BODY_NONE, 0, false, &out);
        assert_false(out.failed);
        snprintf(line, sizeof line, "GET %s HTTP/1.1\r\n", places[i].target);
        if (!bytes_starts(buffer_bytes(&out), bytes_str(line)))
            print_text("the request line", buffer_bytes(&out)), fail();
        assert_true(bytes_find(buffer_bytes(&out), BYTES("kh1_")) == out.n);
        assert_text(list_value(&parsed.request, false), places[i].fact ? places[i].fact : "");
        assert_text(list_value(&parsed.request, true), places[i].field ? places[i].field : "");
        request_free(&parsed.request);
    }
}

static void
test_edits_that_do_not_apply(void **state)
{
    static const struct edit bad[] = {
        {.kind = EDIT_PATH_SET, .value = TEXT("real")}, /* there is no place for it */
        {.kind = EDIT_COOKIE_SET, .name = TEXT("a b"), .value = TEXT("real")},
        {.kind = EDIT_COOKIE_SET, .name = TEXT("a"), .value = TEXT("r;eal")},
        {.kind = EDIT_COOKIE_SET, .name = TEXT("a"), .value = TEXT("r eal")},
        {.kind = EDIT_COOKIE_SET, .value = TEXT("real")},
        {.kind = EDIT_SUBPROTOCOL_SET, .value = TEXT("a,b")},
        {.kind = EDIT_SUBPROTOCOL_SET},
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct parsed parsed;

        build_ok(GET "\r\n", &parsed);
        assert_int_equal(request_apply(&parsed.request, &bad[i], 1), KH_ERR_PROTOCOL);
        request_free(&parsed.request);
    }
}

/* The field of the token's list is found again, however many are gone before it and behind it. */
static void
test_digests_are_dropped(void **state)
{
    static const struct edit edit = {EDIT_COOKIE_SET, BYTES("sid"), BYTES("real")};
    static const struct {
        const char *text, *sent;
    } rows[] = {
        {GET "Digest: x\r\nA: 1\r\nContent-MD5: x\r\nCookie: a=b; sid=kh1_x\r\nRepr-Digest: x\r\n"
             "Cookie: c=d\r\n\r\n",
         "a: 1\r\ncookie: a=b; sid=real\r\ncookie: c=d\r\n"},
        {GET "Content-Digest: x\r\nCookie: sid=kh1_x\r\nB: 2\r\n\r\n",
         "b: 2\r\ncookie: sid=real\r\n"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct parsed parsed;
        struct request_token token;
        BUFFER_AUTO out;
        buffer_init(&out, 4096);
        assert_int_equal(take(rows[i].text, &cookie, &parsed, &token), KH_REASON_UNSET);
        request_drop_digests(&parsed.request);
        assert_int_equal(request_apply(&parsed.request, &edit, 1), KH_OK);
        request_write(&parsed.request, BODY_NONE, 0, false, &out);
        if (bytes_find(buffer_bytes(&out), bytes_str(rows[i].sent)) == out.n)
            fail_msg("row %zu: %.*s", i, (int)out.n, (const char *)out.p);
        assert_true(bytes_find(buffer_bytes(&out), BYTES("igest")) == out.n);
        request_free(&parsed.request);
    }
}

/* A field beside the key's stays as it is where it stands, however many there are. */
static void
test_many_fields(void **state)
{
    static const struct edit edit = {EDIT_COOKIE_SET, BYTES("sid"), BYTES("real")};
    struct parsed parsed;
    struct request_token token = {0};
    struct message_decide message = {0};
    BUFFER_AUTO text;
    BUFFER_AUTO out;

    (void)state;
    buffer_init(&text, 8192);
    buffer_init(&out, 8192);
    buffer_put_str(&text, GET);
    for (int i = 0; i < 97; i++)
        buffer_put_str(&text, i == 40 ? "cookie: a=b; sid=kh1_x\r\n" : "cookie: c=d\r\n");
    buffer_put_str(&text, "b: 2\r\n\r\n");
    assert_reason(take(buffer_text(&text), &cookie, &parsed, &token), KH_REASON_UNSET);
    assert_int_equal(request_apply(&parsed.request, &edit, 1), KH_OK);
    request_describe(&parsed.request, &message);
    assert_int_equal(message.header_count, 98);
    assert_text(message.header[40].value, "a=b");
    request_write(&parsed.request, BODY_NONE, 0, false, &out);
    assert_false(out.failed);
    size_t at = bytes_find(buffer_bytes(&out), BYTES("sid=real"));
    assert_true(
        bytes_starts(bytes_from(buffer_bytes(&out), at), BYTES("sid=real\r\ncookie: c=d\r\n")));
    request_free(&parsed.request);
}

/* As many as a set may have, each of them in the cookie that is sent, and there once. */
static void
test_several_cookies(void **state)
{
    static const char *const rows[] = {
        GET "Cookie: sid=kh1_x\r\n\r\n",
        GET "Cookie: sid=kh1_x; a=b\r\n\r\n",
        GET "Cookie: a=b; sid=kh1_x; c=d\r\nCookie: e=f\r\nB: 2\r\n\r\n",
        GET "A: 1\r\nCookie: two=old; e=f\r\nCookie: sid=kh1_x\r\n\r\n",
        GET "Cookie: e=f\r\nKeyhole-Token: kh1_x\r\n\r\n",
        GET "Keyhole-Token: kh1_x\r\n\r\n",
    };
    static const char *const names[] = {"one",  "two", "three", "four",
                                        "five", "six", "seven", "eight"};
    enum { COUNT = sizeof names / sizeof names[0] };
    static char value[2001];
    struct edit edit[COUNT];

    (void)state;
    memset(value, 'v', sizeof value - 1);
    for (size_t i = 0; i < COUNT; i++)
        edit[i] = (struct edit){EDIT_COOKIE_SET, bytes_str(names[i]), bytes_str(value)};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct parsed parsed;
        struct request_token token = {0};
        struct bytes sent = BYTES_EMPTY;
        size_t fields = 0;

        assert_reason(take(rows[i], &cookie, &parsed, &token), KH_REASON_UNSET);
        if (request_apply(&parsed.request, edit, COUNT) != KH_OK)
            fail_msg("not applied: %s", rows[i]);
        for (size_t f = 0; f < parsed.request.field_count; f++) {
            const struct request_field *field = &parsed.request.field[f];
            if (field->removed || !bytes_is(field->name, "cookie"))
                continue;
            fields++;
            sent = field->value.n > sent.n ? field->value : sent;
        }
        for (size_t n = 0; n < COUNT; n++) {
            char pair[16];
            snprintf(pair, sizeof pair, "%s=v", names[n]);
            size_t at = bytes_find(sent, bytes_str(pair));
            struct bytes rest = bytes_from(sent, at + 1);
            if (at == sent.n || bytes_find(rest, bytes_str(pair)) != rest.n)
                fail_msg("%s is not there once: %s", names[n], rows[i]);
        }
        bool has_other = bytes_find(bytes_str(rows[i]), BYTES("e=f")) < strlen(rows[i]);
        bool with_token = bytes_find(bytes_str(rows[i]), BYTES("Keyhole")) < strlen(rows[i]);
        assert_int_equal(fields, has_other && !with_token ? 2 : 1);
        request_free(&parsed.request);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_edits_that_do_not_apply),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_places),
        cmocka_unit_test(test_digests_are_dropped),
        cmocka_unit_test(test_many_fields),
        cmocka_unit_test(test_several_cookies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
