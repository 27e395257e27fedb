/* SPDX-License-Identifier: Apache-2.0
 *
 * Whose authenticator it is, whether it fills the hole, and the discharge that says so.
 */
#include "fill.h"

#include "../../caveats/quoted.h"
#include "../../caveats/text.h"
#include "../../caveats/timestamp.h"
#include "../metrics.h"

#include <sodium.h>
#include <string.h>

// ---- whose it is ----

void
fill_authenticator_free(struct fill_authenticator *authenticator)
{
    buffer_free(&authenticator->user);
    buffer_free(&authenticator->name);
    buffer_free(&authenticator->credential);
    buffer_free(&authenticator->key);
}

static void
keep(struct fill_authenticator *a, const struct discharge_authenticator *row)
{
    buffer_init(&a->user, DISCHARGE_USER_MAX);
    buffer_init(&a->name, DISCHARGE_NAME_MAX);
    buffer_init(&a->credential, WEBAUTHN_CREDENTIAL_ID_MAX);
    buffer_init(&a->key, SSH_KEY_MAX);
    buffer_put(&a->user, row->user);
    buffer_put(&a->name, row->name);
    buffer_put(&a->credential, row->credential_id);
    buffer_put(&a->key, row->public_key);
    a->row = *row;
    a->row.user = buffer_bytes(&a->user);
    a->row.name = buffer_bytes(&a->name);
    a->row.credential_id = buffer_bytes(&a->credential);
    a->row.public_key = buffer_bytes(&a->key);
}

static enum kh_err
keep_row(void *context, const struct discharge_authenticator *row, struct fault *fault)
{
    struct fill_authenticator *a = context;
    keep(a, row);
    if (a->user.failed || a->name.failed || a->credential.failed || a->key.failed)
        return fault_set(fault, KH_ERR_MEMORY, "an authenticator does not fit");
    return KH_OK;
}

static bool
is_asked_for(const struct hole_demand *demand, struct bytes user)
{
    for (size_t i = 0; i < demand->user_count; i++) {
        if (bytes_equal(demand->user[i], user))
            return true;
    }
    return demand->user_count == 0;
}

// As an authenticator that is enrolled, so that nothing tells the two apart.
static void
keep_decoy(const struct service *service, struct bytes credential, struct fill_authenticator *out)
{
    const struct discharge_authenticator row = {
        .kind = AUTHENTICATOR_FIDO2,
        .credential_id = credential,
        .public_key = bytes_of(service->decoys.public_key, service->decoys.public_key_n),
        .algorithm = -7,
    };
    keep(out, &row);
    out->decoy = true;
}

enum failure
fill_find(struct exchange *x, const struct question *question, bool ssh, struct bytes credential,
          struct fill_authenticator *out)
{
    struct fault fault = {.err = KH_OK};
    struct fill_authenticator found = {.decoy = false};
    enum failure failure = FAILURE_NONE;
    enum kh_err err =
        discharge_authenticator_find(x->service->store, credential, keep_row, &found, &fault);
    if (err == KH_ERR_NOT_FOUND) {
        if (ssh || !fill_is_decoy(x->service, question, credential))
            return FAILURE_CREDENTIAL_UNKNOWN;
        keep_decoy(x->service, credential, &found);
    } else if (err) {
        failure = service_fail_internal(x, &fault);
    } else if (!is_asked_for(&question->demand, found.row.user)) {
        failure = FAILURE_USER_MISMATCH;
    } else if (ssh != (found.row.kind != AUTHENTICATOR_FIDO2)) {
        failure = FAILURE_CREDENTIAL_UNKNOWN;
    } else if (found.row.cloned_at != 0) {
        failure = service_fail(x, FAILURE_AUTHENTICATOR_CLONED, "it was blocked before");
    }
    if (failure != FAILURE_NONE)
        fill_authenticator_free(&found);
    else
        *out = found;
    return failure;
}

// ---- what is written into a discharge ----

static void
print_label(const struct fill_authenticator *authenticator, const struct fill_proof *proof,
            struct buffer *out)
{
    uint8_t hash[crypto_hash_sha256_BYTES];
    char hex[17];
    BUFFER_AUTO text;
    buffer_init(&text, 512);
    struct bytes credential = authenticator->row.credential_id;
    crypto_hash_sha256(hash, credential.p, credential.n);
    if (!bytes_to_hex(bytes_of(hash, 8), hex, sizeof hex))
        hex[0] = '\0';
    buffer_printf(&text, "%s ", hole_factor_name(proof->factor));
    text_put_safe(&text, authenticator->row.name);
    buffer_printf(&text, ", credential %s, user ", hex);
    text_put_safe(&text, authenticator->row.user);
    buffer_put_str(out, "label = ");
    quoted_print_string(buffer_bytes(&text), out);
    out->failed |= text.failed;
}

static enum kh_err
make_discharge(struct exchange *x, struct question *question,
               const struct fill_authenticator *authenticator, const struct fill_proof *proof,
               struct fault *fault)
{
    BUFFER_AUTO time, label, parent;
    buffer_init(&time, 64);
    buffer_init(&label, TOKEN_CAVEAT_MAX);
    buffer_init(&parent, 64);
    char until[TIMESTAMP_SIZE];
    timestamp_print(x->request->now + question->demand.lifetime_s, until);
    buffer_printf(&time, "time < %s", until);
    print_label(authenticator, proof, &label);
    if (question->parent.n > 0)
        buffer_printf(&parent, "parent = %.*s", BYTES_ARG(buffer_bytes(&question->parent)));
    if (time.failed || label.failed || parent.failed)
        return fault_set(fault, KH_ERR_MEMORY, "the caveats of a discharge do not fit");
    struct bytes caveat[3] = {buffer_bytes(&time), buffer_bytes(&label), buffer_bytes(&parent)};
    return token_discharge_make(buffer_bytes(&question->sealed), question->ticket.root_key,
                                bytes_str(x->service->self.url), caveat, parent.n > 0 ? 3 : 2,
                                &question->discharge, fault);
}

// ---- judging ----

enum failure
fill_cloned(struct exchange *x, const struct fill_authenticator *authenticator)
{
    BUFFER_AUTO who;
    buffer_init(&who, 512);
    text_put_safe(&who, authenticator->row.name);
    buffer_put_str(&who, " of user ");
    text_put_safe(&who, authenticator->row.user);
    service_log(x, "the counter of authenticator %s went back: it is blocked, there may be a copy",
                buffer_text(&who));
    return FAILURE_AUTHENTICATOR_CLONED;
}

static enum failure
judge_hole(struct exchange *x, const struct question *question,
           const struct discharge_authenticator *row, const struct fill_proof *proof)
{
    static const uint8_t no_model[WEBAUTHN_AAGUID_SIZE];
    char aaguid[AAGUID_TEXT_SIZE] = "", firmware[16] = "";
    BUFFER_AUTO failing;
    buffer_init(&failing, HOLE_TEXT_MAX);
    if (row->kind == AUTHENTICATOR_FIDO2 && memcmp(row->aaguid, no_model, sizeof no_model) != 0)
        webauthn_aaguid_print(row->aaguid, aaguid);
    if (row->firmware != 0)
        webauthn_firmware_print(row->firmware, firmware);
    const struct hole_facts facts = {
        .user = row->user,
        .factor = proof->factor,
        .presence = proof->presence,
        .verified = proof->verified,
        .aaguid = bytes_str(aaguid),
        .firmware = bytes_str(firmware),
    };
    if (hole_judge(question->ticket.condition, &facts, &failing))
        return FAILURE_NONE;
    BUFFER_AUTO safe;
    buffer_init(&safe, 480);
    text_put_safe(&safe, buffer_bytes(&failing));
    return service_fail(x, FAILURE_FACTOR_MISMATCH, "asked for: %s", buffer_text(&safe));
}

enum failure
fill_vouch(struct exchange *x, struct question *question,
           const struct fill_authenticator *authenticator, const struct fill_proof *proof)
{
    struct service *service = x->service;
    struct fault fault = {.err = KH_OK};
    bool cloned = true;
    if (authenticator->decoy)
        return FAILURE_SIGNATURE_INVALID;
    enum failure failure = fill_check_ticket(x, question);
    if (failure != FAILURE_NONE)
        return failure;
    if (discharge_authenticator_used(service->store, authenticator->row.id, proof->counter,
                                     x->request->now, &cloned, &fault) != KH_OK)
        return service_fail_internal(x, &fault);
    if (cloned)
        return fill_cloned(x, authenticator);
    failure = judge_hole(x, question, &authenticator->row, proof);
    if (failure != FAILURE_NONE)
        return failure;
    if (make_discharge(x, question, authenticator, proof, &fault) != KH_OK)
        return service_fail_internal(x, &fault);
    service->counts.discharges++;
    metrics_add(METRIC_HOLES_FILLED, 1);
    BUFFER_AUTO label;
    buffer_init(&label, 512);
    print_label(authenticator, proof, &label);
    service_log(x, "discharged: %s", buffer_text(&label));
    return FAILURE_NONE;
}
