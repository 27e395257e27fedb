/* SPDX-License-Identifier: Apache-2.0 */
/* What is written: never anything that does not parse, and it parses to what was meant. */

#include "http_test.h"

#include "../../../broker/http/http1_write.h"

static void
test_refused_parts(void **state)
{
    static const struct {
        struct bytes method, target;
    } lines[] = {
        {TEXT("get"), TEXT("/")},         {TEXT(""), TEXT("/")},
        {TEXT("G T"), TEXT("/")},         {TEXT("GET"), TEXT("")},
        {TEXT("GET"), TEXT("/a b")},      {TEXT("GET"), TEXT("/a\r\nb")},
        {TEXT("GET"), TEXT("a")},         {TEXT("GET"), TEXT("/a#")},
        {TEXT("GET"), TEXT("/%4")},       {TEXT("GET"), TEXT("*")},
        {TEXT("GET"), TEXT("/?\x7f")},    {TEXT("GET"), TEXT("/\0")},
        {TEXT("GET"), TEXT("http://h/")},
    };
    static const struct {
        struct bytes name, value;
    } fields[] = {
        {TEXT(""), TEXT("v")},     {TEXT("a b"), TEXT("v")},       {TEXT("a:"), TEXT("v")},
        {TEXT("a\n"), TEXT("v")},  {TEXT("a"), TEXT("v\r\nb: c")}, {TEXT("a"), TEXT("v\0")},
        {TEXT("a"), TEXT("\x7f")},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(lines); i++) {
        BUFFER_AUTO out;

        buffer_init(&out, 1024);
        http1_write_request_line(&out, lines[i].method, lines[i].target);
        assert_true(out.failed);
    }
    for (size_t i = 0; i < COUNT(fields); i++) {
        BUFFER_AUTO out;

        buffer_init(&out, 1024);
        http1_write_field(&out, fields[i].name, fields[i].value);
        assert_true(out.failed);
    }
    for (unsigned status = 0; status < 1100; status++) {
        BUFFER_AUTO out;

        buffer_init(&out, 1024);
        http1_write_status_line(&out, status);
        assert_int_equal(out.failed, status < 100 || status > 599);
    }
}

static void
test_a_head_parses_again(void **state)
{
    struct http1_head head;
    const char *why = "incomplete";
    size_t scanned = 0;
    BUFFER_AUTO out;

    (void)state;
    buffer_init(&out, 1024);
    http1_write_request_line(&out, BYTES("POST"), BYTES("/a?b=%20"));
    http1_write_field_str(&out, "host", "h:8080");
    http1_write_field(&out, BYTES("x"), BYTES(" \ty "));
    http1_write_length(&out, UINT64_C(999999999999999999));
    http1_write_end(&out);
    assert_false(out.failed);
    if (http1_parse_request(buffer_bytes(&out), &head, &scanned, &why) != HTTP1_DONE)
        fail_msg("%s", why);
    assert_text(head.target, "/a?b=%20");
    assert_text(http1_find(&head, "x")->value, "y");
    assert_true(head.content_length == UINT64_C(999999999999999999));
    BUFFER_AUTO copy;
    buffer_init(&copy, sizeof "host: h:8080\r\nx: y\r\nContent-Length: 999999999999999999\r\n" + 4);
    for (size_t i = 0; i < head.field_count; i++)
        http1_put_field(&copy, head.field[i].name, head.field[i].value);
    assert_text(buffer_bytes(&copy), "host: h:8080\r\nx: y\r\n"
                                     "Content-Length: 999999999999999999\r\n");
    http1_put_field(&copy, BYTES("x"), BYTES("y")); /* there is no room for it */
    assert_true(copy.failed);
    http1_write_length(&out, UINT64_C(1000000000000000000));
    assert_true(out.failed);
}

static void
test_every_status_parses_again(void **state)
{
    (void)state;
    for (unsigned status = 100; status < 600; status++) {
        struct http1_head head;
        const char *why = "incomplete";
        size_t scanned = 0;
        BUFFER_AUTO out;

        buffer_init(&out, 1024);
        http1_write_status_line(&out, status);
        http1_write_end(&out);
        if (http1_parse_response(buffer_bytes(&out), BYTES("GET"), &head, &scanned, &why) !=
            HTTP1_DONE)
            fail_msg("%u: %s", status, why);
        assert_int_equal(head.status, status);
        assert_text(head.reason, http1_status_text(status));
    }
    assert_string_equal(http1_status_text(421), "Misdirected Request");
    assert_string_equal(http1_status_text(299), "");
}

static void
test_chunks(void **state)
{
    struct http1_head head = {.body = BODY_CHUNKED};
    struct http1_body_reader reader;
    struct bytes data;
    const char *why = "";
    size_t used;
    BUFFER_AUTO out;

    (void)state;
    buffer_init(&out, 1024);
    http1_write_chunk(&out, BYTES_EMPTY); /* would be the last chunk */
    assert_int_equal(out.n, 0);
    http1_write_chunk(&out, BYTES("0123456789abcdefg"));
    http1_write_last_chunk(&out);
    assert_text(buffer_bytes(&out), "11\r\n0123456789abcdefg\r\n0\r\n\r\n");
    http1_body_start(&reader, &head);
    assert_int_equal(http1_body_read(&reader, buffer_bytes(&out), &used, &data, &why), HTTP1_MORE);
    assert_text(data, "0123456789abcdefg");
    assert_int_equal(
        http1_body_read(&reader, bytes_from(buffer_bytes(&out), used), &used, &data, &why),
        HTTP1_DONE);
}

/* ---- problems ---- */

static const struct http1_problem denied = {
    .code = "caveat-failed",
    .title = "A caveat of the token does not allow this request.",
    .advice = "Use a token that was not narrowed so far.",
    .detail = TEXT("label = \"a\\b\"\r\nX: \xc3\xa4"),
    .status = 401,
    .request_id_hex = TEXT("00ff"),
};

/* Write, parse, and give the body. */
static struct bytes
write_and_parse(const struct http1_problem *problem, struct buffer *out, struct http1_head *head)
{
    const char *why = "incomplete";
    size_t scanned = 0;
    struct bytes body;

    buffer_clear(out);
    http1_write_problem(out, problem);
    assert_false(out->failed);
    if (http1_parse_response(buffer_bytes(out), problem->head ? BYTES("HEAD") : BYTES("GET"), head,
                             &scanned, &why) != HTTP1_DONE) {
        print_text(why, buffer_bytes(out));
        fail();
    }
    body = bytes_from(buffer_bytes(out), head->length);
    if (!problem->head)
        assert_int_equal(head->content_length, body.n);
    return body;
}

static size_t
count_fields(const struct http1_head *head, const char *name)
{
    size_t count = 0;

    for (size_t i = 0; i < head->field_count; i++)
        count += bytes_equal_nocase(head->field[i].name, bytes_str(name));
    return count;
}

static void
test_problem(void **state)
{
    struct http1_head head;
    BUFFER_AUTO out;

    (void)state;
    buffer_init(&out, 8192);
    assert_text(
        write_and_parse(&denied, &out, &head),
        "{\"type\":\"about:blank\",\"title\":\"A caveat of the token does not allow this "
        "request.\",\"status\":401,\"code\":\"caveat-failed\",\"detail\":\"label = "
        "\\\"a\\\\b\\\"\\r\\nX: \xc3\xa4\",\"advice\":\"Use a token that was not narrowed "
        "so far.\",\"request_id\":\"00ff\",\"error\":{\"type\":\"keyhole\",\"code\":"
        "\"caveat-failed\",\"message\":\"A caveat of the token does not allow this request. "
        "(label = \\\"a\\\\b\\\"\\r\\nX: \xc3\xa4) Use a token that was not narrowed so "
        "far.\"}}\n");
    assert_int_equal(head.status, 401);
    assert_text(http1_find(&head, "content-type")->value, "application/problem+json");
    assert_text(http1_find(&head, "cache-control")->value, "no-store");
    assert_text(http1_find(&head, "keyhole-request-id")->value, "00ff");
    assert_text(http1_find(&head, "www-authenticate")->value,
                "Bearer realm=\"keyhole\", error=\"invalid_token\", "
                "error_description=\"caveat-failed: label = 'a/b'??X: ??\"");
    assert_int_equal(count_fields(&head, "www-authenticate"), 1);
    assert_null(http1_find(&head, "x")); /* the detail split nothing */
    assert_null(http1_find(&head, "retry-after"));
    assert_true(head.keep_alive);
}

static void
test_problem_without_token(void **state)
{
    struct http1_problem problem = denied;
    struct http1_head head;
    BUFFER_AUTO out;

    (void)state;
    buffer_init(&out, 8192);
    problem.code = "token-missing";
    problem.basic_challenge = true;
    problem.detail = BYTES_EMPTY;
    problem.request_id_hex = BYTES_EMPTY;
    assert_true(bytes_find(write_and_parse(&problem, &out, &head), BYTES("detail")) ==
                bytes_from(buffer_bytes(&out), head.length).n);
    assert_int_equal(count_fields(&head, "www-authenticate"), 2);
    assert_text(http1_find(&head, "www-authenticate")->value,
                "Basic realm=\"keyhole\", charset=\"UTF-8\"");
    assert_true(bytes_find(buffer_bytes(&out), BYTES("Bearer realm=\"keyhole\"\r\n")) < out.n);
    assert_null(http1_find(&head, "keyhole-request-id"));
}

static void
test_problem_of_the_proxy(void **state)
{
    struct http1_problem problem = denied;
    struct http1_head head;
    BUFFER_AUTO out;

    (void)state;
    buffer_init(&out, 8192);
    problem.status = 407;
    problem.code = "proxy-token-missing";
    (void)write_and_parse(&problem, &out, &head);
    assert_int_equal(count_fields(&head, "proxy-authenticate"), 2);
    assert_int_equal(count_fields(&head, "www-authenticate"), 0);
}

static void
test_problem_fields_by_status(void **state)
{
    struct http1_problem problem = denied;
    struct http1_head head;
    BUFFER_AUTO out;

    (void)state;
    buffer_init(&out, 8192);
    problem.status = 429;
    problem.retry_after_s = 17;
    (void)write_and_parse(&problem, &out, &head);
    assert_text(http1_find(&head, "retry-after")->value, "17");
    assert_int_equal(count_fields(&head, "www-authenticate"), 0);
    problem.status = 503;
    problem.retry_after_s = 0;
    (void)write_and_parse(&problem, &out, &head);
    assert_text(http1_find(&head, "retry-after")->value, "1");
    problem.status = 405;
    problem.allow = "GET, HEAD";
    problem.close = true;
    (void)write_and_parse(&problem, &out, &head);
    assert_text(http1_find(&head, "allow")->value, "GET, HEAD");
    assert_null(http1_find(&head, "retry-after"));
    assert_false(head.keep_alive);
}

static void
test_problem_for_head(void **state)
{
    struct http1_problem problem = denied;
    struct http1_head head, with_body;
    BUFFER_AUTO out;

    (void)state;
    buffer_init(&out, 8192);
    (void)write_and_parse(&problem, &out, &with_body);
    problem.head = true;
    assert_int_equal(write_and_parse(&problem, &out, &head).n, 0);
    assert_true(head.content_length == with_body.content_length);
}

static void
test_problem_that_cannot_be_written(void **state)
{
    struct http1_problem problem = denied;
    BUFFER_AUTO out;
    BUFFER_AUTO small;

    (void)state;
    buffer_init(&out, 8192);
    problem.request_id_hex = BYTES("00\r\n");
    http1_write_problem(&out, &problem);
    assert_true(out.failed);
    buffer_init(&small, 100);
    http1_write_problem(&small, &denied);
    assert_true(small.failed);
    buffer_clear(&out);
    problem = denied;
    problem.status = 0;
    http1_write_problem(&out, &problem);
    assert_true(out.failed);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refused_parts),
        cmocka_unit_test(test_a_head_parses_again),
        cmocka_unit_test(test_every_status_parses_again),
        cmocka_unit_test(test_chunks),
        cmocka_unit_test(test_problem),
        cmocka_unit_test(test_problem_without_token),
        cmocka_unit_test(test_problem_of_the_proxy),
        cmocka_unit_test(test_problem_fields_by_status),
        cmocka_unit_test(test_problem_for_head),
        cmocka_unit_test(test_problem_that_cannot_be_written),
    };
    return cmocka_run_group_tests_name("http/http1_write", tests, NULL, NULL);
}
