/* SPDX-License-Identifier: Apache-2.0
 *
 * Whose authenticators could answer a question, and the decoys of those who have none.
 */
#include "fill.h"

struct offer {
    const struct question *question;
    json_t *array;
    bool of_user; /* one was added for the user at hand */
};

static bool
is_suitable(const struct question *question, const struct discharge_authenticator *row)
{
    const struct hole_demand *demand = &question->demand;
    bool pin_is_signed = !row->u2f; // U2F signs no verification
    if (row->cloned_at != 0)
        return false;
    switch (row->kind) {
    case AUTHENTICATOR_FIDO2:
        return question->way != QUESTION_SSH &&
               (demand->fido2 || (demand->yubikey && row->yubikey)) &&
               (!demand->verification || pin_is_signed);
    case AUTHENTICATOR_SSH:
        return question->way == QUESTION_SSH && demand->ssh;
    case AUTHENTICATOR_SSH_SK:
        return question->way == QUESTION_SSH && demand->ssh_sk;
    case AUTHENTICATOR_UNSET:
        break;
    }
    return false;
}

static enum kh_err
add(struct offer *offer, json_t *text, struct fault *fault)
{
    if (json_array_append_new(offer->array, text) != 0)
        return fault_set(fault, KH_ERR_MEMORY, "memory is used up");
    offer->of_user = true;
    return KH_OK;
}

static enum kh_err
offer_row(void *context, const struct discharge_authenticator *row, struct fault *fault)
{
    struct offer *offer = context;
    char fingerprint[SSH_FINGERPRINT_SIZE];
    if (!is_suitable(offer->question, row) || json_array_size(offer->array) >= FILL_OFFERS_MAX)
        return KH_OK;
    if (row->kind == AUTHENTICATOR_FIDO2)
        return add(offer, service_json_base64(row->credential_id), fault);
    if (!ssh_fingerprint(row->public_key, fingerprint))
        return fault_set(fault, KH_ERR_CRYPTO, "cannot compute a fingerprint");
    return add(offer, json_string(fingerprint), fault);
}

static enum kh_err
offer_decoy(const struct service *service, struct offer *offer, struct bytes user,
            struct fault *fault)
{
    uint8_t id[DECOY_CREDENTIAL_SIZE];
    char fingerprint[SSH_FINGERPRINT_SIZE];
    bool ssh = offer->question->way == QUESTION_SSH;
    if (ssh ? !decoy_fingerprint(&service->decoys, user, fingerprint)
            : !decoy_credential(&service->decoys, user, id))
        return fault_set(fault, KH_ERR_CRYPTO, "cannot compute a decoy");
    return add(offer, ssh ? json_string(fingerprint) : service_json_base64(bytes_of(id, sizeof id)),
               fault);
}

static enum kh_err
offer_user(const struct service *service, struct offer *offer, struct bytes user,
           struct fault *fault)
{
    offer->of_user = false;
    enum kh_err err = discharge_authenticator_each(service->store, user, offer_row, offer, fault);
    // Of a user who does not exist there are none.
    if ((err == KH_OK || err == KH_ERR_NOT_FOUND) && !offer->of_user)
        err = offer_decoy(service, offer, user, fault);
    return err;
}

enum kh_err
fill_offer(const struct service *service, const struct question *question, json_t **out,
           struct fault *fault)
{
    const struct hole_demand *demand = &question->demand;
    struct offer offer = {.question = question, .array = json_array()};
    enum kh_err err = offer.array ? KH_OK : fault_set(fault, KH_ERR_MEMORY, "memory is used up");
    // A hole that names nobody may be filled by anybody who is enrolled.
    if (!err && demand->user_count == 0)
        err = offer_user(service, &offer, BYTES_EMPTY, fault);
    for (size_t i = 0; !err && i < demand->user_count; i++)
        err = offer_user(service, &offer, demand->user[i], fault);
    if (err)
        json_decref(offer.array);
    else
        *out = offer.array;
    return err;
}

static bool
is_decoy_of(const struct service *service, struct bytes user, struct bytes credential)
{
    uint8_t id[DECOY_CREDENTIAL_SIZE];
    return decoy_credential(&service->decoys, user, id) &&
           bytes_equal(credential, bytes_of(id, sizeof id));
}

bool
fill_is_decoy(const struct service *service, const struct question *question,
              struct bytes credential)
{
    const struct hole_demand *demand = &question->demand;
    if (demand->user_count == 0)
        return is_decoy_of(service, BYTES_EMPTY, credential);
    for (size_t i = 0; i < demand->user_count; i++) {
        if (is_decoy_of(service, demand->user[i], credential))
            return true;
    }
    return false;
}
