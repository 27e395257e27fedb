/* SPDX-License-Identifier: Apache-2.0 */
/* A question for a person to read: everything that is signed is there, and nothing moves. */
#include "../../../client/question.h"
#include "client_test.h"

static char *
print(const struct challenge_line *line, size_t count)
{
    struct question question = {.line_count = count};
    struct buffer out;
    memcpy(question.line, line, count * sizeof *line);
    buffer_init(&out, 65536);
    question_print(&question, TEST_NOW, &out);
    char *text = strdup(buffer_text(&out));
    buffer_free(&out);
    return text;
}

static void
test_every_line_is_shown(void **state)
{
    (void)state;
    struct challenge_line line[CHALLENGE_KEY_COUNT];
    char value[CHALLENGE_KEY_COUNT][32];
    size_t count = 0;
    for (unsigned key = 1; key < CHALLENGE_KEY_COUNT; key++, count++) {
        snprintf(value[count], sizeof value[count], "value-%u", key);
        line[count] = (struct challenge_line){(enum challenge_key)key, bytes_str(value[count])};
    }
    char *text = print(line, count);
    for (size_t i = 0; i < count; i++) {
        assert_contains(text, challenge_key_label(line[i].key));
        assert_contains(text, value[i]);
    }
    free(text);
}

static void
test_plain_words(void **state)
{
    (void)state;
    const struct challenge_line line[] = {
        {CHALLENGE_CONDITION, BYTES("user = alice and factor = yubikey for 8h")},
        {CHALLENGE_CAVEAT, BYTES("method in GET, HEAD")},
        {CHALLENGE_EXPIRES, BYTES("2026-11-18T11:21:40Z")},
    };
    char *text = print(line, 3);
    assert_contains(text, "user = alice and factor = yubikey for 8h (good for 8 hours)");
    assert_contains(text, "the method is GET or HEAD");
    assert_contains(text, "2026-11-18T11:21:40Z, in 5 minutes");
    free(text);
}

static void
test_nothing_is_obeyed(void **state)
{
    (void)state;
    const struct challenge_line line[] = {
        {CHALLENGE_LABEL, BYTES("harmless\x1b[2J")},
        {CHALLENGE_CAVEAT, BYTES("\xe2\x80\xae no caveat")},
        {CHALLENGE_CONDITION, BYTES("one\ntwo")},
    };
    char *text = print(line, 3);
    assert_lacks(text, "\x1b");
    assert_lacks(text, "\xe2\x80\xae");
    assert_contains(text, "one\\x0atwo");
    free(text);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_line_is_shown),
        cmocka_unit_test(test_plain_words),
        cmocka_unit_test(test_nothing_is_obeyed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
