/* SPDX-License-Identifier: Apache-2.0
 *
 * The authority's admin commands. The context of each is a struct authority.
 */
#ifndef KEYHOLE_AUTHORITY_ADMIN_REQUEST_H
#define KEYHOLE_AUTHORITY_ADMIN_REQUEST_H

#include "../admin/request.h"
#include "admin.h"

/* The tables; each ends with name == NULL. */
extern const struct admin_command admin_credential_commands[];
extern const struct admin_command admin_token_commands[];
extern const struct admin_command admin_state_commands[];
extern const struct admin_command admin_policy_commands[];
extern const struct admin_command admin_explain_commands[];

#endif
