/* SPDX-License-Identifier: Apache-2.0 */
/* What a value may be, and scripts that hold whatever a help text has in it. What shells make of
 * them is seen in tests/e2e/completion.test.mjs. */
#include "../../../caveats/completion/completion_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct completion_command commands[] = {
    {"pot add", "NAME", "Somebody's: [new] one"},
    {"pot", "FILE|-", "All"},
    {"run", "[--] CMD", "Another program"},
    {"pot list", "", "List"},
    {"pots", "", "None of the group"},
};
static const struct completion_option options[] = {
    {"with", 'w', "a|bc|d2", true, "it's [one] of: three\\"},
    {"file", 0, "FILE", false, "a file"},
    {"quiet", 'q', NULL, false, "nothing"},
};
static const struct completion_value values[] = {
    {"pot add", "", COMPLETION_NAMES, "kettle list"},
    {"run", "", COMPLETION_PROGRAM, NULL},
    {"run", "file", COMPLETION_TEXT, NULL},
    {NULL, "dir", COMPLETION_WORDS, "x: y="},
    {0},
};

static bool
table_command(size_t i, struct completion_command *out)
{
    if (i >= sizeof commands / sizeof commands[0])
        return false;
    *out = commands[i];
    return true;
}

static bool
table_option(size_t command, size_t i, struct completion_option *out)
{
    if (command == 1 || i >= sizeof options / sizeof options[0])
        return false;
    *out = options[i];
    return true;
}

static const struct completion tables = {"kettle", table_command, table_option, values};

static void
test_shells(void **state)
{
    (void)state;
    enum completion_shell shell = 0;
    static const char *const none[] = {"", "Bash", "bash ", "csh", "zshh"};
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++)
        assert_false(completion_shell_parse(none[i], &shell));
    assert_int_equal(shell, 0);
    assert_true(completion_shell_parse("fish", &shell));
    assert_int_equal(shell, COMPLETION_FISH);
}

static void
test_values(void **state)
{
    (void)state;
    static const struct {
        const char *command, *option, *argument;
        enum completion_kind kind;
    } cases[] = {
        {"pot", "color", "WHEN", COMPLETION_TEXT},
        {"pot", "with", "a|bc|d2", COMPLETION_WORDS},
        {"pot", "broker", "URL|PATH", COMPLETION_TEXT},
        {"pot", "token", "TOKEN|-", COMPLETION_TEXT},
        {"pot", "config", "FILE", COMPLETION_FILES},
        {"pot", "", "[FILE|-]", COMPLETION_FILES},
        {"pot", "into", "DIR", COMPLETION_DIRECTORIES},
        {"run", "file", "FILE", COMPLETION_TEXT},
        {"pot", "dir", "DIR", COMPLETION_WORDS},
        {"pot add", "", "NAME", COMPLETION_NAMES},
        {"pot list", "", "", COMPLETION_TEXT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct completion_value found =
            completion_value_find(&tables, cases[i].command, cases[i].option, cases[i].argument);
        if (found.kind != cases[i].kind)
            fail_msg("%s --%s %s: %d", cases[i].command, cases[i].option, cases[i].argument,
                     (int)found.kind);
    }
}

static void
test_words(void **state)
{
    (void)state;
    struct bytes words = bytes_str(" one|two  three|"), word;
    static const char *const expected[] = {"one", "two", "three"};
    for (size_t i = 0; i < 3; i++) {
        assert_true(completion_next_word(&words, &word));
        assert_true(bytes_is(word, expected[i]));
    }
    assert_false(completion_next_word(&words, &word));
}

static void
test_groups(void **state)
{
    (void)state;
    assert_int_equal(completion_group("pot add"), 3);
    assert_int_equal(completion_group("pot"), 0);
    assert_false(completion_group_seen(&tables, 0));
    assert_false(completion_group_seen(&tables, 2));
    assert_true(completion_group_seen(&tables, 3));
    assert_false(completion_group_seen(&tables, 4));
    assert_false(completion_group_seen(&tables, 9));
}

static void
put(enum completion_shell shell, char *text, size_t cap)
{
    BUFFER_AUTO out;
    buffer_init(&out, COMPLETION_OUTPUT_MAX);
    completion_put(&tables, shell, &out);
    assert_false(out.failed);
    snprintf(text, cap, "%s", buffer_text(&out));
    if (strstr(text, "PROGRAM") != NULL)
        fail_msg("the program's name was not put in: %.60s", strstr(text, "PROGRAM"));
}

static void
test_scripts(void **state)
{
    (void)state;
    static char text[1 << 16];
    static const struct {
        enum completion_shell shell;
        const char *line;
    } cases[] = {
        {COMPLETION_BASH, "\npot add\npot\nrun\n"},
        {COMPLETION_BASH, "'pot add') options=' *--with= *-w= --file= --quiet -q ' ;;"},
        {COMPLETION_BASH, "'pot') options=' ' ;;"},
        {COMPLETION_BASH, "'pot add --with' | 'pot add -w') kind=words values='a bc d2' ;;"},
        {COMPLETION_BASH, "'run operand') kind=program ;;"},
        {COMPLETION_ZSH, "#compdef kettle\n"},
        {COMPLETION_ZSH, "'pot add:Somebody'\\''s\\: \\[new\\] one'"},
        {COMPLETION_ZSH,
         "'*--with=[it'\\''s \\[one\\] of\\: three\\\\]:a|bc|d2: _kettle_words a bc d2'"},
        {COMPLETION_ZSH, "'(-q --quiet)-q[nothing]'"},
        {COMPLETION_ZSH, "'*::arguments: _normal'"},
        {COMPLETION_ZSH, "'pot:add, list'"},
        {COMPLETION_FISH, "-a add -d 'Somebody\\'s: [new] one'\n"},
        {COMPLETION_FISH, "-l with -s w -x -a 'a bc d2' -d 'it\\'s [one] of: three\\\\'\n"},
        {COMPLETION_FISH, "set -g __kettle_pairs 'pot add' 'pot list'\n"},
        {COMPLETION_FISH, "set -g __kettle_taking --with --file\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        put(cases[i].shell, text, sizeof text);
        if (strstr(text, cases[i].line) == NULL) {
            fprintf(stderr, "%s\n", text);
            fail_msg("there is no %s", cases[i].line);
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shells), cmocka_unit_test(test_values),  cmocka_unit_test(test_words),
        cmocka_unit_test(test_groups), cmocka_unit_test(test_scripts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
