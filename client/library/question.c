/* SPDX-License-Identifier: Apache-2.0
 *
 * A discharger's question as callers see it, and their answers to it.
 */
#include "../fido_sign.h"
#include "../monotonic.h"
#include "../ssh_sign.h"
#include "discharge.h"

#include <stdlib.h>

_Static_assert((int)KEYHOLE_ANSWER_MAX == (int)HTTP_ANSWER_MAX, "keyhole.h");

static size_t
question_put_fingerprints(struct library_question *made, const json_t *list)
{
    size_t count = 0;
    for (size_t i = 0; i < json_array_size(list) && count < QUESTION_CREDENTIALS_MAX; i++) {
        const char *text = json_string_value(json_array_get(list, i));
        if (text != NULL)
            made->fingerprint[count++] = text;
    }
    return count;
}

static void
question_put_fido2(struct library_question *made, const struct question *question)
{
    struct keyhole_question *shown = &made->shown;
    fido_client_data("webauthn.get", question->challenge, question->origin, &made->client_data);
    shown->rp_id = question->rp_id;
    shown->client_data = buffer_text(&made->client_data);
    shown->verification = question->verification;
    shown->credential = made->credential;
    shown->credential_count = question->credential_count;
    for (size_t i = 0; i < question->credential_count; i++)
        made->credential[i] =
            (struct keyhole_bytes){question->credential[i].p, question->credential[i].n};
}

static void
question_put_ssh(struct library_question *made, const struct question *question)
{
    made->shown.ssh_namespace = question->name_space;
    made->shown.ssh_fingerprint = made->fingerprint;
    made->shown.ssh_fingerprint_count =
        question_put_fingerprints(made, json_object_get(question->object, "fingerprints"));
}

enum kh_err
library_question_make(const struct question *question, int64_t now, struct library_question **out,
                      struct fault *fault)
{
    struct library_question *made = calloc(1, sizeof *made);
    if (made == NULL)
        return fault_set(fault, KH_ERR_MEMORY, "memory is used up");
    buffer_init(&made->words, DISCHARGE_TEXT_MAX);
    buffer_init(&made->client_data, FIDO_DATA_MAX);
    made->shown.discharger = question->url;
    made->shown.code = question->code;
    made->shown.expires_at = question->expires_at;
    made->shown.shown = "";
    if (question->kind == QUESTION_BROWSER) {
        made->shown.way = KEYHOLE_WAY_BROWSER;
        made->shown.page_url = question->user_url;
    } else {
        question_print(question, now, &made->words);
        made->shown.shown = buffer_text(&made->words);
        made->shown.challenge = question->challenge;
        made->shown.way = question->kind == QUESTION_FIDO2 ? KEYHOLE_WAY_FIDO2 : KEYHOLE_WAY_SSH;
        if (question->kind == QUESTION_FIDO2)
            question_put_fido2(made, question);
        else
            question_put_ssh(made, question);
    }
    // Nothing is vouched for that was not shown whole.
    if (made->words.failed || made->client_data.failed) {
        library_question_free(&made);
        return fault_set(fault, KH_ERR_MEMORY, "memory is used up");
    }
    *out = made;
    return KH_OK;
}

void
library_question_free(struct library_question **question)
{
    if (*question == NULL)
        return;
    buffer_free(&(*question)->words);
    buffer_free(&(*question)->client_data);
    free(*question);
    *question = NULL;
}

// ---- answers ----

enum keyhole_status
keyhole_http_answer_set(struct keyhole_http_answer *answer, int status, const void *body,
                        size_t size)
{
    if (answer == NULL || answer->is_set || status < 100 || status > 599 ||
        (body == NULL && size > 0))
        return KEYHOLE_ERROR_USAGE;
    if (size > KEYHOLE_ANSWER_MAX)
        return KEYHOLE_ERROR_TOO_LONG;
    buffer_put(&answer->out->body, bytes_of(body, size));
    if (answer->out->body.failed)
        return KEYHOLE_ERROR_MEMORY;
    answer->out->status = status;
    answer->is_set = true;
    return KEYHOLE_OK;
}

enum keyhole_status
keyhole_answer_ssh(struct keyhole_answer *answer, const char *armour)
{
    if (answer == NULL || armour == NULL || answer->body != NULL ||
        answer->question->kind != QUESTION_SSH)
        return KEYHOLE_ERROR_USAGE;
    if (strlen(armour) > SSH_SIGNATURE_TEXT_MAX)
        return KEYHOLE_ERROR_TOO_LONG;
    enum kh_err err = ssh_signature_check(bytes_str(armour), answer->question->name_space, NULL);
    if (err != KH_OK)
        return (enum keyhole_status)err;
    answer->body = json_pack("{s:s}", "signature", armour);
    return answer->body != NULL ? KEYHOLE_OK : KEYHOLE_ERROR_MEMORY;
}

enum keyhole_status
keyhole_answer_fido2(struct keyhole_answer *answer, struct keyhole_bytes credential,
                     struct keyhole_bytes authenticator_data, struct keyhole_bytes signature)
{
    const struct keyhole_bytes *const part[] = {&credential, &authenticator_data, &signature};
    if (answer == NULL || answer->body != NULL || answer->question->kind != QUESTION_FIDO2)
        return KEYHOLE_ERROR_USAGE;
    for (size_t i = 0; i < sizeof part / sizeof part[0]; i++)
        if (part[i]->data == NULL || part[i]->size == 0 || part[i]->size > FIDO_DATA_MAX / 2)
            return KEYHOLE_ERROR_USAGE;
    struct fault fault;
    BUFFER_AUTO client_data;
    buffer_init(&client_data, FIDO_DATA_MAX);
    fido_client_data("webauthn.get", answer->question->challenge, answer->question->origin,
                     &client_data);
    return (enum keyhole_status)fido_assertion_json(
        bytes_of(credential.data, credential.size), buffer_bytes(&client_data),
        bytes_of(authenticator_data.data, authenticator_data.size),
        bytes_of(signature.data, signature.size), &answer->body, &fault);
}

enum keyhole_status
keyhole_ssh_answer(const char *file, struct keyhole_answer *answer, struct keyhole_error *error)
{
    struct fault fault = {.err = KH_ERR_INTERNAL};
    if (answer == NULL || answer->body != NULL || answer->question->kind != QUESTION_SSH)
        return library_refuse(error, "a question for an SSH key is needed, not answered yet");
    struct discharge_settings settings = *answer->settings;
    settings.ssh_key = file;
    enum kh_err err = discharge_sign_ssh(&settings, answer->question, &answer->body, &fault);
    return err == KH_OK ? KEYHOLE_OK : library_fail(error, err, &fault);
}
