/* SPDX-License-Identifier: Apache-2.0
 *
 * All credentials: in memory for the hot path, sealed in the database.
 *
 * A change goes through the database first (…_insert, …_write_…, within the caller's transaction),
 * then, once that is committed, to memory (…_adopt, …_take_…, …_drop), which cannot fail.
 */
#ifndef KEYHOLE_CREDENTIALS_H
#define KEYHOLE_CREDENTIALS_H

#include "credential.h"

struct credentials {
    struct credential **item; /* by name, `count` of them; owned */
    size_t count, capacity;
};

KH_MUST_CHECK enum kh_err credentials_load(struct credentials *credentials, struct store *store,
                                           const struct seal *seal, struct fault *fault);
void credentials_free(struct credentials *credentials);

/* NULL when there is none. */
struct credential *credentials_find(const struct credentials *credentials, struct bytes name);
/* The same with KH_ERR_NOT_FOUND, and the nearest name in the fault. */
KH_MUST_CHECK enum kh_err credentials_get(const struct credentials *credentials, struct bytes name,
                                          struct credential **out, struct fault *fault);
/* Whether an enabled credential goes to that host: may the local CA stand in for it? */
bool credentials_cover_host(const struct credentials *credentials, struct bytes host);
/* Whether any credential, in use or not, names that host: then it is never passed through. */
bool credentials_name_host(const struct credentials *credentials, struct bytes host);

/* Check the secret, seal it, write everything; `credential` keeps the secret. KH_ERR_EXISTS. */
KH_MUST_CHECK enum kh_err credentials_insert(struct credentials *credentials, struct store *store,
                                             const struct seal *seal, struct credential *credential,
                                             struct bytes secret, struct fault *fault);
void credentials_adopt(struct credentials *credentials, struct credential *credential);

KH_MUST_CHECK enum kh_err credentials_write_secret(struct store *store, const struct seal *seal,
                                                   const struct credential *credential,
                                                   struct bytes text, int64_t now,
                                                   struct secret **out, struct fault *fault);
void credentials_take_secret(struct credential *credential, struct secret *secret, int64_t now);
/* The same secret, renewed by a token endpoint: what was got with it stays good. */
void credentials_take_refreshed(struct credential *credential, struct secret *secret, int64_t now);
void credentials_take_enabled(struct credential *credential, bool enabled);
/* `*fresh` takes the place of `credential`, with its secrets and what is known of its key; both are
 * gone then. The change must be in the database. */
void credentials_take_changed(struct credentials *credentials, struct credential *credential,
                              struct credential **fresh);
void credentials_drop(struct credentials *credentials, struct credential *credential);

#endif
