/* SPDX-License-Identifier: Apache-2.0
 *
 * The running broker's configuration beside its file.
 */
#ifndef KEYHOLE_OPERATOR_RELOAD_H
#define KEYHOLE_OPERATOR_RELOAD_H

#include "operator.h"

/* Prints what changed; with `look` what a reload would change. */
KH_MUST_CHECK enum operator_exit reload_ask(const struct invocation *invocation, bool look);

#endif
