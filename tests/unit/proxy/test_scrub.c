/* SPDX-License-Identifier: Apache-2.0 */
/* Scrubbing: nothing of the key comes through, wherever the input is cut, and nothing else goes. */
#include "unit.h"

#include "../../../broker/proxy/scrub.h"
#include "../../../caveats/base64.h"

#define KEY   "sk-live/A+b \"quoted\\key\"?&=%=0123456789abcdefg"
#define TOKEN "kh1_Token-of-the-client_0123"

static struct scrub *
make(const char *const *secret, size_t count)
{
    struct bytes list[8];
    struct scrub *scrub = NULL;
    for (size_t i = 0; i < count; i++)
        list[i] = bytes_str(secret[i]);
    assert_int_equal(scrub_new(list, count, BYTES(TOKEN), &scrub), KH_OK);
    return scrub;
}

/* Fed whole, or what is clean is taken as it is. */
static void
give(struct scrub *scrub, struct bytes piece, bool whole, struct buffer *out)
{
    size_t clean = whole ? 0 : scrub_clean(scrub, piece);
    assert_true(clean <= piece.n);
    buffer_put(out, bytes_slice(piece, 0, clean));
    scrub_feed(scrub, bytes_from(piece, clean), out);
}

static void
run_so(struct bytes text, const size_t *cut, size_t cuts, const char *secret, bool whole,
       struct buffer *out)
{
    struct scrub *scrub = make(&secret, 1);
    size_t at = 0;
    for (size_t i = 0; i < cuts; i++) {
        give(scrub, bytes_slice(text, at, cut[i] - at), whole, out);
        at = cut[i];
    }
    give(scrub, bytes_from(text, at), whole, out);
    scrub_finish(scrub, out);
    assert_false(out->failed);
    scrub_free(&scrub);
}

/* The whole of `text` in pieces that end at each of `cut`. */
static void
run(struct bytes text, const size_t *cut, size_t cuts, const char *secret, struct buffer *out)
{
    BUFFER_AUTO other;
    size_t start = out->n;
    buffer_init(&other, 1 << 20);
    run_so(text, cut, cuts, secret, true, out);
    run_so(text, cut, cuts, secret, false, &other);
    assert_bytes(buffer_bytes(&other), bytes_from(buffer_bytes(out), start));
}

/* The same behind a text that is so long that the search goes another way from there on. */
static void
run_behind_long(struct bytes text, const size_t *cut, size_t cuts, const char *secret,
                struct buffer *out)
{
    static const uint8_t filler[4000];
    size_t moved[64], start = out->n;
    BUFFER_AUTO longer;
    buffer_init(&longer, 1 << 20);
    buffer_put(&longer, bytes_of(filler, sizeof filler));
    buffer_put(&longer, text);
    assert_true(cuts + 1 <= COUNT(moved));
    moved[0] = sizeof filler;
    for (size_t i = 0; i < cuts; i++)
        moved[i + 1] = sizeof filler + cut[i];
    run(buffer_bytes(&longer), moved, cuts + 1, secret, out);
    assert_true(out->n - start >= sizeof filler);
    assert_memory_equal(out->p + start, filler, sizeof filler);
    buffer_consume(out, sizeof filler);
}

static void
expect_at_every_cut(struct bytes text, const char *secret, struct bytes expected)
{
    for (size_t i = 0; i <= text.n; i++) {
        BUFFER_AUTO out;
        buffer_init(&out, 65536);
        run(text, &i, 1, secret, &out);
        if (!bytes_equal(buffer_bytes(&out), expected))
            fail_msg("cut at %zu: \"%.*s\" gave \"%.*s\" and not \"%.*s\"", i, BYTES_ARG(text),
                     BYTES_ARG(buffer_bytes(&out)), BYTES_ARG(expected));
        buffer_clear(&out);
        run_behind_long(text, &i, 1, secret, &out);
        assert_bytes(buffer_bytes(&out), expected);
    }
    // One byte at a time.
    BUFFER_AUTO out;
    buffer_init(&out, 65536);
    struct scrub *scrub = make(&secret, 1);
    for (size_t i = 0; i < text.n; i++)
        scrub_feed(scrub, bytes_slice(text, i, 1), &out);
    scrub_finish(scrub, &out);
    assert_bytes(buffer_bytes(&out), expected);
    scrub_free(&scrub);
}

static void
surround(const char *text, const char *expected)
{
    BUFFER_AUTO in, want;
    buffer_init(&in, 65536);
    buffer_init(&want, 65536);
    buffer_printf(&in, "before s sk %s after sk-live", text);
    buffer_printf(&want, "before s sk %s after sk-live", expected);
    expect_at_every_cut(buffer_bytes(&in), KEY, buffer_bytes(&want));
}

static void
test_short_secrets_are_left(void **state)
{
    const char *const secret[] = {"", "a", "12345"};
    struct scrub *scrub = make(secret, 3);
    (void)state;
    assert_null(scrub);
    scrub_free(&scrub); // nothing to free is no error
}

// threat 8
static void
test_every_encoding_at_every_cut(void **state)
{
    (void)state;
    surround(KEY, TOKEN);
    surround("sk-live/A+b \\\"quoted\\\\key\\\"?&=%=0123456789abcdefg", TOKEN);
    surround("sk-live\\/A+b \\\"quoted\\\\key\\\"?&=%=0123456789abcdefg", TOKEN);
    surround("sk-live%2FA%2Bb%20%22quoted%5Ckey%22%3F%26%3D%25%3D0123456789abcdefg", TOKEN);
    surround("sk-live%2fA%2bb%20%22quoted%5ckey%22%3f%26%3d%25%3d0123456789abcdefg", TOKEN);
    surround("sk-live%2FA%2Bb+%22quoted%5Ckey%22%3F%26%3D%25%3D0123456789abcdefg", TOKEN);
    surround(KEY KEY, TOKEN TOKEN);
}

/* Which bytes are escaped, and in which case, is the writer's. */
static void
test_every_writer_of_escapes(void **state)
{
    static const char *const rows[] = {
        // Python's quote, Rust's NON_ALPHANUMERIC, Go's PathEscape, both cases of letters.
        "sk-live/A%2Bb%20%22quoted%5Ckey%22%3F%26%3D%25%3D0123456789abcdefg",
        "sk%2Dlive%2FA%2Bb%20%22quoted%5Ckey%22%3F%26%3D%25%3D0123456789abcdefg",
        "sk-live%2FA+b%20%22quoted%5Ckey%22%3F&=%25=0123456789abcdefg",
        "sk-live%2fA%2Bb%20%22quoted%5ckey%22%3F%26%3d%25%3D0123456789abcdefg",
        "%73k-live/A%2bb%20%22quoted%5Ckey%22%3F%26%3D%25%3D0123456789abcdef%67",
        // PHP's and others' JSON.
        "sk-live\\/A+b \\u0022quoted\\\\key\\u0022?\\u0026=%=0123456789abcdefg",
        "\\u0073k-live/A\\u002Bb\\u0020\\\"quoted\\u005ckey\\\"?&\\u003d%=0123456789abcdef\\u0067",
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        surround(rows[i], TOKEN);
}

/* Base64 with a '+', a '/' or padding in it, in a URL or in JSON. */
static void
test_escaped_base64(void **state)
{
    static const char secret[] = "\xfb\xef\xbe>>>>\xff\xff\xff?";
    BUFFER_AUTO text, out;
    (void)state;
    buffer_init(&text, 4096);
    buffer_init(&out, 4096);
    base64_encode(BASE64_STANDARD, bytes_str(secret), &text);
    assert_string_equal(buffer_text(&text), "++++Pj4+Pv///z8=");
    run(BYTES("a=%2B%2b%2B+Pj4%2BPv%2F%2f%2Fz8%3D&"), NULL, 0, secret, &out);
    assert_int_equal(bytes_find(buffer_bytes(&out), BYTES("Pj4")), out.n);
    buffer_clear(&out);
    run(BYTES("{\"a\":\"++++Pj4+Pv\\/\\/\\/z8=\"}"), NULL, 0, secret, &out);
    assert_int_equal(bytes_find(buffer_bytes(&out), BYTES("Pj4")), out.n);
}

/* Marks that are no escapes of it, and beginnings that end otherwise. */
static void
test_escapes_of_something_else(void **state)
{
    static const char *const rows[] = {
        "sk-live%2FA%2Bb%20%22quoted%5Ckey%22%3F%26%3D%25%3D0123456789abcdeX",
        "sk-live%2",
        "sk-live%2G",
        "100% of \\ and \\u and \\u00",
        "\\n\\\"\\t%%%%%%%%41",
        "sk-live\\x2FA",
        "sk-live\\u012FA+b",
        "%73%6B%2D",
        "\\",
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        expect_at_every_cut(bytes_str(rows[i]), KEY, bytes_str(rows[i]));
}

static void
test_percent_encoded_whole(void **state)
{
    static const char *const format[] = {"%%%02X", "%%%02x"};
    (void)state;
    for (int lower = 0; lower < 2; lower++) {
        BUFFER_AUTO all;
        buffer_init(&all, 65536);
        for (const char *p = KEY; *p; p++) {
            char text[4];
            snprintf(text, sizeof text, lower ? "%%%02x" : "%%%02X", (unsigned char)*p);
            buffer_put_str(&all, text);
        }
        (void)format;
        surround(buffer_text(&all), TOKEN);
    }
}

static void
test_base64_by_itself_becomes_base64_of_the_token(void **state)
{
    static const enum base64_kind kind[] = {BASE64_STANDARD, BASE64_URL};
    (void)state;
    for (size_t i = 0; i < COUNT(kind); i++) {
        BUFFER_AUTO key, token;
        buffer_init(&key, 4096);
        buffer_init(&token, 4096);
        base64_encode(kind[i], BYTES(KEY), &key);
        base64_encode(kind[i], BYTES(TOKEN), &token);
        surround(buffer_text(&key), buffer_text(&token));
    }
}

/* Inside of a longer base64 text, in each alignment and with any neighbours: enough of it goes that
 * the key cannot be read any more. */
static void
test_base64_inside_of_more(void **state)
{
    static const enum base64_kind kind[] = {BASE64_STANDARD, BASE64_URL};
    (void)state;
    for (size_t before = 0; before < 6; before++) {
        for (size_t after = 0; after < 4; after++) {
            for (size_t k = 0; k < COUNT(kind); k++) {
                BUFFER_AUTO plain, text, out;
                buffer_init(&plain, 4096);
                buffer_init(&text, 4096);
                buffer_init(&out, 65536);
                buffer_put(&plain, bytes_slice(BYTES("user:x"), 0, before));
                buffer_put_str(&plain, KEY);
                buffer_put(&plain, bytes_slice(BYTES("\xff\x80z"), 0, after));
                base64_encode(kind[k], buffer_bytes(&plain), &text);
                run(buffer_bytes(&text), NULL, 0, KEY, &out);
                // Two characters at each border at most are left of what was the key.
                size_t core = (strlen(KEY) * 8 - 10) / 6;
                assert_true(out.n <= text.n - core + 2 * strlen(TOKEN));
                size_t left = text.n > core ? text.n - core : 0;
                assert_true(left <= (before + after) * 4 / 3 + 8);
                assert_true(bytes_find(buffer_bytes(&out),
                                       bytes_slice(buffer_bytes(&text), before * 4 / 3 + 2, 12)) ==
                            out.n);
            }
        }
    }
}

static void
test_nothing_else_is_changed(void **state)
{
    static const char text[] = "sk-live/A+b \"quoted\\key\"?&=%=0123456789abcdeX sk-live/A+ sk sk-";
    (void)state;
    expect_at_every_cut(bytes_str(text), KEY, bytes_str(text));
    expect_at_every_cut(BYTES(""), KEY, BYTES(""));
}

/* Long texts are searched in several places at once: wherever the key stands in one, and whatever
 * stands around it. */
static void
test_everywhere_in_a_long_text(void **state)
{
    enum { SIZE = 3 * 4096 + 700, STEP = 61 };
    static const char *const around[] = {"0123456789abcdef", "sk-live/", "x", "g", "\xff"};
    static uint8_t text[SIZE], expected[SIZE];
    size_t key = strlen(KEY), token = strlen(TOKEN);
    (void)state;
    for (size_t a = 0; a < COUNT(around); a++) {
        size_t n = strlen(around[a]);
        for (size_t at = 0; at + key <= SIZE; at += at % 1024 < 1024 - STEP ? STEP : 3) {
            BUFFER_AUTO out;
            buffer_init(&out, 2 * SIZE);
            for (size_t i = 0; i < SIZE; i++)
                text[i] = (uint8_t)around[a][i % n];
            memcpy(expected, text, at);
            memcpy(expected + at, TOKEN, token);
            memcpy(expected + at + token, text + at + key, SIZE - at - key);
            memcpy(text + at, KEY, key);
            run(bytes_of(text, SIZE), NULL, 0, KEY, &out);
            if (!bytes_equal(buffer_bytes(&out), bytes_of(expected, SIZE - key + token)))
                fail_msg("at %zu among \"%s\"", at, around[a]);
        }
    }
}

/* A prefix that turns out to be none lets a real one that begins inside of it be found. */
static void
test_overlapping_beginnings(void **state)
{
    (void)state;
    expect_at_every_cut(BYTES("aaaaaaaabaaaaaab"), "aaaaaab", BYTES("aa" TOKEN TOKEN));
    expect_at_every_cut(BYTES("abcabcabcabcabdx"), "abcabcabd", BYTES("abcabc" TOKEN "x"));
}

static void
test_holds_back_only_what_may_begin_a_key(void **state)
{
    const char *const secret[] = {"sk-secret-key"};
    static const struct {
        const char *text;
        size_t held;
    } rows[] = {
        {"data: {\"x\":1}\n\n", 0},
        {"sk-secret-ke", 12},
        {"a sk-secret-kee", 0},
        {"s", 1},
        {"sk-sk-s", 4},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct scrub *scrub = make(secret, 1);
        BUFFER_AUTO out;
        buffer_init(&out, 4096);
        scrub_feed(scrub, bytes_str(rows[i].text), &out);
        assert_int_equal(scrub_held(scrub), rows[i].held);
        assert_int_equal(out.n, strlen(rows[i].text) - rows[i].held);
        scrub_free(&scrub);
    }
}

static void
test_several_secrets(void **state)
{
    const char *const secret[] = {"first-secret", "second", "first-secret-and-more"};
    struct scrub *scrub = make(secret, 3);
    BUFFER_AUTO out;
    (void)state;
    buffer_init(&out, 4096);
    scrub_text(scrub, BYTES("first-secret second first-secret-and-more seconds"), &out);
    assert_bytes(buffer_bytes(&out), BYTES(TOKEN " " TOKEN " " TOKEN " " TOKEN "s"));
    assert_true(scrub_finds(scrub, BYTES("x=second")));
    assert_false(scrub_finds(scrub, BYTES("x=secon")));
    scrub_free(&scrub);
}

/* Random texts over few letters, so that prefixes, matches and near misses abound: the stream gives
 * what the same text gives at once. */
static void
test_random_cuts(void **state)
{
    static const char *const written[] = {"ab-ab-aab", "ab%2dab-aab", "%61b-ab%2D%61ab",
                                          "ab\\u002dab\\-aab"};
    unsigned seed = 1;
    (void)state;
    for (int round = 0; round < 400; round++) {
        char text[600];
        size_t n = 0;
        while (n < sizeof text - 40) {
            seed = seed * 1103515245u + 12345u;
            if (seed >> 16 & 7)
                text[n++] = "ab-%2\\"[(seed >> 20) % (round % 2 ? 3 : 6)];
            else
                n +=
                    (size_t)snprintf(text + n, 32, "%s", written[round % 2 ? 0 : (seed >> 20) % 4]);
        }
        BUFFER_AUTO whole, pieces;
        buffer_init(&whole, 1 << 20);
        buffer_init(&pieces, 1 << 20);
        run(bytes_of(text, n), NULL, 0, "ab-ab-aab", &whole);
        size_t cut[40], cuts = 0, at = 0;
        while (cuts < COUNT(cut)) {
            seed = seed * 1103515245u + 12345u;
            at += seed >> 16 & 15;
            cut[cuts++] = at < n ? at : n;
        }
        run(bytes_of(text, n), cut, cuts, "ab-ab-aab", &pieces);
        assert_bytes(buffer_bytes(&pieces), buffer_bytes(&whole));
        buffer_clear(&pieces);
        run_behind_long(bytes_of(text, n), cut, cuts, "ab-ab-aab", &pieces);
        assert_bytes(buffer_bytes(&pieces), buffer_bytes(&whole));
        assert_true(bytes_find(buffer_bytes(&whole), BYTES("ab-ab-aab")) == whole.n);
    }
}

/* As long as a secret can be, cut wherever. */
static void
test_a_large_secret(void **state)
{
    static char secret[16385];
    BUFFER_AUTO text, out;
    (void)state;
    for (size_t i = 0; i < sizeof secret - 1; i++)
        secret[i] = "abcdefghijklmnopqrstuvwxyz0123456789"[(i * 7 + i / 31) % 36];
    buffer_init(&text, 65536);
    buffer_init(&out, 65536);
    buffer_printf(&text, "before %s after", secret);
    static const size_t cut[] = {3, 8, 5000, 16390};
    run(buffer_bytes(&text), cut, COUNT(cut), secret, &out);
    assert_bytes(buffer_bytes(&out), BYTES("before " TOKEN " after"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_large_secret),
        cmocka_unit_test(test_short_secrets_are_left),
        cmocka_unit_test(test_every_encoding_at_every_cut),
        cmocka_unit_test(test_every_writer_of_escapes),
        cmocka_unit_test(test_escaped_base64),
        cmocka_unit_test(test_escapes_of_something_else),
        cmocka_unit_test(test_percent_encoded_whole),
        cmocka_unit_test(test_base64_by_itself_becomes_base64_of_the_token),
        cmocka_unit_test(test_base64_inside_of_more),
        cmocka_unit_test(test_nothing_else_is_changed),
        cmocka_unit_test(test_everywhere_in_a_long_text),
        cmocka_unit_test(test_overlapping_beginnings),
        cmocka_unit_test(test_holds_back_only_what_may_begin_a_key),
        cmocka_unit_test(test_several_secrets),
        cmocka_unit_test(test_random_cuts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
