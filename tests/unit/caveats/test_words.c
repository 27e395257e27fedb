/* SPDX-License-Identifier: Apache-2.0 */
/* Caveats in plain words. */
#include "../../../caveats/words.h"
#include "unit.h"

enum { TEST_NOW = 1795000600 }; // 2026-11-18T11:16:40Z

static void
assert_words(const char *text, const char *expected)
{
    struct fault fault = {.err = KH_OK};
    struct caveat *caveat = NULL;
    expect_err(text, caveat_parse(bytes_str(text), &caveat, &fault), KH_OK);
    BUFFER_AUTO out;
    buffer_init(&out, 4096);
    words_put_caveat(&out, caveat, TEST_NOW);
    caveat_free(&caveat);
    assert_string_equal(buffer_text(&out), expected);
}

static void
test_hostile_values_are_escaped(void **state)
{
    (void)state;
    assert_words("query[q] = \"\\u001b[2J\"", "the query parameter q is \\x1b[2J");
    assert_words("query[\"\\u202e\"] present", "the query parameter \\u{202e} is present");
}

static void
test_sentences(void **state)
{
    (void)state;
    assert_words("method = GET", "the method is GET");
    assert_words("method in GET, HEAD, PUT", "the method is GET, HEAD or PUT");
    assert_words("method not in GET, HEAD", "the method is not GET nor HEAD");
    assert_words("path ~ /v1/**", "the path matches /v1/**");
    assert_words("path !~ /v1/**", "the path does not match /v1/**");
    assert_words("query[limit] <= 100", "the query parameter limit is at most 100");
    assert_words("query[limit] > 1", "the query parameter limit is above 1");
    assert_words("header[X-Note] absent", "the header x-note is absent");
    assert_words("client in 10.0.0.0/8, unix", "the client's address is 10.0.0.0/8 or unix");
    assert_words("body[/messages/0/role] = user", "the body's value at /messages/0/role is user");
    assert_words("body[/n] = 5 or body[/n] = \"5\"",
                 "the body's value at /n is 5, or the body's value at /n is \"5\"");
    assert_words("body[\"\"] present", "the body's value at its top is present");
    assert_words("body-size <= 1KiB", "the body's size is at most 1KiB");
    assert_words("method = GET or path = /v1", "the method is GET, or the path is /v1");
    assert_words("time < 2026-11-18T11:26:40Z", "before 2026-11-18T11:26:40Z, in 10 minutes");
    assert_words("uses <= 100", "at most 100 uses, counted with all made from this token");
    assert_words("uses < 1", "fewer than 1 use, counted with all made from this token");
    assert_words("rate <= 5/s", "at most 5 uses a second, counted with all made from this token");
    assert_words("rate <= 60/min",
                 "at most 60 uses a minute, counted with all made from this token");
    assert_words("rate < 1000/h",
                 "fewer than 1000 uses an hour, counted with all made from this token");
    assert_words("rate <= 1/d", "at most 1 use a day, counted with all made from this token");
    assert_words("time >= 2026-11-18T11:06:40Z", "from 2026-11-18T11:06:40Z, 10 minutes ago");
}

// An attribute or operator that is added must read as something.
static void
test_every_attribute_has_words(void **state)
{
    (void)state;
    for (int i = ATTRIBUTE_UNSET + 1; i < ATTRIBUTE_COUNT; i++) {
        const struct attribute_info *info = attribute_info((enum attribute)i);
        struct predicate predicate = {.attribute = (enum attribute)i};
        if (info->keyed)
            predicate.key = BYTES("k");
        for (int kind = OPERATOR_EQUAL; kind <= OPERATOR_ABSENT; kind++) {
            struct caveat caveat = {.predicate = &predicate, .count = 1};
            predicate.operator_kind = (enum operator_kind)kind;
            BUFFER_AUTO out;
            buffer_init(&out, 4096);
            words_put_caveat(&out, &caveat, TEST_NOW);
            assert_null(strchr(buffer_text(&out), '?'));
            assert_true(out.n > 8);
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hostile_values_are_escaped),
        cmocka_unit_test(test_sentences),
        cmocka_unit_test(test_every_attribute_has_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
