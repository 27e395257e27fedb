/* SPDX-License-Identifier: Apache-2.0
 *
 * Options of a credential: the names of schema/credential_options.def, checked by type, and refused
 * by an injection that they do not belong to.
 */
#ifndef KEYHOLE_CREDENTIAL_OPTION_H
#define KEYHOLE_CREDENTIAL_OPTION_H

#include "credential.h"

enum { CREDENTIAL_OPTION_MAX = 2048 };

/* "NAME=VALUE". A name occurs once. */
KH_MUST_CHECK enum kh_err credential_add_option(struct credential *credential, struct bytes text,
                                                struct fault *fault);
/* The preset's, where they belong to the injection and are not given. */
KH_MUST_CHECK enum kh_err credential_complete_options(struct credential *credential,
                                                      struct fault *fault);
/* Whether each belongs to the injection. */
KH_MUST_CHECK enum kh_err credential_check_options(const struct credential *credential,
                                                   struct fault *fault);

/* The value; empty without that option. `credential_option_or` gives `otherwise` then. */
struct bytes credential_option(const struct credential *credential, const char *name);
struct bytes credential_option_or(const struct credential *credential, const char *name,
                                  const char *otherwise);
/* Whether the option token-url leads there. */
bool credential_is_token_host(const struct credential *credential, struct bytes host);
/* Of a NUMBER. */
int64_t credential_option_number(const struct credential *credential, const char *name,
                                 int64_t otherwise);

#endif
