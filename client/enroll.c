/* SPDX-License-Identifier: Apache-2.0
 *
 * Registering an authenticator: the code is shown to the discharger, its question to the person,
 * and the key's answer to the discharger.
 */
#include "enroll.h"

#include "fido_sign.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ENROLL_PATH "/.well-known/keyhole/enroll"

static const struct {
    const char *name;
    enum question_kind question;
} enroll_kinds[] = {
    [ENROLL_FIDO2] = {"fido2", QUESTION_FIDO2},
    [ENROLL_SSH] = {"ssh", QUESTION_SSH},
};

static enum kh_err
enroll_post(const struct discharge_settings *settings, const char *url, json_t *body,
            struct http_answer *out, struct fault *fault)
{
    char *text = body != NULL ? json_dumps(body, JSON_COMPACT) : NULL;
    if (text == NULL)
        return fault_set(fault, KH_ERR_USAGE, "the code and the name are UTF-8");
    struct http_request request = {.method = HTTP_POST,
                                   .url = url,
                                   .ca_file = settings->ca_file,
                                   .json = bytes_str(text),
                                   .timeout_ms = discharge_time_left(settings, HTTP_TIMEOUT_MS)};
    enum kh_err err = http_call(&request, out, fault);
    wipe(text, strlen(text));
    free(text);
    return err;
}

static void
enroll_copy(const json_t *object, const char *member, char *out, size_t cap)
{
    const char *text = answer_string(object, member);
    snprintf(out, cap, "%s", text != NULL ? text : "");
}

static enum kh_err
enroll_read_result(const struct enrolment *enrolment, const struct http_answer *answer,
                   struct enroll_result *out, struct fault *fault)
{
    json_t *object = NULL;
    bool readable = answer_object(answer, &object) == KH_OK;
    enum kh_err err = KH_OK;
    if (answer->status == 201 && readable && answer_string(object, "user") != NULL) {
        *out = (struct enroll_result){.attested = json_is_true(json_object_get(object, "attested")),
                                      .yubikey = json_is_true(json_object_get(object, "yubikey"))};
        enroll_copy(object, "user", out->user, sizeof out->user);
        enroll_copy(object, "name", out->name, sizeof out->name);
        enroll_copy(object, "kind", out->kind, sizeof out->kind);
        enroll_copy(object, "model", out->model, sizeof out->model);
        enroll_copy(object, "firmware", out->firmware, sizeof out->firmware);
    } else {
        err = answer_failure(enrolment->url, answer->status, object, fault);
    }
    json_decref(object);
    return err;
}

static enum kh_err
enroll_answer(const struct discharge_settings *settings, const struct enrolment *enrolment,
              const struct question *question, struct enroll_result *out, struct fault *fault)
{
    json_t *body = NULL;
    struct http_answer answer;
    discharge_show(settings->fido.cli, question, "this is what will be enrolled:");
    enum kh_err err = enrolment->kind == ENROLL_FIDO2
                          ? fido_enroll_question(&settings->fido, question, &body, fault)
                          : enroll_sign_ssh(settings, question, &body, fault);
    if (err == KH_OK) {
        err = enroll_post(settings, question->answer_url, body, &answer, fault);
        json_decref(body);
    }
    if (err != KH_OK)
        return err;
    err = enroll_read_result(enrolment, &answer, out, fault);
    http_answer_free(&answer);
    return err;
}

static enum kh_err
enroll_read_question(const struct enrolment *enrolment, const struct http_answer *answer,
                     struct question **out, struct fault *fault)
{
    struct question_expectation expectation = {
        .purpose = CHALLENGE_ENROLL, .url = enrolment->url, .name = bytes_str(enrolment->name)};
    json_t *object = NULL;
    bool readable = answer_object(answer, &object) == KH_OK;
    json_t *member = json_object_get(object, enroll_kinds[enrolment->kind].name);
    enum kh_err err = answer->status == 201 && readable && member != NULL
                          ? question_read(enroll_kinds[enrolment->kind].question, member,
                                          &expectation, out, fault)
                          : answer_failure(enrolment->url, answer->status, object, fault);
    json_decref(object);
    return err;
}

enum kh_err
enroll_run(const struct discharge_settings *settings, const struct enrolment *enrolment,
           struct enroll_result *out, struct fault *fault)
{
    char url[DISCHARGER_URL_MAX + sizeof ENROLL_PATH];
    struct http_answer answer;
    struct question *question = NULL;
    snprintf(url, sizeof url, "%s" ENROLL_PATH, enrolment->url);
    json_t *body = json_pack("{s:s, s:s, s:s}", "code", enrolment->code, "name",
                             enrolment->name != NULL ? enrolment->name : "", "kind",
                             enroll_kinds[enrolment->kind].name);
    enum kh_err err = enroll_post(settings, url, body, &answer, fault);
    json_decref(body);
    if (err != KH_OK)
        return err;
    err = enroll_read_question(enrolment, &answer, &question, fault);
    http_answer_free(&answer);
    if (err == KH_OK)
        err = enroll_answer(settings, enrolment, question, out, fault);
    question_free(&question);
    return err;
}
