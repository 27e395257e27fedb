/* SPDX-License-Identifier: Apache-2.0
 *
 * What registrations and assertions have in common: the steps, one after the other, until one
 * fails.
 */
#ifndef KEYHOLE_CEREMONY_H
#define KEYHOLE_CEREMONY_H

#include "authenticator_data.h"
#include "client_data.h"
#include "cose_key.h"
#include "signature.h"
#include "verdict.h"

enum { CEREMONY_RP_ID_MAX = 253 };

struct ceremony {
    const struct webauthn_expectation *expectation;
    const char *type; /* "webauthn.create" */
    bool registration;
    bool u2f; /* a key that signs no flags of a registration, and verifies nobody */
    struct bytes client_text, data_text;
    struct webauthn_verdict *verdict;

    struct client_data client;
    struct authenticator_data data;
    struct cose_key key;
    char rp_id[CEREMONY_RP_ID_MAX + 1];
    char why[WHY_MAX];
};

struct ceremony_step {
    enum failure check;
    bool (*make)(struct ceremony *ceremony); /* with verdict_found or verdict_refuses */
};

/* False when the expectation is not one: nothing may be looked at then, and the verdict says so. */
KH_MUST_CHECK bool ceremony_begin(struct ceremony *ceremony);
/* True when all steps passed. */
KH_MUST_CHECK bool ceremony_make(struct ceremony *ceremony, const struct ceremony_step *steps,
                                 size_t count);
void ceremony_end(struct ceremony *ceremony);

/* For libfido2; `hash` is SHA-256 of the client data. */
KH_MUST_CHECK bool ceremony_hash(const struct ceremony *ceremony, uint8_t hash[32]);
struct signature_subject ceremony_subject(const struct ceremony *ceremony, const uint8_t hash[32]);

/* Steps */
bool step_client_data(struct ceremony *ceremony);
bool step_type(struct ceremony *ceremony);
bool step_challenge(struct ceremony *ceremony);
bool step_origin(struct ceremony *ceremony);
bool step_cross_origin(struct ceremony *ceremony);
bool step_authenticator_data(struct ceremony *ceremony);
bool step_rp_id(struct ceremony *ceremony);
bool step_presence(struct ceremony *ceremony);
bool step_verification(struct ceremony *ceremony);
bool step_flags(struct ceremony *ceremony);

#endif
