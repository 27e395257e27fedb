/* SPDX-License-Identifier: Apache-2.0
 *
 * COSE public keys (RFC 9053), of the three algorithms that are taken.
 */
#ifndef KEYHOLE_COSE_KEY_H
#define KEYHOLE_COSE_KEY_H

#include "cbor.h"
#include "why.h"

#include <openssl/evp.h>

enum { COSE_KEY_RAW_MAX = 259 };

struct cose_key {
    int algorithm;
    uint8_t raw[COSE_KEY_RAW_MAX]; /* as libfido2 takes it: x‖y, x, or n‖e */
    size_t raw_n;
};

/* "ES256"; NULL for one that is not taken. */
const char *cose_algorithm_name(int64_t algorithm);

/* Exactly the parameters of its type. `why` (160 bytes) says what is wrong. */
KH_MUST_CHECK bool cose_key_read(struct bytes text, struct cose_key *out, char why[WHY_MAX]);

/* Whether a signature of that algorithm can be made with this key; `why` as above. */
KH_MUST_CHECK bool cose_algorithm_fits(int algorithm, const EVP_PKEY *key, char why[WHY_MAX]);

#endif
