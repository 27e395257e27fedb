/* SPDX-License-Identifier: Apache-2.0 */
#include "../../../caveats/challenge.h"
#include "unit.h"

static const struct challenge_line example[] = {
    {CHALLENGE_DISCHARGER, BYTES("https://discharge.example")},
    {CHALLENGE_CONDITION, BYTES("user = alice and factor = yubikey for 8h")},
    {CHALLENGE_CREDENTIAL, BYTES("openai")},
    {CHALLENGE_CREDENTIAL, BYTES("github")},
    {CHALLENGE_LABEL, BYTES("a\nuser=bob\\ \xe2\x80\xae"
                            "drow")},
    {CHALLENGE_CAVEAT, BYTES("header[x] = \"\xc3\xa9\"")},
    {CHALLENGE_EXPIRES, BYTES("2026-12-01T00:00:00Z")},
};
static const char example_text[] = "discharger=https://discharge.example\n"
                                   "condition=user = alice and factor = yubikey for 8h\n"
                                   "credential=openai\n"
                                   "credential=github\n"
                                   "label=a\\u{a}user=bob\\\\ \\u{202e}drow\n"
                                   "caveat=header[x] = \"\xc3\xa9\"\n"
                                   "expires=2026-12-01T00:00:00Z\n";

static enum kh_err
parse(struct bytes text, struct buffer *storage, struct challenge_line *line, size_t *count,
      struct fault *fault)
{
    buffer_init(storage, CHALLENGE_TEXT_MAX);
    return challenge_text_parse(text, storage, line, count, fault);
}

static void
refused_texts(void **state)
{
    (void)state;
    static const struct bytes cases[] = {
        BYTES("\n"),
        BYTES("user"),
        BYTES("user\n"),
        BYTES("user=alice"),
        BYTES("user=alice\n\n"),
        BYTES("user=alice\r\n"),
        BYTES("=alice\n"),
        BYTES("User=alice\n"),
        BYTES(" user=alice\n"),
        BYTES("colour=red\n"),
        BYTES("user=alice\nuser=alice\n"),
        BYTES("user=alice\ncondition=x\n"),
        BYTES("credential=a\nuser=b\ncredential=c\n"),
        BYTES("user=a\\\n"),
        BYTES("user=a\\n\n"),
        BYTES("user=a\\u{}\n"),
        BYTES("user=a\\u{a\n"),
        BYTES("user=a\\u0a\n"),
        BYTES("user=a\\u{0a}\n"),
        BYTES("user=a\\u{A}\n"),
        BYTES("user=a\\u{202E}\n"),
        BYTES("user=a\\u{61}\n"),
        BYTES("user=a\\u{d800}\n"),
        BYTES("user=a\\u{0000a}\n"),
        BYTES("user=a\\u{ffffffffa}\n"),
        BYTES("user=a\\u{-a}\n"),
        BYTES("user=a\\x{80}\n"),
        BYTES("user=\xe2\x80\xae\n"),
        BYTES("user=a\tb\n"),
        BYTES("user=a\0b\n"),
        BYTES("user=\xff\n"),
        BYTES("user=\xed\xa0\x80\n"),
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct challenge_line line[CHALLENGE_LINES_MAX] = {{CHALLENGE_BROKER, BYTES("as it was")}};
        struct fault fault = {0};
        BUFFER_AUTO storage;
        size_t count = 77;
        enum kh_err err = parse(cases[i], &storage, line, &count, &fault);
        if (err != KH_ERR_SYNTAX)
            FAIL_WITH("case %zu (\"%.*s\") gives %s", i, BYTES_ARG(cases[i]), kh_err_code(err));
        assert_int_equal(count, 77);
        assert_int_equal(line[0].key, CHALLENGE_BROKER);
        assert_int_equal(storage.n, 0);
        assert_true(fault.detail[0] != '\0');
    }
}

static void
sizes(void **state)
{
    (void)state;
    struct challenge_line line[CHALLENGE_LINES_MAX + 1], out[CHALLENGE_LINES_MAX];
    static char text[CHALLENGE_TEXT_MAX + 2];
    size_t count = 0;
    BUFFER_AUTO storage;
    BUFFER_AUTO printed;
    buffer_init(&printed, SIZE_MAX / 2);
    memset(text, 'a', sizeof text);
    memcpy(text, "user=", 5);
    text[CHALLENGE_TEXT_MAX - 1] = '\n';
    expect_err("longest", parse(bytes_of(text, CHALLENGE_TEXT_MAX), &storage, out, &count, NULL),
               KH_OK);
    buffer_free(&storage);
    expect_err("longer", parse(bytes_of(text, sizeof text), &storage, out, &count, NULL),
               KH_ERR_TOO_LONG);
    struct challenge_line big = {CHALLENGE_USER, bytes_of(text, CHALLENGE_TEXT_MAX - 6)};
    expect_err("print longest", challenge_text_print(&big, 1, &printed, NULL), KH_OK);
    buffer_clear(&printed);
    big.value.n++;
    expect_err("print longer", challenge_text_print(&big, 1, &printed, NULL), KH_ERR_TOO_LONG);
    assert_int_equal(printed.n, 0);

    for (size_t i = 0; i < COUNT_OF(line); i++)
        line[i] = (struct challenge_line){CHALLENGE_CAVEAT, BYTES("x")};
    expect_err("lines", challenge_text_print(line, COUNT_OF(line), &printed, NULL),
               KH_ERR_TOO_LONG);
    expect_err("lines", challenge_text_print(line, CHALLENGE_LINES_MAX, &printed, NULL), KH_OK);
    buffer_put_str(&printed, "caveat=x\n");
    expect_err("one more", parse(buffer_bytes(&printed), &storage, out, &count, NULL),
               KH_ERR_SYNTAX);
}

static void
refused_lines(void **state)
{
    (void)state;
    static const struct challenge_line cases[][2] = {
        {{CHALLENGE_KEY_UNSET, BYTES("x")}, {CHALLENGE_USER, BYTES("x")}},
        {{CHALLENGE_USER, BYTES("x")}, {CHALLENGE_USER, BYTES("x")}},
        {{CHALLENGE_USER, BYTES("x")}, {CHALLENGE_CONDITION, BYTES("x")}},
        {{CHALLENGE_USER, BYTES("x")}, {CHALLENGE_KEY_COUNT, BYTES("x")}},
        {{CHALLENGE_USER, BYTES("x")}, {CHALLENGE_LABEL, BYTES("\xc3")}},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct fault fault = {0};
        BUFFER_AUTO out;
        buffer_init(&out, CHALLENGE_TEXT_MAX);
        expect_err("print", challenge_text_print(cases[i], 2, &out, &fault), KH_ERR_SYNTAX);
        assert_int_equal(out.n, 0);
        assert_true(fault.detail[0] != '\0');
    }
}

static void
there_and_back(void **state)
{
    (void)state;
    struct challenge_line line[CHALLENGE_LINES_MAX];
    size_t count = 0;
    struct fault fault = {0};
    BUFFER_AUTO text;
    BUFFER_AUTO storage;
    buffer_init(&text, CHALLENGE_TEXT_MAX);
    expect_err("print", challenge_text_print(example, COUNT_OF(example), &text, NULL), KH_OK);
    expect_text("text", buffer_bytes(&text), example_text);
    if (parse(buffer_bytes(&text), &storage, line, &count, &fault))
        FAIL_WITH("parse: %s", fault.detail);
    assert_int_equal(count, COUNT_OF(example));
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(line[i].key, example[i].key);
        expect_bytes(challenge_key_label(line[i].key), line[i].value, example[i].value);
    }
    expect_text("find", challenge_find(line, count, CHALLENGE_CREDENTIAL), "openai");
    assert_int_equal(challenge_find(line, count, CHALLENGE_PARENT).n, 0);
    assert_int_equal(challenge_find(NULL, 0, CHALLENGE_USER).n, 0);

    buffer_free(&storage);
    expect_err("no lines", parse(BYTES_EMPTY, &storage, line, &count, NULL), KH_OK);
    assert_int_equal(count, 0);
}

/* Whatever the bytes of a value are, two different ones have two different texts, and a text is a
 * single line. */
static void
any_value(void **state)
{
    (void)state;
    struct random r = random_seeded("challenge values", 31);
    static const char *const pieces[] = {"\\",  "\n", "u{a}", "\xe2\x80\xae",    "\xc2\x85", "{",
                                         "}",   "=",  "x",    "\xc3\xa9",        "\x7f",     "\t",
                                         "\\u", "\r", "n",    "\xf0\x9f\x94\x91"};
    for (int round = 0; round < 5000; round++) {
        char value[128] = "";
        size_t n = random_below(&r, 16), count = 0;
        for (size_t i = 0; i < n; i++)
            strcat(value, pieces[random_below(&r, COUNT_OF(pieces))]);
        struct challenge_line given = {CHALLENGE_LABEL, bytes_str(value)};
        struct challenge_line line[CHALLENGE_LINES_MAX];
        BUFFER_AUTO text;
        BUFFER_AUTO storage;
        buffer_init(&text, CHALLENGE_TEXT_MAX);
        expect_err("print", challenge_text_print(&given, 1, &text, NULL), KH_OK);
        assert_int_equal(bytes_index(buffer_bytes(&text), '\n'), text.n - 1);
        expect_err("parse", parse(buffer_bytes(&text), &storage, line, &count, NULL), KH_OK);
        assert_int_equal(count, 1);
        expect_bytes("value", line[0].value, given.value);
    }
}

static void
escapes(void **state)
{
    (void)state;
    static const struct {
        const char *text, *escaped;
    } cases[] = {
        {"", ""},
        {"plain, \"quoted\"", "plain, \"quoted\""},
        {"\x01\x1b[2J", "\\u{1}\\u{1b}[2J"},
        {"\xd8\x9c\xe2\x80\x8f\xe2\x80\xa8\xe2\x81\xa9", "\\u{61c}\\u{200f}\\u{2028}\\u{2069}"},
        {"\xe2\x80\x8d", "\xe2\x80\x8d"}, /* a joiner of emoji */
        {"not UTF-8 \xe2\x80", "not UTF-8 \\x{e2}\\x{80}"},
        {"\xff\n\\", "\\x{ff}\\u{a}\\\\"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        BUFFER_AUTO out;
        buffer_init(&out, 256);
        challenge_escape(bytes_str(cases[i].text), &out);
        expect_text(cases[i].text, buffer_bytes(&out), cases[i].escaped);
    }
}

/* printf '%s' 'keyhole-discharge-v1user=alice' newline, and 32 times 07: by sha256sum. */
static void
digests(void **state)
{
    (void)state;
    uint8_t nonce[CHALLENGE_NONCE_SIZE], digest[CHALLENGE_SIZE], other[CHALLENGE_SIZE];
    uint8_t expected[CHALLENGE_SIZE];
    memset(nonce, 7, sizeof nonce);
    assert_true(
        bytes_from_hex(BYTES("525f489758e1a6e333160b469e8bca8f0ca3f788c5afb19495f33a89d75776e4"),
                       expected, sizeof expected));
    assert_true(challenge_digest(CHALLENGE_DISCHARGE, BYTES("user=alice\n"), nonce, digest));
    assert_memory_equal(digest, expected, sizeof expected);
    assert_true(challenge_digest(CHALLENGE_ENROLL, BYTES("user=alice\n"), nonce, other));
    assert_memory_not_equal(digest, other, sizeof digest);
    assert_true(challenge_digest(CHALLENGE_DISCHARGE, BYTES("user=bob\n"), nonce, other));
    assert_memory_not_equal(digest, other, sizeof digest);
    nonce[31] ^= 1;
    assert_true(challenge_digest(CHALLENGE_DISCHARGE, BYTES("user=alice\n"), nonce, other));
    assert_memory_not_equal(digest, other, sizeof digest);
    assert_false(challenge_digest(CHALLENGE_UNSET, BYTES("user=alice\n"), nonce, other));
    assert_false(challenge_digest((enum challenge_purpose)9, BYTES("x\n"), nonce, other));
}

static void
names(void **state)
{
    (void)state;
    expect_text("name", bytes_str(challenge_purpose_name(CHALLENGE_DISCHARGE)),
                "keyhole-discharge-v1");
    expect_text("name", bytes_str(challenge_purpose_name(CHALLENGE_ENROLL)), "keyhole-enroll-v1");
    expect_text("ssh", bytes_str(challenge_ssh_namespace(CHALLENGE_DISCHARGE)),
                "discharge@keyhole");
    expect_text("ssh", bytes_str(challenge_ssh_namespace(CHALLENGE_ENROLL)), "enroll@keyhole");
    expect_text("none", bytes_str(challenge_ssh_namespace((enum challenge_purpose)77)), "");
    expect_text("label", bytes_str(challenge_key_label(CHALLENGE_TOKEN_ID)), "Token");
    expect_text("none", bytes_str(challenge_key_label((enum challenge_key)999)), "");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refused_texts), cmocka_unit_test(sizes),
        cmocka_unit_test(refused_lines), cmocka_unit_test(there_and_back),
        cmocka_unit_test(any_value),     cmocka_unit_test(escapes),
        cmocka_unit_test(digests),       cmocka_unit_test(names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
