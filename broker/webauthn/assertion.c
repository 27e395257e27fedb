/* SPDX-License-Identifier: Apache-2.0 */
/* An assertion: WebAuthn 7.2, in the order of schema/discharge.def. */
#include "ceremony.h"

enum { SIGNATURE_MAX = 1024 };

struct assertion {
    struct ceremony ceremony; // the first member: steps are handed a pointer to it
    const struct webauthn_credential *credential;
    struct bytes signature;
};

static struct assertion *
assertion_of(struct ceremony *ceremony)
{
    return (struct assertion *)ceremony;
}

static bool
step_key(struct ceremony *c)
{
    const struct webauthn_credential *credential = assertion_of(c)->credential;
    bool good = credential->public_key_n <= sizeof(credential->public_key) &&
                cose_key_read(bytes_of(credential->public_key, credential->public_key_n), &c->key,
                              c->why) &&
                c->key.algorithm == credential->algorithm;
    return good ? verdict_found(c->verdict, "the enrolled key is one for %s",
                                cose_algorithm_name(c->key.algorithm))
                : verdict_refuses(c->verdict, "the enrolled key cannot be read");
}

static bool
step_signature(struct ceremony *c)
{
    const struct assertion *a = assertion_of(c);
    uint8_t hash[32];
    if (a->signature.n == 0 || a->signature.n > SIGNATURE_MAX)
        return verdict_refuses(c->verdict, "a signature of %zu bytes", a->signature.n);
    if (!ceremony_hash(c, hash))
        return verdict_refuses(c->verdict, "the client data could not be hashed");
    const struct signature_subject subject = ceremony_subject(c, hash);
    if (!signature_check_assertion(&subject, a->signature, c->why))
        return verdict_refuses(c->verdict, "%s", c->why);
    return verdict_found(c->verdict, "the signature verifies, by the enrolled key");
}

// 7.2, step 21. Last: a counter that nobody signed would let anyone block somebody else's key.
static bool
step_counter(struct ceremony *c)
{
    uint32_t stored = assertion_of(c)->credential->counter, now = c->data.counter;
    if (stored == 0 && now == 0)
        return verdict_found(c->verdict, "it does not count");
    return now > stored ? verdict_found(c->verdict, "its counter went from %u to %u",
                                        (unsigned)stored, (unsigned)now)
                        : verdict_refuses(c->verdict, "its counter was %u and is %u",
                                          (unsigned)stored, (unsigned)now);
}

static const struct ceremony_step steps[] = {
    {FAILURE_CLIENT_DATA_MALFORMED, step_client_data},
    {FAILURE_CLIENT_DATA_TYPE, step_type},
    {FAILURE_CLIENT_DATA_CHALLENGE, step_challenge},
    {FAILURE_CLIENT_DATA_ORIGIN, step_origin},
    {FAILURE_CLIENT_DATA_CROSS_ORIGIN, step_cross_origin},
    {FAILURE_AUTHENTICATOR_DATA_MALFORMED, step_authenticator_data},
    {FAILURE_RP_ID_MISMATCH, step_rp_id},
    {FAILURE_PRESENCE_MISSING, step_presence},
    {FAILURE_VERIFICATION_MISSING, step_verification},
    {FAILURE_FLAGS_INVALID, step_flags},
    {FAILURE_ALGORITHM_FORBIDDEN, step_key},
    {FAILURE_SIGNATURE_INVALID, step_signature},
    {FAILURE_AUTHENTICATOR_CLONED, step_counter},
};
enum { STEPS = sizeof(steps) / sizeof(steps[0]) };
_Static_assert(sizeof(steps) / sizeof(steps[0]) <= WEBAUTHN_STEPS_MAX,
               "a verdict has room for every step");

enum failure
webauthn_assert(const struct webauthn_expectation *expectation,
                const struct webauthn_credential *credential, struct bytes client_data,
                struct bytes authenticator_data, struct bytes signature,
                struct webauthn_assertion *out, struct webauthn_verdict *verdict)
{
    struct assertion a = {
        .ceremony = {.expectation = expectation,
                     .type = "webauthn.get",
                     .u2f = credential->u2f,
                     .client_text = client_data,
                     .data_text = authenticator_data,
                     .verdict = verdict},
        .credential = credential,
        .signature = signature,
    };
    bool good = ceremony_begin(&a.ceremony) && ceremony_make(&a.ceremony, steps, STEPS) &&
                verdict_accept(verdict) == FAILURE_NONE;
    bool cloned = verdict->failure == FAILURE_AUTHENTICATOR_CLONED;
    if (good || cloned)
        *out = (struct webauthn_assertion){
            .counter = a.ceremony.data.counter,
            .verified = (a.ceremony.data.flags & FLAG_VERIFIED) != 0 && !a.ceremony.u2f,
            .cloned = cloned,
        };
    ceremony_end(&a.ceremony);
    return verdict->failure;
}
