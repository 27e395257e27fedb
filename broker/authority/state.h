/* SPDX-License-Identifier: Apache-2.0
 *
 * The state directory: making a new one, and the single values in the database.
 */
#ifndef KEYHOLE_STATE_H
#define KEYHOLE_STATE_H

#include "audit_verify.h"
#include "clock.h"
#include "master_key.h"

#include <limits.h>

#define STATE_META_AUDIT_KEY "audit-key" /* sealed */
#define STATE_META_RESTORED  "restored"  /* from a backup of then: told to the audit log once */

/* "directory/name". */
KH_MUST_CHECK enum kh_err state_path(const char *directory, const char *name, char out[PATH_MAX],
                                     struct fault *fault);

/*
 * `keyholed init`: database, first root key, local CA, ca.pem and, where no other source of the
 * master key is given, master.key. The directory is made (0700) unless it is there already and
 * ours. KH_ERR_EXISTS when it holds a broker; on failure nothing is left behind.
 */
KH_MUST_CHECK enum kh_err state_create(const struct master_key_source *source,
                                       struct master_key_cost cost, const struct wall_clock *clock,
                                       struct fault *fault);

/* The key that signs the audit log's head. */
KH_MUST_CHECK enum kh_err state_audit_key_create(struct store *store, const struct seal *seal,
                                                 struct fault *fault);
KH_MUST_CHECK enum kh_err state_audit_key_load(struct store *store, const struct seal *seal,
                                               struct secret **out, struct fault *fault);

/* How far the audit log was when the database last heard of it. */
KH_MUST_CHECK enum kh_err state_audit_position_load(struct store *store, struct audit_head *out,
                                                    struct fault *fault);
KH_MUST_CHECK enum kh_err state_audit_position_store(struct store *store,
                                                     const struct audit_head *position,
                                                     struct fault *fault);

#endif
