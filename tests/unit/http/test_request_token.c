/* SPDX-License-Identifier: Apache-2.0 */
/* Where a token may stand, where it may not, and what else may not stand there. */

#include "request_test.h"

#define GET  "GET / HTTP/1.1\r\nHost: h\r\n"
#define T    "sk-kh1_abc"
#define T2   "kh1_other"
#define T64  "c2sta2gxX2FiYw=="             /* base64 of T */
#define UT64 "dXNlcjpzay1raDFfYWJj"         /* user:T */
#define TU64 "c2sta2gxX2FiYzp4"             /* T:x */
#define TT64 "c2sta2gxX2FiYzpzay1raDFfYWJj" /* T:T */
#define T264 "c2sta2gxX2FiYzpraDFfb3RoZXI=" /* T:T2 */
#define UP64 "dXNlcjpwYXNz"                 /* user:pass */

static const struct route bearer = {.slot = {{.kind = SLOT_BEARER}}, .slot_count = 1};
static const struct route basic = {.slot = {{.kind = SLOT_BASIC}}, .slot_count = 1};
static const struct route both = {.slot = {{.kind = SLOT_BEARER}, {.kind = SLOT_BASIC}},
                                  .slot_count = 2};
static const struct route header = {.slot = {{.kind = SLOT_HEADER, .name = TEXT("x-api-key")}},
                                    .slot_count = 1,
                                    .inject_kind = INJECT_HEADER,
                                    .inject_name = TEXT("X-Inject-Key")};
static const struct route authorization = {
    .slot = {{.kind = SLOT_HEADER, .name = TEXT("authorization")}}, .slot_count = 1};
static const struct route header_and_bearer = {
    .slot = {{.kind = SLOT_HEADER, .name = TEXT("x-api-key")}, {.kind = SLOT_BEARER}},
    .slot_count = 2};
static const struct route passing = {
    .slot = {{.kind = SLOT_HEADER, .name = TEXT("x-api-key")}, {.kind = SLOT_BEARER}},
    .slot_count = 2,
    .foreign_pass = true};
static const struct route query = {.slot = {{.kind = SLOT_QUERY, .name = TEXT("key")}},
                                   .slot_count = 1};

struct row {
    const char *text;
    const struct route *route[2];
    enum kh_reason reason;
    enum slot_kind slot;
    bool in_user;
    size_t fields_left; /* of the request, after success */
};

static const struct row rows[] = {
    /* nothing */
    {GET "\r\n", {&bearer}, .reason = KH_REASON_TOKEN_MISSING},
    {GET "\r\n", {NULL}, .reason = KH_REASON_TOKEN_MISSING},
    {GET "Authorization: Bearer\r\n\r\n", {&bearer}, .reason = KH_REASON_TOKEN_MISSING},
    {GET "Authorization:\r\n\r\n", {&bearer}, .reason = KH_REASON_TOKEN_MISSING},
    {GET "Authorization: Basic Og==\r\n\r\n", {&basic}, .reason = KH_REASON_TOKEN_MISSING},
    {GET "x-api-key:\r\n\r\n", {&header}, .reason = KH_REASON_TOKEN_MISSING},
    {"GET /?key=&key HTTP/1.1\r\nHost: h\r\n\r\n", {&query}, .reason = KH_REASON_TOKEN_MISSING},
    /* bearer */
    {GET "Authorization: Bearer " T "\r\n\r\n", {&bearer}, .slot = SLOT_BEARER},
    {GET "Authorization: bearer " T "\r\n\r\n", {&bearer}, .slot = SLOT_BEARER},
    {GET "Authorization: token " T "\r\n\r\n", {&bearer}, .slot = SLOT_BEARER},
    {GET "Authorization: Token " T "\r\nA: b\r\n\r\n",
     {&bearer},
     .slot = SLOT_BEARER,
     .fields_left = 1},
    {GET "Authorization: Bearer sk-real\r\n\r\n", {&bearer}, .reason = KH_REASON_FOREIGN_KEY},
    {GET "Authorization: " T "\r\n\r\n", {&bearer}, .reason = KH_REASON_TOKEN_MISPLACED},
    {GET "Authorization: Bearer  " T "\r\n\r\n", {&bearer}, .reason = KH_REASON_TOKEN_MISPLACED},
    {GET "Authorization: Bearer\t" T "\r\n\r\n", {&bearer}, .reason = KH_REASON_TOKEN_MISPLACED},
    {GET "Authorization: Bearer " T " x\r\n\r\n", {&bearer}, .reason = KH_REASON_TOKEN_MISPLACED},
    {GET "Authorization: Digest " T "\r\n\r\n", {&bearer}, .reason = KH_REASON_TOKEN_MISPLACED},
    {"GET /bot" T "/x HTTP/1.1\r\nHost: h\r\n\r\n", {&bearer}, .reason = KH_REASON_TOKEN_MISPLACED},
    {GET "Authorization: Digest x\r\n\r\n", {&bearer}, .reason = KH_REASON_FOREIGN_KEY},
    {GET "Authorization: Basic " UT64 "\r\n\r\n", {&bearer}, .reason = KH_REASON_TOKEN_MISPLACED},
    {GET "Authorization: Basic " UP64 "\r\n\r\n", {&bearer}, .reason = KH_REASON_FOREIGN_KEY},
    /* basic */
    {GET "Authorization: Basic " UT64 "\r\n\r\n", {&basic}, .slot = SLOT_BASIC},
    {GET "Authorization: basic " TU64 "\r\n\r\n", {&basic}, .slot = SLOT_BASIC, .in_user = true},
    {GET "Authorization: Basic " TT64 "\r\n\r\n", {&basic}, .slot = SLOT_BASIC},
    {GET "Authorization: Basic " T "\r\n\r\n", {&basic}, .slot = SLOT_BASIC},
    {GET "Authorization: Basic " T "\r\n\r\n", {&bearer}, .reason = KH_REASON_TOKEN_MISPLACED},
    {GET "Authorization: Basic " T264 "\r\n\r\n", {&basic}, .reason = KH_REASON_TOKEN_MISPLACED},
    {GET "Authorization: Basic " UP64 "\r\n\r\n", {&basic}, .reason = KH_REASON_FOREIGN_KEY},
    {GET "Authorization: Basic " T64 "\r\n\r\n", {&basic}, .reason = KH_REASON_FOREIGN_KEY},
    {GET "Authorization: Basic %%%\r\n\r\n", {&basic}, .reason = KH_REASON_FOREIGN_KEY},
    {GET "Authorization: Basic dXNlcjpzay1raDFfYWJjZ\r\n\r\n",
     {&basic},
     .reason = KH_REASON_FOREIGN_KEY},
    {GET "Authorization: Bearer " T "\r\n\r\n", {&basic}, .reason = KH_REASON_TOKEN_MISPLACED},
    {GET "Authorization: Bearer " T "\r\n\r\n", {&both}, .slot = SLOT_BEARER},
    {GET "Authorization: Basic " UT64 "\r\n\r\n", {&both}, .slot = SLOT_BASIC},
    {GET "Authorization: Basic " UT64 "\r\n\r\n", {&bearer, &basic}, .slot = SLOT_BASIC},
    /* header */
    {GET "X-API-Key: " T "\r\nA: b\r\n\r\n", {&header}, .slot = SLOT_HEADER, .fields_left = 1},
    {GET "X-API-Key: sk-real\r\n\r\n", {&header}, .reason = KH_REASON_FOREIGN_KEY},
    {GET "X-API-Key: " T "\r\nX-API-Key: " T "\r\n\r\n", {&header}, .slot = SLOT_HEADER},
    {GET "X-API-Key: " T "\r\nX-API-Key: " T2 "\r\n\r\n",
     {&header},
     .reason = KH_REASON_TOKEN_MISPLACED},
    {GET "X-API-Key: " T "\r\nX-API-Key: sk-real\r\n\r\n",
     {&header},
     .reason = KH_REASON_FOREIGN_KEY},
    {GET "X-API-Key: Bot " T "\r\n\r\n", {&header}, .slot = SLOT_HEADER},
    {GET "Authorization: ApiKey " T "\r\n\r\n", {&authorization}, .slot = SLOT_HEADER},
    {GET "Authorization: " T "\r\n\r\n", {&authorization}, .slot = SLOT_HEADER},
    {GET "Authorization: Bot real\r\n\r\n", {&authorization}, .reason = KH_REASON_FOREIGN_KEY},
    {GET "Authorization: Basic " UT64 "\r\n\r\n",
     {&authorization},
     .reason = KH_REASON_FOREIGN_KEY},
    {GET "X_API_Key: " T "\r\n\r\n", {&header}, .reason = KH_REASON_REQUEST_MALFORMED},
    {GET "X-API-Key: " T "\r\nX-API_Key: sk-real\r\n\r\n",
     {&header},
     .reason = KH_REASON_REQUEST_MALFORMED},
    {GET "X-API-Key: " T "\r\nx_inject_key: sk-real\r\n\r\n",
     {&header},
     .reason = KH_REASON_REQUEST_MALFORMED},
    {GET "X-API-Key: " T "\r\nx_api_keys: 1\r\n\r\n",
     {&header},
     .slot = SLOT_HEADER,
     .fields_left = 1},
    /* several slots */
    {GET "X-API-Key: " T "\r\nAuthorization: Bearer " T "\r\n\r\n",
     {&header_and_bearer},
     .slot = SLOT_HEADER},
    {GET "X-API-Key: " T "\r\nAuthorization: Bearer " T2 "\r\n\r\n",
     {&header_and_bearer},
     .reason = KH_REASON_TOKEN_MISPLACED},
    {GET "X-API-Key: sk-real\r\nAuthorization: Bearer " T "\r\n\r\n",
     {&header_and_bearer},
     .reason = KH_REASON_FOREIGN_KEY},
    {GET "X-API-Key: " T "\r\nAuthorization: Bearer\r\n\r\n",
     {&header_and_bearer},
     .slot = SLOT_HEADER},
    {GET "X-API-Key: " T "\r\nAuthorization: Bearer " T "\r\n\r\n",
     {&header, &bearer},
     .slot = SLOT_HEADER},
    /* misplaced */
    {GET "Authorization: Bearer " T "\r\n\r\n", {&header}, .reason = KH_REASON_TOKEN_MISPLACED},
    {GET "X-API-Key: " T "\r\n\r\n", {&bearer}, .reason = KH_REASON_TOKEN_MISPLACED},
    {GET "api-key: " T "\r\n\r\n", {&bearer}, .reason = KH_REASON_TOKEN_MISPLACED},
    {GET "X-Goog-Api-Key: " T "\r\n\r\n", {&bearer}, .reason = KH_REASON_TOKEN_MISPLACED},
    {GET "PRIVATE-TOKEN: " T "\r\n\r\n", {&bearer}, .reason = KH_REASON_TOKEN_MISPLACED},
    {GET "job-token: " T "\r\n\r\n", {&bearer}, .reason = KH_REASON_TOKEN_MISPLACED},
    {GET "X-Auth-Token: " T "\r\n\r\n", {&bearer}, .reason = KH_REASON_TOKEN_MISPLACED},
    {GET "Cookie: a=b; session=" T "\r\n\r\n", {&bearer}, .reason = KH_REASON_TOKEN_MISPLACED},
    {GET "Authorization: Basic " UT64 "\r\n\r\n", {&header}, .reason = KH_REASON_TOKEN_MISPLACED},
    {GET "Authorization: Bearer " T "\r\nCookie: " T "\r\n\r\n",
     {&bearer},
     .reason = KH_REASON_TOKEN_MISPLACED},
    {"GET /?access_token=" T " HTTP/1.1\r\nHost: h\r\n\r\n",
     {&bearer},
     .reason = KH_REASON_TOKEN_MISPLACED},
    {"GET /?API_KEY=%6bh1_x HTTP/1.1\r\nHost: h\r\n\r\n",
     {&bearer},
     .reason = KH_REASON_TOKEN_MISPLACED},
    {"GET /?key=" T " HTTP/1.1\r\nHost: h\r\n\r\n", {&bearer}, .reason = KH_REASON_TOKEN_MISPLACED},
    /* elsewhere it is left alone */
    {"GET /?note=" T " HTTP/1.1\r\nHost: h\r\nX-Note: " T "\r\nAuthorization: Bearer " T "\r\n\r\n",
     {&bearer},
     .slot = SLOT_BEARER,
     .fields_left = 1},
    {GET "X-API-Key: sk-theirs\r\nAuthorization: Bearer " T "\r\n\r\n",
     {&bearer},
     .slot = SLOT_BEARER,
     .fields_left = 1},
    /* query */
    {"GET /?key=" T " HTTP/1.1\r\nHost: h\r\n\r\n", {&query}, .slot = SLOT_QUERY},
    {"GET /?%6bey=sk-k%681_abc HTTP/1.1\r\nHost: h\r\n\r\n", {&query}, .slot = SLOT_QUERY},
    {"GET /?key=sk-real HTTP/1.1\r\nHost: h\r\n\r\n", {&query}, .reason = KH_REASON_FOREIGN_KEY},
    /* where a key that is no token may pass, the request goes as it is: without a token in it */
    {GET "x-api-key: sk-real\r\n\r\n", {&passing}, .reason = KH_REASON_FOREIGN_KEY},
    {GET "x-api-key: " T "\r\nAuthorization: Bearer sk-real\r\n\r\n",
     {&passing},
     .reason = KH_REASON_TOKEN_MISPLACED},
    {GET "x-api-key: sk-real\r\nAuthorization: Bearer " T "\r\n\r\n",
     {&passing},
     .reason = KH_REASON_TOKEN_MISPLACED},
    {GET "x-api-key: sk-real\r\nKeyhole-Token: " T "\r\n\r\n",
     {&passing},
     .reason = KH_REASON_FOREIGN_KEY},
    {GET "x-api-key: sk-real\r\nAuthorization: Bearer " T "\r\n\r\n",
     {&header_and_bearer},
     .reason = KH_REASON_FOREIGN_KEY},
    {"GET /?key=" T "&key=x HTTP/1.1\r\nHost: h\r\n\r\n",
     {&query},
     .reason = KH_REASON_TOKEN_MISPLACED},
    {"GET /?key=x&a&k%65y=" T " HTTP/1.1\r\nHost: h\r\n\r\n",
     {&query},
     .reason = KH_REASON_TOKEN_MISPLACED},
    {"GET /?key=" T "&key=" T " HTTP/1.1\r\nHost: h\r\n\r\n",
     {&query},
     .reason = KH_REASON_TOKEN_MISPLACED},
    {"GET /?KEY=" T " HTTP/1.1\r\nHost: h\r\n\r\n", {&query}, .reason = KH_REASON_TOKEN_MISPLACED},
    /* what all routes have */
    {GET "Proxy-Authorization: Bearer " T "\r\n\r\n", {&header}, .slot = SLOT_PROXY_AUTHORIZATION},
    {GET "Proxy-Authorization: Basic " UT64 "\r\n\r\n", {NULL}, .slot = SLOT_PROXY_AUTHORIZATION},
    {GET "Proxy-Authorization: Basic " TU64 "\r\n\r\n",
     {&header},
     .slot = SLOT_PROXY_AUTHORIZATION,
     .in_user = true},
    {GET "Proxy-Authorization: Basic " UP64 "\r\n\r\n", {&header}, .reason = KH_REASON_FOREIGN_KEY},
    {GET "Proxy-Authorization: Negotiate x\r\n\r\n", {&header}, .reason = KH_REASON_FOREIGN_KEY},
    {GET "Proxy-Authorization: Bearer " T "\r\nAuthorization: Bearer sk-real\r\n\r\n",
     {&bearer},
     .reason = KH_REASON_FOREIGN_KEY},
    {GET "Proxy-Authorization: Basic " UT64 "\r\nAuthorization: Basic " UT64 "\r\n\r\n",
     {&basic},
     .slot = SLOT_BASIC},
    {GET "Proxy-Authorization: Bearer " T2 "\r\nAuthorization: Bearer " T "\r\n\r\n",
     {&bearer},
     .slot = SLOT_BEARER},
    {GET "Authorization: Bearer " T "\r\nProxy-Authorization: Bearer sk-real\r\n\r\n",
     {&bearer},
     .reason = KH_REASON_FOREIGN_KEY},
    {GET "Keyhole-Token: " T "\r\n\r\n", {&header}, .slot = SLOT_KEYHOLE_TOKEN},
    {GET "Keyhole-Token: x\r\n\r\n", {&header}, .reason = KH_REASON_FOREIGN_KEY},
    {GET "Keyhole-Token: " T "\r\nKeyhole-Token: " T2 "\r\n\r\n",
     {&header},
     .reason = KH_REASON_TOKEN_MISPLACED},
};

static bool
has_token_anywhere(const struct request *request)
{
    for (size_t i = 0; i < request->field_count; i++)
        if (bytes_find(request->field[i].value, BYTES("kh1_")) < request->field[i].value.n &&
            !bytes_is(request->field[i].name, "x-note"))
            return true;
    return false;
}

static void
check_row(const struct row *row, struct parsed *parsed)
{
    size_t routes = row->route[0] == NULL ? 0 : row->route[1] == NULL ? 1 : 2;
    struct request_token token = {0};
    enum kh_reason got;
    size_t fields;

    build_ok(row->text, parsed);
    fields = parsed->request.field_count;
    got = request_take_token(&parsed->request, &parsed->head, row->route, routes, &token,
                             &parsed->fault);
    if (got != row->reason)
        print_text("in", bytes_str(row->text));
    assert_reason(got, row->reason);
    if (got != KH_REASON_UNSET) {
        assert_int_equal(parsed->request.field_count, fields); /* as it was */
        assert_int_equal(token.text.n, 0);
        assert_true(parsed->fault.detail[0] != 0);
        assert_null(strstr(parsed->fault.detail, "kh1_"));
        assert_null(strstr(parsed->fault.detail, "sk-"));
        return;
    }
    assert_text(token.text, T);
    assert_int_equal(token.slot.kind, row->slot);
    assert_int_equal(token.slot_in_user, row->in_user);
    assert_int_equal(parsed->request.field_count, row->fields_left);
    assert_false(has_token_anywhere(&parsed->request));
}

// threat 10
static void
test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct parsed parsed;

        check_row(&rows[i], &parsed);
        request_free(&parsed.request);
    }
}

static void
test_names_of_slots(void **state)
{
    const struct route *routes[] = {&header, &query};
    struct request_token token;
    struct parsed parsed;

    (void)state;
    build_ok(GET "x-api-key: " T "\r\n\r\n", &parsed);
    assert_reason(request_take_token(&parsed.request, &parsed.head, routes, 2, &token, NULL),
                  KH_REASON_UNSET);
    assert_text(token.slot.name, "x-api-key");
    request_free(&parsed.request);
    build_ok("GET /a?x=1&k%65y=" T "&y HTTP/1.1\r\nHost: h\r\n\r\n", &parsed);
    assert_reason(request_take_token(&parsed.request, &parsed.head, routes, 2, &token, NULL),
                  KH_REASON_UNSET);
    assert_text(token.slot.name, "key");
    assert_int_equal(parsed.request.query_count, 2);
    assert_text(parsed.request.query[0].name, "x");
    assert_text(parsed.request.query[1].name, "y");
    assert_true(parsed.request.has_query);
    request_free(&parsed.request);
}

static void
test_the_last_parameter_takes_the_question_mark_with_it(void **state)
{
    static const char *const texts[] = {
        "GET /a?key=" T " HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET /a?&key=" T " HTTP/1.1\r\nHost: h\r\n\r\n",
    };
    const struct route *routes[] = {&query};

    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct request_token token;
        struct parsed parsed;

        build_ok(texts[i], &parsed);
        assert_reason(request_take_token(&parsed.request, &parsed.head, routes, 1, &token, NULL),
                      KH_REASON_UNSET);
        assert_int_equal(parsed.request.query_count, 0);
        assert_false(parsed.request.has_query);
        request_free(&parsed.request);
    }
}

/* The facts that a caveat sees have no slot in them. */
static void
test_the_slot_is_no_fact(void **state)
{
    static struct message_decide message;
    const struct route *routes[] = {&header_and_bearer};
    struct request_token token;
    struct parsed parsed;

    (void)state;
    build_ok(GET "A: b\r\nAuthorization: Bearer " T "\r\n\r\n", &parsed);
    assert_reason(request_take_token(&parsed.request, &parsed.head, routes, 1, &token, NULL),
                  KH_REASON_UNSET);
    request_describe(&parsed.request, &message);
    assert_int_equal(message.header_count, 1);
    assert_text(message.header[0].name, "a");
    request_free(&parsed.request);
}

/* Refused, and asked again with other routes: nothing moved, nothing grew. */
static void
test_refusals_leave_the_request(void **state)
{
    const struct route *wrong[] = {&basic}, *right[] = {&header};
    struct request_token token;
    struct parsed parsed;

    (void)state;
    build_ok(GET "Authorization: Basic " UP64 "\r\nx-api-key: " T "\r\n\r\n", &parsed);
    for (int i = 0; i < 100; i++) {
        size_t used = parsed.request.storage.n;

        assert_reason(request_take_token(&parsed.request, &parsed.head, wrong, 1, &token, NULL),
                      KH_REASON_TOKEN_MISPLACED);
        assert_int_equal(parsed.request.storage.n, used);
    }
    assert_reason(request_take_token(&parsed.request, &parsed.head, right, 1, &token, NULL),
                  KH_REASON_UNSET);
    assert_int_equal(parsed.request.field_count, 1);
    request_free(&parsed.request);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_names_of_slots),
        cmocka_unit_test(test_the_last_parameter_takes_the_question_mark_with_it),
        cmocka_unit_test(test_the_slot_is_no_fact),
        cmocka_unit_test(test_refusals_leave_the_request),
    };
    return cmocka_run_group_tests_name("http/request_token", tests, NULL, NULL);
}
