/* SPDX-License-Identifier: Apache-2.0
 *
 * A token in a field of the body: the body is held back, the token taken out of it, and the
 * question asked with it. What is judged has REQUEST_KEY in its place.
 */
#ifndef KEYHOLE_PROXY_FIELD_SLOT_H
#define KEYHOLE_PROXY_FIELD_SLOT_H

#include "exchange.h"

struct message_decision;

/* Whether a field of this request's body may hold a token, or a key that is none. */
bool field_slot_is_possible(const struct exchange *exchange);
/* Hold the body back and look. The draft has what was found in the head. */
void field_slot_begin(struct exchange *exchange);
/* The key into that place. False: there is none. */
KH_MUST_CHECK bool field_slot_apply(struct exchange *exchange,
                                    const struct message_decision *decision);

#endif
