/* SPDX-License-Identifier: Apache-2.0
 *
 * Filling holes as `keyhole discharge` does, by functions that are called back.
 */
#include "discharge.h"

#include "../monotonic.h"

#include <stdlib.h>

enum { LIBRARY_DISCHARGE_TIMEOUT_MS = 300000 };

struct library_discharge {
    struct discharge_settings settings; /* first: what is called back finds the rest by it */
    const struct keyhole_discharge_settings *given;
    struct dischargers trusted;
};

static const struct keyhole_discharge_settings *
library_given(const struct discharge_settings *settings)
{
    return ((const struct library_discharge *)(const void *)settings)->given;
}

// What somebody who was called back says, as a fault of our own.
static enum kh_err
library_take_error(enum keyhole_status status, const struct keyhole_error *error,
                   struct fault *fault)
{
    enum kh_err err = library_error_of(status);
    return err == KH_OK
               ? KH_OK
               : fault_set(fault, err, "%s",
                           error->message[0] != '\0' ? error->message : kh_err_sentence(err));
}

// ---- means ----

static void
library_say(const struct discharge_settings *settings, const char *sentence)
{
    (void)settings, (void)sentence;
}

static enum kh_err
library_call(const struct discharge_settings *settings, const struct http_request *request,
             struct http_answer *out, struct fault *fault)
{
    struct keyhole_error error = {.status = KEYHOLE_OK};
    struct keyhole_http_answer answer = {.out = out};
    const struct keyhole_http_request asked = {
        .method = request->method == HTTP_POST ? "POST" : "GET",
        .url = request->url,
        .body = request->method == HTTP_POST ? (const char *)request->json.p : NULL,
        .body_size = request->json.n,
        .timeout_ms = request->timeout_ms > 0 ? request->timeout_ms : HTTP_TIMEOUT_MS};
    *out = (struct http_answer){.status = 0};
    buffer_init_secret(&out->body, HTTP_ANSWER_MAX);
    enum kh_err err = library_take_error(
        library_given(settings)->http(library_given(settings)->context, &asked, &answer, &error),
        &error, fault);
    if (err == KH_OK && !answer.is_set)
        err = fault_set(fault, KH_ERR_USAGE, "the function for HTTP set no answer");
    if (err != KH_OK)
        http_answer_free(out);
    return err;
}

static bool
library_at_hand(const struct discharge_settings *settings, enum discharge_way way)
{
    const struct keyhole_discharge_settings *given = library_given(settings);
    return way == DISCHARGE_FIDO2 ? given->fido2 != NULL
           : way == DISCHARGE_SSH ? given->ssh != NULL
                                  : given->browser;
}

static enum kh_err
library_show(const struct discharge_settings *settings, const struct question *question,
             struct fault *fault)
{
    struct keyhole_error error = {.status = KEYHOLE_OK};
    struct library_question *shown = NULL;
    enum kh_err err = library_question_make(question, settings->now, &shown, fault);
    if (err != KH_OK)
        return err;
    const struct keyhole_discharge_settings *given = library_given(settings);
    err = library_take_error(given->show(given->context, &shown->shown, &error), &error, fault);
    library_question_free(&shown);
    return err;
}

static enum kh_err
library_sign(const struct discharge_settings *settings, const struct question *question,
             keyhole_answer_function *function, json_t **out, struct fault *fault)
{
    struct keyhole_error error = {.status = KEYHOLE_OK};
    struct keyhole_answer answer = {.settings = settings, .question = question};
    struct library_question *shown = NULL;
    enum kh_err err = library_question_make(question, settings->now, &shown, fault);
    if (err != KH_OK)
        return err;
    err = library_take_error(
        function(library_given(settings)->context, &shown->shown, &answer, &error), &error, fault);
    library_question_free(&shown);
    if (err == KH_OK && answer.body == NULL)
        err = fault_set(fault, KH_ERR_USAGE, "the function that answers set no answer");
    if (err == KH_OK)
        *out = answer.body;
    else
        json_decref(answer.body);
    return err;
}

static enum kh_err
library_sign_fido2(const struct discharge_settings *settings, const struct question *question,
                   json_t **out, struct fault *fault)
{
    return library_sign(settings, question, library_given(settings)->fido2, out, fault);
}

static enum kh_err
library_sign_ssh(const struct discharge_settings *settings, const struct question *question,
                 json_t **out, struct fault *fault)
{
    return library_sign(settings, question, library_given(settings)->ssh, out, fault);
}

static const struct discharge_means library_means = {.say = library_say,
                                                     .call = library_call,
                                                     .at_hand = library_at_hand,
                                                     .show = library_show,
                                                     .sign_fido2 = library_sign_fido2,
                                                     .sign_ssh = library_sign_ssh};

// ---- the whole ----

static enum kh_err
library_read_settings(const struct keyhole_discharge_settings *given, struct library_discharge *out,
                      struct fault *fault)
{
    if (given->timeout_ms < 0 || (given->trusted == NULL && given->trusted_count > 0))
        return fault_set(fault, KH_ERR_USAGE, "the settings cannot be meant");
    int64_t timeout_ms = given->timeout_ms > 0 ? given->timeout_ms : LIBRARY_DISCHARGE_TIMEOUT_MS;
    if (timeout_ms > INT32_MAX)
        timeout_ms = INT32_MAX;
    out->given = given;
    out->settings.means = &library_means;
    out->settings.now = library_moment(given->now);
    out->settings.fido.deadline_ms = monotonic_ms() + timeout_ms;
    out->settings.trusted = &out->trusted;
    out->settings.no_reuse = true;
    for (size_t i = 0; i < given->trusted_count; i++) {
        struct bytes place;
        if (!library_take(given->trusted[i], KEYHOLE_WHOLE, &place))
            return fault_set(fault, KH_ERR_USAGE, "a trusted discharger is NULL");
        enum kh_err err = dischargers_add_place(&out->trusted, place, fault);
        if (err != KH_OK)
            return err;
    }
    return KH_OK;
}

enum keyhole_status
keyhole_discharge(const struct keyhole_token *token,
                  const struct keyhole_discharge_settings *settings, struct keyhole_token **out,
                  struct keyhole_error *error)
{
    struct fault fault = {.err = KH_ERR_INTERNAL};
    struct discharge_report report;
    struct token *filled = NULL;
    // One with its size from a later header has members that are not known here.
    if (token == NULL || settings == NULL || out == NULL || settings->size != sizeof *settings ||
        settings->http == NULL || settings->show == NULL)
        return library_refuse(error,
                              "a token, settings of this version with functions for HTTP and "
                              "for showing, and a place for the new token are needed");
    struct library_discharge *discharge = calloc(1, sizeof *discharge);
    BUFFER_AUTO text;
    buffer_init_secret(&text, TOKEN_TEXT_MAX);
    if (discharge == NULL)
        return library_fail(error, KH_ERR_MEMORY, NULL);
    enum kh_err err = library_read_settings(settings, discharge, &fault);
    token_print(token->token, token->token->prefix, &text);
    if (err == KH_OK)
        err = text.failed ? fault_set(&fault, KH_ERR_MEMORY, "memory is used up")
                          : token_scan(buffer_bytes(&text), &filled, &fault);
    if (err == KH_OK)
        err = discharge_fill(&discharge->settings, &filled, &report, &fault);
    free(discharge);
    if (err == KH_OK)
        return library_token_make(filled, out, error);
    token_free(&filled);
    return library_fail(error, err, &fault);
}
