/* SPDX-License-Identifier: Apache-2.0
 *
 * HMAC (RFC 2104) over what a template puts together from a request.
 *
 * A template is literal text and {body}, {method}, {path}, {timestamp}; \n is a line's end and \\ a
 * backslash.
 */
#ifndef KEYHOLE_HMAC_H
#define KEYHOLE_HMAC_H

#include "../../caveats/errors.h"

enum { HMAC_SIZE_MAX = 64, HMAC_KEY_MAX = 16384 };

enum hmac_algorithm { HMAC_UNSET = 0, HMAC_SHA256, HMAC_SHA512, HMAC_ALGORITHM_COUNT };

/* "sha256", "sha512". */
KH_MUST_CHECK bool hmac_algorithm_find(struct bytes name, enum hmac_algorithm *out);

/* What the marks of a template stand for. */
struct hmac_values {
    struct bytes body, method, path, timestamp;
};

/* Whether the template is well-formed, and which marks are in it. */
struct hmac_marks {
    bool body, path, timestamp;
};
KH_MUST_CHECK enum kh_err hmac_template_read(struct bytes template, struct hmac_marks *out,
                                             struct fault *fault);

/* `out` has room for HMAC_SIZE_MAX bytes. The template was read before. KH_ERR_CRYPTO. */
KH_MUST_CHECK enum kh_err hmac_template_sign(enum hmac_algorithm algorithm, struct bytes key,
                                             struct bytes template,
                                             const struct hmac_values *values, uint8_t *out,
                                             size_t *n);

#endif
