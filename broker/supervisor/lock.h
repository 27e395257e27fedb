/* SPDX-License-Identifier: Apache-2.0
 *
 * One broker for one state directory, or one work that is done while none runs: DIR/keyholed.lock.
 */
#ifndef KEYHOLE_SUPERVISOR_LOCK_H
#define KEYHOLE_SUPERVISOR_LOCK_H

#include "../../caveats/errors.h"

/* Whether `directory` is ours, and cannot be written by others. */
KH_MUST_CHECK enum kh_err lock_check_owner(const char *directory, struct fault *fault);
/* And was made by `keyholed init`. */
KH_MUST_CHECK enum kh_err lock_check_directory(const char *directory, struct fault *fault);

enum lock_use { LOCK_BROKER = 0, LOCK_RESTORE, LOCK_CHANGE_MASTER, LOCK_USES };

/* Held as long as the descriptor stays open. KH_ERR_EXISTS: somebody has it, and the fault says who
 * and for what, and what to do about it. */
KH_MUST_CHECK enum kh_err lock_take(const char *directory, enum lock_use use, int *fd,
                                    struct fault *fault);

#endif
