/* SPDX-License-Identifier: Apache-2.0 */
/* Variables as other programs read them. */
#include "../../../client/env_format.h"
#include "../../../client/process.h"
#include "client_test.h"

static const char nasty[] = "a'b\"c $HOME `id` \\ \\n #x;\t*";

static enum kh_err
print(const char *format, const char *value, struct buffer *out)
{
    struct fault fault = {.err = KH_OK};
    struct variables variables = {.count = 0};
    variables_set(&variables, "NAME", value);
    variables_set(&variables, "GONE", NULL);
    buffer_init(out, 4096);
    enum kh_err err = env_format_print(env_format_find(format), &variables, out, &fault);
    if (err != KH_OK)
        assert_contains(fault.detail, "NAME");
    variables_free(&variables);
    return err;
}

static void
test_what_a_format_cannot_say(void **state)
{
    (void)state;
    static const struct {
        const char *format, *value;
    } row[] = {
        {"dotenv", "a'b"},  {"dotenv", "a\nb"}, {"docker", "a\nb"},
        {"docker", "a\rb"}, {"github", "a\nb"}, {"systemd", "a\nb"},
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        BUFFER_AUTO out;
        if (print(row[i].format, row[i].value, &out) != KH_ERR_USAGE)
            fail_msg("%s: %s", row[i].format, row[i].value);
    }
    assert_null(env_format_find(""));
    assert_null(env_format_find("Shell"));
}

static void
test_lines(void **state)
{
    (void)state;
    static const struct {
        const char *format, *value, *expected;
    } row[] = {
        {"shell", "x", "export NAME='x'\nunset GONE\n"},
        {"shell", "", "export NAME=''\nunset GONE\n"},
        {"shell", "it's", "export NAME='it'\\''s'\nunset GONE\n"},
        {"fish", "it's \\", "set -gx NAME 'it\\'s \\\\'\nset -e GONE\n"},
        {"dotenv", "http://a:b@c/d", "NAME=http://a:b@c/d\n"},
        {"dotenv", "", "NAME=''\n"},
        {"dotenv", "a #b $c", "NAME='a #b $c'\n"},
        {"docker", "a 'b' #c", "NAME=a 'b' #c\n"},
        {"systemd", "a\"b\\c$d`e%f", "NAME=\"a\\\"b\\\\c\\$d\\`e%f\"\n"},
        {"github", "x", "NAME=x\n"},
        {"json", "a\"\n", "{\n  \"NAME\": \"a\\\"\\n\"\n}\n"},
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        BUFFER_AUTO out;
        if (print(row[i].format, row[i].value, &out) != KH_OK ||
            strcmp(buffer_text(&out), row[i].expected) != 0)
            fail_msg("%s: %s", row[i].format, buffer_text(&out));
    }
}

static void
test_a_shell_reads_back_what_was_meant(void **state)
{
    (void)state;
    static const char *const shells[] = {"sh", "bash"};
    struct fault fault = {.err = KH_OK};
    for (size_t i = 0; i < 2; i++) {
        BUFFER_AUTO script, seen;
        int status = -1;
        assert_int_equal(print("shell", nasty, &script), KH_OK);
        buffer_put_str(&script, "printf %s \"$NAME\"");
        buffer_init(&seen, 4096);
        const char *const argv[] = {shells[i], "-c", buffer_text(&script), NULL};
        const struct process_run run = {.argv = argv, .timeout_ms = 60000};
        if (process_run(&run, &seen, &status, &fault) == KH_ERR_NOT_FOUND)
            continue;
        assert_string_equal(buffer_text(&seen), nasty);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_a_format_cannot_say),
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_a_shell_reads_back_what_was_meant),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
