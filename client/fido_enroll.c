/* SPDX-License-Identifier: Apache-2.0
 *
 * A new credential in a security key.
 */
#include "fido_sign.h"

#include <string.h>

// COSE numbers; the first that is asked for and that the key says it knows.
static int
fido_choose_algorithm(const struct fido_key *key, const struct question *question)
{
    fido_cbor_info_t *info = fido_cbor_info_new();
    int chosen = question->algorithm[0];
    size_t known = 0;
    if (info != NULL && fido_dev_is_fido2(key->dev) &&
        fido_dev_get_cbor_info(key->dev, info) == FIDO_OK)
        known = fido_cbor_info_algorithm_count(info);
    // A key that does not say knows ES256 (CTAP 2.1, 6.4).
    for (size_t i = question->algorithm_count; i-- > 0;) {
        bool knows = known == 0 && question->algorithm[i] == COSE_ES256;
        for (size_t k = 0; k < known; k++)
            knows = knows || fido_cbor_info_algorithm_cose(info, k) == question->algorithm[i];
        if (knows)
            chosen = question->algorithm[i];
    }
    fido_cbor_info_free(&info);
    return chosen;
}

static fido_cred_t *
fido_prepare_credential(const struct fido_key *key, const struct question *question,
                        struct bytes client_data)
{
    fido_cred_t *credential = fido_cred_new();
    bool ok = credential != NULL &&
              fido_cred_set_type(credential, fido_choose_algorithm(key, question)) == FIDO_OK &&
              fido_cred_set_clientdata(credential, client_data.p, client_data.n) == FIDO_OK &&
              fido_cred_set_rp(credential, question->rp_id, question->rp_name) == FIDO_OK &&
              fido_cred_set_user(credential, question->user_id.p, question->user_id.n,
                                 question->user_name, question->user_name, NULL) == FIDO_OK &&
              fido_cred_set_rk(credential, FIDO_OPT_OMIT) == FIDO_OK;
    for (size_t i = 0; ok && i < question->credential_count; i++)
        ok = fido_cred_exclude(credential, question->credential[i].p, question->credential[i].n) ==
             FIDO_OK;
    // Without a PIN of its own a key that checks fingerprints would make a credential without one.
    if (ok && (question->verification || fido_dev_has_uv(key->dev)))
        ok = fido_cred_set_uv(credential, FIDO_OPT_TRUE) == FIDO_OK;
    if (!ok)
        fido_cred_free(&credential);
    return credential;
}

static int
fido_enroll_attempt(const struct fido_key *key, const char *pin, void *argument)
{
    return fido_dev_make_cred(key->dev, argument, pin);
}

// A RegistrationResponseJSON (WebAuthn Level 3, 5.1.8.1).
static enum kh_err
fido_enroll_answer(const fido_cred_t *credential, struct bytes client_data, json_t **out,
                   struct fault *fault)
{
    struct bytes id = bytes_of(fido_cred_id_ptr(credential), fido_cred_id_len(credential));
    BUFFER_AUTO attestation;
    buffer_init(&attestation, FIDO_DATA_MAX);
    if (id.n == 0 || !fido_attestation_put(credential, &attestation))
        return fault_set(fault, KH_ERR_IO, "the security key answered without an attestation");
    json_t *response = json_pack("{s:[s]}", "transports", "usb");
    json_t *answer = json_pack("{s:s, s:{}}", "type", "public-key", "clientExtensionResults");
    bool ok = fido_set_base64(answer, "id", id) && fido_set_base64(answer, "rawId", id) &&
              fido_set_base64(response, "clientDataJSON", client_data) &&
              fido_set_base64(response, "attestationObject", buffer_bytes(&attestation)) &&
              json_object_set(answer, "response", response) == 0;
    json_decref(response);
    if (!ok) {
        json_decref(answer);
        return fault_set(fault, KH_ERR_MEMORY, "memory is used up");
    }
    *out = answer;
    return KH_OK;
}

enum kh_err
fido_enroll_question(const struct fido_context *context, const struct question *question,
                     json_t **out, struct fault *fault)
{
    struct fido_keys keys = {.count = 0};
    fido_cred_t *credential = NULL;
    BUFFER_AUTO client_data;
    buffer_init(&client_data, FIDO_DATA_MAX);
    fido_client_data("webauthn.create", question->challenge, question->origin, &client_data);
    enum kh_err err = fido_keys_open(context, &keys, fault);
    if (err == KH_OK)
        err = fido_keys_select(context, &keys, fault);
    if (err == KH_OK) {
        credential = fido_prepare_credential(&keys.key[0], question, buffer_bytes(&client_data));
        err = credential != NULL
                  ? fido_attempt(context, &keys.key[0], question->verification, true,
                                 fido_enroll_attempt, credential, fault)
                  : fault_set(fault, KH_ERR_UNSUPPORTED,
                              "the security key cannot be asked for what %s wants", question->url);
    }
    if (err == KH_OK)
        err = fido_enroll_answer(credential, buffer_bytes(&client_data), out, fault);
    fido_cred_free(&credential);
    fido_keys_close(&keys);
    return err;
}
