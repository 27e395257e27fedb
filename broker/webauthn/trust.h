/* SPDX-License-Identifier: Apache-2.0
 *
 * The certificates of a directory, as a chain needs them.
 */
#ifndef KEYHOLE_TRUST_H
#define KEYHOLE_TRUST_H

#include "webauthn.h"

#include <openssl/x509.h>

struct webauthn_trust {
    struct webauthn_trust_certificate *certificate;
    size_t count, root_count;
    X509_STORE *roots;
    STACK_OF(X509) * intermediates;
};

/* What there is to say of one; KH_ERR_CONFIG when it is no CA. Its file is left empty. */
KH_MUST_CHECK enum kh_err trust_describe(X509 *certificate, struct webauthn_trust_certificate *out,
                                         struct fault *fault);

#endif
