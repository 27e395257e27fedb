/* SPDX-License-Identifier: Apache-2.0 */
#include "../files.h"

#include "../../../broker/discharge/answer.h"

#include <jansson.h>

static struct buffer out;
static struct http1_head head;

/* Parses what was written with our own strict reader; the body is what follows. */
static struct bytes
parse(const char *method)
{
    size_t scanned = 0;
    const char *why = "";
    if (http1_parse_response(buffer_bytes(&out), bytes_str(method), &head, &scanned, &why) !=
        HTTP1_DONE)
        fail_msg("%s in: %s", why, buffer_text(&out));
    return bytes_from(buffer_bytes(&out), head.length);
}

static void
assert_field(const char *name, const char *value)
{
    const struct http1_field *field = http1_find(&head, name);
    size_t n = 0;

    for (size_t i = 0; i < head.field_count; i++)
        n += bytes_equal_nocase(head.field[i].name, bytes_str(name)) ? 1 : 0;
    if (value == NULL ? n != 0 : n != 1 || !bytes_is(field->value, value))
        fail_msg("%s: %.*s, %zu times, and not %s", name, field ? (int)field->value.n : 0,
                 field ? (const char *)field->value.p : "", n, value ? value : "(none)");
}

static int
setup(void **state)
{
    (void)state;
    buffer_init(&out, 1 << 20);
    return 0;
}

static int
teardown(void **state)
{
    (void)state;
    buffer_free(&out);
    return 0;
}

static void
answer(struct service_response *response, const char *body, const struct answer_form *form)
{
    buffer_init(&response->body, 1 << 16);
    buffer_put_str(&response->body, body);
    buffer_clear(&out);
    answer_write(response, form, &out);
    buffer_free(&response->body);
    assert_false(out.failed);
}

static void
assert_guarded(void)
{
    assert_field("X-Content-Type-Options", "nosniff");
    assert_field("Referrer-Policy", "no-referrer");
    assert_field("Cross-Origin-Opener-Policy", "same-origin");
    assert_field("Cross-Origin-Resource-Policy", "same-origin");
    assert_field("X-Frame-Options", "DENY");
}

static void
an_unfit_answer_is_a_failure(void **state)
{
    static const int statuses[] = {0, 100, 199, 600, -1};
    const struct answer_form form = {.now = 0};

    (void)state;
    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
        struct service_response response = {.status = statuses[i]};
        answer(&response, "half of something secret", &form);
        struct bytes body = parse("GET");
        assert_int_equal(head.status, 500);
        assert_true(bytes_find(body, BYTES("secret")) == body.n);
    }
    struct service_response response = {.status = 200};
    buffer_init(&response.body, 4);
    buffer_put_str(&response.body, "too long");
    buffer_clear(&out);
    answer_write(&response, &form, &out);
    (void)parse("GET");
    assert_int_equal(head.status, 500);
    buffer_free(&response.body);
}

static void
every_answer_is_guarded(void **state)
{
    const struct answer_form form = {.now = 784111777}; // RFC 9110 5.6.7

    (void)state;
    struct service_response data = {.status = 201, .content_type = "application/json"};
    answer(&data, "{}", &form);
    assert_true(bytes_is(parse("POST"), "{}"));
    assert_int_equal(head.status, 201);
    assert_field("Date", "Sun, 06 Nov 1994 08:49:37 GMT");
    assert_field("Content-Type", "application/json");
    assert_field("Content-Length", "2");
    assert_field("Cache-Control", "no-store");
    assert_field("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'");
    assert_field("Strict-Transport-Security", NULL);
    assert_field("Connection", NULL);
    assert_field("Location", NULL);
    assert_field("Retry-After", NULL);
    assert_field("Allow", NULL);
    assert_guarded();
    struct service_response page = {.status = 200, .content_type = "text/html", .page = true};
    answer(&page, "<p>", &(struct answer_form){.close = true, .secure = true});
    (void)parse("GET");
    assert_field("Content-Security-Policy", service_page_policy);
    assert_field("Cache-Control", "no-store");
    assert_field("Strict-Transport-Security", "max-age=31536000");
    assert_field("Connection", "close");
    assert_guarded();
}

static void
only_files_are_cached(void **state)
{
    const struct answer_form form = {0};

    (void)state;
    struct service_response file = {.status = 200, .content_type = "text/css", .cacheable = true};
    answer(&file, "p {}", &form);
    (void)parse("GET");
    assert_field("Cache-Control", "public, max-age=31536000, immutable");
    assert_guarded();
    file.status = 404;
    answer(&file, "", &form);
    (void)parse("GET");
    assert_field("Cache-Control", "no-store");
}

static void
head_has_no_body(void **state)
{
    struct service_response page = {.status = 200, .content_type = "text/html", .page = true};

    (void)state;
    answer(&page, "<p>hello", &(struct answer_form){.head = true});
    assert_int_equal(parse("HEAD").n, 0);
    assert_field("Content-Length", "8");
}

static void
an_answer_can_lead_elsewhere(void **state)
{
    struct service_response response = {
        .status = 303, .location = "http://localhost:8438/approve/x", .retry_after_s = 5};

    (void)state;
    answer(&response, "", &(struct answer_form){0});
    (void)parse("POST");
    assert_int_equal(head.status, 303);
    assert_field("Location", "http://localhost:8438/approve/x");
    assert_field("Retry-After", "5");
    // A line break in what the service gave does not become a header of its own.
    snprintf(response.location, sizeof response.location, "http://x/\r\nSet-Cookie: a=b");
    buffer_clear(&out);
    answer_write(&response, &(struct answer_form){0}, &out);
    assert_true(out.failed);
}

static void
a_refusal_says_what_and_why(void **state)
{
    const struct refusal refusal = {405, FAILURE_METHOD_NOT_ALLOWED, "", "GET, HEAD, POST"};
    const struct refusal misdirected = {421, FAILURE_REQUEST_INVALID, "Host is \"wrong\"", NULL};

    (void)state;
    answer_write_refusal(&refusal, &(struct answer_form){.close = true}, &out);
    (void)parse("OPTIONS");
    assert_int_equal(head.status, 405);
    assert_field("Allow", "GET, HEAD, POST");
    assert_field("Connection", "close");
    assert_guarded();
    buffer_clear(&out);
    answer_write_refusal(&misdirected, &(struct answer_form){0}, &out);
    struct bytes body = parse("GET");
    assert_int_equal(head.status, 421);
    assert_field("Content-Type", "application/json");
    assert_field("Cache-Control", "no-store");
    json_t *object = json_loadb((const char *)body.p, body.n, JSON_REJECT_DUPLICATES, NULL);
    assert_string_equal(json_string_value(json_object_get(object, "error")), "request-invalid");
    assert_string_equal(json_string_value(json_object_get(object, "detail")), "Host is \"wrong\"");
    assert_non_null(json_string_value(json_object_get(object, "message")));
    assert_non_null(json_string_value(json_object_get(object, "advice")));
    json_decref(object);
}

#define answer_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        answer_test(an_unfit_answer_is_a_failure), answer_test(every_answer_is_guarded),
        answer_test(only_files_are_cached),        answer_test(head_has_no_body),
        answer_test(an_answer_can_lead_elsewhere), answer_test(a_refusal_says_what_and_why),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
