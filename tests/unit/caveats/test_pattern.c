/* SPDX-License-Identifier: Apache-2.0 */
#include "../../../caveats/path.h"
#include "unit.h"

static void
bad_patterns_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"",     "a",      "*",   "a/b", "/a**", "/**a",  "/a**b",
                                      "/***", "/a/***", "***", "**a", "*/**", "/a/** "};
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        expect_err(bad[i], path_pattern_check(bytes_str(bad[i]), NULL), KH_ERR_SYNTAX);
    static const char *const good[] = {"/", "/*", "/**", "**", "**/a", "/a/**/b*c", "/*a*/**/**"};
    for (size_t i = 0; i < COUNT_OF(good); i++)
        expect_err(good[i], path_pattern_check(bytes_str(good[i]), NULL), KH_OK);
}

/* The definition, written down without care for time. */
static bool
text_reference(const char *p, const char *t)
{
    if (*p == '\0')
        return *t == '\0';
    if (*p == '*')
        return text_reference(p + 1, t) || (*t && text_reference(p, t + 1));
    return *p == *t && text_reference(p + 1, t + 1);
}

static size_t
split(char *text, char *segment[])
{
    size_t n = 0;
    for (char *s = text; s; n++) {
        segment[n] = s;
        s = strchr(s, '/');
        if (s)
            *s++ = '\0';
    }
    return n;
}

static bool
segments_reference(char **p, size_t pn, char **t, size_t tn)
{
    if (pn == 0)
        return tn == 0;
    if (strcmp(p[0], "**") == 0)
        return segments_reference(p + 1, pn - 1, t, tn) ||
               (tn && segments_reference(p, pn, t + 1, tn - 1));
    bool is_empty_for_star = tn && strcmp(p[0], "*") == 0 && t[0][0] == '\0';
    return tn && !is_empty_for_star && text_reference(p[0], t[0]) &&
           segments_reference(p + 1, pn - 1, t + 1, tn - 1);
}

static bool
path_reference(const char *pattern, const char *path)
{
    char p[64], t[64], *ps[40], *ts[40];
    snprintf(p, sizeof p, "%s", pattern);
    snprintf(t, sizeof t, "%s", path);
    size_t pn = split(p, ps), tn = split(t, ts);
    return segments_reference(ps, pn, ts, tn);
}

static void
generate(struct random *r, const char *const *part, size_t parts, char *out)
{
    strcpy(out, "/");
    for (size_t n = random_below(r, 8); n > 0; n--)
        strcat(out, part[random_below(r, parts)]);
}

static void
agrees_with_the_definition(void **state)
{
    (void)state;
    static const char *const in_pattern[] = {"*", "a", "b", "/", "/**", "/**/", "*a", "/*"};
    static const char *const in_path[] = {"a", "b", "/", "/a", "aa", "ab", "/b/"};
    struct random r = random_seeded("pattern", 3);
    unsigned matched = 0, compared = 0;
    for (int i = 0; i < 60000; i++) {
        char pattern[64], path[64];
        generate(&r, in_pattern, COUNT_OF(in_pattern), pattern);
        generate(&r, in_path, COUNT_OF(in_path), path);
        uint64_t steps = 0;
        struct bytes p = bytes_str(pattern), t = bytes_str(path);
        if (text_pattern_matches(p, t, &steps) != text_reference(pattern, path))
            FAIL_WITH("text \"%s\" \"%s\"", pattern, path);
        assert_true(steps <= (p.n + 1) * (t.n + 2));
        if (path_pattern_check(p, NULL) != KH_OK)
            continue;
        compared++;
        steps = 0;
        bool expected = path_reference(pattern, path);
        if (path_pattern_matches(p, t, &steps) != expected)
            FAIL_WITH("path \"%s\" \"%s\": expected %d", pattern, path, expected);
        assert_true(steps <= 2 * (p.n + 2) * (t.n + 2));
        matched += expected;
    }
    assert_in_range(matched, 500, compared - 500);
}

/* Inputs that are exponential or worse for a matcher that tries every wildcard again. */
static void
time_is_bounded(void **state)
{
    (void)state;
    enum { N = 400 };
    char pattern[2 * N + 8], text[2 * N + 8];
    uint64_t steps = 0;
    size_t n = 0;
    for (int i = 0; i < N; i++) {
        pattern[n++] = '*';
        pattern[n++] = 'a';
    }
    pattern[n++] = 'b';
    memset(text, 'a', sizeof text);
    struct bytes p = bytes_of(pattern, n), t = bytes_of(text, 2 * N);
    assert_false(text_pattern_matches(p, t, &steps));
    if (steps > p.n * t.n)
        FAIL_WITH("%llu steps for %zu times %zu bytes", (unsigned long long)steps, p.n, t.n);

    n = 0;
    for (int i = 0; i < N / 5; i++) {
        memcpy(pattern + n, "/**/a", 5);
        n += 5;
    }
    memcpy(pattern + n, "/b", 2);
    n += 2;
    for (size_t i = 0; i < 2 * N; i += 2)
        memcpy(text + i, "/a", 2);
    p.n = n;
    steps = 0;
    assert_int_equal(path_pattern_check(p, NULL), KH_OK);
    assert_false(path_pattern_matches(p, t, &steps));
    if (steps > p.n * t.n)
        FAIL_WITH("%llu steps for %zu times %zu bytes", (unsigned long long)steps, p.n, t.n);
}

static void
empty_matches_nothing(void **state)
{
    (void)state;
    assert_false(path_pattern_matches(BYTES(""), BYTES("/"), NULL));
    assert_false(path_pattern_matches(BYTES("**"), BYTES(""), NULL));
    assert_false(text_pattern_matches(BYTES(""), BYTES("a"), NULL));
    assert_true(text_pattern_matches(BYTES("*"), BYTES(""), NULL));
    assert_true(text_pattern_matches(BYTES("**"), BYTES("a/b"), NULL));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_patterns_are_refused),
        cmocka_unit_test(agrees_with_the_definition),
        cmocka_unit_test(time_is_bounded),
        cmocka_unit_test(empty_matches_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
