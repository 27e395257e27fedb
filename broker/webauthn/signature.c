/* SPDX-License-Identifier: Apache-2.0 */
/* libfido2 verifies, and is silent about it. */
#include "signature.h"

#include <fido.h>
#include <fido/eddsa.h>
#include <fido/es256.h>
#include <fido/rs256.h>
#include <pthread.h>
#include <stdio.h>

enum { HASH_SIZE = 32 };

static void
log_nothing(const char *line)
{
    (void)line;
}

static void
library_start(void)
{
    fido_init(0);
    // FIDO_DEBUG in the environment would have it print what it looks at.
    fido_set_log_handler(log_nothing);
}

static void
library_need(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, library_start);
}

static bool
judged(int result, char why[WHY_MAX])
{
    return result == FIDO_OK || why_not(why, "libfido2: %s", fido_strerr(result));
}

/* ---- registrations ---- */

// The first step that fails, or FIDO_OK.
static int
credential_fill(fido_cred_t *credential, const struct signature_subject *subject,
                const struct attestation_object *object, const char *format)
{
    const struct authenticator_data *data = subject->data;
    int r = fido_cred_set_type(credential, subject->key->algorithm);
    if (r == FIDO_OK)
        r = fido_cred_set_clientdata_hash(credential, subject->client_data_sha256, HASH_SIZE);
    if (r == FIDO_OK)
        r = fido_cred_set_rp(credential, subject->rp_id, NULL);
    if (r == FIDO_OK && data->extension_mask != 0)
        r = fido_cred_set_extensions(credential, data->extension_mask);
    if (r == FIDO_OK && data->protection != 0)
        r = fido_cred_set_prot(credential, data->protection);
    if (r == FIDO_OK && data->pin_minimum != 0)
        r = fido_cred_set_pin_minlen(credential, data->pin_minimum);
    if (r == FIDO_OK && subject->verification)
        r = fido_cred_set_uv(credential, FIDO_OPT_TRUE);
    if (r == FIDO_OK)
        r = fido_cred_set_authdata_raw(credential, subject->data_text.p, subject->data_text.n);
    if (r == FIDO_OK)
        r = fido_cred_set_fmt(credential, format);
    // The statement whole: set_sig and set_x509 would leave its algorithm out.
    if (r == FIDO_OK)
        r = fido_cred_set_attstmt(credential, object->statement.p, object->statement.n);
    return r;
}

bool
signature_check_attestation(const struct signature_subject *subject,
                            const struct attestation_object *object, char why[WHY_MAX])
{
    library_need();
    fido_cred_t *credential = fido_cred_new();
    int r = FIDO_ERR_INTERNAL;
    if (credential != NULL)
        r = credential_fill(credential, subject, object,
                            object->format == FORMAT_U2F ? "fido-u2f" : "packed");
    if (r == FIDO_OK)
        r = object->certificate_count > 0 ? fido_cred_verify(credential)
                                          : fido_cred_verify_self(credential);
    fido_cred_free(&credential);
    return judged(r, why);
}

/* ---- assertions ---- */

static int
assertion_fill(fido_assert_t *assertion, const struct signature_subject *subject,
               struct bytes signature)
{
    int r = fido_assert_set_clientdata_hash(assertion, subject->client_data_sha256, HASH_SIZE);
    if (r == FIDO_OK)
        r = fido_assert_set_rp(assertion, subject->rp_id);
    if (r == FIDO_OK)
        r = fido_assert_set_count(assertion, 1);
    if (r == FIDO_OK && subject->data->extension_mask != 0)
        r = fido_assert_set_extensions(assertion, subject->data->extension_mask);
    // Without this, libfido2 takes an assertion that nobody touched for.
    if (r == FIDO_OK)
        r = fido_assert_set_up(assertion, FIDO_OPT_TRUE);
    if (r == FIDO_OK && subject->verification)
        r = fido_assert_set_uv(assertion, FIDO_OPT_TRUE);
    if (r == FIDO_OK)
        r = fido_assert_set_authdata_raw(assertion, 0, subject->data_text.p, subject->data_text.n);
    if (r == FIDO_OK)
        r = fido_assert_set_sig(assertion, 0, signature.p, signature.n);
    return r;
}

static int
verify_es256(const fido_assert_t *assertion, const struct cose_key *key)
{
    es256_pk_t *public = es256_pk_new();
    int r = FIDO_ERR_INTERNAL;
    if (public != NULL && (r = es256_pk_from_ptr(public, key->raw, key->raw_n)) == FIDO_OK)
        r = fido_assert_verify(assertion, 0, COSE_ES256, public);
    es256_pk_free(&public);
    return r;
}

static int
verify_eddsa(const fido_assert_t *assertion, const struct cose_key *key)
{
    eddsa_pk_t *public = eddsa_pk_new();
    int r = FIDO_ERR_INTERNAL;
    if (public != NULL && (r = eddsa_pk_from_ptr(public, key->raw, key->raw_n)) == FIDO_OK)
        r = fido_assert_verify(assertion, 0, COSE_EDDSA, public);
    eddsa_pk_free(&public);
    return r;
}

static int
verify_rs256(const fido_assert_t *assertion, const struct cose_key *key)
{
    rs256_pk_t *public = rs256_pk_new();
    int r = FIDO_ERR_INTERNAL;
    if (public != NULL && (r = rs256_pk_from_ptr(public, key->raw, key->raw_n)) == FIDO_OK)
        r = fido_assert_verify(assertion, 0, COSE_RS256, public);
    rs256_pk_free(&public);
    return r;
}

static int
verify(const fido_assert_t *assertion, const struct cose_key *key)
{
    switch (key->algorithm) {
    case COSE_ES256:
        return verify_es256(assertion, key);
    case COSE_EDDSA:
        return verify_eddsa(assertion, key);
    case COSE_RS256:
        return verify_rs256(assertion, key);
    default:
        return FIDO_ERR_UNSUPPORTED_ALGORITHM;
    }
}

bool
signature_check_assertion(const struct signature_subject *subject, struct bytes signature,
                          char why[WHY_MAX])
{
    library_need();
    fido_assert_t *assertion = fido_assert_new();
    int r = FIDO_ERR_INTERNAL;
    if (assertion != NULL)
        r = assertion_fill(assertion, subject, signature);
    if (r == FIDO_OK)
        r = verify(assertion, subject->key);
    fido_assert_free(&assertion);
    return judged(r, why);
}
