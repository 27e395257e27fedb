/* SPDX-License-Identifier: Apache-2.0
 *
 * What the broker says of credentials, for people: on standard output. None of it is a secret.
 */
#ifndef KEYHOLE_OPERATOR_CREDENTIAL_PRINT_H
#define KEYHOLE_OPERATOR_CREDENTIAL_PRINT_H

#include "admin.h"

/* All of one, a line each: the answer to credential.show. */
admin_show_fn credential_print;
/* A line each: the answer to credential.list. */
admin_show_fn credential_print_list;
/* What became of a request with the real key: the answer to credential.test. */
admin_show_fn credential_print_trial;

#endif
