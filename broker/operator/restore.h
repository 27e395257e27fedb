/* SPDX-License-Identifier: Apache-2.0
 *
 * Whether a backup can be restored: all of it is looked at, and nothing put back.
 */
#ifndef KEYHOLE_OPERATOR_RESTORE_H
#define KEYHOLE_OPERATOR_RESTORE_H

#include "operator.h"

/* Of a command with the options key-file, passphrase-fd and sha256, and a file. */
enum operator_exit restore_check(const struct invocation *invocation);

#endif
