/* SPDX-License-Identifier: Apache-2.0
 *
 * Attestation certificates: what WebAuthn (8.2.1, 8.6) demands of a leaf, and what its extensions
 * say.
 */
#ifndef KEYHOLE_CERTIFICATE_H
#define KEYHOLE_CERTIFICATE_H

#include "webauthn.h"
#include "why.h"

#include <openssl/x509.h>

/* DER, the whole of `text` and in its only spelling; else NULL. */
X509 *certificate_read(struct bytes text);

/* The subject as one line of printable ASCII. */
void certificate_subject(const X509 *certificate, char *out, size_t cap);
KH_MUST_CHECK bool certificate_sha256(const X509 *certificate, uint8_t out[32]);

/* The form of a leaf. `why` (160 bytes) says what is wrong. */
KH_MUST_CHECK bool certificate_check_packed(X509 *leaf, int algorithm, char why[WHY_MAX]);
KH_MUST_CHECK bool certificate_check_u2f(X509 *leaf, char why[WHY_MAX]);

/* Whether it says of itself that it is an authenticator's (OU). */
bool certificate_is_authenticator(const X509 *leaf);

/* id-fido-gen-ce-aaguid. False when it is malformed; `*present` tells whether there is one. */
KH_MUST_CHECK bool certificate_aaguid(const X509 *leaf, bool *present,
                                      uint8_t out[WEBAUTHN_AAGUID_SIZE]);
/* Yubico's firmware extension; 0 when there is none. False when it is malformed. It says nothing in
 * a certificate that does not lead to a root of Yubico's. */
KH_MUST_CHECK bool certificate_firmware(const X509 *leaf, uint32_t *out);

#endif
