/* SPDX-License-Identifier: Apache-2.0 */
#include "../files.h"

#include "../../../broker/admin/suggest.h"

static const char *
suggest(struct suggestion *s, const char *wanted)
{
    static const char *const names[] = {"openai", "anthropic", "github", "gitlab", "slack"};
    suggest_begin(s, bytes_str(wanted));
    for (size_t i = 0; i < 5; i++)
        suggest_offer(s, bytes_str(names[i]));
    return suggest_text(s);
}

static void
names_the_nearest(void **state)
{
    struct suggestion s;
    char large[200];

    (void)state;
    memset(large, 'x', sizeof large);
    large[199] = '\0';
    assert_string_equal(suggest(&s, large), "");
    assert_string_equal(suggest(&s, "zzzzzz"), "");
    assert_string_equal(suggest(&s, ""), "");
    assert_string_equal(suggest(&s, "openia"), "; did you mean openai?");
    assert_string_equal(suggest(&s, "opnai"), "; did you mean openai?");
    assert_string_equal(suggest(&s, "gitla"), "; did you mean gitlab?");
    assert_string_equal(suggest(&s, "antrophic"), "; did you mean anthropic?");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(names_the_nearest)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
