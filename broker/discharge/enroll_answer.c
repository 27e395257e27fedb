/* SPDX-License-Identifier: Apache-2.0
 *
 * Enrolment ends: the registration or the signature is judged, and one transaction uses the code up
 * and stores the authenticator.
 */
#include "enroll.h"

#include "../../caveats/text.h"

#include <sodium.h>
#include <string.h>

// ---- into the database, and the answer ----

static json_t *
print_result(const struct discharge_authenticator *row)
{
    static const uint8_t no_model[WEBAUTHN_AAGUID_SIZE];
    json_t *result =
        json_pack("{s:o, s:o, s:s, s:b, s:b}", "user", service_json_text(row->user), "name",
                  service_json_text(row->name), "kind", authenticator_kind_name(row->kind),
                  "attested", row->attested, "yubikey", row->yubikey);
    bool ok = result != NULL;
    if (ok && memcmp(row->aaguid, no_model, sizeof no_model) != 0) {
        char aaguid[AAGUID_TEXT_SIZE];
        webauthn_aaguid_print(row->aaguid, aaguid);
        ok = json_object_set_new(result, "model", json_string(aaguid)) == 0;
    }
    if (ok && row->firmware != 0) {
        char firmware[16];
        webauthn_firmware_print(row->firmware, firmware);
        ok = json_object_set_new(result, "firmware", json_string(firmware)) == 0;
    }
    if (!ok) {
        json_decref(result);
        return NULL;
    }
    return result;
}

static enum failure
store(struct exchange *x, const struct question *q, struct discharge_authenticator *row)
{
    struct service *service = x->service;
    struct fault fault = {.err = KH_OK};
    bool name_taken = false;
    row->user = buffer_bytes(&q->user);
    row->name = buffer_bytes(&q->name);
    row->created_at = x->request->now;
    switch (discharge_authenticator_enroll(service->store, row, q->invitation, x->request->now,
                                           &name_taken, &fault)) {
    case KH_OK:
        break;
    case KH_ERR_NOT_FOUND:
        return FAILURE_CODE_INVALID;
    case KH_ERR_EXISTS:
        return name_taken ? FAILURE_NAME_TAKEN : FAILURE_CREDENTIAL_EXISTS;
    case KH_ERR_RANGE:
        return FAILURE_TOO_MANY_AUTHENTICATORS;
    default:
        return service_fail_internal(x, &fault);
    }
    service->counts.enrolments++;
    BUFFER_AUTO who;
    buffer_init(&who, 512);
    text_put_safe(&who, row->name);
    buffer_put_str(&who, " of user ");
    text_put_safe(&who, row->user);
    service_log(x, "enrolled: %s %s%s", authenticator_kind_name(row->kind), buffer_text(&who),
                row->yubikey    ? ", a YubiKey"
                : row->attested ? ", attested"
                                : "");
    return service_write(x, 201, print_result(row));
}

// ---- FIDO2 ----

static enum failure
judge_registration(struct exchange *x, const uint8_t challenge[CHALLENGE_SIZE],
                   const struct webauthn_registration_json *json, struct webauthn_credential *out)
{
    const struct service *service = x->service;
    struct webauthn_verdict verdict = {.failure = FAILURE_UNSET};
    struct webauthn_trust *trust = NULL;
    struct fault fault = {.err = KH_OK};
    // The operator may add a maker's root while we run.
    if (webauthn_trust_read(service->roots, &trust, &fault) != KH_OK)
        return service_fail_internal(x, &fault);
    const struct webauthn_expectation expectation = {
        .rp_id = bytes_str(service->rp_id),
        .origin = bytes_str(service->self.url),
        .challenge = bytes_of(challenge, CHALLENGE_SIZE),
    };
    const struct webauthn_rules rules = {
        .trust = trust,
        .attestation = service->settings.attestation,
        .aaguid = (const uint8_t(*)[WEBAUTHN_AAGUID_SIZE])service->settings.aaguid,
        .aaguid_count = service->settings.aaguid_count,
        .firmware = service->settings.firmware,
        .now = x->request->now,
    };
    enum failure failure = webauthn_register(&expectation, &rules, buffer_bytes(&json->client_data),
                                             buffer_bytes(&json->attestation), out, &verdict);
    webauthn_trust_free(&trust);
    if (failure != FAILURE_NONE)
        return service_fail(x, failure, "%s", verdict.detail);
    if (!bytes_equal(buffer_bytes(&json->id), bytes_of(out->id, out->id_n)))
        return service_fail(x, FAILURE_REQUEST_INVALID,
                            "id is not the credential that the attestation speaks of");
    return FAILURE_NONE;
}

static enum failure
enroll_fido2(struct exchange *x, const struct question *q, const uint8_t challenge[CHALLENGE_SIZE])
{
    struct webauthn_credential credential = {.id_n = 0};
    struct webauthn_registration_json json;
    enum failure failure = webauthn_registration_read(x->request->body, &json, &x->detail);
    if (failure != FAILURE_NONE)
        return failure;
    failure = judge_registration(x, challenge, &json, &credential);
    webauthn_registration_free(&json);
    if (failure != FAILURE_NONE)
        return failure;
    struct discharge_authenticator row = {
        .kind = AUTHENTICATOR_FIDO2,
        .credential_id = bytes_of(credential.id, credential.id_n),
        .public_key = bytes_of(credential.public_key, credential.public_key_n),
        .algorithm = credential.algorithm,
        .counter = credential.counter,
        .firmware = credential.firmware,
        .attested = credential.attested,
        .yubikey = credential.yubikey,
        .u2f = credential.u2f,
        .verified = credential.verified,
    };
    memcpy(row.aaguid, credential.aaguid, sizeof row.aaguid);
    return store(x, q, &row);
}

// ---- SSH ----

static enum failure
judge_key(struct exchange *x, const struct question *q, const uint8_t challenge[CHALLENGE_SIZE],
          const json_t *body, struct ssh_signature *out)
{
    uint8_t blob[SSH_KEY_MAX];
    size_t blob_n = 0;
    enum failure failure =
        ssh_public_key_read(service_text(body, "public_key"), blob, &blob_n, NULL, &x->detail);
    if (failure == FAILURE_NONE)
        failure = ssh_signature_verify(service_text(body, "signature"),
                                       challenge_ssh_namespace(q->purpose),
                                       bytes_of(challenge, CHALLENGE_SIZE), out, &x->detail);
    if (failure != FAILURE_NONE)
        return failure;
    if (!bytes_equal(bytes_of(blob, blob_n), bytes_of(out->key, out->key_n)))
        return service_fail(x, FAILURE_SIGNATURE_INVALID, "another key signed");
    if (out->security_key && !out->presence)
        return FAILURE_PRESENCE_MISSING;
    return FAILURE_NONE;
}

static enum failure
enroll_ssh(struct exchange *x, const struct question *q, const uint8_t challenge[CHALLENGE_SIZE])
{
    static const char *const members[] = {"public_key", "signature", NULL};
    struct ssh_signature signature = {.key_n = 0};
    uint8_t id[crypto_hash_sha256_BYTES];
    json_t *body = NULL;
    enum failure failure = service_read(x, members, &body);
    if (failure == FAILURE_NONE)
        failure = judge_key(x, q, challenge, body, &signature);
    json_decref(body);
    if (failure != FAILURE_NONE)
        return failure;
    crypto_hash_sha256(id, signature.key, signature.key_n);
    struct discharge_authenticator row = {
        .kind = signature.security_key ? AUTHENTICATOR_SSH_SK : AUTHENTICATOR_SSH,
        .credential_id = bytes_of(id, sizeof id),
        .public_key = bytes_of(signature.key, signature.key_n),
        .counter = signature.security_key ? signature.counter : 0,
        .verified = signature.security_key && signature.verified,
    };
    return store(x, q, &row);
}

enum failure
enroll_answer(struct exchange *x)
{
    uint8_t challenge[CHALLENGE_SIZE];
    struct question *q = NULL;
    if (!bytes_is(x->request->content_type, "application/json"))
        return service_fail(x, FAILURE_REQUEST_INVALID, "the body must be application/json");
    enum failure failure =
        service_take_question(x, CHALLENGE_ENROLL, QUESTION_WAY_UNSET, &q, challenge);
    if (failure != FAILURE_NONE)
        return failure;
    failure = q->way == QUESTION_SSH ? enroll_ssh(x, q, challenge) : enroll_fido2(x, q, challenge);
    if (failure != FAILURE_NONE)
        service_log_refusal(x, buffer_bytes(&q->user), failure);
    question_free(&q);
    return failure;
}
