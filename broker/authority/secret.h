/* SPDX-License-Identifier: Apache-2.0
 *
 * Secrets in memory: a type of its own that has no formatter and no copy.
 *
 * The bytes live in locked pages that no core file and no child sees, between guard pages, and are
 * wiped when freed. Many small secrets share pages.
 */
#ifndef KEYHOLE_SECRET_H
#define KEYHOLE_SECRET_H

#include "../../caveats/bytes.h"
#include "../../caveats/errors.h"

struct secret;

enum { SECRET_MAX = 65536 };

/* A copy of `value`, which the caller still owns and wipes. Empty is KH_ERR_RANGE. */
KH_MUST_CHECK enum kh_err secret_new(struct bytes value, struct secret **out, struct fault *fault);
/* n bytes that are zero; to be filled through secret_writable. */
KH_MUST_CHECK enum kh_err secret_new_zero(size_t n, struct secret **out, struct fault *fault);
KH_MUST_CHECK enum kh_err secret_new_random(size_t n, struct secret **out, struct fault *fault);
void secret_free(struct secret **secret);
#define SECRET_AUTO __attribute__((cleanup(secret_free))) struct secret

/* Borrowed: valid as long as the secret; not to be kept. */
struct bytes secret_bytes(const struct secret *secret);
uint8_t *secret_writable(struct secret *secret);

struct secret_statistics {
    size_t secrets, mapped; /* alive; bytes of pages */
    bool unlocked;          /* some page could not be locked: RLIMIT_MEMLOCK */
};
void secret_statistics(struct secret_statistics *out);

#endif
