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
extern const struct admin_command admin_set_commands[];
extern const struct admin_command admin_token_commands[];
extern const struct admin_command admin_state_commands[];
extern const struct admin_command admin_policy_commands[];
extern const struct admin_command admin_explain_commands[];
extern const struct admin_command admin_test_commands[];
extern const struct admin_command admin_reload_commands[];

/* "refused_by_upstream" {count, since, last}, when the upstream refuses its key. */
KH_MUST_CHECK enum kh_err admin_put_health(json_t *out, const struct credential *credential,
                                           struct fault *fault);
/* "token_answers_refused" {count, since, last}, when answers were OAuth tokens and were refused. */
KH_MUST_CHECK enum kh_err admin_put_token_answers(json_t *out, const struct credential *credential,
                                                  struct fault *fault);

/* "ports" of the request into the row, whose slices point into `text`. */
KH_MUST_CHECK enum kh_err admin_read_ports(const json_t *request, struct store_credential *row,
                                           struct buffer *text, struct fault *fault);
/* "credential", as credential.show. */
KH_MUST_CHECK enum kh_err admin_put_credential(json_t *result, const struct credential *credential,
                                               struct fault *fault);
struct audit_record admin_record_of_credential(const char *command, struct bytes name);
/* After a change that may end what runs. */
void admin_credential_changed(struct authority *authority);

#endif
