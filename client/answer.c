/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading what was answered.
 */
#include "answer.h"

#include "../caveats/base64.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

void
http_answer_free(struct http_answer *answer)
{
    buffer_free(&answer->body);
}

enum kh_err
answer_object(const struct http_answer *answer, json_t **out)
{
    json_t *object = json_loadb(answer->body.n > 0 ? (const char *)answer->body.p : "",
                                answer->body.n, JSON_REJECT_DUPLICATES, NULL);
    if (!json_is_object(object)) {
        json_decref(object);
        return KH_ERR_PROTOCOL;
    }
    *out = object;
    return KH_OK;
}

const char *
answer_string(const json_t *object, const char *member)
{
    // Without JSON_ALLOW_NUL the text has no NUL inside.
    return json_string_value(json_object_get(object, member));
}

bool
answer_base64(const json_t *object, const char *member, struct buffer *out)
{
    const char *text = answer_string(object, member);
    size_t before = out->n;
    return text != NULL && base64_decode(BASE64_URL, bytes_str(text), out) && !out->failed &&
           out->n > before;
}

void
answer_code(const json_t *object, char code[ANSWER_CODE_MAX])
{
    const char *text = answer_string(object, "error");
    size_t n = text != NULL ? strlen(text) : 0;
    code[0] = '\0';
    if (n >= ANSWER_CODE_MAX)
        return;
    for (size_t i = 0; i < n; i++)
        if (!islower((unsigned char)text[i]) && !isdigit((unsigned char)text[i]) && text[i] != '-')
            return;
    memcpy(code, text != NULL ? text : "", n + 1);
}

// A failure that comes by a poll has no status of its own.
static long
answer_status_of(const char *code, long otherwise)
{
    static const struct {
        const char *code;
        int status;
    } table[] = {
#define KH_FAILURE(name, code_, status_, sentence, advice) {code_, status_},
#include "../schema/discharge.def"
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        if (strcmp(table[i].code, code) == 0)
            return table[i].status;
    return otherwise;
}

enum kh_err
answer_failure(const char *where, long status, const json_t *object, struct fault *fault)
{
    char code[ANSWER_CODE_MAX];
    const char *message = answer_string(object, "message");
    const char *detail = answer_string(object, "detail");
    const char *advice = answer_string(object, "advice");
    answer_code(object, code);
    if (code[0] == '\0')
        return fault_set(fault, KH_ERR_PROTOCOL,
                         "what answers at %s with status %ld is no discharger of Keyhole "
                         "(redirects are not followed)",
                         where, status);
    status = answer_status_of(code, status);
    // What is no decision about this person or this token is a failure, not a denial.
    bool denied = status == 401 || status == 403 || status == 409;
    return fault_set(
        fault, denied ? KH_ERR_DENIED : KH_ERR_PROTOCOL, "%.160s (%s)%s%.120s%s%.120s",
        message != NULL ? message : "the discharger refuses", code,
        detail != NULL && detail[0] != '\0' ? "\n  " : "", detail != NULL ? detail : "",
        advice != NULL && advice[0] != '\0' ? "\n  " : "", advice != NULL ? advice : "");
}

enum kh_err
answer_refusal(const struct http_answer *answer, const json_t *object, struct fault *fault)
{
    const char *code = answer_string(object, "code"), *title = answer_string(object, "title");
    const char *detail = answer_string(object, "detail"), *advice = answer_string(object, "advice");
    if (strcmp(answer->content_type, "application/problem+json") != 0 || code == NULL)
        return fault_set(fault, KH_ERR_PROTOCOL,
                         "what answers with status %ld is no Keyhole broker (redirects are not "
                         "followed)",
                         answer->status);
    bool denied = answer->status == 401 || answer->status == 403;
    return fault_set(fault, denied ? KH_ERR_DENIED : KH_ERR_PROTOCOL,
                     "%.120s (%.40s, status %ld)%s%.120s%s%.120s",
                     title != NULL ? title : "the broker refuses", code, answer->status,
                     detail != NULL ? "\n  " : "", detail != NULL ? detail : "",
                     advice != NULL ? "\n  " : "", advice != NULL ? advice : "");
}

enum kh_err
answer_accepted(const struct http_answer *answer, json_t **out, struct fault *fault)
{
    json_t *object = NULL;
    bool readable = answer_object(answer, &object) == KH_OK;
    if (answer->status == 200 && readable) {
        *out = object;
        return KH_OK;
    }
    enum kh_err err = answer_refusal(answer, object, fault);
    json_decref(object);
    return err;
}
