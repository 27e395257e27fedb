/* SPDX-License-Identifier: Apache-2.0
 *
 * What a token is for, told to whoever holds it: its credentials with their hosts, and the
 * variables that programs read (docs/PROTOCOL.run.md).
 */
#ifndef KEYHOLE_ENVIRONMENT_H
#define KEYHOLE_ENVIRONMENT_H

#include "authority.h"

/* `content` is what `out->content` points into. A refusal's record is collected, not written. */
void environment_serve(struct authority *authority, const struct message_environment_ask *ask,
                       struct message_environment *out, struct buffer *content);

#endif
