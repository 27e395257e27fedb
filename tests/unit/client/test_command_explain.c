/* SPDX-License-Identifier: Apache-2.0 */
/* keyhole explain, as one runs it. */
#include "client_test.h"

#include <jansson.h>
#include <unistd.h>

#define GET "GET https://api.openai.com/v1/models"

static void
test_refusals(void **state)
{
    (void)state;
    char *token = test_mint_fresh("method = GET", NULL);
    struct test_run run = test_run("explain", token);
    assert_status(run, CLI_USAGE);
    assert_contains(run.err, "--request is missing");
    test_run_free(&run);
    run = test_run("explain", "--request", "/v1/models", token);
    assert_status(run, CLI_USAGE);
    assert_contains(run.err, "--request: expected a method and a URL");
    test_run_free(&run);
    run = test_run("explain", "--request", GET, "--at", "now", token);
    assert_status(run, CLI_USAGE);
    assert_contains(run.err, "--at: ");
    test_run_free(&run);
    run = test_run("explain", "--request", GET, "--header", "x", token);
    assert_status(run, CLI_USAGE);
    assert_contains(run.err, "--header: ");
    test_run_free(&run);
    run = test_run("explain", "--request", GET, "no token");
    assert_status(run, CLI_FAILED);
    assert_string_equal(run.out, "");
    test_run_free(&run);
    free(token);
}

static void
test_for_people(void **state)
{
    (void)state;
    setenv("LC_ALL", "C.UTF-8", 1); // elsewhere the lines are drawn in ASCII
    char *token = test_mint_fresh("method = GET", "path ~ /v1/files/**", NULL);
    struct test_run run = test_run_input(token, "explain", "--request", GET, "-");
    assert_status(run, CLI_DENIED);
    assert_string_equal(run.err, "");
    assert_contains(run.out, "deny\n");
    assert_contains(run.out,
                    "The token, as it says itself\n   for alice, to use openai or github\n");
    assert_contains(run.out, "not judged  signature\n");
    assert_contains(run.out, "├─ holds       method = GET\n");
    assert_contains(run.out, "└─ fails       path ~ /v1/files/**\n");
    assert_contains(run.out, "path is /v1/models, and would have to match /v1/files/**\n");
    assert_contains(run.out, "The policy is for the broker to judge\n");
    assert_lacks(run.out, "\x1b");
    assert_lacks(run.out, "kh1_");
    test_run_free(&run);
    run = test_run("explain", "--request", "GET https://api.openai.com/v1/files/1", token);
    assert_status(run, CLI_DONE);
    assert_contains(run.out, "unknown: no caveat is against it; ");
    test_run_free(&run);
    free(token);
}

// What a holder does not say or cannot know is not judged, and not taken for absent.
static void
test_not_judged(void **state)
{
    (void)state;
    static const struct {
        const char *caveat, *option, *value, *judgement;
    } cases[] = {
        {"group = eng", NULL, NULL, "not-judged"},
        {"credential = openai", NULL, NULL, "not-judged"},
        {"credential = openai", "--credential", "openai", "holds"},
        {"credential = openai", "--credential", "github", "fails"},
        {"client = 10.0.0.1", NULL, NULL, "not-judged"},
        {"client = 10.0.0.1", "--client", "10.0.0.1", "holds"},
        {"client = 10.0.0.1", "--client", "unix", "fails"},
        {"header[x] = y", NULL, NULL, "not-judged"},
        {"header[x] = y", "--header", "X: y", "holds"},
        {"header[x] = y", "--header", "Z: y", "fails"},
        {"content-type absent", NULL, NULL, "not-judged"},
        {"upgrade absent", NULL, NULL, "not-judged"},
        {"query[n] absent", NULL, NULL, "holds"},
        {"user = alice", NULL, NULL, "holds"},
        {"uses <= 5", NULL, NULL, "not-judged"},
        {"rate <= 5/min", NULL, NULL, "not-judged"},
        {"label = x", NULL, NULL, "holds"},
        {"time < 2100-01-01T00:00:00Z", NULL, NULL, "holds"},
        {"group = eng or method = GET", NULL, NULL, "holds"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *token = test_mint_fresh(cases[i].caveat, NULL);
        struct test_run run = cases[i].option != NULL
                                  ? test_run("explain", "--json", "--request", GET, cases[i].option,
                                             cases[i].value, token)
                                  : test_run("explain", "--json", "--request", GET, token);
        json_t *object = json_loads(run.out, 0, NULL);
        const json_t *caveat = json_array_get(json_object_get(object, "caveats"), 0);
        const char *judgement = json_string_value(json_object_get(caveat, "judgement"));
        if (judgement == NULL || strcmp(judgement, cases[i].judgement) != 0)
            fail_msg("%s with %s: %s", cases[i].caveat, cases[i].value ? cases[i].value : "nothing",
                     judgement ? judgement : run.out);
        assert_status(run, strcmp(judgement, "fails") == 0 ? CLI_DENIED : CLI_DONE);
        json_decref(object);
        test_run_free(&run);
        free(token);
    }
}

static void
test_body(void **state)
{
    (void)state;
    static const struct {
        const char *body, *judgement; // NULL: none is given
    } cases[] = {
        {NULL, "not-judged"}, {"{\"m\": \"a\"}", "holds"}, {"{\"m\": \"b\"}", "fails"},
        {"", "fails"},        {"no JSON", "fails"},
    };
    char path[] = "/tmp/keyhole-unit-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    char *token = test_mint_fresh("body[/m] = a", NULL);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        FILE *file = fopen(path, "w");
        assert_non_null(file);
        fputs(cases[i].body != NULL ? cases[i].body : "", file);
        fclose(file);
        struct test_run run =
            cases[i].body != NULL
                ? test_run("explain", "--json", "--request", GET, "--body", path, token)
                : test_run("explain", "--json", "--request", GET, token);
        json_t *object = json_loads(run.out, 0, NULL);
        const json_t *caveat = json_array_get(json_object_get(object, "caveats"), 0);
        assert_string_equal(json_string_value(json_object_get(caveat, "judgement")),
                            cases[i].judgement);
        json_decref(object);
        test_run_free(&run);
    }
    unlink(path);
    struct test_run run = test_run("explain", "--request", GET, "--body", path, token);
    assert_status(run, CLI_FAILED);
    assert_contains(run.err, "--body: ");
    test_run_free(&run);
    free(token);
}

static void
test_over(void **state)
{
    (void)state;
    char *token = test_mint(NULL);
    struct test_run run =
        test_run("explain", "--request", GET, "--at", "2026-11-18T12:00:00Z", token);
    assert_status(run, CLI_DONE);
    test_run_free(&run);
    run = test_run("explain", "--request", GET, "--at", "2100-01-01T00:00:00Z", token);
    assert_status(run, CLI_DENIED);
    assert_contains(run.out, "fails       lifetime\n");
    test_run_free(&run);
    free(token);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_refusals, test_clear_environment),
        cmocka_unit_test_setup(test_for_people, test_clear_environment),
        cmocka_unit_test_setup(test_not_judged, test_clear_environment),
        cmocka_unit_test_setup(test_body, test_clear_environment),
        cmocka_unit_test_setup(test_over, test_clear_environment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
