/* SPDX-License-Identifier: Apache-2.0
 *
 * The grace of a rotation: the secret before is kept for a time, sealed, so that it can be put
 * back; answers are searched for it as well. After that time it is erased. One a credential.
 */
#ifndef KEYHOLE_GRACE_H
#define KEYHOLE_GRACE_H

#include "credentials.h"

struct authority;

enum { GRACE_MAX_S = 30 * 86400 };

/* At the start, behind credentials_load. */
KH_MUST_CHECK enum kh_err grace_load(struct credentials *credentials, struct store *store,
                                     const struct seal *seal, struct fault *fault);

/* Within a transaction: keep the secret of now until then, or (0) keep none. `*out` is for
 * grace_take once that is committed. */
KH_MUST_CHECK enum kh_err grace_write(struct store *store, const struct seal *seal,
                                      const struct credential *credential, int64_t until,
                                      struct secret **out, struct fault *fault);
void grace_take(struct credential *credential, struct secret *previous, int64_t until);
/* Before the secret changes: the access token that was got with it is searched for as well, for as
 * long as the broker runs. */
void grace_keep_access(struct credential *credential, int64_t until);

/* The secret before, while its grace lasts; else empty. */
struct bytes grace_secret(const struct credential *credential, int64_t now);

/* What is over goes: from memory, then from the disk. */
void grace_expire(struct authority *authority, int64_t now);

#endif
