/* SPDX-License-Identifier: Apache-2.0
 *
 * The state directory for commands that work in it while no broker runs: theirs alone, and first of
 * all what was interrupted in it is brought to its end.
 */
#ifndef KEYHOLE_OPERATOR_RECOVER_H
#define KEYHOLE_OPERATOR_RECOVER_H

#include "operator.h"

#include "../supervisor/lock.h"

/* All say what they did, and what went wrong. */

/* The directory's lock, which children inherit; -1 where there is no directory. `why` (or NULL) is
 * said when somebody has it: why that is not for a running broker. */
KH_MUST_CHECK enum operator_exit recover_lock(const char *directory, enum lock_use use,
                                              const char *why, int *fd);

/* The same for a moment, and only if something was interrupted there. */
KH_MUST_CHECK enum operator_exit recover_directory(const char *directory);

/* For who only reads: says so where a restore is half-way, so that what is read may be neither what
 * was there nor what comes. */
void recover_mention(const char *directory);

#endif
