/* SPDX-License-Identifier: Apache-2.0
 *
 * Files of the operator with CA certificates in PEM.
 */
#ifndef KEYHOLE_TRUST_PEM_H
#define KEYHOLE_TRUST_PEM_H

#include "trust.h"

enum { TRUST_FILE_MAX = 262144, TRUST_CERTIFICATES_MAX = 256 };

typedef enum kh_err trust_pem_fn(void *context, X509 *certificate,
                                 const struct webauthn_trust_certificate *description,
                                 struct fault *fault);

/* Every certificate of a text, in order; the callback borrows it. Other blocks are passed over.
 * KH_ERR_SYNTAX when there is none, or one that cannot be read; else as trust_describe. */
KH_MUST_CHECK enum kh_err trust_pem_each(struct bytes text, trust_pem_fn *fn, void *context,
                                         struct fault *fault);

#endif
