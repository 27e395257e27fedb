/* SPDX-License-Identifier: Apache-2.0
 *
 * libkeyhole, with every call on its way failing once: an error or the whole result, and nothing
 * in between.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "job.h"

#include <keyhole.h>
#include <string.h>

/* That of docs/TOKENS.md. */
static const char token_text[] =
    "kh1_AgEXaHR0cHM6Ly9rZXlob2xlLmV4YW1wbGUCNAEAAAABoKGio6SlpqeoqaqrrK2urwAAAABq_"
    "YbAAAAAAGr-L4ABBWFsaWNlAQZvcGVuYWkAAhNtZXRob2QgaW4gR0VULCBIRUFEAAAGIFABWpDo_"
    "obgxchqYtKDF_e43BM91MqUoTznYCmTDp0-";
#define DISCHARGER "https://discharge.example#kd1_eaYx7t4b-cmPEgMs3q3Q56B5OY_HhriMyEbsia-FpRo"

static struct {
    enum keyhole_status status;
    struct keyhole_error error;
    size_t caveats, open_holes;
    enum keyhole_verdict verdict;
} outcome;

static enum keyhole_status
narrow(const struct keyhole_token *token, struct keyhole_token **out)
{
    static const char *const paths[] = {"/v1/**"}, *const hosts[] = {"a.example"};
    struct keyhole_error *error = &outcome.error;
    struct keyhole_attenuation *a = NULL;
    enum keyhole_status status = keyhole_attenuation_new(&a, error);
    if (status == KEYHOLE_OK)
        status = keyhole_attenuation_add_label(a, "one", error);
    if (status == KEYHOLE_OK)
        status = keyhole_attenuation_add_paths(a, paths, 1, error);
    if (status == KEYHOLE_OK)
        status = keyhole_attenuation_add_hosts(a, hosts, 1, error);
    if (status == KEYHOLE_OK)
        status = keyhole_attenuation_add_hole(a, "factor = yubikey for 8h", DISCHARGER, error);
    if (status == KEYHOLE_OK)
        status = keyhole_attenuation_set_prefix(a, "sk-", error);
    if (status == KEYHOLE_OK)
        status = keyhole_token_attenuate(token, a, out, error);
    keyhole_attenuation_free(a);
    return status;
}

static enum keyhole_status
judge(const struct keyhole_token *token)
{
    struct keyhole_error *error = &outcome.error;
    struct keyhole_request *request = NULL;
    struct keyhole_judgement *judgement = NULL;
    char *text = NULL;
    enum keyhole_status status =
        keyhole_request_new("POST", "https://a.example/v1/x?a=b", &request, error);
    if (status == KEYHOLE_OK)
        status = keyhole_request_add_header(request, "content-type", "application/json", error);
    if (status == KEYHOLE_OK)
        status = keyhole_request_set_body(request, "{}", 2, error);
    if (status == KEYHOLE_OK)
        status = keyhole_judge(token, request, &judgement, error);
    if (status == KEYHOLE_OK)
        status = keyhole_judgement_json(judgement, &text, error);
    outcome.verdict = keyhole_judgement_verdict(judgement);
    keyhole_free(text);
    keyhole_judgement_free(judgement);
    keyhole_request_free(request);
    return status;
}

static enum keyhole_status
look(const struct keyhole_token *token)
{
    struct keyhole_error *error = &outcome.error;
    char *json = NULL, *words = NULL, *text = NULL;
    enum keyhole_status status = keyhole_token_json(token, KEYHOLE_NOW, &json, error);
    if (status == KEYHOLE_OK)
        status = keyhole_caveat_words(token, 0, KEYHOLE_NOW, &words, error);
    if (status == KEYHOLE_OK)
        status = keyhole_token_encode(token, KEYHOLE_FORMAT_JSON, &text, NULL, error);
    keyhole_free(json);
    keyhole_free(words);
    keyhole_free(text);
    return status;
}

static void
act(void *context)
{
    struct keyhole_token *token = NULL, *made = NULL;
    (void)context;
    memset(&outcome, 0, sizeof outcome);
    outcome.verdict = KEYHOLE_VERDICT_HOLDS;
    outcome.status = keyhole_token_parse(token_text, KEYHOLE_WHOLE, &token, &outcome.error);
    if (outcome.status == KEYHOLE_OK)
        outcome.status = narrow(token, &made);
    if (outcome.status == KEYHOLE_OK)
        outcome.status = look(made);
    if (outcome.status == KEYHOLE_OK)
        outcome.status = judge(made);
    if (made != NULL) {
        outcome.caveats = keyhole_token_claims(made)->caveat_count;
        outcome.open_holes = keyhole_token_claims(made)->open_hole_count;
    }
    keyhole_token_free(made);
    keyhole_token_free(token);
}

static void
after(void *context, bool fired)
{
    (void)context;
    if (outcome.status != KEYHOLE_OK) {
        assert_true(fired);
        assert_int_equal(outcome.error.status, outcome.status);
        assert_true(outcome.error.message[0] != '\0');
        return;
    }
    // What was not lost is whole: no caveat is missing, and nothing is let through.
    assert_int_equal(outcome.caveats, 6);
    assert_int_equal(outcome.open_holes, 1);
    assert_int_equal(outcome.verdict, KEYHOLE_VERDICT_FAILS);
}

static void
test_narrow_look_and_judge(void **state)
{
    (void)state;
    const struct nth_job job = {
        .name = "library", .kinds = NTH_MEMORY | NTH_CRYPTO, .act = act, .after = after};
    act(NULL); // what libraries make once is made
    assert_int_equal(outcome.status, KEYHOLE_OK);
    nth_job_run(&job);
}

int
main(void)
{
    nth_init();
    const struct CMUnitTest tests[] = {nth_test(test_narrow_look_and_judge)};
    return nth_job_finish("library_token", cmocka_run_group_tests(tests, NULL, NULL));
}
