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
extern const struct admin_command admin_test_commands[];

/* "refused_by_upstream" {count, since, last}, when the upstream refuses its key. */
KH_MUST_CHECK enum kh_err admin_put_health(json_t *out, const struct credential *credential,
                                           struct fault *fault);
/* "token_answers_refused" {count, since, last}, when answers were OAuth tokens and were refused. */
KH_MUST_CHECK enum kh_err admin_put_token_answers(json_t *out, const struct credential *credential,
                                                  struct fault *fault);

#endif
