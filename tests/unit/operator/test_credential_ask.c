/* SPDX-License-Identifier: Apache-2.0 */
/* What is asked when the command line does not say it: which questions, in which order. */
#include "support.h"

#include "../../../broker/operator/credential_ask.h"

static const struct operator_option options[] = {
    {"preset", 0, "X", false, ""},
    {"host", 0, "X", true, ""},
    {"slot", 0, "X", true, ""},
    {"inject", 0, "X", false, ""},
    {0},
};
static const struct operator_command command = {.name = "credential add", .option = options};

enum { PRESET, HOST, SLOT, INJECT };

static struct invocation
invocation_of(const char *name, const char *preset, const char *host)
{
    struct invocation invocation = {.command = &command};

    if (name)
        invocation.operand[invocation.operand_count++] = name;
    if (preset)
        invocation.values[PRESET] = (struct invocation_values){{preset}, 1};
    if (host)
        invocation.values[HOST] = (struct invocation_values){{host}, 1};
    return invocation;
}

static void
what_is_open(void **state)
{
    static const struct {
        const char *name, *preset, *host;
        bool open;
    } rows[] = {
        {NULL, NULL, NULL, true},     {"x", NULL, NULL, true},    {NULL, "openai", NULL, true},
        {"x", "openai", NULL, false}, {"x", NULL, "h", false},    {"x", "npm", NULL, true},
        {"x", "npm", "h", false},     {"x", "nope", NULL, false}, // the broker says what is wrong
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct invocation invocation = invocation_of(rows[i].name, rows[i].preset, rows[i].host);
        if (credential_is_open(&invocation) != rows[i].open)
            print_error("row %zu\n", i);
        assert_int_equal(credential_is_open(&invocation), rows[i].open);
    }
}

/* Asked with `lines` on standard input; what it said on standard error in `said`. */
static enum kh_err
ask(struct invocation invocation, const char *lines, struct credential_answers *out,
    struct fault *fault, char said[4096])
{
    int in[2], stdin_before = dup(STDIN_FILENO), stderr_before = dup(STDERR_FILENO);
    FILE *file = tmpfile();

    assert_int_equal(pipe(in), 0);
    assert_int_equal(write(in[1], lines, strlen(lines)), strlen(lines));
    close(in[1]);
    fflush(stderr);
    dup2(in[0], STDIN_FILENO);
    dup2(fileno(file), STDERR_FILENO);
    *fault = (struct fault){0};
    enum kh_err err = credential_ask(&invocation, out, fault);
    fflush(stderr);
    dup2(stdin_before, STDIN_FILENO);
    dup2(stderr_before, STDERR_FILENO);
    close(stdin_before);
    close(stderr_before);
    close(in[0]);
    rewind(file);
    said[fread(said, 1, 4095, file)] = '\0';
    fclose(file);
    return err;
}

static void
assert_answers(const struct credential_answers *answers, const char *name, const char *preset,
               const char *host, const char *slot)
{
    assert_string_equal(answers->name, name);
    assert_string_equal(answers->preset, preset);
    assert_string_equal(answers->host, host);
    assert_string_equal(answers->slot, slot);
}

static void
ends_and_refusals(void **state)
{
    struct credential_answers answers;
    struct fault fault;
    char said[4096], line[1024];

    (void)state;
    assert_int_equal(ask(invocation_of(NULL, NULL, NULL), "", &answers, &fault, said), KH_ERR_IO);
    assert_int_equal(ask(invocation_of(NULL, NULL, NULL), "openai\n", &answers, &fault, said),
                     KH_ERR_IO);
    assert_int_equal(ask(invocation_of(NULL, NULL, NULL), "opneai\n", &answers, &fault, said),
                     KH_ERR_IO);
    assert_non_null(strstr(said, "did you mean openai?"));
    memset(line, 'a', sizeof line);
    line[sizeof line - 1] = '\0';
    assert_int_equal(ask(invocation_of(NULL, NULL, NULL), line, &answers, &fault, said),
                     KH_ERR_TOO_LONG);
    assert_int_equal(ask(invocation_of(NULL, NULL, NULL), "gcp\n", &answers, &fault, said),
                     KH_ERR_USAGE);
    assert_non_null(strstr(fault.detail, "< FILE"));
}

static void
questions(void **state)
{
    struct credential_answers answers;
    struct fault fault;
    char said[4096];

    (void)state;
    assert_int_equal(
        ask(invocation_of(NULL, NULL, NULL), "nope\n openai \n\n", &answers, &fault, said), KH_OK);
    assert_answers(&answers, "openai", "openai", "", "");
    assert_non_null(strstr(said, "anthropic"));
    assert_int_equal(
        ask(invocation_of(NULL, NULL, NULL), "npm\n\nnpm.example\nmine\n", &answers, &fault, said),
        KH_OK);
    assert_answers(&answers, "mine", "npm", "npm.example", "");
    assert_int_equal(ask(invocation_of("x", NULL, NULL), "\na.example\n\n", &answers, &fault, said),
                     KH_OK);
    assert_answers(&answers, "", "", "a.example", "bearer");
    assert_int_equal(
        ask(invocation_of(NULL, NULL, "h"), "header:x-key\n\nname\n", &answers, &fault, said),
        KH_OK);
    assert_answers(&answers, "name", "", "", "header:x-key");
    assert_null(strstr(said, "preset"));
    assert_int_equal(ask(invocation_of("x", "docker", NULL), "d.example\n", &answers, &fault, said),
                     KH_OK);
    assert_answers(&answers, "", "", "d.example", "");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_open),
        cmocka_unit_test(ends_and_refusals),
        cmocka_unit_test(questions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
