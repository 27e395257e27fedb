/* SPDX-License-Identifier: Apache-2.0
 *
 * The settings of a credential as options of a command: for `credential add` and `credential set`.
 */
#ifndef KEYHOLE_OPERATOR_CREDENTIAL_PUT_H
#define KEYHOLE_OPERATOR_CREDENTIAL_PUT_H

#include "admin.h"

/* --host --port --slot --inject --option --resolve --upstream-ca --allow-network --path-exception
 * --foreign into the request, those that were given. Not EXIT_DONE: it was said why. */
KH_MUST_CHECK enum operator_exit credential_put_settings(const struct invocation *invocation,
                                                         struct admin_request *request);

#endif
