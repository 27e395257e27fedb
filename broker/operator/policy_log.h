/* SPDX-License-Identifier: Apache-2.0
 *
 * What is asked of the audit log for a policy: rows of the table in policy.c.
 */
#ifndef KEYHOLE_OPERATOR_POLICY_LOG_H
#define KEYHOLE_OPERATOR_POLICY_LOG_H

#include "operator.h"

enum operator_exit policy_log_diff(const struct invocation *invocation);
enum operator_exit policy_log_suggest(const struct invocation *invocation);

#endif
