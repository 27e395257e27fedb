/* SPDX-License-Identifier: Apache-2.0
 *
 * What the broker says of a key that its upstream refuses, and of answers that it refuses itself:
 * {count, since, last}.
 */
#ifndef KEYHOLE_OPERATOR_HEALTH_H
#define KEYHOLE_OPERATOR_HEALTH_H

#include <jansson.h>

/* "refused by the upstream 3 times since …, last …"; "" when `health` is no object. */
void health_print(const json_t *health, char *out, size_t cap);
/* "refused 3 times since …, last …: …", and what to do. */
void health_print_token_answers(const json_t *counted, char *out, size_t cap);

#endif
