/* SPDX-License-Identifier: Apache-2.0
 *
 * Credentials that nobody has, for users who do not exist or have no suitable authenticator: who
 * asks learns nothing about who is enrolled. They are the same at each call, because they are a
 * keyed hash of the user, and they fail as late as real ones: by their signature.
 */
#ifndef KEYHOLE_DISCHARGE_DECOY_H
#define KEYHOLE_DISCHARGE_DECOY_H

#include "../webauthn/ssh_signature.h"
#include "../webauthn/webauthn.h"

enum { DECOY_KEY_SIZE = 32, DECOY_CREDENTIAL_SIZE = 64, DECOY_USER_ID_SIZE = 32 };

struct decoys {
    uint8_t key[DECOY_KEY_SIZE];                 /* secret, derived from the discharger's */
    uint8_t public_key[WEBAUTHN_PUBLIC_KEY_MAX]; /* COSE; its private half was thrown away */
    size_t public_key_n;
};

KH_MUST_CHECK enum kh_err decoys_init(struct decoys *decoys, const uint8_t *secret_key, size_t n,
                                      struct fault *fault);

/* The credential id of a FIDO2 authenticator that the user does not have. */
KH_MUST_CHECK bool decoy_credential(const struct decoys *decoys, struct bytes user,
                                    uint8_t out[DECOY_CREDENTIAL_SIZE]);
KH_MUST_CHECK bool decoy_fingerprint(const struct decoys *decoys, struct bytes user,
                                     char out[SSH_FINGERPRINT_SIZE]);
/* WebAuthn's user handle (section 14.6.1: nothing that tells who it is). */
KH_MUST_CHECK bool decoy_user_id(const struct decoys *decoys, struct bytes user,
                                 uint8_t out[DECOY_USER_ID_SIZE]);

#endif
