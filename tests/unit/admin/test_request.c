/* SPDX-License-Identifier: Apache-2.0 */
#include "../files.h"

#include "../../../broker/admin/request.h"

static int calls;

static enum kh_err
echo(void *context, const json_t *request, json_t *result, struct fault *fault)
{
    calls++;
    assert_ptr_equal(context, &calls);
    return admin_put_text(result, "said", admin_text(request, "word"), fault);
}

static enum kh_err
fail_with(void *context, const json_t *request, json_t *result, struct fault *fault)
{
    (void)context;
    (void)result;
    return fault_set(fault, KH_ERR_EXISTS, "%.*s is there", BYTES_ARG(admin_text(request, "word")));
}

static enum kh_err
moment(void *context, const json_t *request, json_t *result, struct fault *fault)
{
    static const uint8_t bytes[3] = {0xab, 0, 1};
    (void)context;
    enum kh_err err = admin_put_time(result, "at", admin_number(request, "at"), fault);
    return err ? err : admin_put_hex(result, "hex", bytes, sizeof bytes, fault);
}

static const struct admin_command first[] = {
    {"echo", echo, {{"word", ADMIN_TEXT, true}, {"loud", ADMIN_FLAG, false}}},
    {0},
};
static const struct admin_command second[] = {
    {"fail", fail_with, {{"word", ADMIN_TEXT, false}}},
    {"moment", moment, {{"at", ADMIN_NUMBER, true}}},
    {0},
};
static const struct admin_command *const tables[] = {first, second};

static void
answers(const char *request, const char *text)
{
    BUFFER_AUTO out;
    buffer_init(&out, 65536);
    admin_request_answer(tables, 2, &calls, bytes_str(request), &out);
    const char *got = buffer_text(&out);
    if (strstr(got, text) == NULL)
        print_error("%s\n  -> %s  without %s\n", request, got, text);
    assert_non_null(strstr(got, text));
    assert_int_equal(bytes_index(buffer_bytes(&out), '\n'), out.n - 1);
}

static void
what_is_no_request_is_refused(void **state)
{
    static const char *const wrong[] = {
        "",
        "null",
        "[]",
        "{",
        "{\"command\": \"echo\"} {}",
        "{\"command\": \"echo\", \"word\": \"a\", \"word\": \"b\"}",
        "{\"command\": \"echo\", \"word\": \"\xff\"}",
    };

    (void)state;
    calls = 0;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        answers(wrong[i], "\"code\": \"syntax\"");
    answers("{}", "no such command");
    answers("{\"command\": \"ecoh\"}", "did you mean echo?");
    answers("{\"command\": \"moments\"}", "did you mean moment?");
    answers("{\"command\": \"echo\"}", "word is missing");
    answers("{\"command\": \"echo\", \"word\": 1}", "word must be a text");
    answers("{\"command\": \"echo\", \"word\": \"a\", \"loud\": \"yes\"}", "true or false");
    answers("{\"command\": \"echo\", \"word\": \"a\", \"lowd\": true}", "did you mean loud?");
    assert_int_equal(calls, 0);
}

static void
the_table_says_who_answers(void **state)
{
    (void)state;
    calls = 0;
    answers("{\"command\": \"echo\", \"word\": \"hello\"}",
            "{\"ok\": true, \"result\": {\"said\": \"hello\"}}");
    assert_int_equal(calls, 1);
    answers("{\"command\": \"fail\", \"word\": \"it\"}",
            "{\"ok\": false, \"code\": \"exists\", \"message\": \"it is there\"}");
    answers("{\"command\": \"moment\", \"at\": 1793000000}",
            "{\"at\": \"2026-10-26T07:33:20Z\", \"hex\": \"ab0001\"}");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_no_request_is_refused),
        cmocka_unit_test(the_table_says_who_answers),
    };
    admin_request_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
