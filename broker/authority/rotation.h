/* SPDX-License-Identifier: Apache-2.0
 *
 * Another secret for a credential: sealed, recorded and committed before anything uses it.
 */
#ifndef KEYHOLE_ROTATION_H
#define KEYHOLE_ROTATION_H

#include "authority.h"

/* `text` serves from now on; what served before is kept until `until` (0: it is not). The faults of
 * credential_check_secret. */
KH_MUST_CHECK enum kh_err rotation_apply(struct authority *authority, struct credential *credential,
                                         struct bytes text, int64_t until,
                                         const struct audit_record *record, struct fault *fault);

#endif
