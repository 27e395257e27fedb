/* SPDX-License-Identifier: Apache-2.0
 *
 * What a security key does here: signs a challenge, or makes a credential (WebAuthn Level 2, the
 * client's side). Both wait for a touch, and ask for a PIN where one is needed.
 */
#ifndef KEYHOLE_CLIENT_FIDO_SIGN_H
#define KEYHOLE_CLIENT_FIDO_SIGN_H

#include "fido_keys.h"
#include "question.h"

enum { FIDO_DATA_MAX = 65536 };

/* Append the client data: exactly these members, in this order. `type` is "webauthn.get" or
 * "webauthn.create". */
void fido_client_data(const char *type, const uint8_t challenge[CHALLENGE_SIZE], const char *origin,
                      struct buffer *out);

/*
 * Answer a question of kind QUESTION_FIDO2 with an assertion. On KH_OK `*out` is the JSON of the
 * answer (json_decref). KH_ERR_NOT_FOUND: no key, or none that knows one of the credentials;
 * KH_ERR_DENIED: somebody refused, or the PIN is wrong; KH_ERR_TIMEOUT, KH_ERR_IO,
 * KH_ERR_PERMISSION, KH_ERR_UNSUPPORTED, KH_ERR_CLOSED.
 */
KH_MUST_CHECK enum kh_err fido_assert_question(const struct fido_context *context,
                                               const struct question *question, json_t **out,
                                               struct fault *fault);

/* Answer an enrolment's question with a new credential: a RegistrationResponseJSON. As above, and
 * KH_ERR_EXISTS when the key is enrolled already. */
KH_MUST_CHECK enum kh_err fido_enroll_question(const struct fido_context *context,
                                               const struct question *question, json_t **out,
                                               struct fault *fault);

/* The answer to a question, as the discharger takes it. */
KH_MUST_CHECK enum kh_err fido_assertion_json(struct bytes credential, struct bytes client_data,
                                              struct bytes data, struct bytes signature,
                                              json_t **out, struct fault *fault);

/* ---- between the files of this ---- */

/* One attempt with a PIN (NULL: without); a FIDO_ERR code. */
typedef int fido_attempt_fn(const struct fido_key *key, const char *pin, void *argument);
/* Attempts until one succeeds or it is hopeless. `verification`: a PIN or a fingerprint is
 * demanded; `pin_if_set`: a PIN is asked for where the key has one. */
KH_MUST_CHECK enum kh_err fido_attempt(const struct fido_context *context,
                                       const struct fido_key *key, bool verification,
                                       bool pin_if_set, fido_attempt_fn *attempt, void *argument,
                                       struct fault *fault);

/* Append an attestation object: fmt, attStmt and authData in CBOR. False when the key's answer has
 * not what it takes. */
KH_MUST_CHECK bool fido_attestation_put(const fido_cred_t *credential, struct buffer *out);
/* A member in base64url. */
KH_MUST_CHECK bool fido_set_base64(json_t *object, const char *member, struct bytes data);
/* The bytes inside a CBOR byte string that fills `cbor`; empty when it is none. */
struct bytes fido_cbor_bytes(struct bytes cbor);

#endif
