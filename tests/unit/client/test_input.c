/* SPDX-License-Identifier: Apache-2.0 */
/* Where a token comes from. */
#include "../../../caveats/foreign.h"
#include "../../../client/input.h"
#include "client_test.h"

static const char *const garbage[] = {
    "",  "   \n", "kh1_", "kh1_A",  "kh1_AgEA====", "sk-live-0123456789",
    "{", "[]",    "null", "MDAwMA", "\xff\xff\xff",
};

static void
test_garbage(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof garbage / sizeof garbage[0]; i++) {
        struct fault fault = {.err = KH_OK};
        struct token *token = NULL;
        enum kh_err err = input_scan(bytes_str(garbage[i]), &token, &fault);
        if (err == KH_OK || token != NULL || fault.detail[0] == '\0')
            fail_msg("'%s': %s '%s'", garbage[i], kh_err_code(err), fault.detail);
    }
}

// The mark may stand in a caveat of another library's text.
static void
test_mark_inside_of_json(void **state)
{
    (void)state;
    struct fault fault = {.err = KH_OK};
    struct token *token = NULL;
    char *minted = test_mint("label = kh1_inside", NULL);
    struct token *own = test_scan(minted);
    BUFFER_AUTO json;
    buffer_init(&json, 65536);
    assert_ok(foreign_export(own, FOREIGN_V2_JSON, &json, &fault));
    assert_contains(buffer_text(&json), "kh1_inside");
    assert_ok(input_scan(buffer_bytes(&json), &token, &fault));
    assert_int_equal(token->macaroon[0].caveat_count, 1);
    token_free(&token);
    token_free(&own);
    free(minted);
}

// Find the token as a command would, and say whose it is by the credential count of its prefix.
static void
found(const char *argument, const char *input, const char *expected_prefix)
{
    struct fault fault = {.err = KH_OK};
    const char *positional[] = {argument};
    struct options options = {.positional = positional, .positional_count = argument != NULL};
    struct token *token = NULL;
    FILE *in = tmpfile();
    fputs(input, in);
    rewind(in);
    struct cli cli = {.in = in, .out = stdout, .err = stderr};
    enum kh_err err = input_token(&cli, &options, &token, &fault);
    fclose(in);
    if (expected_prefix == NULL) {
        assert_int_not_equal(err, KH_OK);
        assert_null(token);
        return;
    }
    assert_ok(err);
    assert_true(bytes_is(token->prefix, expected_prefix));
    token_free(&token);
}

static void
test_precedence(void **state)
{
    (void)state;
    char *text = test_mint("method = GET", NULL);
    char argument[4096], environment[4096], input[4096];
    snprintf(argument, sizeof argument, "argument-%s", text);
    snprintf(environment, sizeof environment, "environment-%s", text);
    snprintf(input, sizeof input, "\n  input-%s\r\n\n", text);

    found(argument, input, "argument-");
    found("-", input, "input-");
    found(NULL, input, "input-");
    setenv("KEYHOLE_TOKEN", environment, 1);
    found(argument, input, "argument-");
    found("-", input, "input-");
    found(NULL, input, "environment-");
    found(NULL, "", "environment-");
    setenv("KEYHOLE_TOKEN", "", 1); // empty is not set
    found(NULL, input, "input-");
    setenv("KEYHOLE_TOKEN", "damaged", 1); // and what is set is never passed over
    found(NULL, input, NULL);
    unsetenv("KEYHOLE_TOKEN");
    found("-", "", NULL);
    found("", input, NULL); // "$TOKEN" that was not set is no standard input
    free(text);
}

static void
test_too_much(void **state)
{
    (void)state;
    struct fault fault = {.err = KH_OK};
    struct token *token = NULL;
    const char *two[] = {"a", "b"};
    struct options options = {.positional = two, .positional_count = 2};
    struct cli cli = {.in = stdin, .out = stdout, .err = stderr};
    assert_int_equal(input_token(&cli, &options, &token, &fault), KH_ERR_USAGE);

    options.positional_count = 0;
    cli.in = fopen("/dev/zero", "r");
    assert_non_null(cli.in);
    assert_int_equal(input_token(&cli, &options, &token, &fault), KH_ERR_TOO_LONG);
    fclose(cli.in);
    cli.in = fopen("/", "r"); // reading a directory fails
    assert_non_null(cli.in);
    assert_int_equal(input_token(&cli, &options, &token, &fault), KH_ERR_IO);
    fclose(cli.in);
    assert_null(token);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_garbage),
        cmocka_unit_test(test_mark_inside_of_json),
        cmocka_unit_test_setup(test_precedence, test_clear_environment),
        cmocka_unit_test_setup(test_too_much, test_clear_environment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
