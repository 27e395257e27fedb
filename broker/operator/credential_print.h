/* SPDX-License-Identifier: Apache-2.0
 *
 * What the broker says of credentials, for people: on standard output. None of it is a secret.
 */
#ifndef KEYHOLE_OPERATOR_CREDENTIAL_PRINT_H
#define KEYHOLE_OPERATOR_CREDENTIAL_PRINT_H

#include <jansson.h>

/* All of it, a line each: the answer to credential.show. */
void credential_print(json_t *credential);
/* One line: an item of the answer to credential.list. */
void credential_print_row(const json_t *credential);
/* What became of a request with the real key: the answer to credential.test. */
void credential_print_trial(const json_t *result);

#endif
