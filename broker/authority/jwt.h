/* SPDX-License-Identifier: Apache-2.0
 *
 * Signing JSON Web Tokens (RFC 7515 compact serialisation, RFC 7519; RS256 and ES256 of RFC 7518,
 * EdDSA of RFC 8037) with a private key in PEM.
 */
#ifndef KEYHOLE_JWT_H
#define KEYHOLE_JWT_H

#include "../../caveats/errors.h"

enum jwt_algorithm {
    JWT_ANY = 0, /* the one that the key is for */
    JWT_RS256,   /* RSA of 2048 to 8192 bits */
    JWT_ES256,   /* P-256 */
    JWT_EDDSA,   /* Ed25519 */
    JWT_ALGORITHM_COUNT
};

enum { JWT_KEY_PEM_MAX = 16384, JWT_TEXT_MAX = 16384 };

struct jwt_key;

/* "RS256" and so on; KH_ERR_UNKNOWN. And back. */
KH_MUST_CHECK enum kh_err jwt_algorithm_find(struct bytes name, enum jwt_algorithm *out);
const char *jwt_algorithm_name(enum jwt_algorithm algorithm);

/* One private key, not encrypted, in PKCS#8, PKCS#1 or SEC 1; of the kind that `algorithm` is for.
 * It lives in OpenSSL's secure heap where the process has one. */
KH_MUST_CHECK enum kh_err jwt_key_read(struct bytes pem, enum jwt_algorithm algorithm,
                                       struct jwt_key **out, struct fault *fault);
void jwt_key_free(struct jwt_key **key);
#define JWT_KEY_AUTO __attribute__((cleanup(jwt_key_free))) struct jwt_key

/* "header.payload.signature", appended: header and payload are signed as they are given. */
KH_MUST_CHECK enum kh_err jwt_sign_texts(const struct jwt_key *key, struct bytes header,
                                         struct bytes payload, struct buffer *out,
                                         struct fault *fault);

/* What most assertions say (RFC 7519 section 4.1, RFC 7523 section 3); empty or 0: left out. */
struct jwt_claims {
    struct bytes issuer, subject, audience, scope;
    int64_t issued_at, expires_at; /* seconds since 1970 */
    struct bytes id;               /* jti */
};

/* A token of type JWT with these claims, appended; `key_id` may be empty. */
KH_MUST_CHECK enum kh_err jwt_sign(const struct jwt_key *key, struct bytes key_id,
                                   const struct jwt_claims *claims, struct buffer *out,
                                   struct fault *fault);

#endif
