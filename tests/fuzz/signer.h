/* SPDX-License-Identifier: Apache-2.0
 *
 * One Ed25519 key that signs what an input says: behind a signature that must be right, random
 * bytes never get anywhere.
 */
#ifndef KEYHOLE_FUZZ_SIGNER_H
#define KEYHOLE_FUZZ_SIGNER_H

#include "fuzz.h"

enum { SIGNER_KEY_SIZE = 32, SIGNER_SIGNATURE_SIZE = 64, SIGNER_COSE_SIZE = 42 };

void signer_public_key(uint8_t out[SIGNER_KEY_SIZE]);
void signer_sign(struct bytes message, uint8_t out[SIGNER_SIGNATURE_SIZE]);
/* The public key as COSE: {1: 1, 3: -8, -1: 6, -2: x}. */
void signer_cose(uint8_t out[SIGNER_COSE_SIZE]);
void signer_sha256(struct bytes text, uint8_t out[32]);

#endif
