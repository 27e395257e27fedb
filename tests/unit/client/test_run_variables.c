/* SPDX-License-Identifier: Apache-2.0 */
/* The environment of a run. */
#include "../../../client/run_variables.h"
#include "client_test.h"

struct scene {
    struct run_tokens tokens;
    struct environment environment[2];
    struct variables variables;
    struct buffer notes;
    char *text;
};

static const struct environment_credential openai = {
    .name = "openai",
    .base_path = "/~openai",
    .prefix = "sk-",
    .variable = {"OPENAI_API_KEY={token}", "OPENAI_BASE_URL={base}/v1", "MODE=fixed"},
    .variable_count = 3,
};
static const struct environment_credential github = {
    .name = "github",
    .prefix = "",
    .variable = {"GITHUB_TOKEN={token}", "GITHUB_API_URL={base}", "OPENAI_API_KEY={token}",
                 "AWS_ACCESS_KEY_ID={token}"},
    .variable_count = 4,
};

static char *const nothing[] = {NULL};

static enum kh_err
scene_make(struct scene *scene, const struct run_place *place, char *const envp[],
           const char *const *pick, struct fault *fault)
{
    struct attenuation conditions;
    *scene = (struct scene){.text = test_mint(NULL)};
    *fault = (struct fault){.err = KH_OK};
    buffer_init(&scene->notes, 4096);
    attenuation_init(&conditions);
    scene->tokens.token[0].given = test_scan(scene->text);
    scene->tokens.count = 1;
    for (; pick != NULL && *pick != NULL; pick++)
        scene->tokens.pick[scene->tokens.pick_count++] = *pick;
    scene->environment[0].credential[0] = openai;
    scene->environment[0].credential[1] = github;
    scene->environment[0].count = 2;
    assert_int_equal(run_tokens_check(&scene->tokens, TEST_NOW, fault), KH_OK);
    assert_int_equal(
        run_tokens_narrow(&scene->tokens, &conditions, NULL, "run:x", TEST_NOW, 60, fault), KH_OK);
    attenuation_free(&conditions);
    return run_variables_make(&scene->tokens, scene->environment, place, envp, &scene->variables,
                              &scene->notes, fault);
}

static void
scene_free(struct scene *scene)
{
    variables_free(&scene->variables);
    run_tokens_free(&scene->tokens);
    buffer_free(&scene->notes);
    free(scene->text);
}

static const char *
value(const struct scene *scene, const char *name)
{
    const struct variable *variable = variables_find(&scene->variables, name);
    if (variable == NULL)
        fail_msg("%s is not set", name);
    return variable->value != NULL ? variable->value : "(unset)";
}

static const struct run_place place = {.base = "http://127.0.0.1:9",
                                       .proxy_token = true,
                                       .ca = "/run/ca.pem",
                                       .bundle = "/run/bundle.pem"};

static void
test_every_variable(void **state)
{
    (void)state;
    static const char *const bundle[] = {
        "SSL_CERT_FILE",
        "REQUESTS_CA_BUNDLE",
        "CURL_CA_BUNDLE",
        "GIT_SSL_CAINFO",
        "PIP_CERT",
        "npm_config_cafile",
        "BUNDLE_SSL_CA_CERT",
        "CARGO_HTTP_CAINFO",
        "AWS_CA_BUNDLE",
        "DENO_CERT",
        "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH",
        "NIX_SSL_CERT_FILE",
        "HTTPLIB2_CA_CERTS",
        "CLOUDSDK_CORE_CUSTOM_CA_CERTS_FILE",
        "HEX_CACERTS_PATH",
        "PERL_LWP_SSL_CA_FILE",
        "COMPOSER_CAFILE",
        "SYSTEM_CERTIFICATE_PATH",
    };
    static const char *const proxy[] = {"HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY",
                                        "https_proxy", "http_proxy", "all_proxy"};
    struct fault fault;
    struct scene scene;
    assert_ok(scene_make(&scene, &place, nothing, NULL, &fault));
    for (size_t i = 0; i < sizeof bundle / sizeof *bundle; i++)
        assert_string_equal(value(&scene, bundle[i]), "/run/bundle.pem");
    for (size_t i = 0; i < sizeof proxy / sizeof *proxy; i++) {
        const char *url = value(&scene, proxy[i]), *at = strchr(url, '@');
        assert_true(strncmp(url, "http://keyhole:kh1_", 19) == 0);
        assert_non_null(at);
        assert_string_equal(at, "@127.0.0.1:9");
    }
    assert_string_equal(value(&scene, "NODE_EXTRA_CA_CERTS"), "/run/ca.pem");
    assert_string_equal(value(&scene, "NO_PROXY"), "");
    assert_string_equal(value(&scene, "no_proxy"), "");
    assert_string_equal(value(&scene, "NODE_USE_ENV_PROXY"), "1");
    assert_string_equal(value(&scene, "UV_NATIVE_TLS"), "1");
    assert_string_equal(value(&scene, "SSL_CERT_DIR"), "(unset)");
    assert_string_equal(value(&scene, "npm_config_https_proxy"), "(unset)");
    assert_string_equal(value(&scene, "KEYHOLE_BROKER"), "http://127.0.0.1:9");
    assert_true(strncmp(value(&scene, "KEYHOLE_TOKEN"), "kh1_", 4) == 0);
    assert_string_equal(value(&scene, "KEYHOLE_TOKENS"), "(unset)");
    assert_true(strncmp(value(&scene, "OPENAI_API_KEY"), "sk-kh1_", 7) == 0);
    assert_string_equal(value(&scene, "OPENAI_BASE_URL"), "http://127.0.0.1:9/~openai/v1");
    assert_string_equal(value(&scene, "MODE"), "fixed");
    assert_true(strncmp(value(&scene, "GITHUB_TOKEN"), "kh1_", 4) == 0);
    // Without a base path there is no base URL.
    assert_null(variables_find(&scene.variables, "GITHUB_API_URL"));
    assert_string_equal(value(&scene, "AWS_SESSION_TOKEN"), "(unset)");
    scene_free(&scene);
}

static void
test_what_would_lead_past_it(void **state)
{
    (void)state;
    static char yarn[] = "YARN_HTTPS_CA_FILE_PATH=/corporate.pem",
                empty[] = "YARN_CAFILE=", agent[] = "GLOBAL_AGENT_HTTPS_PROXY=http://elsewhere",
                socks[] = "socks_proxy=x", perl[] = "HTTPS_CA_FILE=/corporate.pem",
                longer[] = "CONDA_SSL_VERIFY_NOT=x";
    char *const envp[] = {yarn, empty, agent, socks, perl, longer, NULL};
    struct fault fault;
    struct scene scene;
    assert_ok(scene_make(&scene, &place, envp, NULL, &fault));
    assert_string_equal(value(&scene, "YARN_HTTPS_CA_FILE_PATH"), "/run/bundle.pem");
    assert_string_equal(value(&scene, "HTTPS_CA_FILE"), "/run/bundle.pem");
    // Not for programs that would complain of it.
    assert_null(variables_find(&scene.variables, "YARN_CAFILE"));
    assert_null(variables_find(&scene.variables, "CONDA_SSL_VERIFY"));
    assert_string_equal(value(&scene, "GLOBAL_AGENT_HTTPS_PROXY"), "(unset)");
    assert_string_equal(value(&scene, "socks_proxy"), "(unset)");
    scene_free(&scene);
}

static void
expect_last_caveat(const char *text, const char *expected)
{
    const char *mark = strstr(text, TOKEN_MARK);
    assert_non_null(mark);
    size_t n = strcspn(mark, "@");
    char *copy = strndup(mark, n);
    struct token *token = test_scan(copy);
    const struct macaroon_view *root = &token->macaroon[0];
    assert_true(bytes_is(root->caveat[root->caveat_count - 1].id, expected));
    token_free(&token);
    free(copy);
}

static void
test_one_token_for_each(void **state)
{
    (void)state;
    struct fault fault;
    struct scene scene;
    assert_ok(scene_make(&scene, &place, nothing, NULL, &fault));
    expect_last_caveat(value(&scene, "OPENAI_API_KEY"), "credential = openai");
    expect_last_caveat(value(&scene, "GITHUB_TOKEN"), "credential = github");
    expect_last_caveat(value(&scene, "HTTPS_PROXY"), "credential = pass-through");
    assert_null(strstr(value(&scene, "KEYHOLE_TOKEN"), "sk-"));
    scene_free(&scene);
}

static void
test_the_first_has_the_variable(void **state)
{
    (void)state;
    static const char *const pick[] = {"github", "openai", NULL};
    struct fault fault;
    struct scene scene;
    assert_ok(scene_make(&scene, &place, nothing, NULL, &fault));
    expect_last_caveat(value(&scene, "OPENAI_API_KEY"), "credential = openai");
    assert_contains(buffer_text(&scene.notes),
                    "OPENAI_API_KEY is what openai and github want; it is openai's");
    scene_free(&scene);
    assert_ok(scene_make(&scene, &place, nothing, pick, &fault));
    expect_last_caveat(value(&scene, "OPENAI_API_KEY"), "credential = github");
    scene_free(&scene);
}

static void
test_only_what_was_picked(void **state)
{
    (void)state;
    static const char *const pick[] = {"openai", NULL};
    struct fault fault;
    struct scene scene;
    assert_ok(scene_make(&scene, &place, nothing, pick, &fault));
    assert_null(variables_find(&scene.variables, "GITHUB_TOKEN"));
    assert_int_equal(scene.notes.n, 0);
    scene_free(&scene);
}

static void
test_a_room_needs_no_token_in_its_proxy(void **state)
{
    (void)state;
    struct run_place room = place;
    struct fault fault;
    struct scene scene;
    room.proxy_token = false;
    room.wgetrc = "/run/wgetrc";
    assert_ok(scene_make(&scene, &room, nothing, NULL, &fault));
    assert_string_equal(value(&scene, "HTTPS_PROXY"), "http://127.0.0.1:9");
    assert_string_equal(value(&scene, "WGETRC"), "/run/wgetrc");
    assert_null(variables_find(&scene.variables, "PHP_INI_SCAN_DIR"));
    scene_free(&scene);
}

static void
test_settings_of_php_come_last(void **state)
{
    (void)state;
    char *const outside[] = {(char[]){"PHP_INI_SCAN_DIR=/mine"}, NULL};
    struct run_place with = place;
    struct fault fault;
    struct scene scene;
    with.php_ini = "/run/keyhole-x";
    assert_ok(scene_make(&scene, &with, nothing, NULL, &fault));
    assert_string_equal(value(&scene, "PHP_INI_SCAN_DIR"), ":/run/keyhole-x");
    scene_free(&scene);
    assert_ok(scene_make(&scene, &with, outside, NULL, &fault));
    assert_string_equal(value(&scene, "PHP_INI_SCAN_DIR"), "/mine:/run/keyhole-x");
    scene_free(&scene);
}

static void
test_other_keys(void **state)
{
    (void)state;
    char *const outside[] = {(char[]){"STRIPE_API_KEY=sk_live_x"},
                             (char[]){"AWS_SECRET_ACCESS_KEY=x"},
                             (char[]){"OPENAI_API_KEY=sk-replaced"},
                             (char[]){"ANTHROPIC_API_KEY="},
                             (char[]){"MISTRAL_API_KEY=kh1_abcdefgh"},
                             (char[]){"TWINE_USERNAME=me"},
                             (char[]){"EDITOR=vi"},
                             NULL};
    struct run_place clear = place;
    struct fault fault;
    struct scene scene;
    assert_ok(scene_make(&scene, &place, outside, NULL, &fault));
    assert_contains(buffer_text(&scene.notes),
                    "inherits STRIPE_API_KEY, AWS_SECRET_ACCESS_KEY as they are");
    assert_null(variables_find(&scene.variables, "STRIPE_API_KEY"));
    scene_free(&scene);
    clear.clear_keys = true;
    assert_ok(scene_make(&scene, &clear, outside, NULL, &fault));
    assert_string_equal(value(&scene, "STRIPE_API_KEY"), "(unset)");
    assert_null(variables_find(&scene.variables, "TWINE_USERNAME"));
    assert_lacks(buffer_text(&scene.notes), "inherits");
    scene_free(&scene);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_variable),
        cmocka_unit_test(test_what_would_lead_past_it),
        cmocka_unit_test(test_one_token_for_each),
        cmocka_unit_test(test_the_first_has_the_variable),
        cmocka_unit_test(test_only_what_was_picked),
        cmocka_unit_test(test_a_room_needs_no_token_in_its_proxy),
        cmocka_unit_test(test_settings_of_php_come_last),
        cmocka_unit_test(test_other_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
