/* SPDX-License-Identifier: Apache-2.0 */
/* Options and operands, by a command's table. */
#include "support.h"

#include "../../../broker/operator/arguments.h"

#include <limits.h>

static const struct operator_option options[] = {
    {"credential", 0, "NAME", true, ""},
    {"for", 0, "TIME", false, ""},
    {"lines", 'n', "N", false, ""},
    {"follow", 'f', NULL, false, ""},
    {0},
};
static const struct operator_command command = {
    .name = "thing do",
    .operands = "NAME [MORE]",
    .operands_min = 1,
    .operands_max = 2,
    .summary = "",
    .examples = "",
    .option = options,
    .json = true,
};

static struct captured captured;
static struct invocation invocation;
static char directory[PATH_MAX];

/* Words separated by single spaces; "''" is an empty one. */
static enum arguments_result
parse(const char *line)
{
    static char text[4096];
    char *argv[256];
    int argc = 0;
    snprintf(text, sizeof(text), "do %s", line);
    for (char *word = strtok(text, " "); word != NULL; word = strtok(NULL, " "))
        argv[argc++] = strcmp(word, "''") == 0 ? word + 2 : word;
    argv[argc] = NULL;
    capture_begin();
    enum arguments_result result = arguments_parse(&command, argc, argv, directory, &invocation);
    capture_end(&captured);
    return result;
}

static void
refused(void **state)
{
    (void)state;
    static const struct {
        const char *line, *says;
    } rows[] = {
        {"", "NAME [MORE] is missing"},
        {"a b c", "\"c\" is one word too many"},
        {"a --for", "--for needs a value"},
        {"a -n", "-n needs a value"},
        {"a --for 1h --for 2h", "--for is given twice"},
        {"a --credental x", "no option --credental; did you mean --credential?"},
        {"a --jsno", "did you mean --json?"},
        {"a --xyzzy", "no option --xyzzy\n"},
        {"a -z", "no option -z"},
        {"a --follow=yes", "--follow takes no value"},
        {"a --fo", "no option --fo"}, // --for or --follow
        {"a --dir ''", "--dir is empty"},
        {"a --dir", "--dir needs a value"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (parse(rows[i].line) != ARGUMENTS_WRONG)
            fail_msg("\"%s\" was accepted", rows[i].line);
        assert_contains(captured.err, rows[i].says);
        assert_contains(captured.err, "keyholed thing do");
        assert_contains(captured.err, "keyholed help thing do");
        assert_string_equal(captured.out, "");
    }
}

static void
too_many_values(void **state)
{
    (void)state;
    char line[2048] = "a";
    for (int i = 0; i <= OPERATOR_VALUES_MAX; i++)
        strcat(line, " --credential c");
    assert_int_equal(parse(line), ARGUMENTS_WRONG);
    assert_contains(captured.err, "more than 64 times");
}

static void
understood(void **state)
{
    (void)state;
    assert_int_equal(
        parse("--credential x name --for=1h --credential y -n5 more -f --json --dir /d"),
        ARGUMENTS_RUN);
    assert_int_equal(invocation.operand_count, 2);
    assert_string_equal(invocation.operand[0], "name");
    assert_string_equal(invocation.operand[1], "more");
    assert_int_equal(invocation_values(&invocation, "credential")->count, 2);
    assert_string_equal(invocation_values(&invocation, "credential")->value[1], "y");
    assert_string_equal(invocation_value(&invocation, "for"), "1h");
    assert_string_equal(invocation_value(&invocation, "lines"), "5");
    assert_true(invocation_flag(&invocation, "follow"));
    assert_true(invocation.json);
    assert_string_equal(invocation.directory, "/d");
}

static void
nothing_is_left_from_before(void **state)
{
    (void)state;
    assert_int_equal(parse("name --dir /d -f -f --json"), ARGUMENTS_RUN);
    assert_int_equal(parse("-- -f --dir /e"), ARGUMENTS_WRONG);
    assert_int_equal(parse("--dir /e -- -f"), ARGUMENTS_RUN);
    assert_false(invocation.json);
    assert_false(invocation_flag(&invocation, "follow"));
    assert_null(invocation_value(&invocation, "for"));
    assert_string_equal(invocation.operand[0], "-f");
    assert_int_equal(parse("- --dir /e"), ARGUMENTS_RUN);
    assert_string_equal(invocation.operand[0], "-");
}

static void
help(void **state)
{
    (void)state;
    assert_int_equal(parse("--help"), ARGUMENTS_HELP);
    assert_int_equal(parse("a b -h"), ARGUMENTS_HELP);
}

static void
without_a_table(void **state)
{
    (void)state;
    static const struct operator_command bare = {.name = "bare", .operands = ""};
    char *argv[] = {(char *)(uintptr_t) "bare", (char *)(uintptr_t) "--json", NULL};
    capture_begin();
    enum arguments_result result = arguments_parse(&bare, 2, argv, directory, &invocation);
    capture_end(&captured);
    assert_int_equal(result, ARGUMENTS_WRONG);
    assert_contains(captured.err, "no option --json");
}

static void
state_directory(void **state)
{
    (void)state;
    char out[PATH_MAX];
    unsetenv("XDG_STATE_HOME");
    setenv("STATE_DIRECTORY", "/var/lib/a:/var/lib/b", 1);
    assert_int_equal(directory_default(out, sizeof(out), NULL), KH_OK);
    assert_string_equal(out, "/var/lib/a");
    setenv("STATE_DIRECTORY", "relative", 1); // is not trusted
    setenv("XDG_STATE_HOME", "/x", 1);
    setenv("HOME", "/h", 1);
    assert_int_equal(directory_default(out, sizeof(out), NULL), KH_OK);
    assert_string_equal(out, geteuid() == 0 ? "/var/lib/keyholed" : "/x/keyholed");
    setenv("XDG_STATE_HOME", "relative", 1);
    assert_int_equal(directory_default(out, sizeof(out), NULL), KH_OK);
    assert_string_equal(out, geteuid() == 0 ? "/var/lib/keyholed" : "/h/.local/state/keyholed");
    unsetenv("STATE_DIRECTORY");
    struct fault fault = {0};
    assert_int_equal(directory_default(out, 5, &fault), KH_ERR_TOO_LONG);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refused),
        cmocka_unit_test(too_many_values),
        cmocka_unit_test(understood),
        cmocka_unit_test(nothing_is_left_from_before),
        cmocka_unit_test(help),
        cmocka_unit_test(without_a_table),
        cmocka_unit_test(state_directory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
