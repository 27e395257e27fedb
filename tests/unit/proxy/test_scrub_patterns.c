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
        scrub_pattern_replace(patterns, i, BYTES("toke"), &out);
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
        {"abc/def?", "toke"},      {"YWJjL2RlZj8=", "dG9rZQ=="},
        {"YWJjL2RlZj8", "dG9rZQ"}, {"YWJjL2RlZj", "toke"}, // the start of a longer text
        {"FiYy9kZWY/", "toke"},                            // one byte before it
        {"FiYy9kZWY_", "toke"},    {"hYmMvZGVmP", "toke"}, // two bytes before it
    };
    struct scrub_patterns patterns;
    (void)state;
    scrub_patterns_init(&patterns);
    scrub_patterns_add(&patterns, BYTES("abc/def?"));
    assert_false(patterns.failed);
    for (size_t i = 0; i < COUNT(rows); i++) {
        if (!has(&patterns, rows[i].text, rows[i].replacement))
            fail_msg("no \"%s\" that becomes \"%s\"", rows[i].text, rows[i].replacement);
    }
    scrub_patterns_free(&patterns);
}

// A space as a form has it; and escapes are no forms of their own.
static void
test_spaces(void **state)
{
    struct scrub_patterns patterns;
    (void)state;
    scrub_patterns_init(&patterns);
    scrub_patterns_add(&patterns, BYTES("a b/c d"));
    assert_true(has(&patterns, "a b/c d", "toke"));
    assert_true(has(&patterns, "a+b/c+d", "toke"));
    for (size_t i = 0; i < patterns.count; i++)
        assert_int_equal(bytes_index(scrub_pattern_text(&patterns, i), '%'),
                         scrub_pattern_text(&patterns, i).n);
    scrub_patterns_free(&patterns);
}

// The arena wipes what was written in it, and takes the word of who writes for how much that is.
static void
test_all_that_was_written_is_marked(void **state)
{
    static const char *const secrets[] = {"abcdef", "abc/def?", "a&b\"c/<+", "sk-0123456789abcdef",
                                          "\xff\xfe\xfd\xfc\xfb\xfa\xf9"};
    (void)state;
    for (size_t i = 0; i < COUNT(secrets); i++) {
        struct scrub_patterns patterns;
        scrub_patterns_init(&patterns);
        assert_non_null(buffer_room(&patterns.arena, 60000));
        memset(patterns.arena.p, 0xa5, patterns.arena.cap);
        for (int twice = 0; twice < 2; twice++)
            scrub_patterns_add(&patterns, bytes_str(secrets[i]));
        for (size_t at = patterns.arena.mark; at < patterns.arena.cap; at++)
            assert_int_equal(patterns.arena.p[at], 0xa5);
        scrub_patterns_free(&patterns);
    }
}

static void
test_equal_forms_stand_once(void **state)
{
    struct scrub_patterns patterns;
    (void)state;
    scrub_patterns_init(&patterns);
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
        cmocka_unit_test(test_spaces),
        cmocka_unit_test(test_equal_forms_stand_once),
        cmocka_unit_test(test_all_that_was_written_is_marked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
