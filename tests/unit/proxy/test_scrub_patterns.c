/* SPDX-License-Identifier: Apache-2.0 */
/* The forms of a secret that are searched for. */
#include "unit.h"

#include "../../../broker/proxy/scrub_patterns.h"

static bool
has(const struct scrub_patterns *patterns, const char *text, const char *replacement)
{
    for (size_t i = 0; i < patterns->count; i++) {
        if (bytes_is(buffer_bytes(&patterns->list[i].text), text))
            return bytes_is(buffer_bytes(&patterns->list[i].replacement), replacement);
    }
    return false;
}

static void
test_forms(void **state)
{
    static const struct {
        const char *text, *replacement;
    } rows[] = {
        {"abc/def?", "tok"},
        {"abc\\/def?", "tok"},
        {"abc%2Fdef%3F", "tok"},
        {"abc%2fdef%3f", "tok"},
        {"abc/def%3F", "tok"}, // in a path only some characters are escaped
        {"%61%62%63%2F%64%65%66%3F", "tok"},
        {"YWJjL2RlZj8=", "dG9r"},
        {"YWJjL2RlZj8", "dG9r"},
        {"YWJjL2RlZj", "tok"}, // the start of a longer text
        {"FiYy9kZWY/", "tok"}, // one byte before it
        {"FiYy9kZWY_", "tok"},
        {"hYmMvZGVmP", "tok"}, // two bytes before it
    };
    struct scrub_patterns patterns = {0};
    (void)state;
    scrub_patterns_add(&patterns, BYTES("abc/def?"), BYTES("tok"));
    assert_false(patterns.failed);
    for (size_t i = 0; i < COUNT(rows); i++) {
        if (!has(&patterns, rows[i].text, rows[i].replacement))
            fail_msg("no \"%s\" that becomes \"%s\"", rows[i].text, rows[i].replacement);
    }
    scrub_patterns_free(&patterns);
}

static void
test_equal_forms_stand_once(void **state)
{
    struct scrub_patterns patterns = {0};
    (void)state;
    scrub_patterns_add(&patterns, BYTES("abcdef"), BYTES("tok"));
    for (size_t i = 0; i < patterns.count; i++) {
        for (size_t j = 0; j < i; j++)
            assert_false(bytes_equal(buffer_bytes(&patterns.list[i].text),
                                     buffer_bytes(&patterns.list[j].text)));
    }
    size_t count = patterns.count;
    scrub_patterns_add(&patterns, BYTES("abcdef"), BYTES("tok"));
    assert_int_equal(patterns.count, count);
    scrub_patterns_free(&patterns);
    assert_int_equal(patterns.count, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_equal_forms_stand_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
