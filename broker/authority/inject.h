/* SPDX-License-Identifier: Apache-2.0
 *
 * How the real secret is put on a request: the edits for the proxy, and what it must look for in
 * the answer.
 */
#ifndef KEYHOLE_INJECT_H
#define KEYHOLE_INJECT_H

#include "credential.h"

enum { INJECTION_TEXT_MAX = 65536, INJECTION_SCRUB_MIN = 4 };

struct injection {
    struct edit edit[DECISION_EDITS_MAX];
    size_t edit_count;
    struct bytes secret[DECISION_SECRETS_MAX]; /* empty when the credential is not scrubbed */
    size_t secret_count;
    struct buffer text; /* owns what the slices point into; wiped */
};

/* `slot` is where the client's token was. Call injection_free in any case. */
KH_MUST_CHECK enum kh_err injection_make(const struct credential *credential,
                                         const struct slot *slot, struct injection *out);
void injection_free(struct injection *injection);

#endif
