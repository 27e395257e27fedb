/* SPDX-License-Identifier: Apache-2.0
 *
 * From a leaf to a root of the directory.
 */
#ifndef KEYHOLE_CHAIN_H
#define KEYHOLE_CHAIN_H

#include "trust.h"
#include "why.h"
#include "yubico.h"

struct chain {
    char root[160];                   /* its subject */
    const struct yubico_root *yubico; /* NULL: somebody else's */
};

/* `sent` are the other certificates of the statement: untrusted, like the directory's
 * intermediates. `trust` may be NULL. `why` (160 bytes) says what is wrong. */
KH_MUST_CHECK bool chain_follow(const struct webauthn_trust *trust, X509 *leaf,
                                STACK_OF(X509) * sent, int64_t now, struct chain *out,
                                char why[WHY_MAX]);

#endif
