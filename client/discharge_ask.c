/* SPDX-License-Identifier: Apache-2.0
 *
 * One hole, one question to its discharger, one answer.
 */
#include "discharge.h"

#include "../caveats/base64.h"
#include "../caveats/text.h"
#include "fido_sign.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ASK_PATH "/.well-known/macfly/3p"

void
discharge_show(const struct cli *cli, const struct question *question, const char *why)
{
    BUFFER_AUTO text;
    buffer_init(&text, DISCHARGE_TEXT_MAX);
    question_print(question, cli->now, &text);
    cli_say(cli, "%s", why);
    fputs(buffer_text(&text), cli->err);
}

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
    enum kh_err err = http_call(&request, out, fault);
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

static enum kh_err
discharge_answer_fido2(const struct discharge_settings *settings, const struct question *question,
                       json_t **out, struct fault *fault)
{
    return fido_assert_question(&settings->fido, question, out, fault);
}

static const struct {
    const char *member;
    enum question_kind kind;
    enum discharge_way way;
    enum kh_err (*answer)(const struct discharge_settings *settings,
                          const struct question *question, json_t **out, struct fault *fault);
} discharge_question[] = {
    {"fido2", QUESTION_FIDO2, DISCHARGE_FIDO2, discharge_answer_fido2},
    {"ssh", QUESTION_SSH, DISCHARGE_SSH, discharge_sign_ssh},
    {"user_interactive", QUESTION_BROWSER, DISCHARGE_BROWSER, NULL},
};
enum { DISCHARGE_QUESTIONS = sizeof discharge_question / sizeof discharge_question[0] };

static enum kh_err
discharge_answer_question(const struct discharge_settings *settings,
                          const struct question *question, size_t row, struct buffer *out,
                          bool *unsuitable, struct fault *fault)
{
    json_t *body = NULL;
    struct http_answer answer;
    enum kh_err err;
    if (discharge_question[row].answer == NULL) {
        err = discharge_await_browser(settings, question, &answer, fault);
    } else {
        char why[DISCHARGER_URL_MAX + 64];
        snprintf(why, sizeof why, "%s asks you to vouch for this:", question->url);
        discharge_show(settings->fido.cli, question, why);
        err = discharge_question[row].answer(settings, question, &body, fault);
        *unsuitable = err == KH_ERR_NOT_FOUND;
        if (err == KH_OK)
            err = discharge_post(settings, question->answer_url, body, &answer, fault);
        json_decref(body);
    }
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
            err = discharge_answer_question(settings, question, i, out, unsuitable, fault);
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
