/* SPDX-License-Identifier: Apache-2.0
 *
 * The root keys of tokens: sealed in the database, open in locked memory. The newest that is not
 * retired mints; all that are not retired verify.
 *
 * A change goes through the database first (…_insert, …_retire within the caller's transaction),
 * then, once that is committed, to memory (…_adopt, …_forget), which cannot fail.
 */
#ifndef KEYHOLE_ROOT_KEY_H
#define KEYHOLE_ROOT_KEY_H

#include "../../caveats/token.h"
#include "../store/store.h"
#include "seal.h"

struct root_key {
    uint32_t id;
    int64_t created_at;
    int64_t retired_at;    /* 0: in use */
    struct secret *secret; /* NULL once retired */
};

struct root_keys {
    struct root_key *key; /* by id, `count` of them */
    size_t count, capacity;
};

void root_keys_free(struct root_keys *keys);
KH_MUST_CHECK enum kh_err root_keys_load(struct root_keys *keys, struct store *store,
                                         const struct seal *seal, struct fault *fault);

/* Borrowed. NULL when unknown, retired or not of TOKEN_KEY_SIZE bytes. */
const struct secret *root_keys_find(const struct root_keys *keys, uint32_t id);
/* The one that mints; NULL when there is none. */
const struct root_key *root_keys_active(const struct root_keys *keys);

KH_MUST_CHECK enum kh_err root_keys_insert(struct root_keys *keys, struct store *store,
                                           const struct seal *seal, int64_t now,
                                           struct root_key *out, struct fault *fault);
void root_keys_adopt(struct root_keys *keys, struct root_key *key); /* takes the secret over */
/* KH_ERR_NOT_FOUND, or KH_ERR_DENIED for the active key. */
KH_MUST_CHECK enum kh_err root_keys_retire(const struct root_keys *keys, struct store *store,
                                           uint32_t id, int64_t now, struct fault *fault);
void root_keys_forget(struct root_keys *keys, uint32_t id, int64_t now);

#endif
