/* SPDX-License-Identifier: Apache-2.0
 *
 * A token with as many caveats as it may have, each the worst pattern that fits, judged against a
 * long path: the work, counted in steps, grows with the path and no faster.
 */
#include "../../../caveats/path.h"
#include "world.h"

enum { PATH_MAX_TESTED = 8192 };

/* Patterns that try again at every byte and at every segment. All fail, so each is tried whole; the
 * second predicate lets the next caveat be judged as well. */
static const char *const worst[] = {
    "path ~ /*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b or method = GET",
    "path ~ /**/a*a*/**/a*a*/**/a*a*/**/a*a*/**/b or method = GET",
    "path ~ /**/a/**/a/**/a/**/a/**/a/**/a/**/a/b or method = GET",
    "path ~ /**/*a*a*a*a*b*/**/*a*a*a*a*b or method = GET",
};

static void
full_token(struct buffer *out)
{
    const char *caveat[TOKEN_CAVEATS_MAX + 1] = {0};
    for (size_t i = 0; i < TOKEN_CAVEATS_MAX; i++)
        caveat[i] = worst[i % COUNT_OF(worst)];
    test_mint(out, caveat);
}

/* "/aaaa/aaaa…" of n bytes, with segments of `segment` bytes. */
static struct bytes
long_path(char *text, size_t n, size_t segment)
{
    for (size_t i = 0; i < n; i++)
        text[i] = i % (segment + 1) == 0 ? '/' : 'a';
    return bytes_of(text, n);
}

/* What judging every caveat of the token costs on that path. */
static uint64_t
steps_on(const struct token_verified *verified, struct bytes path)
{
    uint64_t steps = 0;
    for (size_t i = 0; i < verified->condition_count; i++) {
        struct caveat *caveat = NULL;
        assert_int_equal(caveat_parse(verified->condition[i].text, &caveat, NULL), KH_OK);
        struct bytes pattern = caveat->predicate[0].value[0].text;
        uint64_t one = 0;
        assert_false(path_pattern_matches(pattern, path, &one));
        if (one > 2 * (pattern.n + 2) * (path.n + 2))
            FAIL_WITH("%.*s: %llu steps for %zu bytes", BYTES_ARG(pattern), (unsigned long long)one,
                      path.n);
        steps += one;
        caveat_free(&caveat);
    }
    return steps;
}

static void
the_work_grows_with_the_path_and_no_faster(void **state)
{
    static const size_t segments[] = {1, 3, 40, PATH_MAX_TESTED};
    static char text[PATH_MAX_TESTED];
    struct token_verified verified;
    struct buffer minted;
    (void)state;
    full_token(&minted);
    struct token *token = test_scan(buffer_bytes(&minted));
    assert_int_equal(token_verify(token, root_key, &verified, NULL), KH_OK);
    assert_int_equal(verified.condition_count, TOKEN_CAVEATS_MAX);
    for (size_t i = 0; i < COUNT_OF(segments); i++) {
        uint64_t half = steps_on(&verified, long_path(text, PATH_MAX_TESTED / 2, segments[i]));
        uint64_t whole = steps_on(&verified, long_path(text, PATH_MAX_TESTED, segments[i]));
        if (whole > 2 * half + half / 10)
            FAIL_WITH("segments of %zu: %llu steps, and %llu for twice the path", segments[i],
                      (unsigned long long)half, (unsigned long long)whole);
    }
    token_free(&token);
    buffer_free(&minted);
}

static void
every_caveat_of_it_is_judged(void **state)
{
    static char text[PATH_MAX_TESTED];
    struct world world = test_world();
    struct facts facts = test_facts();
    struct buffer minted;
    (void)state;
    full_token(&minted);
    facts.path = long_path(text, sizeof text, 3);
    facts.method = BYTES("GET");
    struct decision d = test_decide(&world, buffer_bytes(&minted), BYTES_EMPTY, &facts, NULL);
    assert_int_equal(d.verdict, DECISION_ALLOW);
    facts.method = BYTES("POST");
    d = test_decide(&world, buffer_bytes(&minted), BYTES_EMPTY, &facts, NULL);
    assert_int_equal(d.verdict, DECISION_DENY);
    assert_int_equal(d.reason, KH_REASON_CAVEAT_FAILED);
    buffer_free(&minted);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_work_grows_with_the_path_and_no_faster),
        cmocka_unit_test(every_caveat_of_it_is_judged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
