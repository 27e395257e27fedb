/* SPDX-License-Identifier: Apache-2.0
 *
 * One broker for one state directory: DIR/keyholed.lock.
 */
#ifndef KEYHOLE_SUPERVISOR_LOCK_H
#define KEYHOLE_SUPERVISOR_LOCK_H

#include "../../caveats/errors.h"

/* Whether `directory` is ours, and cannot be written by others. */
KH_MUST_CHECK enum kh_err lock_check_owner(const char *directory, struct fault *fault);
/* And was made by `keyholed init`. */
KH_MUST_CHECK enum kh_err lock_check_directory(const char *directory, struct fault *fault);

/* Held as long as the descriptor stays open. KH_ERR_EXISTS names the process that holds it. */
KH_MUST_CHECK enum kh_err lock_take(const char *directory, int *fd, struct fault *fault);

#endif
