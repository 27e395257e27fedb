/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies in and out, and lines for the log. */
#include "../../../broker/discharge/service_internal.h"
#include "services.h"

struct world {
    struct service_request request;
    struct service_response response;
    struct exchange x;
};

static void
open_world(struct world *w, const char *body)
{
    *w = (struct world){
        .request = {.content_type = BYTES("application/json"), .body = bytes_str(body)}};
    w->x = (struct exchange){.request = &w->request, .response = &w->response};
    buffer_init(&w->response.body, 65536);
}

static void
bodies_that_are_refused(void **state)
{
    static const char *const members[] = {"a", "b", NULL};
    static const char *const rows[] = {"",
                                       "null",
                                       "[]",
                                       "{\"a\":1}",
                                       "{\"a\":\"x\"} more",
                                       "{\"a\":\"x\",\"a\":\"x\"}",
                                       "{\"a\":\"\\u0000\"}",
                                       "{\"c\":\"x\"}",
                                       "{\"\\u001b[2J\":\"x\"}",
                                       "\xef\xbb\xbf{}",
                                       "{\"a\":\"\xff\"}"};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct world w;
        json_t *object = NULL;
        open_world(&w, rows[i]);
        assert_int_equal(service_read(&w.x, members, &object), FAILURE_REQUEST_INVALID);
        assert_null(object);
        assert_null(strchr(w.x.detail.detail, '\x1b'));
        buffer_free(&w.response.body);
    }
}

static void
members_are_decoded_strictly(void **state)
{
    struct world w;
    json_t *object = NULL;
    BUFFER_AUTO out;
    (void)state;
    buffer_init(&out, 4);
    open_world(&w, "{\"url\":\"-_8\",\"standard\":\"+/8=\",\"long\":\"AAAAAAAAAA\",\"n\":1}");
    assert_int_equal(service_read(&w.x, NULL, &object), FAILURE_NONE);
    assert_int_equal(service_binary(&w.x, object, "url", false, &out), FAILURE_NONE);
    assert_int_equal(out.n, 2);
    buffer_clear(&out);
    assert_int_equal(service_binary(&w.x, object, "standard", false, &out),
                     FAILURE_REQUEST_INVALID);
    assert_int_equal(service_binary(&w.x, object, "standard", true, &out), FAILURE_NONE);
    assert_int_equal(out.n, 2);
    buffer_clear(&out);
    assert_int_equal(service_binary(&w.x, object, "long", false, &out), FAILURE_REQUEST_INVALID);
    buffer_clear(&out);
    assert_int_equal(service_binary(&w.x, object, "n", false, &out), FAILURE_REQUEST_INVALID);
    assert_int_equal(service_binary(&w.x, object, "missing", false, &out), FAILURE_REQUEST_INVALID);
    json_decref(object);
    buffer_free(&w.response.body);
}

static void
a_failure_says_what_to_do(void **state)
{
    struct world w;
    (void)state;
    open_world(&w, "");
    service_write_failure(&w.response, 403, FAILURE_USER_MISMATCH, "a \"detail\"\n");
    assert_string_equal(
        buffer_text(&w.response.body),
        "{\"error\":\"user-mismatch\",\"message\":\"The authenticator belongs to somebody else "
        "than the hole asks for.\",\"detail\":\"a \\\"detail\\\"\\n\",\"advice\":\"Whoever is "
        "asked "
        "for has to touch their own.\"}");
    assert_int_equal(w.response.status, 403);
    assert_int_equal(w.response.failure, FAILURE_USER_MISMATCH);
    buffer_free(&w.response.body);
}

static void
a_line_for_the_log_is_cut_between_characters(void **state)
{
    struct world w;
    char text[300];
    (void)state;
    open_world(&w, "");
    memset(text, 'x', sizeof text);
    memcpy(text + 238, "\xe6\x97\xa5", 3);
    text[sizeof text - 1] = '\0';
    service_log(&w.x, "%s", text);
    assert_int_equal(strlen(w.response.log), 238);
    assert_true(bytes_is_utf8(bytes_str(w.response.log)));
    buffer_free(&w.response.body);
}

// What broke here is the log's to know, not the peer's.
static void
an_internal_failure_tells_the_peer_nothing(void **state)
{
    struct world w;
    const struct fault fault = {.detail = "/var/lib/keyholed/discharger.db: disk I/O error"};
    (void)state;
    open_world(&w, "");
    assert_int_equal(service_fail_internal(&w.x, &fault), FAILURE_INTERNAL);
    assert_string_equal(w.x.detail.detail, "");
    assert_non_null(strstr(w.response.log, "disk I/O error"));
    service_log_refusal(&w.x, BYTES("alice"), FAILURE_INTERNAL);
    assert_non_null(strstr(w.response.log, "disk I/O error"));
    buffer_free(&w.response.body);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bodies_that_are_refused),
        cmocka_unit_test(members_are_decoded_strictly),
        cmocka_unit_test(a_failure_says_what_to_do),
        cmocka_unit_test(a_line_for_the_log_is_cut_between_characters),
        cmocka_unit_test(an_internal_failure_tells_the_peer_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
