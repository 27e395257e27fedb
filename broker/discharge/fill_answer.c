/* SPDX-License-Identifier: Apache-2.0
 *
 * Answers of programs: an assertion or an SSH signature, one try each.
 */
#include "fill.h"

#include "../metrics.h"

#include <sodium.h>
#include <string.h>

void
fill_refused(struct exchange *x, struct bytes user, enum failure failure)
{
    metrics_add(METRIC_HOLES_REFUSED, 1);
    service_log_refusal(x, user, failure);
}

static enum failure
write_discharge(struct exchange *x, const struct question *q)
{
    return service_write(
        x, 200, json_pack("{s:o}", "discharge", service_json_base64(buffer_bytes(&q->discharge))));
}

// ---- FIDO2 ----

static bool
credential_of(const struct discharge_authenticator *row, struct webauthn_credential *out)
{
    if (row->credential_id.n > sizeof out->id || row->public_key.n > sizeof out->public_key)
        return false;
    *out = (struct webauthn_credential){
        .id_n = row->credential_id.n,
        .public_key_n = row->public_key.n,
        .algorithm = row->algorithm,
        .counter = row->counter,
        .u2f = row->u2f,
        .verified = row->verified,
        .attested = row->attested,
        .yubikey = row->yubikey,
        .firmware = row->firmware,
    };
    memcpy(out->id, row->credential_id.p, row->credential_id.n);
    memcpy(out->public_key, row->public_key.p, row->public_key.n);
    memcpy(out->aaguid, row->aaguid, sizeof out->aaguid);
    return true;
}

static enum failure
assert_credential(struct exchange *x, struct question *question,
                  const uint8_t challenge[CHALLENGE_SIZE],
                  const struct fill_authenticator *authenticator,
                  const struct webauthn_assertion_json *json)
{
    const struct webauthn_expectation expectation = {
        .rp_id = bytes_str(x->service->rp_id),
        .origin = bytes_str(x->service->self.url),
        .challenge = bytes_of(challenge, CHALLENGE_SIZE),
        .verification = question->demand.verification,
    };
    struct webauthn_credential credential;
    struct webauthn_assertion assertion = {.counter = 0};
    struct webauthn_verdict verdict = {.failure = FAILURE_UNSET};
    struct fault fault = {.err = KH_OK};
    bool cloned = false;
    if (!credential_of(&authenticator->row, &credential))
        return FAILURE_CREDENTIAL_UNKNOWN;
    enum failure failure =
        webauthn_assert(&expectation, &credential, buffer_bytes(&json->client_data),
                        buffer_bytes(&json->authenticator_data), buffer_bytes(&json->signature),
                        &assertion, &verdict);
    if (failure == FAILURE_AUTHENTICATOR_CLONED && assertion.cloned && !authenticator->decoy) {
        if (discharge_authenticator_used(x->service->store, authenticator->row.id,
                                         assertion.counter, x->request->now, &cloned,
                                         &fault) != KH_OK)
            return service_fail_internal(x, &fault);
        return fill_cloned(x, authenticator);
    }
    if (failure != FAILURE_NONE)
        return service_fail(x, failure, "%s", verdict.detail);
    const struct fill_proof proof = {
        .factor = authenticator->row.yubikey ? HOLE_FACTOR_YUBIKEY : HOLE_FACTOR_FIDO2,
        .presence = true,
        .verified = assertion.verified,
        .counter = assertion.counter,
    };
    return fill_vouch(x, question, authenticator, &proof);
}

enum failure
fill_judge_assertion(struct exchange *x, struct question *question,
                     const uint8_t challenge[CHALLENGE_SIZE],
                     const struct webauthn_assertion_json *assertion)
{
    struct fill_authenticator authenticator = {.decoy = false};
    enum failure failure =
        fill_find(x, question, false, buffer_bytes(&assertion->id), &authenticator);
    if (failure != FAILURE_NONE)
        return failure;
    failure = assert_credential(x, question, challenge, &authenticator, assertion);
    fill_authenticator_free(&authenticator);
    return failure;
}

static enum failure
read_assertion(struct exchange *x, struct webauthn_assertion_json *out)
{
    static const char *const members[] = {"credential", "client_data", "authenticator_data",
                                          "signature", NULL};
    struct buffer *part[] = {&out->id, &out->client_data, &out->authenticator_data,
                             &out->signature};
    json_t *body = NULL;
    enum failure failure = service_read(x, members, &body);
    for (size_t i = 0; failure == FAILURE_NONE && members[i]; i++)
        failure = service_binary(x, body, members[i], false, part[i]);
    json_decref(body);
    return failure;
}

enum failure
fill_answer_fido2(struct exchange *x)
{
    uint8_t challenge[CHALLENGE_SIZE];
    struct question *question = NULL;
    enum failure failure =
        service_take_question(x, CHALLENGE_DISCHARGE, QUESTION_FIDO2, &question, challenge);
    if (failure != FAILURE_NONE)
        return failure;
    struct webauthn_assertion_json assertion;
    buffer_init(&assertion.id, WEBAUTHN_CREDENTIAL_ID_MAX);
    buffer_init(&assertion.client_data, WEBAUTHN_INPUT_MAX);
    buffer_init(&assertion.authenticator_data, WEBAUTHN_INPUT_MAX);
    buffer_init(&assertion.signature, WEBAUTHN_INPUT_MAX);
    failure = read_assertion(x, &assertion);
    if (failure == FAILURE_NONE)
        failure = fill_judge_assertion(x, question, challenge, &assertion);
    if (failure == FAILURE_NONE)
        failure = write_discharge(x, question);
    else
        fill_refused(x, question->ticket.principal, failure);
    webauthn_assertion_free(&assertion);
    question_free(&question);
    return failure;
}

// ---- SSH ----

static enum failure
judge_ssh(struct exchange *x, struct question *question, const uint8_t challenge[CHALLENGE_SIZE],
          struct bytes text)
{
    struct ssh_signature signature;
    uint8_t id[crypto_hash_sha256_BYTES];
    struct fill_authenticator authenticator = {.decoy = false};
    enum failure failure =
        ssh_signature_verify(text, challenge_ssh_namespace(question->purpose),
                             bytes_of(challenge, CHALLENGE_SIZE), &signature, &x->detail);
    if (failure != FAILURE_NONE)
        return failure;
    crypto_hash_sha256(id, signature.key, signature.key_n);
    failure = fill_find(x, question, true, bytes_of(id, sizeof id), &authenticator);
    if (failure != FAILURE_NONE)
        return failure;
    const struct fill_proof proof = {
        .factor = signature.security_key ? HOLE_FACTOR_SSH_SK : HOLE_FACTOR_SSH,
        .presence = signature.security_key && signature.presence,
        .verified = signature.security_key && signature.verified,
        .counter = signature.security_key ? signature.counter : 0,
    };
    // Not only where the hole says so: a security key that nobody touched is just malware's.
    if (signature.security_key && !proof.presence)
        failure = FAILURE_PRESENCE_MISSING;
    else if (question->demand.verification && !proof.verified)
        failure = FAILURE_VERIFICATION_MISSING;
    else
        failure = fill_vouch(x, question, &authenticator, &proof);
    fill_authenticator_free(&authenticator);
    return failure;
}

enum failure
fill_answer_ssh(struct exchange *x)
{
    static const char *const members[] = {"signature", NULL};
    uint8_t challenge[CHALLENGE_SIZE];
    struct question *question = NULL;
    json_t *body = NULL;
    enum failure failure =
        service_take_question(x, CHALLENGE_DISCHARGE, QUESTION_SSH, &question, challenge);
    if (failure != FAILURE_NONE)
        return failure;
    failure = service_read(x, members, &body);
    if (failure == FAILURE_NONE)
        failure = judge_ssh(x, question, challenge, service_text(body, "signature"));
    if (failure == FAILURE_NONE)
        failure = write_discharge(x, question);
    else
        fill_refused(x, question->ticket.principal, failure);
    json_decref(body);
    question_free(&question);
    return failure;
}
