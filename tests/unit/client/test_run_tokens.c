/* SPDX-License-Identifier: Apache-2.0 */
/* The tokens of a run: where they come from, what they are for, how they are narrowed. */
#include "../../../client/run_tokens.h"
#include "../scratch.h"
#include "client_test.h"

static struct cli cli;

static struct run_tokens
tokens_of(const char *text)
{
    struct fault fault = {.err = KH_OK};
    struct run_tokens tokens = {.count = 0};
    assert_ok(run_tokens_add(&tokens, &cli, text, &fault));
    return tokens;
}

static void
test_sources_that_give_none(void **state)
{
    (void)state;
    static const char *const source[] = {
        "",      "kh1_nonsense",  "@", "@/nonexistent/token", "fd:", "fd:x",
        "fd:-1", "fd:4000000000", "-",
    };
    for (size_t i = 0; i < sizeof source / sizeof *source; i++) {
        struct fault fault = {.err = KH_OK};
        struct run_tokens tokens = {.count = 0};
        cli.in = tmpfile();
        if (run_tokens_add(&tokens, &cli, source[i], &fault) == KH_OK || tokens.count != 0)
            fail_msg("'%s' gives a token", source[i]);
        assert_contains(fault.detail, "--token: ");
        fclose(cli.in);
    }
    setenv("KEYHOLE_TOKENS", "kh1_nonsense", 1);
    struct fault fault = {.err = KH_OK};
    struct run_tokens tokens = {.count = 0};
    assert_int_not_equal(run_tokens_add_environment(&tokens, &fault), KH_OK);
    assert_contains(fault.detail, "in KEYHOLE_TOKENS: ");
    unsetenv("KEYHOLE_TOKENS");
}

static void
test_sources(void **state)
{
    (void)state;
    struct fault fault = {.err = KH_OK};
    struct run_tokens tokens = {.count = 0};
    char *text = test_mint(NULL), source[200], both[2 * TOKEN_TEXT_MAX];
    write_file("token", text, 0600);
    snprintf(source, sizeof source, "@%s", test_path("token"));
    assert_ok(run_tokens_add(&tokens, &cli, source, &fault));
    int fd = open(test_path("token"), O_RDONLY);
    snprintf(source, sizeof source, "fd:%d", fd);
    assert_ok(run_tokens_add(&tokens, &cli, source, &fault));
    cli.in = fopen(test_path("token"), "r");
    assert_ok(run_tokens_add(&tokens, &cli, "-", &fault));
    fclose(cli.in);
    assert_ok(run_tokens_add(&tokens, &cli, text, &fault));
    assert_int_equal(tokens.count, 4);
    assert_ok(run_tokens_add_environment(&tokens, &fault)); // nothing set
    setenv("KEYHOLE_TOKEN", text, 1);
    assert_ok(run_tokens_add_environment(&tokens, &fault));
    snprintf(both, sizeof both, "%s  %s", text, text);
    setenv("KEYHOLE_TOKENS", both, 1);
    assert_ok(run_tokens_add_environment(&tokens, &fault));
    assert_int_equal(tokens.count, 7);
    assert_ok(run_tokens_add(&tokens, &cli, text, &fault));
    assert_int_equal(run_tokens_add(&tokens, &cli, text, &fault), KH_ERR_USAGE); // the ninth
    run_tokens_free(&tokens);
    free(text);
    test_clear_environment(NULL);
    unsetenv("KEYHOLE_TOKENS");
}

static void
test_what_a_token_covers(void **state)
{
    (void)state;
    static const struct {
        const char *caveat, *credential;
        bool covers;
    } row[] = {
        {NULL, "openai", true},
        {NULL, "stripe", false},
        {NULL, "", false},
        {"credential = github", "openai", false},
        {"credential = github", "github", true},
        {"credential in openai, pass-through", "openai", true},
        {"credential = github or method = GET", "openai", true}, // says too little
        {"credential = github or credential = openai", "openai", true},
        {"method = GET", "openai", true},
        {"colour = blue", "openai", true}, // the broker's to refuse
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        char *text = test_mint(row[i].caveat, NULL);
        struct token *token = test_scan(text);
        if (run_token_covers(token, row[i].credential) != row[i].covers)
            fail_msg("%s: %s", row[i].caveat, row[i].credential);
        token_free(&token);
        free(text);
    }
}

static void
test_picks(void **state)
{
    (void)state;
    struct fault fault = {.err = KH_OK};
    char *both = test_mint(NULL), *github = test_mint("credential = github", NULL);
    struct run_tokens tokens = tokens_of(github);
    tokens.pick[tokens.pick_count++] = "openai";
    assert_int_equal(run_tokens_check(&tokens, TEST_NOW, &fault), KH_ERR_USAGE);
    assert_contains(fault.detail, "--credential openai: the token is for github");
    assert_ok(run_tokens_add(&tokens, &cli, both, &fault));
    assert_ok(run_tokens_check(&tokens, TEST_NOW, &fault));
    assert_int_equal(tokens.count, 1); // the one for github is of no use
    run_tokens_free(&tokens);
    free(both);
    free(github);
}

static void
test_holes_and_ends(void **state)
{
    (void)state;
    struct fault fault = {.err = KH_OK};
    struct run_tokens tokens = {.token = {{.given = test_token_with_holes()}}, .count = 1};
    assert_int_equal(run_tokens_check(&tokens, TEST_NOW, &fault), KH_ERR_DENIED);
    assert_contains(fault.detail, "1 hole to be filled first");
    assert_contains(fault.detail, "keyhole discharge");
    run_tokens_free(&tokens);
    char *text = test_mint(NULL);
    tokens = tokens_of(text);
    assert_int_equal(run_tokens_check(&tokens, TEST_EXPIRES, &fault), KH_ERR_DENIED);
    assert_contains(fault.detail, "has expired");
    assert_ok(run_tokens_check(&tokens, TEST_EXPIRES - 1, &fault));
    run_tokens_free(&tokens);
    free(text);
}

static void
test_labels(void **state)
{
    (void)state;
    char label[RUN_LABEL_MAX], other[RUN_LABEL_MAX], much[300];
    run_label("/usr/bin/python3.11", label);
    assert_true(strncmp(label, "run:python3.11-", 15) == 0);
    assert_int_equal(strlen(label), 15 + 6);
    run_label("/usr/bin/python3.11", other);
    assert_string_not_equal(label, other);
    run_label("a b\"\n/", label);
    assert_true(strncmp(label, "run:a-b----", 11) == 0);
    memset(much, 'x', sizeof much - 1);
    much[sizeof much - 1] = '\0';
    run_label(much, label);
    assert_true(strlen(label) < RUN_LABEL_MAX);
    assert_int_equal(label[strlen(label) - 7], '-');
}

static void
expect_caveats(const struct token *token, const char *const *expected)
{
    const struct macaroon_view *root = &token->macaroon[0];
    for (size_t i = 0; i < root->caveat_count || expected[i] != NULL; i++) {
        assert_true(i < root->caveat_count);
        assert_non_null(expected[i]);
        if (!bytes_is(root->caveat[i].id, expected[i]))
            fail_msg("'%.*s', and not '%s'", BYTES_ARG(root->caveat[i].id), expected[i]);
    }
}

static void
test_narrowing(void **state)
{
    (void)state;
    struct fault fault = {.err = KH_OK};
    char *text = test_mint(NULL);
    struct run_tokens tokens = tokens_of(text);
    struct attenuation conditions;
    attenuation_init(&conditions);
    assert_ok(attenuation_add(&conditions, BYTES("method = GET"), &fault));
    tokens.pick[tokens.pick_count++] = "github";
    assert_ok(run_tokens_check(&tokens, TEST_NOW, &fault));
    assert_ok(run_tokens_narrow(&tokens, &conditions, "mine", "run:x-1", TEST_NOW, 600, &fault));
    assert_int_equal(tokens.token[0].ends_at, TEST_NOW + 600);
    expect_caveats(tokens.token[0].token,
                   (const char *const[]){"label = mine", "label = run:x-1", "method = GET",
                                         "credential in github, pass-through",
                                         "time < 2026-11-18T11:26:40Z", NULL});
    assert_ptr_equal(run_tokens_find(&tokens, "github"), &tokens.token[0]);
    assert_null(run_tokens_find(&tokens, "openai"));
    struct buffer one;
    buffer_init(&one, TOKEN_TEXT_MAX);
    assert_ok(run_token_for(&tokens.token[0], "github", "ghp_", &one, &fault));
    assert_true(bytes_starts(buffer_bytes(&one), BYTES("ghp_kh1_")));
    struct token *narrow = test_scan(buffer_text(&one));
    const struct macaroon_view *root = &narrow->macaroon[0];
    assert_true(bytes_is(root->caveat[root->caveat_count - 1].id, "credential = github"));
    token_free(&narrow);
    buffer_free(&one);
    attenuation_free(&conditions);
    run_tokens_free(&tokens);
    free(text);
}

static void
test_never_longer_than_the_parent(void **state)
{
    (void)state;
    struct fault fault = {.err = KH_OK};
    char *text = test_mint("time < 2026-11-18T11:20:00Z", NULL);
    struct run_tokens tokens = tokens_of(text);
    struct attenuation conditions;
    attenuation_init(&conditions);
    assert_ok(run_tokens_check(&tokens, TEST_NOW, &fault));
    assert_ok(
        run_tokens_narrow(&tokens, &conditions, NULL, "run:x-1", TEST_NOW, RUN_LIFETIME_S, &fault));
    assert_int_equal(tokens.token[0].ends_at, TEST_NOW + 200);
    expect_caveats(tokens.token[0].token,
                   (const char *const[]){"time < 2026-11-18T11:20:00Z", "label = run:x-1", NULL});
    attenuation_free(&conditions);
    run_tokens_free(&tokens);
    free(text);
}

static int
setup(void **state)
{
    unsetenv("KEYHOLE_TOKENS");
    test_clear_environment(state);
    return directory_setup(state);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sources_that_give_none),
        cmocka_unit_test(test_sources),
        cmocka_unit_test(test_what_a_token_covers),
        cmocka_unit_test(test_picks),
        cmocka_unit_test(test_holes_and_ends),
        cmocka_unit_test(test_labels),
        cmocka_unit_test(test_narrowing),
        cmocka_unit_test(test_never_longer_than_the_parent),
    };
    return cmocka_run_group_tests(tests, setup, directory_teardown);
}
