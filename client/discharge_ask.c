/* SPDX-License-Identifier: Apache-2.0
 *
 * One hole, one question to its discharger, one answer.
 */
#include "discharge.h"

#include "../caveats/base64.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ASK_PATH "/.well-known/macfly/3p"

static enum kh_err
discharge_post(const struct discharge_settings *settings, const char *url, json_t *body,
               struct http_answer *out, struct fault *fault)
{
    char *text = json_dumps(body, JSON_COMPACT);
    if (text == NULL)
        return fault_set(fault, KH_ERR_MEMORY, "memory is used up");
    struct http_request request = {.method = HTTP_POST,
                                   .url = url,
                                   .ca_file = settings->ca_file,
                                   .json = bytes_str(text),
                                   .timeout_ms = discharge_time_left(settings, HTTP_TIMEOUT_MS)};
    enum kh_err err = settings->means->call(settings, &request, out, fault);
    free(text);
    return err;
}

// The final answer, wherever it came from: {"discharge"} or a failure.
static enum kh_err
discharge_read_final(const char *url, const struct http_answer *answer, struct buffer *out,
                     struct fault *fault)
{
    json_t *object = NULL;
    bool readable = answer_object(answer, &object) == KH_OK;
    bool good = (answer->status == 200 || answer->status == 201) && readable;
    enum kh_err err = good && answer_base64(object, "discharge", out)
                          ? KH_OK
                          : answer_failure(url, answer->status, object, fault);
    json_decref(object);
    return err;
}

// ---- the question ----

static const struct {
    const char *member;
    enum question_kind kind;
    enum discharge_way way;
} discharge_question[] = {
    {"fido2", QUESTION_FIDO2, DISCHARGE_FIDO2},
    {"ssh", QUESTION_SSH, DISCHARGE_SSH},
    {"user_interactive", QUESTION_BROWSER, DISCHARGE_BROWSER},
};
enum { DISCHARGE_QUESTIONS = sizeof discharge_question / sizeof discharge_question[0] };

static enum kh_err
discharge_sign_question(const struct discharge_settings *settings, const struct question *question,
                        struct http_answer *out, bool *unsuitable, struct fault *fault)
{
    const struct discharge_means *means = settings->means;
    json_t *body = NULL;
    enum kh_err err = means->show(settings, question, fault);
    if (err != KH_OK)
        return err;
    err = question->kind == QUESTION_FIDO2 ? means->sign_fido2(settings, question, &body, fault)
                                           : means->sign_ssh(settings, question, &body, fault);
    *unsuitable = err == KH_ERR_NOT_FOUND;
    if (err == KH_OK)
        err = discharge_post(settings, question->answer_url, body, out, fault);
    json_decref(body);
    return err;
}

static enum kh_err
discharge_answer_question(const struct discharge_settings *settings,
                          const struct question *question, struct buffer *out, bool *unsuitable,
                          struct fault *fault)
{
    struct http_answer answer;
    enum kh_err err = question->kind == QUESTION_BROWSER
                          ? discharge_await_browser(settings, question, &answer, fault)
                          : discharge_sign_question(settings, question, &answer, unsuitable, fault);
    if (err != KH_OK)
        return err;
    err = discharge_read_final(question->url, &answer, out, fault);
    http_answer_free(&answer);
    return err;
}

static enum kh_err
discharge_read_question(const struct discharge_settings *settings,
                        const struct discharge_hole *hole, const char *url, json_t *object,
                        enum discharge_way way, struct buffer *out, bool *unsuitable,
                        struct fault *fault)
{
    struct question_expectation expectation = {.purpose = CHALLENGE_DISCHARGE,
                                               .url = url,
                                               .parent = bytes_str(hole->parent),
                                               .condition = buffer_bytes(&hole->condition)};
    for (size_t i = 0; i < DISCHARGE_QUESTIONS; i++) {
        struct question *question = NULL;
        json_t *member = json_object_get(object, discharge_question[i].member);
        if (member == NULL)
            continue;
        if (discharge_question[i].way != way)
            return fault_set(fault, KH_ERR_PROTOCOL,
                             "%s was asked for a question for %s and has "
                             "another",
                             url, discharge_way_words(way));
        enum kh_err err =
            question_read(discharge_question[i].kind, member, &expectation, &question, fault);
        if (err == KH_OK)
            err = discharge_answer_question(settings, question, out, unsuitable, fault);
        question_free(&question);
        return err;
    }
    return answer_failure(url, 200, NULL, fault);
}

static json_t *
discharge_make_request(const struct discharge_hole *hole, enum discharge_way way)
{
    BUFFER_AUTO ticket;
    buffer_init(&ticket, 4 * TOKEN_CAVEAT_MAX);
    base64_encode(BASE64_URL, hole->ticket, &ticket);
    return json_pack("{s:s, s:s, s:s}", "ticket", buffer_text(&ticket), "parent", hole->parent,
                     "prefer", discharge_way_name(way));
}

enum kh_err
discharge_ask(const struct discharge_settings *settings, const struct discharge_hole *hole,
              const char *url, enum discharge_way way, struct buffer *out, bool *unsuitable,
              struct fault *fault)
{
    char whole[DISCHARGER_URL_MAX + sizeof ASK_PATH], code[ANSWER_CODE_MAX];
    struct http_answer answer;
    json_t *object = NULL, *body = discharge_make_request(hole, way);
    *unsuitable = false;
    snprintf(whole, sizeof whole, "%s" ASK_PATH, url);
    enum kh_err err = body != NULL ? discharge_post(settings, whole, body, &answer, fault)
                                   : fault_set(fault, KH_ERR_MEMORY, "memory is used up");
    json_decref(body);
    if (err != KH_OK)
        return err;
    bool readable = answer_object(&answer, &object) == KH_OK;
    answer_code(object, code);
    if (answer.status != 201 || !readable) {
        *unsuitable = strcmp(code, "way-unsuitable") == 0;
        err = answer_failure(url, answer.status, object, fault);
    } else if (json_object_get(object, "discharge") != NULL) {
        err = discharge_read_final(url, &answer, out, fault);
    } else {
        err = discharge_read_question(settings, hole, url, object, way, out, unsuitable, fault);
    }
    json_decref(object);
    http_answer_free(&answer);
    return err;
}
