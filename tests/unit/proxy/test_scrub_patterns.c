/* SPDX-License-Identifier: Apache-2.0 */
/* The forms of a secret that are searched for. */
#include "unit.h"

#include "../../../broker/proxy/scrub_patterns.h"

static bool
has(const struct scrub_patterns *patterns, const char *text, const char *replacement)
{
    for (size_t i = 0; i < patterns->count; i++) {
        BUFFER_AUTO out;
        buffer_init(&out, 4096);
        scrub_pattern_replace(patterns, i, &out);
        if (bytes_is(scrub_pattern_text(patterns, i), text))
            return bytes_is(buffer_bytes(&out), replacement);
    }
    return false;
}

static void
test_forms(void **state)
{
    static const struct {
        const char *text, *replacement;
    } rows[] = {
        {"abc/def?", "toke"},
        {"abc\\/def?", "toke"},
        {"abc%2Fdef%3F", "toke"},
        {"abc%2fdef%3f", "toke"},
        {"abc/def%3F", "toke"}, // in a path only some characters are escaped
        {"%61%62%63%2F%64%65%66%3F", "toke"},
        {"YWJjL2RlZj8=", "dG9rZQ=="},
        {"YWJjL2RlZj8", "dG9rZQ"},
        {"YWJjL2RlZj", "toke"}, // the start of a longer text
        {"FiYy9kZWY/", "toke"}, // one byte before it
        {"FiYy9kZWY_", "toke"},
        {"hYmMvZGVmP", "toke"}, // two bytes before it
    };
    struct scrub_patterns patterns;
    (void)state;
    scrub_patterns_init(&patterns, BYTES("toke"));
    scrub_patterns_add(&patterns, BYTES("abc/def?"));
    assert_false(patterns.failed);
    for (size_t i = 0; i < COUNT(rows); i++) {
        if (!has(&patterns, rows[i].text, rows[i].replacement))
            fail_msg("no \"%s\" that becomes \"%s\"", rows[i].text, rows[i].replacement);
    }
    scrub_patterns_free(&patterns);
}

static void
test_forms_inside_of_json(void **state)
{
    static const char *const rows[] = {"a&b\\\"c\\/<+", "a&b\\\"c/<+", "a\\u0026b\\\"c/\\u003c+",
                                       "a\\u0026b\\u0022c/\\u003C\\u002B"};
    struct scrub_patterns patterns;
    (void)state;
    scrub_patterns_init(&patterns, BYTES("toke"));
    scrub_patterns_add(&patterns, BYTES("a&b\"c/<+"));
    assert_false(patterns.failed);
    for (size_t i = 0; i < COUNT(rows); i++) {
        if (!has(&patterns, rows[i], "toke"))
            fail_msg("no %s", rows[i]);
    }
    scrub_patterns_free(&patterns);
}

static void
test_equal_forms_stand_once(void **state)
{
    struct scrub_patterns patterns;
    (void)state;
    scrub_patterns_init(&patterns, BYTES("tok"));
    scrub_patterns_add(&patterns, BYTES("abcdef"));
    for (size_t i = 0; i < patterns.count; i++) {
        for (size_t j = 0; j < i; j++)
            assert_false(
                bytes_equal(scrub_pattern_text(&patterns, i), scrub_pattern_text(&patterns, j)));
    }
    size_t count = patterns.count;
    scrub_patterns_add(&patterns, BYTES("abcdef"));
    assert_int_equal(patterns.count, count);
    scrub_patterns_free(&patterns);
    assert_int_equal(patterns.count, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_forms_inside_of_json),
        cmocka_unit_test(test_equal_forms_stand_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
