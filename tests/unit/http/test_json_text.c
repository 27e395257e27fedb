/* SPDX-License-Identifier: Apache-2.0 */
/* JSON strings: hostile bytes first. */

#include "http_test.h"

#include "../../../broker/http/json_text.h"

static void
test_strings(void **state)
{
    static const struct {
        struct bytes in;
        const char *out;
    } rows[] = {
        {TEXT(""), "\"\""},
        {TEXT("\""), "\"\\\"\""},
        {TEXT("\\"), "\"\\\\\""},
        {TEXT("\b\f\n\r\t"), "\"\\b\\f\\n\\r\\t\""},
        {TEXT("\0\x01\x1f\x7f"), "\"\\u0000\\u0001\\u001f\\u007f\""},
        {TEXT("\xff"), "\"\xef\xbf\xbd\""},
        {TEXT("\xc3"), "\"\xef\xbf\xbd\""},
        {TEXT("\xc3(\xe2\x82"), "\"\xef\xbf\xbd(\xef\xbf\xbd\xef\xbf\xbd\""},
        {TEXT("\xc0\xaf"), "\"\xef\xbf\xbd\xef\xbf\xbd\""},
        {TEXT("\xed\xa0\x80"), "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
        {TEXT("\xf5\x80\x80\x80"), "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
        {TEXT("a/b \xc3\xa4 \xe2\x82\xac \xf0\x9f\x94\x91"),
         "\"a/b \xc3\xa4 \xe2\x82\xac \xf0\x9f\x94\x91\""},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct bytes copy = exact_copy(rows[i].in);
        BUFFER_AUTO out;

        buffer_init(&out, 1024);
        json_text_put(&out, copy);
        assert_text(buffer_bytes(&out), rows[i].out);
        assert_true(bytes_is_utf8(buffer_bytes(&out)));
        exact_free(copy);
    }
}

static void
test_members(void **state)
{
    BUFFER_AUTO out;

    (void)state;
    buffer_init(&out, 1024);
    buffer_put_byte(&out, '{');
    json_text_member(&out, "a", BYTES("b"));
    json_text_member(&out, "c\"", BYTES("{"));
    json_text_member(&out, "d", BYTES_EMPTY);
    assert_text(buffer_bytes(&out), "{\"a\":\"b\",\"c\\\"\":\"{\",\"d\":\"\"");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_strings),
        cmocka_unit_test(test_members),
    };
    return cmocka_run_group_tests_name("http/json_text", tests, NULL, NULL);
}
