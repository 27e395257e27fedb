/* SPDX-License-Identifier: Apache-2.0 */
/* "Did you mean": near enough to be meant, and silent otherwise. */
#include "support.h"

#include "../../../broker/operator/suggest.h"

static void
distances(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        size_t distance;
    } rows[] = {
        {"", "", 0},         {"", "mint", 4},
        {"mint", "mint", 0}, {"mnit", "mint", 1},
        {"min", "mint", 1},  {"mintt", "mint", 1},
        {"mind", "mint", 1}, {"init", "mint", 2},
        {"ca", "abc", 3},    {"credentail", "credential", 1},
        {"abcd", "dcba", 3},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        size_t d = suggest_distance(rows[i].a, rows[i].b);
        if (d != rows[i].distance || suggest_distance(rows[i].b, rows[i].a) != d)
            fail_msg("\"%s\" and \"%s\": %zu, not %zu", rows[i].a, rows[i].b, d, rows[i].distance);
    }
}

static void
long_words_are_far(void **state)
{
    (void)state;
    char word[200];
    memset(word, 'a', sizeof(word) - 1);
    word[sizeof(word) - 1] = '\0';
    assert_int_equal(suggest_distance(word, word), SIZE_MAX);
    struct suggestion suggestion;
    suggest_init(&suggestion, word);
    suggest_offer(&suggestion, "mint");
    assert_null(suggestion.best);
}

static const char *
suggest(const char *given)
{
    static const char *const words[] = {"init", "run", "check", "mint", "revoke", "status"};
    struct suggestion suggestion;
    suggest_init(&suggestion, given);
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        suggest_offer(&suggestion, words[i]);
    return suggestion.best != NULL ? suggestion.best : "";
}

static void
suggestions(void **state)
{
    (void)state;
    assert_string_equal(suggest("mnit"), "mint");
    assert_string_equal(suggest("inti"), "init");
    assert_string_equal(suggest("stauts"), "status");
    assert_string_equal(suggest("rev"), "revoke");
    assert_string_equal(suggest("chekc"), "check");
    assert_string_equal(suggest("xyzzy"), "");
    assert_string_equal(suggest(""), "");
    assert_string_equal(suggest("frobnicate"), "");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(long_words_are_far),
        cmocka_unit_test(distances),
        cmocka_unit_test(suggestions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
