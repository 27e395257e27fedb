/* SPDX-License-Identifier: Apache-2.0 */
/* Answers that are tokens: which are looked at, what is held back, what is refused, and cut. */
#include "fixture.h"

#include "../../../broker/http/http1.h"
#include "../../../broker/proxy/token_answer.h"

#define ACCESS "at-0123456789abcdef"

/* ---- types ---- */

static void
typed(struct http1_head *head, const char *type)
{
    *head = (struct http1_head){.field_count = type ? 1 : 0};
    head->present = type ? UINT64_C(1) << FIELD_ID_CONTENT_TYPE : 0;
    head->field[0] = (struct http1_field){
        .name = BYTES("Content-Type"), .value = bytes_str(type), .id = FIELD_ID_CONTENT_TYPE};
}

static void
test_types(void **state)
{
    static const struct {
        const char *type;
        bool looked_at, said;
        enum token_scan_kind kind;
    } rows[] = {
        {NULL, true, false, TOKEN_SCAN_TEXT},
        {"", true, false, TOKEN_SCAN_TEXT},
        {"application/json", true, true, TOKEN_SCAN_JSON},
        {"Application/JSON ; charset=utf-8", true, true, TOKEN_SCAN_JSON},
        {"application/problem+json", true, true, TOKEN_SCAN_JSON},
        {"text/javascript", true, true, TOKEN_SCAN_JSON},
        {"text/plain;charset=x", true, true, TOKEN_SCAN_TEXT},
        {"application/x-www-form-urlencoded", true, true, TOKEN_SCAN_FORM},
        {"application/xml", true, false, TOKEN_SCAN_JSON},
        {"application/x-whatever", true, false, TOKEN_SCAN_JSON},
        {"text/event-stream", false, false, 0},
        {"text/html; charset=utf-8", false, false, 0},
        {"IMAGE/png", false, false, 0},
        {"image", true, false, TOKEN_SCAN_JSON},
        {"application/octet-stream", false, false, 0},
        {"application/octet-streams", true, false, TOKEN_SCAN_JSON},
        {"application/x-git-upload-pack-result", false, false, 0},
        {"multipart/form-data; boundary=x", false, false, 0},
        {"application/x-ndjson", false, false, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct http1_head head;
        enum token_scan_kind kind = 0;
        typed(&head, rows[i].type);
        if (token_answer_kind(&head, &kind) != rows[i].looked_at || kind != rows[i].kind ||
            token_answer_is_said(&head) != rows[i].said)
            fail_msg("%s", rows[i].type);
    }
}

/* ---- answers ---- */

static int
begin(struct world *w, const char *method, int *up)
{
    char request[512];
    int client = connect_loopback(w->port);
    snprintf(request, sizeof request,
             "%s /~api/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
             "Authorization: Bearer " TOKEN "\r\n\r\n",
             method);
    send_text(client, request);
    expect_decide(w);
    allow(w);
    *up = accept_upstream(w);
    read_until(*up, &sent_up, "\r\n\r\n");
    return client;
}

/* What the client gets is in `received`. */
static void
exchange(struct world *w, const char *method, const char *answer, enum kh_reason reason)
{
    int up, client = begin(w, method, &up);
    send_text(up, answer);
    shutdown(up, SHUT_WR);
    read_to_reset(client, &received);
    assert_int_equal(expect_finished(w)->reason, reason);
    close(up);
    close(client);
}

static struct world *
world_with(const struct world_route *more)
{
    struct world_route route = more ? *more : (struct world_route){0};
    route.credential = "api";
    route.host = "api.test";
    return world_new(&route, 1, NULL);
}

#define BODY   "{\"access_token\":\"" ACCESS "\"}"
#define LENGTH "Content-Length: 38\r\n"
#define JSON   "Content-Type: application/json\r\n"

static void
test_refused(void **state)
{
    static const char *const rows[] = {
        "HTTP/1.1 200 OK\r\n" JSON LENGTH "\r\n" BODY,
        "HTTP/1.1 201 Created\r\n" LENGTH "\r\n" BODY,
        "HTTP/1.1 200 OK\r\n" JSON "\r\n" BODY,
        "HTTP/1.0 200 OK\r\n" JSON "\r\n" BODY,
        "HTTP/1.1 200 OK\r\n" JSON "Transfer-Encoding: chunked\r\n\r\n"
        "8\r\n{\"access\r\n8\r\n_token\":\r\n3\r\n\"at\r\n2\r\n\"}\r\n0\r\n\r\n",
    };
    static const struct world_route without = {.no_scrub = true};
    (void)state;
    for (int scrub = 0; scrub < 2; scrub++) {
        struct world *w = world_with(scrub ? NULL : &without);
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
            exchange(w, "POST", rows[i], KH_REASON_TOKEN_ANSWER);
            if (strncmp(received.p, "HTTP/1.1 502 ", 13) != 0)
                fail_msg("row %zu: %s", i, received.p);
            assert_contains(received.p, "\"code\":\"token-answer\"");
            assert_lacks(received.p, "at-0");
            assert_int_equal(w->finished.upstream_status >= 200, true);
        }
        world_free(w);
    }
}

static void
test_none(void **state)
{
    struct world *w = world_with(NULL);
    (void)state;
    exchange(w, "GET", "HTTP/1.1 400 Bad\r\n" JSON LENGTH "\r\n" BODY, KH_REASON_UNSET);
    assert_contains(received.p, BODY);
    exchange(w, "GET", "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n" LENGTH "\r\n" BODY,
             KH_REASON_UNSET);
    assert_contains(received.p, BODY);
    exchange(w, "HEAD", "HTTP/1.1 200 OK\r\n" JSON LENGTH "\r\n", KH_REASON_UNSET);
    assert_contains(received.p, LENGTH);
    exchange(w, "GET", "HTTP/1.1 204 No Content\r\n" JSON "\r\n", KH_REASON_UNSET);
    assert_contains(received.p, "HTTP/1.1 204 ");
    exchange(w, "GET", "HTTP/1.1 200 OK\r\n" JSON "Content-Length: 0\r\n\r\n", KH_REASON_UNSET);
    assert_contains(received.p, "Content-Length: 0\r\n");
    exchange(w, "GET", "HTTP/1.1 200 OK\r\n" JSON "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
             KH_REASON_UNSET);
    assert_contains(received.p, "\r\n\r\n0\r\n\r\n");
    // Held to its end, and no token.
    exchange(w, "GET", "HTTP/1.1 200 OK\r\n" JSON "\r\n {\"key\":\"" SECRET "\"", KH_REASON_UNSET);
    assert_contains(received.p, " {\"key\":\"" TOKEN "\"");
    exchange(w, "GET", "HTTP/1.1 200 OK\r\n" JSON "Content-Length: 9\r\n\r\n{\"a\"",
             KH_REASON_UPSTREAM_RESPONSE);
    assert_contains(received.p, "HTTP/1.1 502 ");
    world_free(w);
}

static void
test_passed(void **state)
{
    static const struct world_route pass = {.token_answers = TOKEN_ANSWERS_PASS};
    struct world *w = world_with(&pass);
    (void)state;
    exchange(w, "GET", "HTTP/1.1 200 OK\r\n" JSON LENGTH "\r\n" BODY, KH_REASON_UNSET);
    assert_contains(received.p, "HTTP/1.1 200 ");
    assert_contains(received.p, BODY);
    world_free(w);
}

/* Without scrubbing; what says nothing of its type is not taken for JSON. */
static void
test_encoded(void **state)
{
    static const struct world_route without = {.no_scrub = true};
    static const struct world_route pass = {.no_scrub = true, .token_answers = TOKEN_ANSWERS_PASS};
    struct world *w = world_with(&without);
    (void)state;
    exchange(w, "GET", "HTTP/1.1 200 OK\r\nContent-Encoding: br\r\n" JSON LENGTH "\r\n" BODY,
             KH_REASON_TOKEN_ANSWER);
    assert_contains(received.p, "HTTP/1.1 502 ");
    assert_contains(received.p, "Accept-Encoding: identity");
    exchange(w, "GET", "HTTP/1.1 200 OK\r\nContent-Encoding: br\r\n" LENGTH "\r\n" BODY,
             KH_REASON_UNSET);
    exchange(w, "HEAD", "HTTP/1.1 200 OK\r\nContent-Encoding: br\r\n" JSON LENGTH "\r\n",
             KH_REASON_UNSET);
    world_free(w);
    w = world_with(&pass);
    exchange(w, "GET", "HTTP/1.1 200 OK\r\nContent-Encoding: br\r\n" JSON LENGTH "\r\n" BODY,
             KH_REASON_UNSET);
    world_free(w);
}

/* Nothing comes before it is known, and everything when it is. */
static void
test_held_and_released(void **state)
{
    static char pad[TOKEN_ANSWER_HELD_MAX + 1];
    struct world *w = world_with(NULL);
    int up, client = begin(w, "GET", &up);
    (void)state;
    send_text(up,
              "HTTP/1.1 200 OK\r\n" JSON "Transfer-Encoding: chunked\r\n\r\n7\r\n{\"a\":1,\r\n");
    memset(pad, ' ', sizeof pad);
    char head[32];
    snprintf(head, sizeof head, "%zx\r\n", sizeof pad);
    assert_false(wait_readable(client, 50)); // were it not held, it would be there soon
    send_text(up, head);
    send_bytes(up, pad, sizeof pad);
    read_until(client, &received, "\r\n\r\n");
    assert_contains(received.p, "HTTP/1.1 200 OK\r\n");
    assert_contains(received.p, "Transfer-Encoding: chunked\r\n");
    // It goes on being looked at.
    send_text(up, "\r\n26\r\n\"access_token\":\"" ACCESS "\"}\r\n0\r\n\r\n");
    assert_true(read_to_reset(client, &received));
    assert_lacks(received.p, "at-0");
    assert_int_equal(expect_finished(w)->reason, KH_REASON_TOKEN_ANSWER);
    close(up);
    close(client);
    world_free(w);
}

static void
test_cookies_and_fields(void **state)
{
    static const char answer[] =
        "HTTP/1.1 200 OK\r\nSet-Cookie: a=1; Path=/\r\nset-cookie:  b = 2\r\nSet-Cookie: A=3\r\n"
        "Set-Cookie: nothing\r\nSet-Cookie2: a=4\r\nX-Internal: 5\r\nx-internal: 6\r\n"
        "X-Internal-2: 7\r\nContent-Length: 2\r\n\r\nok";
    static const struct world_route rows[] = {
        {.cookies = ""}, {.cookies = "b,A", .dropped_fields = "x-other,X-INTERNAL"}};
    struct world *w = world_with(&rows[0]);
    (void)state;
    exchange(w, "GET", answer, KH_REASON_UNSET);
    assert_null(strcasestr(received.p, "set-cookie"));
    assert_contains(received.p, "X-Internal: 5\r\nx-internal: 6\r\n");
    world_free(w);
    w = world_with(&rows[1]);
    exchange(w, "GET", answer, KH_REASON_UNSET);
    assert_contains(received.p, "set-cookie: b = 2\r\nSet-Cookie: A=3\r\n");
    static const char *const gone[] = {"a=1", "a=4", "nothing", "X-Internal: ", "x-internal: "};
    for (size_t i = 0; i < sizeof gone / sizeof *gone; i++)
        assert_lacks(received.p, gone[i]);
    assert_contains(received.p, "X-Internal-2: 7\r\n");
    world_free(w);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_types),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_none),
        cmocka_unit_test(test_passed),
        cmocka_unit_test(test_encoded),
        cmocka_unit_test(test_held_and_released),
        cmocka_unit_test(test_cookies_and_fields),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
