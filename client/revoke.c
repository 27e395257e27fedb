/* SPDX-License-Identifier: Apache-2.0
 *
 * Ending a token at its broker.
 */
#include "revoke.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

static void
revoke_copy(const json_t *object, const char *member, char *out, size_t cap)
{
    const char *text = json_string_value(json_object_get(object, member));
    snprintf(out, cap, "%s", text != NULL ? text : "");
}

static enum kh_err
revoke_read_done(const json_t *object, const uint8_t lineage[LINEAGE_ID_SIZE],
                 struct revoke_result *out, struct fault *fault)
{
    char expected[2 * LINEAGE_ID_SIZE + 1];
    const char *ended = json_string_value(json_object_get(object, "lineage"));
    if (!json_is_true(json_object_get(object, "revoked")))
        return fault_set(fault, KH_ERR_PROTOCOL,
                         "the answer does not say that the token was revoked");
    // A broker that ended something else has not ended this.
    if (!bytes_to_hex(bytes_of(lineage, LINEAGE_ID_SIZE), expected, sizeof expected) ||
        ended == NULL || strcmp(expected, ended) != 0)
        return fault_set(fault, KH_ERR_PROTOCOL,
                         "the answer names another lineage than this token's, which is %s",
                         expected);
    memcpy(out->lineage, expected, sizeof expected);
    out->revoked = true;
    return KH_OK;
}

static enum kh_err
revoke_read_problem(const struct http_answer *answer, const json_t *object,
                    struct revoke_result *out, struct fault *fault)
{
    revoke_copy(object, "code", out->code, sizeof out->code);
    revoke_copy(object, "title", out->title, sizeof out->title);
    revoke_copy(object, "detail", out->detail, sizeof out->detail);
    revoke_copy(object, "advice", out->advice, sizeof out->advice);
    bool problem = strcmp(answer->content_type, "application/problem+json") == 0;
    if (!problem || out->code[0] == '\0')
        return fault_set(fault, KH_ERR_PROTOCOL,
                         "what answers with status %ld is no Keyhole broker (redirects are not "
                         "followed)",
                         answer->status);
    // What is not the holder's doing is a failure, not a denial.
    bool denied = answer->status >= 401 && answer->status < 500 && answer->status != 404 &&
                  answer->status != 405 && answer->status != 408 && answer->status != 421;
    return fault_set(fault, denied ? KH_ERR_DENIED : KH_ERR_PROTOCOL, "%s (%s, status %ld)%s%s",
                     out->title[0] != '\0' ? out->title : "the broker refuses", out->code,
                     answer->status, out->advice[0] != '\0' ? "\n  " : "", out->advice);
}

enum kh_err
revoke_read_answer(const struct http_answer *answer, const uint8_t lineage[LINEAGE_ID_SIZE],
                   struct revoke_result *out, struct fault *fault)
{
    *out = (struct revoke_result){.status = answer->status};
    json_t *object = json_loadb(answer->body.n > 0 ? (const char *)answer->body.p : "",
                                answer->body.n, JSON_REJECT_DUPLICATES, NULL);
    enum kh_err err = answer->status == 200 && json_is_object(object)
                          ? revoke_read_done(object, lineage, out, fault)
                          : revoke_read_problem(answer, object, out, fault);
    json_decref(object);
    return err;
}

enum kh_err
revoke_token(const struct token *token, const struct broker_address *address, const char *ca_file,
             struct revoke_result *out, struct fault *fault)
{
    struct http_answer answer;
    uint8_t lineage[LINEAGE_ID_SIZE];
    struct buffer text;
    buffer_init_secret(&text, TOKEN_TEXT_MAX);
    token_lineage_last(token, lineage);
    token_print(token, token->prefix, &text);
    struct http_request request = {
        .method = HTTP_POST, .bearer = buffer_bytes(&text), .ca_file = ca_file};
    enum kh_err err = text.failed ? fault_set(fault, KH_ERR_MEMORY, "memory is used up")
                                  : broker_call(address, REVOKE_PATH, request, &answer, fault);
    if (err == KH_OK) {
        err = revoke_read_answer(&answer, lineage, out, fault);
        http_answer_free(&answer);
    } else {
        *out = (struct revoke_result){0};
    }
    buffer_free(&text);
    return err;
}
