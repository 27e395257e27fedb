/* SPDX-License-Identifier: Apache-2.0
 *
 * A passphrase in locked memory, kept so that an authority that died can be started again.
 */
#ifndef KEYHOLE_SUPERVISOR_SECRET_H
#define KEYHOLE_SUPERVISOR_SECRET_H

#include "../../caveats/errors.h"

enum { SECRET_MAX = 1024 };

struct secret {
    uint8_t *p; /* NULL: there is none. Own pages, locked, no access but in secret_pipe */
    size_t n;
};

KH_MUST_CHECK enum kh_err secret_init(struct secret *secret, struct bytes value,
                                      struct fault *fault);
void secret_fini(struct secret *secret);
/* A pipe's reading end with the secret in it and nothing after; -1 in `*fd` when there is none. */
KH_MUST_CHECK enum kh_err secret_pipe(const struct secret *secret, int *fd, struct fault *fault);

#endif
