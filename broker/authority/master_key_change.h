/* SPDX-License-Identifier: Apache-2.0
 *
 * Another master key: everything that is sealed is sealed anew in one transaction, with a record in
 * the audit log. An end at any moment leaves the old key or the new one in force: the database says
 * which, and the next start puts the files right.
 *
 *     1. a new key file is written beside the old one (master.key.new)
 *     2. COMMIT: from here on the new key is the one
 *     3. the old key file is overwritten, and the new one takes its place; or it goes
 */
#ifndef KEYHOLE_MASTER_KEY_CHANGE_H
#define KEYHOLE_MASTER_KEY_CHANGE_H

#include "authority.h"

/* Neither: a new key is made, and kept in DIR/master.key. */
struct master_key_target {
    struct secret *passphrase; /* or NULL; borrowed */
    struct secret *key;        /* kept by whoever gave it; or NULL; borrowed */
    struct master_key_cost cost;
};

/* `authority` is open, and serves nobody; authority_close is all that may follow. KH_ERR_EXISTS
 * when it is the key that the database has. On any other failure before the commit the old key
 * stays. */
KH_MUST_CHECK enum kh_err master_key_change(struct authority *authority,
                                            const struct master_key_target *target,
                                            struct fault *fault);

/* Whether DIR/master.key, if it is there, is the old one of a change to a key kept elsewhere. */
KH_MUST_CHECK enum kh_err master_key_is_left_over(struct store *store, bool *out,
                                                  struct fault *fault);

/* What a change left to be done, or an end in the midst of one. Called by master_key_load. */
KH_MUST_CHECK enum kh_err master_key_settle(const char *directory, struct store *store,
                                            struct fault *fault);

#endif
