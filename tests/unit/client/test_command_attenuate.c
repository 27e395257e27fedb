/* SPDX-License-Identifier: Apache-2.0 */
/* keyhole attenuate, as one runs it. */
#include "client_test.h"

static void
refused(const char *expected, const char *const *argument)
{
    struct test_run run = test_run_with("", argument);
    assert_status(run, CLI_USAGE);
    assert_string_equal(run.out, "");
    assert_contains(run.err, expected);
    test_run_free(&run);
}
#define REFUSED(expected, ...)                                                                     \
    refused(expected, (const char *const[]){"attenuate", __VA_ARGS__, NULL})

static void
test_refusals(void **state)
{
    (void)state;
    char *token = test_mint(NULL);
    REFUSED("what is to be narrowed?", token);
    REFUSED("--caveat needs a value", token, "--caveat");
    REFUSED("GET, not get", token, "--method", "get");
    REFUSED("a path begins with /", token, "--path", "v1");
    REFUSED("--for: '10' is no span of time", token, "--for", "10");
    REFUSED("--for is given twice", token, "--for", "1m", "--for", "2m");
    REFUSED("a label must not be empty", token, "--label", "");
    REFUSED("a prefix must not contain kh1_", token, "--prefix", "kh1_");
    REFUSED("--method needs a value", token, "--method", "GET,,HEAD");
    REFUSED("--method needs a value", token, "--method", "GET,");
    REFUSED("--method needs a value", token, "--method", "");
    REFUSED("not a host in canonical form", token, "--host", "api.example:443");
    REFUSED("one TOKEN at most", token, token, "--for", "1m");
    free(token);
}

static void
test_caret_under_the_mistake(void **state)
{
    (void)state;
    char *token = test_mint(NULL);
    struct test_run run = test_run("attenuate", "--caveat", "method = GET or pathh = /v1", token);
    assert_status(run, CLI_USAGE);
    assert_string_equal(run.out, "");
    assert_contains(run.err, "the attribute pathh is not known here");
    assert_contains(run.err, "\n    method = GET or pathh = /v1\n                    ^\n");
    assert_lacks(run.err, "kh1_");
    test_run_free(&run);
    free(token);
}

static void
test_and_is_two_caveats(void **state)
{
    (void)state;
    char *token = test_mint(NULL);
    REFUSED("for \"and\", give two caveats", "--caveat", "method = GET and path = /v1", token);
    free(token);
}

static void
test_bad_tokens(void **state)
{
    (void)state;
    struct test_run run = test_run("attenuate", "--for", "1m", "kh1_AAAA");
    assert_status(run, CLI_FAILED);
    assert_string_equal(run.out, "");
    test_run_free(&run);
    run = test_run("attenuate", "--for", "1m");
    assert_status(run, CLI_FAILED);
    assert_contains(run.err, "there is no token");
    test_run_free(&run);
}

// Conditions of the token on stdout, as one text; free() it.
static char *
conditions(struct test_run *run)
{
    assert_status(*run, CLI_DONE);
    size_t n = strlen(run->out);
    assert_int_equal(run->out[n - 1], '\n');
    assert_ptr_equal(strchr(run->out, '\n'), run->out + n - 1);
    run->out[n - 1] = '\0';
    struct fault fault = {.err = KH_OK};
    struct token *token = test_scan(run->out);
    struct token_verified *verified = calloc(1, sizeof *verified);
    BUFFER_AUTO text;
    buffer_init(&text, 65536);
    assert_ok(token_verify(token, test_key, verified, &fault));
    for (size_t i = 0; i < verified->condition_count; i++)
        buffer_printf(&text, "%.*s\n", BYTES_ARG(verified->condition[i].text));
    free(verified);
    token_free(&token);
    return strdup(buffer_text(&text));
}

static void
test_all_options(void **state)
{
    (void)state;
    char *token = test_mint_fresh("scheme = https", NULL);
    struct test_run run = test_run("attenuate", token, "--path", "/v1/models", "--method",
                                   "GET,HEAD", "--caveat", "query[limit] <= 100", "--host",
                                   "API.example", "--path", "/v1/chat/**", "--caveat", "port = 443",
                                   "--label", "agent 1", "--method", "PUT", "--prefix", "sk-");
    assert_string_equal(run.err, "");
    assert_int_equal(strncmp(run.out, "sk-kh1_", 7), 0);
    char *text = conditions(&run);
    assert_string_equal(text, "scheme = https\n"
                              "label = \"agent 1\"\n"
                              "query[limit] <= 100\n"
                              "port = 443\n"
                              "host = api.example\n"
                              "method in GET, HEAD, PUT\n"
                              "path = /v1/models or path ~ /v1/chat/**\n");
    free(text);
    test_run_free(&run);
    free(token);
}

static void
test_for_is_from_now(void **state)
{
    (void)state;
    char *token = test_mint_fresh(NULL);
    int64_t before = time(NULL);
    struct test_run run = test_run("attenuate", "--for", "10m", token);
    int64_t after = time(NULL);
    char *text = conditions(&run);
    bool found = false;
    for (int64_t at = before + 600; at <= after + 600; at++) {
        char expected[64];
        time_t seconds = (time_t)at;
        strftime(expected, sizeof expected, "time < %Y-%m-%dT%H:%M:%SZ\n", gmtime(&seconds));
        found = found || strcmp(text, expected) == 0;
    }
    if (!found)
        fail_msg("%s is not ten minutes from now", text);
    free(text);
    test_run_free(&run);
    free(token);
}

static void
test_warnings_are_talk(void **state)
{
    (void)state;
    char *token = test_mint_fresh("method = GET", NULL);
    struct test_run run = test_run("attenuate", "--method", "POST", token);
    assert_contains(run.err, "keyhole attenuate: warning: no request can satisfy both");
    free(conditions(&run));
    test_run_free(&run);
    free(token);
}

// Standard input, and again what came out: a chain of holders.
static void
test_chain_through_standard_input(void **state)
{
    (void)state;
    char *token = test_mint_fresh(NULL);
    struct test_run first = test_run_input(token, "attenuate", "--label", "a");
    assert_status(first, CLI_DONE);
    struct test_run second = test_run_input(first.out, "attenuate", "--label", "b", "-");
    char *text = conditions(&second);
    assert_string_equal(text, "label = a\nlabel = b\n");
    free(text);
    test_run_free(&first);
    test_run_free(&second);
    free(token);
}

#define KEY     "#kd1_AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA"
#define AT_HOME "https://discharge.example" KEY

static void
test_hole_refusals(void **state)
{
    (void)state;
    static const struct {
        const char *argument[8];
        int status;
        const char *says;
    } cases[] = {
        {{"--hole", ""}, CLI_USAGE, "is empty"},
        {{"--hole", "factor = yubikey", "--discharger", AT_HOME}, CLI_USAGE, "\" for \""},
        {{"--hole", "factor = yubikey or factor = ssh for 5m"}, CLI_USAGE, "^"},
        {{"--discharger", AT_HOME}, CLI_USAGE, "give a --hole"},
        {{"--hole", "factor = ssh for 5m", "--discharger", "http://far.example" KEY},
         CLI_USAGE,
         "--discharger: plain http"},
        {{"--hole", "factor = ssh for 5m", "--discharger", "work"},
         CLI_FAILED,
         "no such discharger is trusted here"},
        {{"--hole", "factor = ssh for 5m"}, CLI_USAGE, "who is to fill the hole?"},
        {{"--caveat", "hole = \"factor = ssh for 5m\""}, CLI_USAGE, "give --hole"},
    };
    setenv("XDG_CONFIG_HOME", "/nonexistent", 1);
    char *token = test_mint_fresh(NULL);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *argument[12] = {"attenuate"};
        size_t n = 1;
        for (; cases[i].argument[n - 1] != NULL; n++)
            argument[n] = cases[i].argument[n - 1];
        argument[n] = token;
        struct test_run run = test_run_with("", argument);
        assert_status(run, cases[i].status);
        assert_string_equal(run.out, "");
        assert_contains(run.err, cases[i].says);
        test_run_free(&run);
    }
    free(token);
}

/* Caveats first, then holes, each with its ticket. */
static void
test_holes(void **state)
{
    (void)state;
    char *token = test_mint_fresh(NULL);
    struct test_run run =
        test_run("attenuate", "--hole", "user = alice and factor = yubikey for 15m", "--method",
                 "GET", "--hole", "factor = ssh for 60s", "--discharger", AT_HOME, token);
    assert_status(run, CLI_DONE);
    assert_string_equal(run.err, "");
    run.out[strlen(run.out) - 1] = '\0';
    struct token *narrowed = test_scan(run.out);
    assert_int_equal(narrowed->caveat_count, 5);
    assert_true(bytes_is(narrowed->caveat[0].id, "method = GET"));
    assert_true(
        bytes_is(narrowed->caveat[1].id, "hole = \"user = alice and factor = yubikey for 15m\""));
    assert_int_equal(narrowed->caveat[2].vid.n, TOKEN_VID_SIZE);
    assert_true(bytes_is(narrowed->caveat[2].location, "https://discharge.example"));
    assert_true(bytes_is(narrowed->caveat[3].id, "hole = \"factor = ssh for 1m\""));
    assert_int_equal(narrowed->caveat[4].vid.n, TOKEN_VID_SIZE);
    token_free(&narrowed);
    test_run_free(&run);

    /* Which one it is when none was named is said. */
    setenv("KEYHOLE_DISCHARGER", AT_HOME, 1);
    run = test_run("attenuate", "--hole", "factor = ssh for 60s", token);
    assert_status(run, CLI_DONE);
    assert_contains(run.err, "to be filled at https://discharge.example");
    unsetenv("KEYHOLE_DISCHARGER");
    test_run_free(&run);
    free(token);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_refusals, test_clear_environment),
        cmocka_unit_test_setup(test_caret_under_the_mistake, test_clear_environment),
        cmocka_unit_test_setup(test_and_is_two_caveats, test_clear_environment),
        cmocka_unit_test_setup(test_bad_tokens, test_clear_environment),
        cmocka_unit_test_setup(test_all_options, test_clear_environment),
        cmocka_unit_test_setup(test_for_is_from_now, test_clear_environment),
        cmocka_unit_test_setup(test_warnings_are_talk, test_clear_environment),
        cmocka_unit_test_setup(test_chain_through_standard_input, test_clear_environment),
        cmocka_unit_test_setup(test_hole_refusals, test_clear_environment),
        cmocka_unit_test_setup(test_holes, test_clear_environment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
