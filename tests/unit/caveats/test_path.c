/* SPDX-License-Identifier: Apache-2.0 */
#include "../../../caveats/path.h"
#include "unit.h"

enum { ALL = PATH_ALLOW_ESCAPED_SLASH | PATH_ALLOW_SEMICOLON | PATH_ALLOW_EMPTY_SEGMENT };

static const struct {
    const char *path;
    unsigned exceptions;
} refused[] = {
    {"", 0},
    {"a", 0},
    {"*", 0},
    {"http://x/", 0},
    /* dot segments, in every spelling, and even with every exception */
    {"/.", ALL},
    {"/..", ALL},
    {"/a/./b", ALL},
    {"/a/../b", ALL},
    {"/a/%2e%2e/b", ALL},
    {"/a/.%2E", ALL},
    {"/a/..%2fb", ALL},
    {"/a%2f..", ALL},
    {"/a%2F%2e%2e%2Fb", ALL},
    {"/..;/admin", ALL},
    {"/..;x=y/admin", ALL},
    {"/..%3bx/admin", ALL},
    {"/a/.;", ALL},
    /* empty segments */
    {"//", 0},
    {"//a", 0},
    {"/a//b", 0},
    {"/a//", 0},
    {"/a%2F", PATH_ALLOW_ESCAPED_SLASH},
    {"/%2Fa", PATH_ALLOW_ESCAPED_SLASH},
    {"/a%2F%2Fb", PATH_ALLOW_ESCAPED_SLASH},
    {"/;x/a", PATH_ALLOW_SEMICOLON},
    /* what needs an exception */
    {"/a%2fb", PATH_ALLOW_SEMICOLON | PATH_ALLOW_EMPTY_SEGMENT},
    {"/a%2Fb", 0},
    {"/a;b", PATH_ALLOW_ESCAPED_SLASH | PATH_ALLOW_EMPTY_SEGMENT},
    {"/a%3Bb", 0},
    /* never */
    {"/a\\b", ALL},
    {"/a%5cb", ALL},
    {"/a%00", ALL},
    {"/a%0a", ALL},
    {"/a%1f", ALL},
    {"/a%7F", ALL},
    {"/a%", ALL},
    {"/a%2", ALL},
    {"/a%g0", ALL},
    {"/a%252e", ALL},
    {"/a%252Fb", ALL},
    {"/%25%32%66", ALL},
    {"/%2525", ALL},
    {"/a?b", ALL},
    {"/a#b", ALL},
    {"/a b", ALL},
    {"/a\tb", ALL},
    {"/a\"b", ALL},
    {"/a<b>", ALL},
    {"/a[b]", ALL},
    {"/a{b}", ALL},
    {"/a|b", ALL},
    {"/a^b", ALL},
    {"/a`b", ALL},
    {"/\xc3\xa4", ALL},
    {"/%c0%af", ALL},    /* overlong slash */
    {"/%ff", ALL},       /* not UTF-8 */
    {"/%ed%a0%80", ALL}, /* surrogate */
};

// threat 2
static void
ambiguous_paths_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(refused); i++) {
        struct fault fault = {0};
        BUFFER_AUTO encoded;
        BUFFER_AUTO decoded;
        buffer_init(&encoded, 100);
        buffer_init(&decoded, 100);
        buffer_put_str(&encoded, "kept");
        enum kh_err err = path_canonical(bytes_str(refused[i].path), refused[i].exceptions,
                                         &encoded, &decoded, &fault);
        expect_err(refused[i].path, err, KH_ERR_SYNTAX);
        expect_text("untouched", buffer_bytes(&encoded), "kept");
        assert_int_equal(decoded.n, 0);
        assert_true(strlen(fault.detail) > 10);
    }
}

static const struct {
    const char *path;
    unsigned exceptions;
    const char *encoded, *decoded;
} accepted[] = {
    {"/", 0, "/", "/"},
    {"/a/", 0, "/a/", "/a/"},
    {"/v1/chat/completions", 0, "/v1/chat/completions", "/v1/chat/completions"},
    {"/%61%2D%2e%5F%7e", 0, "/a-._~", "/a-._~"},
    {"/a%20b%c3%a4", 0, "/a%20b%C3%A4", "/a b\xc3\xa4"},
    {"/%3fa%23", 0, "/%3Fa%23", "/?a#"},
    {"/a:b@c!$&'()*+,=d", 0, "/a:b@c!$&'()*+,=d", "/a:b@c!$&'()*+,=d"},
    {"/100%25", 0, "/100%25", "/100%"},
    {"/100%25x/", 0, "/100%25x/", "/100%x/"},
    {"/...", 0, "/...", "/..."},
    {"/.a/b.", 0, "/.a/b.", "/.a/b."},
    {"/a%2fb", PATH_ALLOW_ESCAPED_SLASH, "/a%2Fb", "/a%2Fb"},
    {"/a;b=c", PATH_ALLOW_SEMICOLON, "/a;b=c", "/a;b=c"},
    {"/a%3bb", PATH_ALLOW_SEMICOLON, "/a%3Bb", "/a%3Bb"},
    {"//a//", PATH_ALLOW_EMPTY_SEGMENT, "//a//", "//a//"},
};

static void
canonical_forms(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(accepted); i++) {
        struct fault fault = {0};
        BUFFER_AUTO encoded;
        BUFFER_AUTO decoded;
        BUFFER_AUTO again;
        buffer_init(&encoded, 100);
        buffer_init(&decoded, 100);
        buffer_init(&again, 100);
        expect_err(accepted[i].path,
                   path_canonical(bytes_str(accepted[i].path), accepted[i].exceptions, &encoded,
                                  &decoded, &fault),
                   KH_OK);
        expect_text("encoded", buffer_bytes(&encoded), accepted[i].encoded);
        expect_text("decoded", buffer_bytes(&decoded), accepted[i].decoded);
        buffer_clear(&decoded);
        expect_err(
            "again",
            path_canonical(buffer_bytes(&encoded), accepted[i].exceptions, &again, &decoded, NULL),
            KH_OK);
        expect_bytes("canonical twice", buffer_bytes(&again), buffer_bytes(&encoded));
        expect_text("decoded twice", buffer_bytes(&decoded), accepted[i].decoded);
    }
}

/* What is accepted decodes to what is judged, in one step and not in two. */
static void
one_reading(void **state)
{
    (void)state;
    static const char *const part[] = {"/", "a", ".",   "%2e", "%2F", "%25", "2",
                                       "f", ";", "%5c", "%",   "..",  "%41", "%c3%a4"};
    struct random r = random_seeded("path", 2);
    unsigned taken = 0;
    for (int i = 0; i < 30000; i++) {
        char text[64] = "/";
        for (size_t n = random_below(&r, 6); n > 0; n--)
            strcat(text, part[random_below(&r, COUNT_OF(part))]);
        BUFFER_AUTO encoded;
        BUFFER_AUTO decoded;
        BUFFER_AUTO twice;
        buffer_init(&encoded, 100);
        buffer_init(&decoded, 100);
        buffer_init(&twice, 100);
        if (path_canonical(bytes_str(text), 0, &encoded, &decoded, NULL) != KH_OK)
            continue;
        taken++;
        struct bytes d = buffer_bytes(&decoded);
        if (bytes_find(d, BYTES("//")) < d.n || bytes_find(d, BYTES("/./")) < d.n ||
            bytes_find(d, BYTES("/../")) < d.n || bytes_ends(d, BYTES("/..")) ||
            bytes_ends(d, BYTES("/.")) || bytes_index(d, '\\') < d.n || bytes_index(d, ';') < d.n)
            FAIL_WITH("\"%s\" was accepted as \"%s\"", text, buffer_text(&decoded));
        if (form_decode(d, &twice) == KH_OK)
            expect_bytes(text, buffer_bytes(&twice), d);
    }
    assert_in_range(taken, 100, 30000);
}

static void
limits(void **state)
{
    (void)state;
    BUFFER_AUTO encoded;
    BUFFER_AUTO decoded;
    buffer_init(&encoded, 4);
    buffer_init(&decoded, 100);
    expect_err("too long", path_canonical(BYTES("/abcd"), 0, &encoded, &decoded, NULL),
               KH_ERR_TOO_LONG);
}

/* What is said to be plain is what path_canonical leaves as it is: all paths of up to five bytes of
 * these, and what begins like one. */
static void
test_plain_paths_stay_as_they_are(void **state)
{
    static const char some[] = "/.;%2Fa\\-\x80";
    char text[6];
    size_t plain = 0;

    (void)state;
    for (size_t n = 0, count = 1; n < sizeof text; n++, count *= sizeof some) {
        for (size_t which = 0; which < count; which++) {
            for (size_t i = 0, rest = which; i < n; i++, rest /= sizeof some)
                text[i] = some[rest % sizeof some];
            struct bytes path = bytes_of(text, n);
            if (!path_is_plain(path))
                continue;
            BUFFER_AUTO encoded, decoded;
            buffer_init(&encoded, 64);
            buffer_init(&decoded, 64);
            if (path_canonical(path, 0, &encoded, &decoded, NULL) != KH_OK ||
                !bytes_equal(buffer_bytes(&encoded), path) ||
                !bytes_equal(buffer_bytes(&decoded), path))
                FAIL_WITH("\"%.*s\" is no plain path", BYTES_ARG(path));
            plain++;
        }
    }
    assert_true(plain > 100);
    assert_true(path_is_plain(BYTES("/v1/chat/completions")));
    assert_true(path_is_plain(BYTES("/")));
    assert_true(path_is_plain(BYTES("/a.b/c..d/")));
    assert_false(path_is_plain(BYTES_EMPTY));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ambiguous_paths_are_refused),
        cmocka_unit_test(canonical_forms),
        cmocka_unit_test(one_reading),
        cmocka_unit_test(test_plain_paths_stay_as_they_are),
        cmocka_unit_test(limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
