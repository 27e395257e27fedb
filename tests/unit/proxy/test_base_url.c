/* SPDX-License-Identifier: Apache-2.0 */
/* Places in answers, as the client of a base URL has to ask for them. */
#include "unit.h"

#include "../../../broker/proxy/base_url.h"

static const struct base_url usual = {.url = BYTES("http://127.0.0.1:8437/~x"),
                                      .path = BYTES("/~x"),
                                      .host = BYTES("api.example"),
                                      .port = 443};

static void
expect(const struct base_url *base, const char *value, const char *expected)
{
    BUFFER_AUTO out;
    buffer_init(&out, 4096);
    base_url_write(base, bytes_str(value), &out);
    if (!bytes_is(buffer_bytes(&out), expected))
        fail_msg("\"%s\" gave \"%.*s\" and not \"%s\"", value, BYTES_ARG(buffer_bytes(&out)),
                 expected);
}

static void
test_fields(void **state)
{
    (void)state;
    assert_true(base_url_is_in(BYTES("Location")));
    assert_true(base_url_is_in(BYTES("content-LOCATION")));
    assert_true(base_url_is_in(BYTES("link")));
    assert_true(base_url_is_in(BYTES("X-Goog-Upload-URL")));
    assert_true(base_url_is_in(BYTES("X-Goog-Upload-Control-URL")));
    assert_true(base_url_is_in(BYTES("Operation-Location")));
    assert_true(base_url_is_in(BYTES("Azure-AsyncOperation")));
    assert_false(base_url_is_in(BYTES("x-location")));
    assert_false(base_url_is_in(BYTES("")));
}

static void
test_one_place(void **state)
{
    static const struct {
        const char *value, *expected;
    } rows[] = {
        {"", ""},
        {"https://api.example", "http://127.0.0.1:8437/~x"},
        {"https://api.example/a?b#c", "http://127.0.0.1:8437/~x/a?b#c"},
        {"HTTPS://API.example:443/a", "http://127.0.0.1:8437/~x/a"},
        {"https://api.example?a", "http://127.0.0.1:8437/~x?a"},
        {"/v2/a", "/~x/v2/a"},
        {"/", "/~x/"},
        // Other places.
        {"https://api.example.evil.example/a", "https://api.example.evil.example/a"},
        {"https://api.example@evil.example/a", "https://api.example@evil.example/a"},
        {"https://api.example:8443/a", "https://api.example:8443/a"},
        {"http://api.example/a", "http://api.example/a"},
        {"//api.example/a", "//api.example/a"},
        {"a/b", "a/b"},
        {"?page=2", "?page=2"},
        {"https://other.example/?next=https://api.example/a",
         "https://other.example/?next=https://api.example/a"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        expect(&usual, rows[i].value, rows[i].expected);
}

static void
test_links(void **state)
{
    (void)state;
    expect(&usual,
           "<https://api.example/a?page=2>; rel=\"next\", </b>; rel=last, <https://c.example/>",
           "<http://127.0.0.1:8437/~x/a?page=2>; rel=\"next\", </~x/b>; rel=last, "
           "<https://c.example/>");
    expect(&usual, "<", "<");
    expect(&usual, "<>", "<>");
    expect(&usual, "a<b", "a<b");
    expect(&usual, "<https://api.example", "<http://127.0.0.1:8437/~x");
}

static void
test_other_ports(void **state)
{
    struct base_url base = usual;
    (void)state;
    base.port = 8443;
    expect(&base, "https://api.example:8443/a", "http://127.0.0.1:8437/~x/a");
    expect(&base, "https://api.example/a", "https://api.example/a");
    expect(&base, "https://api.example:84430/a", "https://api.example:84430/a");
    base.plain = true;
    base.port = 80;
    expect(&base, "http://api.example/a", "http://127.0.0.1:8437/~x/a");
    expect(&base, "https://api.example/a", "https://api.example/a");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fields), cmocka_unit_test(test_one_place),
        cmocka_unit_test(test_links), cmocka_unit_test(test_other_ports)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
