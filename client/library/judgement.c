/* SPDX-License-Identifier: Apache-2.0
 *
 * Judging a request by a token's own caveats. There is one explanation, that of `keyhole explain`:
 * what is told here is read from it. It knows deny and unknown; that every caveat holds is added.
 */
#include "../judge.h"
#include "request.h"

#include <stdlib.h>

struct keyhole_judgement {
    json_t *explanation;
    enum keyhole_verdict verdict;
    struct keyhole_finding finding[TOKEN_CAVEATS_MAX + 1]; /* texts are the explanation's */
    size_t count;
};

static const char *
judgement_text(const json_t *object, const char *member)
{
    const char *text = json_string_value(json_object_get(object, member));
    return text != NULL ? text : "";
}

// Unknown is what is not understood, which a broker refuses; not judged, what is not known here.
static enum keyhole_verdict
judgement_of(const json_t *object)
{
    const char *name = judgement_text(object, "judgement");
    if (strcmp(name, "holds") == 0)
        return KEYHOLE_VERDICT_HOLDS;
    return strcmp(name, "fails") == 0 || strcmp(name, "unknown") == 0 ? KEYHOLE_VERDICT_FAILS
                                                                      : KEYHOLE_VERDICT_UNKNOWN;
}

static void
judgement_add(struct keyhole_judgement *judgement, const json_t *object, const char *text)
{
    if (judgement->count == sizeof judgement->finding / sizeof judgement->finding[0])
        return;
    judgement->finding[judgement->count++] =
        (struct keyhole_finding){.verdict = judgement_of(object),
                                 .text = text,
                                 .by = judgement_text(object, "by"),
                                 .label = judgement_text(object, "label"),
                                 .change = judgement_text(object, "change")};
}

static void
judgement_read(struct keyhole_judgement *judgement)
{
    const json_t *caveats = json_object_get(judgement->explanation, "caveats"), *object;
    const json_t *checks = json_object_get(judgement->explanation, "checks");
    size_t i;
    json_array_foreach(caveats, i, object)
        judgement_add(judgement, object, judgement_text(object, "text"));
    json_array_foreach(checks, i, object)
    {
        const char *name = judgement_text(object, "name");
        if (strcmp(name, "lifetime") == 0)
            judgement_add(judgement, object, name);
    }
    bool refused = strcmp(judgement_text(judgement->explanation, "verdict"), "unknown") != 0;
    judgement->verdict = refused ? KEYHOLE_VERDICT_FAILS : KEYHOLE_VERDICT_HOLDS;
    for (i = 0; i < judgement->count; i++)
        if (judgement->finding[i].verdict < judgement->verdict)
            judgement->verdict = judgement->finding[i].verdict;
}

static bool
judgement_finish(struct keyhole_judgement *judgement)
{
    judgement_read(judgement);
    return judgement->verdict != KEYHOLE_VERDICT_HOLDS ||
           json_object_set_new(judgement->explanation, "verdict", json_string("holds")) == 0;
}

static enum kh_err
judgement_make(struct judge *judge, const struct token *token,
               const struct keyhole_request *request, json_t **out, struct fault *fault)
{
    const struct bytes body = buffer_bytes(&request->body);
    struct facts facts = request->text.facts;
    struct explain explain;
    facts.client = buffer_bytes(&request->client);
    facts.credential = buffer_bytes(&request->credential);
    enum kh_err err = judge_prepare(judge, token, &facts, request->has_headers,
                                    request->has_body ? &body : NULL, &explain, fault);
    if (err != KH_OK)
        return err;
    *out = explain_json(&explain);
    return *out != NULL ? KH_OK : fault_set(fault, KH_ERR_MEMORY, "memory is used up");
}

enum keyhole_status
keyhole_judge(const struct keyhole_token *token, const struct keyhole_request *request,
              struct keyhole_judgement **out, struct keyhole_error *error)
{
    struct fault fault = {.err = KH_ERR_INTERNAL};
    if (token == NULL || request == NULL || out == NULL)
        return library_refuse(error, "a token, a request and a place for the judgement are needed");
    struct keyhole_judgement *made = calloc(1, sizeof *made);
    struct judge *judge = malloc(sizeof *judge);
    enum kh_err err = KH_ERR_MEMORY;
    if (made != NULL && judge != NULL) {
        judge_init(judge);
        err = judgement_make(judge, token->token, request, &made->explanation, &fault);
        judge_free(judge);
    }
    free(judge);
    if (err == KH_OK && !judgement_finish(made))
        err = KH_ERR_MEMORY;
    if (err != KH_OK) {
        keyhole_judgement_free(made);
        return library_fail(error, err, fault.err == err ? &fault : NULL);
    }
    *out = made;
    return KEYHOLE_OK;
}

void
keyhole_judgement_free(struct keyhole_judgement *judgement)
{
    if (judgement == NULL)
        return;
    json_decref(judgement->explanation);
    free(judgement);
}

enum keyhole_verdict
keyhole_judgement_verdict(const struct keyhole_judgement *judgement)
{
    return judgement != NULL ? judgement->verdict : KEYHOLE_VERDICT_FAILS;
}

const struct keyhole_finding *
keyhole_judgement_finding(const struct keyhole_judgement *judgement, size_t index)
{
    return judgement != NULL && index < judgement->count ? &judgement->finding[index] : NULL;
}

enum keyhole_status
keyhole_judgement_json(const struct keyhole_judgement *judgement, char **text,
                       struct keyhole_error *error)
{
    if (judgement == NULL || text == NULL)
        return library_refuse(error, "a judgement and a place for the JSON are needed");
    char *json = json_dumps(judgement->explanation, JSON_COMPACT);
    char *given = json != NULL ? library_text(bytes_str(json)) : NULL;
    free(json);
    if (given == NULL)
        return library_fail(error, KH_ERR_MEMORY, NULL);
    *text = given;
    return KEYHOLE_OK;
}
