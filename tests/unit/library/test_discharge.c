/* SPDX-License-Identifier: Apache-2.0 */
/* The discharge protocol by functions that are called back: what is asked, shown, refused, taken.
 */
#include "library_test.h"

#define URL   "https://discharge.example"
#define NONCE TEST_NONCE

// A discharger of canned answers, and what a caller's functions saw.
struct scene {
    struct test_hole hole;
    struct keyhole_token *token;
    const char *answer[8]; /* bodies, in turn; "202" alone is a poll without an answer */
    unsigned asked;
    char *last_url, *last_body;
    char shown[8192];
    enum keyhole_way way;
    enum keyhole_status show_says, sign_says;
    bool http_is_silent, sign_is_silent;
    unsigned signed_times;
};

static int
setup(void **state)
{
    struct scene *scene = calloc(1, sizeof *scene);
    scene->hole = test_hole_make(TEST_CONDITION, URL);
    scene->token = library_parse(scene->hole.token);
    *state = scene;
    return 0;
}

static int
teardown(void **state)
{
    struct scene *scene = *state;
    keyhole_token_free(scene->token);
    test_hole_free(&scene->hole);
    free(scene->last_url);
    free(scene->last_body);
    free(scene);
    return 0;
}

static enum keyhole_status
on_http(void *context, const struct keyhole_http_request *request,
        struct keyhole_http_answer *answer, struct keyhole_error *error)
{
    struct scene *scene = context;
    const char *body = scene->answer[scene->asked];
    assert_true(request->timeout_ms > 0);
    free(scene->last_url);
    free(scene->last_body);
    scene->last_url = strdup(request->url);
    scene->last_body = request->body != NULL ? strndup(request->body, request->body_size) : NULL;
    if (scene->http_is_silent)
        return KEYHOLE_OK;
    if (body == NULL) {
        snprintf(error->message, sizeof error->message, "the cable is out");
        return KEYHOLE_ERROR_IO;
    }
    scene->asked++;
    int status = strcmp(body, "202") == 0 ? 202 : strncmp(body, "{\"d", 3) == 0 ? 200 : 201;
    ASSERT_USAGE(keyhole_http_answer_set(NULL, status, body, 1));
    ASSERT_USAGE(keyhole_http_answer_set(answer, 7, body, 1));
    ASSERT_USAGE(keyhole_http_answer_set(answer, status, NULL, 1));
    ASSERT_STATUS(keyhole_http_answer_set(answer, status, body, KEYHOLE_ANSWER_MAX + 1),
                  KEYHOLE_ERROR_TOO_LONG);
    ASSERT_GOOD(keyhole_http_answer_set(answer, status, status == 202 ? "{}" : body,
                                        status == 202 ? 2 : strlen(body)));
    ASSERT_USAGE(keyhole_http_answer_set(answer, status, body, 1)); // once
    return KEYHOLE_OK;
}

static enum keyhole_status
on_show(void *context, const struct keyhole_question *question, struct keyhole_error *error)
{
    struct scene *scene = context;
    scene->way = question->way;
    assert_int_equal(scene->signed_times, 0); // before anything is signed
    assert_string_equal(question->discharger, URL);
    assert_string_equal(question->code, "AB12-CD34");
    snprintf(scene->shown, sizeof scene->shown, "%s%s", question->shown,
             question->page_url != NULL ? question->page_url : "");
    if (scene->show_says != KEYHOLE_OK)
        snprintf(error->message, sizeof error->message, "not me");
    return scene->show_says;
}

static enum keyhole_status
on_fido2(void *context, const struct keyhole_question *question, struct keyhole_answer *answer,
         struct keyhole_error *error)
{
    struct scene *scene = context;
    static const unsigned char some[] = {1, 2, 3};
    const struct keyhole_bytes part = {some, sizeof some}, none = {NULL, 0};
    scene->signed_times++;
    if (scene->sign_says != KEYHOLE_OK) {
        snprintf(error->message, sizeof error->message, "no key");
        return scene->sign_says;
    }
    assert_string_equal(question->rp_id, "discharge.example");
    assert_int_equal(question->credential_count, 1);
    assert_int_equal(question->credential[0].size, 3);
    assert_non_null(strstr(question->client_data, "\"origin\":\"" URL "\""));
    if (scene->sign_is_silent)
        return KEYHOLE_OK;
    ASSERT_USAGE(keyhole_answer_ssh(answer, "x"));
    ASSERT_USAGE(keyhole_answer_fido2(NULL, part, part, part));
    ASSERT_USAGE(keyhole_answer_fido2(answer, none, part, part));
    ASSERT_GOOD(keyhole_answer_fido2(answer, question->credential[0], part, part));
    ASSERT_USAGE(keyhole_answer_fido2(answer, part, part, part)); // once
    return KEYHOLE_OK;
}

static struct keyhole_discharge_settings
settings_of(struct scene *scene)
{
    static const char *const trusted[] = {URL};
    struct keyhole_discharge_settings settings = KEYHOLE_DISCHARGE_SETTINGS_INIT;
    settings.context = scene;
    settings.trusted = trusted;
    settings.trusted_count = 1;
    settings.http = on_http;
    settings.show = on_show;
    settings.fido2 = on_fido2;
    return settings;
}

static void
put_discharge(struct scene *scene, struct buffer *out)
{
    struct buffer raw = test_discharge(buffer_bytes(&scene->hole.ticket), scene->hole.parent, 600);
    buffer_init(out, 65536);
    buffer_put_str(out, "{\"discharge\":\"");
    base64_encode(BASE64_URL, buffer_bytes(&raw), out);
    buffer_put_str(out, "\"}");
    buffer_free(&raw);
}

static void
put_question(struct scene *scene, const char *parent, struct buffer *out)
{
    buffer_init(out, 65536);
    buffer_put_str(out, "{\"fido2\":{\"text\":\"");
    test_put_text(out, URL, TEST_CONDITION, parent != NULL ? parent : scene->hole.parent);
    buffer_put_str(out, "\",\"nonce\":\"" NONCE "\",\"answer_url\":\"" URL "/answer/1\",\"rp_id\":"
                        "\"discharge.example\",\"origin\":\"" URL "\",\"credentials\":[\"AQID\"],"
                        "\"verification\":false,\"code\":\"AB12-CD34\"}}");
}

static void
test_bad_arguments(void **state)
{
    struct scene *scene = *state;
    struct keyhole_token *out = NULL;
    struct keyhole_discharge_settings settings = settings_of(scene);
    ASSERT_USAGE(keyhole_discharge(NULL, &settings, &out, NULL));
    ASSERT_USAGE(keyhole_discharge(scene->token, NULL, &out, NULL));
    ASSERT_USAGE(keyhole_discharge(scene->token, &settings, NULL, NULL));
    settings.size = 3;
    ASSERT_USAGE(keyhole_discharge(scene->token, &settings, &out, NULL));
    settings = settings_of(scene);
    settings.http = NULL;
    ASSERT_USAGE(keyhole_discharge(scene->token, &settings, &out, NULL));
    settings = settings_of(scene);
    settings.show = NULL;
    ASSERT_USAGE(keyhole_discharge(scene->token, &settings, &out, NULL));
    settings = settings_of(scene);
    settings.timeout_ms = -1;
    ASSERT_USAGE(keyhole_discharge(scene->token, &settings, &out, NULL));
    settings = settings_of(scene);
    settings.trusted = NULL;
    ASSERT_USAGE(keyhole_discharge(scene->token, &settings, &out, NULL));
    ASSERT_USAGE(keyhole_answer_ssh(NULL, "x"));
    ASSERT_USAGE(keyhole_ssh_answer(NULL, NULL, NULL));
    assert_null(out);
    assert_int_equal(scene->asked, 0);
}

static void
test_nothing_to_fill(void **state)
{
    struct scene *scene = *state;
    struct keyhole_discharge_settings settings = settings_of(scene);
    struct keyhole_token *plain = library_token("method = GET"), *out = NULL;
    ASSERT_GOOD(keyhole_discharge(plain, &settings, &out, NULL));
    assert_string_equal(keyhole_token_claims(out)->lineage, keyhole_token_claims(plain)->lineage);
    assert_int_equal(scene->asked, 0);
    keyhole_token_free(out);
    keyhole_token_free(plain);
}

// A token does not say where its holder goes and signs.
static void
test_untrusted(void **state)
{
    struct scene *scene = *state;
    struct keyhole_discharge_settings settings = settings_of(scene);
    struct keyhole_token *out = NULL;
    settings.trusted_count = 0;
    ASSERT_STATUS(keyhole_discharge(scene->token, &settings, &out, NULL), KEYHOLE_ERROR_PERMISSION);
    assert_null(scene->last_url);
}

static void
test_security_key(void **state)
{
    struct scene *scene = *state;
    struct keyhole_discharge_settings settings = settings_of(scene);
    struct keyhole_token *out = NULL;
    BUFFER_AUTO question;
    BUFFER_AUTO discharge;
    put_question(scene, NULL, &question);
    put_discharge(scene, &discharge);
    scene->answer[0] = buffer_text(&question);
    scene->answer[1] = buffer_text(&discharge);
    ASSERT_GOOD(keyhole_discharge(scene->token, &settings, &out, NULL));
    assert_int_equal(keyhole_token_claims(out)->open_hole_count, 0);
    assert_int_equal(keyhole_token_claims(scene->token)->open_hole_count, 1);
    assert_int_equal(scene->way, KEYHOLE_WAY_FIDO2);
    assert_contains(scene->shown, TEST_CONDITION);
    assert_string_equal(scene->last_url, URL "/answer/1");
    assert_contains(scene->last_body, "\"credential\":\"AQID\"");
    keyhole_token_free(out);
}

static void
test_refusals(void **state)
{
    struct scene *scene = *state;
    struct keyhole_discharge_settings settings = settings_of(scene);
    struct keyhole_token *out = NULL;
    struct keyhole_error error;
    BUFFER_AUTO question;
    BUFFER_AUTO other;
    put_question(scene, NULL, &question);
    put_question(scene, "00000000000000000000000000000000", &other);
    // About another token: nobody is shown anything.
    scene->answer[0] = buffer_text(&other);
    ASSERT_STATUS(keyhole_discharge(scene->token, &settings, &out, NULL), KEYHOLE_ERROR_PROTOCOL);
    assert_string_equal(scene->shown, "");
    // The person says no.
    scene->asked = 0;
    scene->answer[0] = buffer_text(&question);
    scene->show_says = KEYHOLE_ERROR_DENIED;
    assert_int_equal(keyhole_discharge(scene->token, &settings, &out, &error),
                     KEYHOLE_ERROR_DENIED);
    assert_string_equal(error.message, "not me");
    assert_int_equal(scene->signed_times, 0);
    // Functions that say nothing are none.
    scene->show_says = KEYHOLE_OK;
    scene->asked = 0;
    scene->sign_is_silent = true;
    ASSERT_USAGE(keyhole_discharge(scene->token, &settings, &out, NULL));
    scene->http_is_silent = true;
    ASSERT_USAGE(keyhole_discharge(scene->token, &settings, &out, NULL));
    // No network.
    scene->http_is_silent = false;
    scene->asked = 0;
    scene->answer[0] = NULL;
    assert_int_equal(keyhole_discharge(scene->token, &settings, &out, &error), KEYHOLE_ERROR_IO);
    assert_string_equal(error.message, "the cable is out");
    assert_null(out);
}

// What cannot be done here fails, unless there is another way.
static void
test_another_way(void **state)
{
    struct scene *scene = *state;
    struct keyhole_discharge_settings settings = settings_of(scene);
    struct keyhole_token *out = NULL;
    BUFFER_AUTO question;
    BUFFER_AUTO discharge;
    put_question(scene, NULL, &question);
    put_discharge(scene, &discharge);
    scene->sign_says = KEYHOLE_ERROR_NOT_FOUND;
    scene->answer[0] = buffer_text(&question);
    ASSERT_STATUS(keyhole_discharge(scene->token, &settings, &out, NULL), KEYHOLE_ERROR_NOT_FOUND);
    scene->asked = scene->signed_times = 0;
    scene->answer[1] = "{\"user_interactive\":{\"user_url\":\"" URL "/q/1\",\"poll_url\":\"" URL
                       "/p/1\",\"code\":\"AB12-CD34\"}}";
    scene->answer[2] = "202";
    scene->answer[3] = buffer_text(&discharge);
    settings.browser = true;
    settings.fido2 = NULL;
    scene->asked = 1;
    ASSERT_GOOD(keyhole_discharge(scene->token, &settings, &out, NULL));
    assert_int_equal(scene->way, KEYHOLE_WAY_BROWSER);
    assert_string_equal(scene->shown, URL "/q/1");
    assert_string_equal(scene->last_url, URL "/p/1");
    assert_int_equal(keyhole_token_claims(out)->open_hole_count, 0);
    keyhole_token_free(out);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_bad_arguments, setup, teardown),
        cmocka_unit_test_setup_teardown(test_nothing_to_fill, setup, teardown),
        cmocka_unit_test_setup_teardown(test_untrusted, setup, teardown),
        cmocka_unit_test_setup_teardown(test_security_key, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refusals, setup, teardown),
        cmocka_unit_test_setup_teardown(test_another_way, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
