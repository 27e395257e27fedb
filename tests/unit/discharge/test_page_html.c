/* SPDX-License-Identifier: Apache-2.0 */
/* Escaping and templates. */
#include "../../../broker/discharge/pages.h"
#include "services.h"

static void
assert_html(const char *text, const char *expected)
{
    BUFFER_AUTO out;
    buffer_init(&out, 4096);
    html_put(&out, bytes_str(text));
    assert_string_equal(buffer_text(&out), expected);
}

static void
hostile_text_is_shown_and_does_nothing(void **state)
{
    (void)state;
    assert_html("<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;");
    assert_html("\" onclick='x' &amp;", "&quot; onclick=&#39;x&#39; &amp;amp;");
    assert_html("user\xe2\x80\xae"
                "ecila",
                "user\\u{202e}ecila");
    assert_html("a\nb\x1b[2J", "a\\x0ab\\x1b[2J");
    assert_html("\xff", "\\xff");
    assert_html("a\xe2\x80\x8b"
                "b",
                "a\\u{200b}b");
    assert_html("Zürich 日本 😀", "Zürich 日本 😀");
}

static const struct html_value values[] = {
    {"text", BYTES("<b>"), false},
    {"markup", BYTES("<b>"), true},
    {NULL, BYTES_EMPTY, false},
};

static void
templates_that_cannot_be_filled(void **state)
{
    static const char *const rows[] = {"{{unknown}}", "a {{text", "{{}}", "{{text }}"};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        BUFFER_AUTO out;
        buffer_init(&out, 4096);
        assert_false(html_fill(bytes_str(rows[i]), values, &out));
    }
    BUFFER_AUTO small;
    buffer_init(&small, 8);
    assert_false(html_fill(BYTES("more than eight"), values, &small));
}

static void
templates_are_filled(void **state)
{
    BUFFER_AUTO out;
    (void)state;
    buffer_init(&out, 4096);
    assert_true(html_fill(BYTES("{{text}} {{markup}}{{text}} {x}"), values, &out));
    assert_string_equal(buffer_text(&out), "&lt;b&gt; <b>&lt;b&gt; {x}");
}

static void
what_is_filled_in_is_no_template(void **state)
{
    static const struct html_value nested[] = {{"text", BYTES("{{text}}"), false},
                                               {NULL, BYTES_EMPTY, false}};
    BUFFER_AUTO out;
    (void)state;
    buffer_init(&out, 4096);
    assert_true(html_fill(BYTES("a{{text}}b"), nested, &out));
    assert_string_equal(buffer_text(&out), "a{{text}}b");
}

static void
every_page_has_its_frame(void **state)
{
    struct service_response response = {.status = 0};
    (void)state;
    buffer_init(&response.body, 65536);
    page_write(&response, 200, "A <title>", BYTES("<h1>x</h1>"), "approve.js");
    const char *html = buffer_text(&response.body);
    assert_int_equal(response.status, 200);
    assert_true(response.page);
    assert_false(response.cacheable);
    assert_string_equal(response.content_type, "text/html; charset=utf-8");
    static const char *const parts[] = {
        "<!doctype html>\n<html lang=\"en\">",
        "<title>A &lt;title&gt; · Keyhole</title>",
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">",
        "<meta name=\"color-scheme\" content=\"light dark\">",
        "<main>\n<h1>x</h1>\n</main>",
        "/approve.js\"></script>",
        "/page.css\">",
    };
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        if (strstr(html, parts[i]) == NULL)
            fail_msg("no %s in: %s", parts[i], html);
    }
    buffer_free(&response.body);
}

// The policy allows no code in a page; so there must be none.
static void
no_template_has_code_in_it(void **state)
{
    static const char *const templates[] = {"frame.html", "approve.html", "enroll.html",
                                            "ended.html"};
    static const char *const forbidden[] = {"<script>", "<style",  " style=", "javascript:",
                                            " onclick", " onload", "http://", "https://"};
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct bytes text = asset_find(templates[i]);
        assert_true(text.n > 0);
        for (size_t j = 0; j < sizeof forbidden / sizeof forbidden[0]; j++) {
            if (bytes_find(text, bytes_str(forbidden[j])) != text.n)
                fail_msg("%s in %s", forbidden[j], templates[i]);
        }
    }
    assert_non_null(strstr(service_page_policy, "default-src 'none'"));
    assert_null(strstr(service_page_policy, "unsafe"));
}

static void
failures_are_pages_where_people_look(void **state)
{
    struct service_response response = {.status = 0};
    (void)state;
    buffer_init(&response.body, 65536);
    page_write_failure(&response, FAILURE_NOT_FOUND);
    assert_int_equal(response.status, 404);
    assert_non_null(strstr(buffer_text(&response.body), "<h1>Nothing here</h1>"));
    page_write_failure(&response, FAILURE_ORIGIN_FORBIDDEN);
    assert_int_equal(response.status, 403);
    assert_non_null(strstr(buffer_text(&response.body), "The request comes from another site."));
    buffer_free(&response.body);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hostile_text_is_shown_and_does_nothing),
        cmocka_unit_test(templates_that_cannot_be_filled),
        cmocka_unit_test(templates_are_filled),
        cmocka_unit_test(what_is_filled_in_is_no_template),
        cmocka_unit_test(every_page_has_its_frame),
        cmocka_unit_test(no_template_has_code_in_it),
        cmocka_unit_test(failures_are_pages_where_people_look),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
