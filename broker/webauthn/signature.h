/* SPDX-License-Identifier: Apache-2.0
 *
 * The signatures of registrations and assertions, by libfido2, which is told exactly what to
 * expect.
 */
#ifndef KEYHOLE_SIGNATURE_H
#define KEYHOLE_SIGNATURE_H

#include "attestation_object.h"
#include "authenticator_data.h"
#include "cose_key.h"

struct signature_subject {
    const char *rp_id;
    const uint8_t *client_data_sha256; /* 32 bytes */
    bool verification;                 /* demanded */
    struct bytes data_text;            /* authenticator data, exactly as signed */
    const struct authenticator_data *data;
    const struct cose_key *key; /* the credential's */
};

/* packed and fido-u2f: with the leaf's key; packed without certificates: with the credential's own.
 * `why` (160 bytes) says what libfido2 answered. */
KH_MUST_CHECK bool signature_check_attestation(const struct signature_subject *subject,
                                               const struct attestation_object *object,
                                               char why[WHY_MAX]);
/* Presence is always demanded. */
KH_MUST_CHECK bool signature_check_assertion(const struct signature_subject *subject,
                                             struct bytes signature, char why[WHY_MAX]);

#endif
