/* SPDX-License-Identifier: Apache-2.0 */
/* A registration: WebAuthn 7.1, 8.2 and 8.6, in the order of schema/discharge.def. */
#include "attestation_object.h"
#include "ceremony.h"
#include "certificate.h"
#include "chain.h"

#include <stdio.h>
#include <string.h>

struct registration {
    struct ceremony ceremony; // the first member: steps are handed a pointer to it
    const struct webauthn_rules *rules;
    struct bytes text;
    struct attestation_object object;
    X509 *leaf; // NULL: there is no certificate
    bool has_aaguid_extension;
    bool attested, yubikey; // set by step_trust alone
    uint32_t firmware;
};

static struct registration *
registration_of(struct ceremony *ceremony)
{
    return (struct registration *)ceremony;
}

static bool
is_optional(const struct registration *r)
{
    return r->rules->attestation == ATTESTATION_OPTIONAL;
}

/* ---- the attestation object ---- */

static bool
step_object(struct ceremony *c)
{
    struct registration *r = registration_of(c);
    if (r->text.n > WEBAUTHN_INPUT_MAX)
        return verdict_refuses(c->verdict, "attestation object of %zu bytes", r->text.n);
    if (!attestation_object_read(r->text, &r->object, c->why))
        return verdict_refuses(c->verdict, "%s", c->why);
    c->data_text = r->object.data;
    c->u2f = r->object.format == FORMAT_U2F;
    return verdict_found(c->verdict, "attestation object is strict CBOR, %zu bytes", r->text.n);
}

static bool
step_algorithm(struct ceremony *c)
{
    const struct registration *r = registration_of(c);
    if (!cose_key_read(c->data.public_key, &c->key, c->why))
        return verdict_refuses(c->verdict, "%s", c->why);
    const char *name = cose_algorithm_name(c->key.algorithm);
    if (r->object.format != FORMAT_PACKED)
        return verdict_found(c->verdict, "the key is one for %s", name);
    const char *signs = cose_algorithm_name(r->object.algorithm);
    if (signs == NULL)
        return verdict_refuses(c->verdict, "the attestation is signed by algorithm %lld",
                               (long long)r->object.algorithm);
    return verdict_found(c->verdict, "the key is one for %s; the attestation is signed by %s", name,
                         signs);
}

// WebAuthn 8.6 and 6.1.2: a U2F key has no AAGUID, no extensions, and ES256 alone. None of that is
// signed in this format, so what stands there can only be somebody's addition.
static bool
format_u2f(struct ceremony *c)
{
    static const uint8_t zero[WEBAUTHN_AAGUID_SIZE];
    if (c->key.algorithm != -7)
        return verdict_refuses(c->verdict, "fido-u2f with a key that is not one for ES256");
    if (!bytes_equal(c->data.aaguid, bytes_of(zero, sizeof(zero))))
        return verdict_refuses(c->verdict, "fido-u2f with an AAGUID");
    if ((c->data.flags & FLAG_EXTENSIONS) != 0)
        return verdict_refuses(c->verdict, "fido-u2f with extensions");
    return verdict_found(c->verdict, "format fido-u2f");
}

static bool
step_format(struct ceremony *c)
{
    const struct registration *r = registration_of(c);
    switch (r->object.format) {
    case FORMAT_U2F:
        return format_u2f(c);
    case FORMAT_PACKED:
        if (r->object.certificate_count > 0)
            return verdict_found(c->verdict, "format packed, %zu certificate%s",
                                 r->object.certificate_count,
                                 r->object.certificate_count > 1 ? "s" : "");
        if (!is_optional(r))
            return verdict_refuses(c->verdict, "self attestation, and attestation is demanded");
        if (r->object.algorithm != c->key.algorithm)
            return verdict_refuses(c->verdict, "self attestation by another algorithm than the "
                                               "key's");
        return verdict_found(c->verdict, "format packed, self attestation");
    case FORMAT_NONE:
        return is_optional(r)
                   ? verdict_found(c->verdict, "format none")
                   : verdict_refuses(c->verdict, "format none, and attestation is demanded");
    default:
        return verdict_refuses(c->verdict, "format %.*s",
                               (int)(r->object.format_name.n < 32 ? r->object.format_name.n : 32),
                               (const char *)r->object.format_name.p);
    }
}

static bool
step_signature(struct ceremony *c)
{
    const struct registration *r = registration_of(c);
    uint8_t hash[32];
    if (r->object.format == FORMAT_NONE)
        return verdict_found(c->verdict, "no attestation, no signature");
    if (!ceremony_hash(c, hash))
        return verdict_refuses(c->verdict, "the client data could not be hashed");
    const struct signature_subject subject = ceremony_subject(c, hash);
    if (!signature_check_attestation(&subject, &r->object, c->why))
        return verdict_refuses(c->verdict, "%s", c->why);
    return verdict_found(c->verdict, "the signature verifies, by the key of %s",
                         r->object.certificate_count > 0 ? "the leaf certificate"
                                                         : "the credential itself");
}

/* ---- the leaf ---- */

static bool
step_certificate(struct ceremony *c)
{
    struct registration *r = registration_of(c);
    char subject[128];
    if (r->object.certificate_count == 0)
        return verdict_found(c->verdict, "no certificate");
    r->leaf = certificate_read(r->object.certificate[0]);
    if (r->leaf == NULL)
        return verdict_refuses(c->verdict, "it is not strict DER");
    bool good = r->object.format == FORMAT_U2F
                    ? certificate_check_u2f(r->leaf, c->why)
                    : certificate_check_packed(r->leaf, (int)r->object.algorithm, c->why);
    if (!good)
        return verdict_refuses(c->verdict, "%s", c->why);
    certificate_subject(r->leaf, subject, sizeof(subject));
    return verdict_found(c->verdict, "the leaf certificate has the right form: %s", subject);
}

static bool
step_certificate_aaguid(struct ceremony *c)
{
    struct registration *r = registration_of(c);
    uint8_t aaguid[WEBAUTHN_AAGUID_SIZE];
    char text[AAGUID_TEXT_SIZE];
    if (r->leaf == NULL)
        return verdict_found(c->verdict, "no certificate");
    if (!certificate_aaguid(r->leaf, &r->has_aaguid_extension, aaguid))
        return verdict_refuses(c->verdict, "the certificate's AAGUID extension is malformed");
    if (!r->has_aaguid_extension)
        return verdict_found(c->verdict, "the certificate names no AAGUID");
    webauthn_aaguid_print(aaguid, text);
    // In the data of a U2F key the AAGUID is zero, whatever its certificate says.
    if (r->object.format == FORMAT_U2F)
        return verdict_found(c->verdict, "the certificate names AAGUID %s", text);
    return bytes_equal(bytes_of(aaguid, sizeof(aaguid)), c->data.aaguid)
               ? verdict_found(c->verdict, "the certificate names the same AAGUID, %s", text)
               : verdict_refuses(c->verdict, "the certificate names another AAGUID, %s", text);
}

/* ---- the chain ---- */

// x5c after the leaf. One that cannot be read is as good as none: the chain decides.
static STACK_OF(X509) * sent_read(const struct attestation_object *object)
{
    STACK_OF(X509) *sent = sk_X509_new_null();
    for (size_t i = 1; sent != NULL && i < object->certificate_count; i++) {
        X509 *certificate = certificate_read(object->certificate[i]);
        if (certificate != NULL && sk_X509_push(sent, certificate) <= 0)
            X509_free(certificate);
    }
    return sent;
}

static bool
trusted(struct registration *r, const struct chain *chain)
{
    struct webauthn_verdict *verdict = r->ceremony.verdict;
    // The extension is Yubico's, and says something below Yubico's roots alone.
    if (chain->yubico != NULL && !certificate_firmware(r->leaf, &r->firmware))
        return verdict_refuses(verdict, "the certificate's firmware extension is malformed");
    r->attested = true;
    r->yubikey = chain->yubico != NULL;
    return verdict_found(verdict, "the chain leads to %s%s", chain->root,
                         r->yubikey ? ", a root of Yubico's" : "");
}

static bool
step_trust(struct ceremony *c)
{
    struct registration *r = registration_of(c);
    struct chain chain;
    if (r->leaf == NULL) // step_format let it through: attestation is optional
        return verdict_found(c->verdict, "not attested, and that is not demanded");
    STACK_OF(X509) *sent = sent_read(&r->object);
    bool leads = chain_follow(r->rules->trust, r->leaf, sent, r->rules->now, &chain, c->why);
    sk_X509_pop_free(sent, X509_free);
    if (leads)
        return trusted(r, &chain);
    return is_optional(r)
               ? verdict_found(c->verdict, "not attested, and that is not demanded (%s)", c->why)
               : verdict_refuses(c->verdict, "%s", c->why);
}

/* ---- the organisation's rules ---- */

static bool
step_model(struct ceremony *c)
{
    const struct registration *r = registration_of(c);
    char text[AAGUID_TEXT_SIZE];
    webauthn_aaguid_print(c->data.aaguid.p, text);
    if (r->rules->aaguid_count == 0)
        return verdict_found(c->verdict, "any model is taken; this is %s", text);
    if (!r->attested)
        return verdict_refuses(c->verdict, "models are prescribed, and nobody attests this one");
    for (size_t i = 0; i < r->rules->aaguid_count; i++)
        if (memcmp(r->rules->aaguid[i], c->data.aaguid.p, WEBAUTHN_AAGUID_SIZE) == 0)
            return verdict_found(c->verdict, "the model %s is on the list", text);
    return verdict_refuses(c->verdict, "the model %s is not on the list", text);
}

static bool
step_firmware(struct ceremony *c)
{
    const struct registration *r = registration_of(c);
    char is[16], oldest[16];
    webauthn_firmware_print(r->firmware, is);
    webauthn_firmware_print(r->rules->firmware, oldest);
    if (r->rules->firmware == 0)
        return verdict_found(c->verdict, "any firmware is taken; this is %s",
                             r->firmware != 0 ? is : "not known");
    if (r->firmware == 0)
        return verdict_refuses(c->verdict, "firmware %s is demanded, and this key's is not known",
                               oldest);
    return r->firmware >= r->rules->firmware
               ? verdict_found(c->verdict, "firmware %s, and %s is demanded", is, oldest)
               : verdict_refuses(c->verdict, "firmware %s, and %s is demanded", is, oldest);
}

/* ---- all of it ---- */

static const struct ceremony_step steps[] = {
    {FAILURE_CLIENT_DATA_MALFORMED, step_client_data},
    {FAILURE_CLIENT_DATA_TYPE, step_type},
    {FAILURE_CLIENT_DATA_CHALLENGE, step_challenge},
    {FAILURE_CLIENT_DATA_ORIGIN, step_origin},
    {FAILURE_CLIENT_DATA_CROSS_ORIGIN, step_cross_origin},
    {FAILURE_ATTESTATION_MALFORMED, step_object},
    {FAILURE_AUTHENTICATOR_DATA_MALFORMED, step_authenticator_data},
    {FAILURE_RP_ID_MISMATCH, step_rp_id},
    {FAILURE_PRESENCE_MISSING, step_presence},
    {FAILURE_VERIFICATION_MISSING, step_verification},
    {FAILURE_FLAGS_INVALID, step_flags},
    {FAILURE_ALGORITHM_FORBIDDEN, step_algorithm},
    {FAILURE_FORMAT_FORBIDDEN, step_format},
    {FAILURE_ATTESTATION_SIGNATURE, step_signature},
    {FAILURE_CERTIFICATE_INVALID, step_certificate},
    {FAILURE_CERTIFICATE_AAGUID, step_certificate_aaguid},
    {FAILURE_ATTESTATION_UNTRUSTED, step_trust},
    {FAILURE_MODEL_FORBIDDEN, step_model},
    {FAILURE_FIRMWARE_FORBIDDEN, step_firmware},
};
enum { STEPS = sizeof(steps) / sizeof(steps[0]) };
_Static_assert(sizeof(steps) / sizeof(steps[0]) <= WEBAUTHN_STEPS_MAX,
               "a verdict has room for every step");

static void
credential_write(const struct registration *r, struct webauthn_credential *out)
{
    const struct ceremony *c = &r->ceremony;
    const struct authenticator_data *data = &c->data;
    *out = (struct webauthn_credential){
        .id_n = data->credential_id.n,
        .public_key_n = data->public_key.n,
        .algorithm = c->key.algorithm,
        // Flags and counter of a U2F registration are signed by nobody.
        .counter = c->u2f ? 0 : data->counter,
        .u2f = c->u2f,
        .verified = !c->u2f && (data->flags & FLAG_VERIFIED) != 0,
        .attested = r->attested,
        .yubikey = r->yubikey,
        .firmware = r->firmware,
    };
    memcpy(out->id, data->credential_id.p, data->credential_id.n);
    memcpy(out->public_key, data->public_key.p, data->public_key.n);
    memcpy(out->aaguid, data->aaguid.p, sizeof(out->aaguid));
    // One of three known names by now.
    snprintf(out->format, sizeof(out->format), "%.*s", BYTES_ARG(r->object.format_name));
}

enum failure
webauthn_register(const struct webauthn_expectation *expectation,
                  const struct webauthn_rules *rules, struct bytes client_data,
                  struct bytes attestation, struct webauthn_credential *out,
                  struct webauthn_verdict *verdict)
{
    struct registration r = {
        .ceremony = {.expectation = expectation,
                     .type = "webauthn.create",
                     .registration = true,
                     .client_text = client_data,
                     .verdict = verdict},
        .rules = rules,
        .text = attestation,
    };
    if (ceremony_begin(&r.ceremony) && ceremony_make(&r.ceremony, steps, STEPS) &&
        verdict_accept(verdict) == FAILURE_NONE)
        credential_write(&r, out);
    X509_free(r.leaf);
    ceremony_end(&r.ceremony);
    return verdict->failure;
}
