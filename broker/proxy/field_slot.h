/* SPDX-License-Identifier: Apache-2.0
 *
 * A token in a field of the body: the body is held back, the token taken out of it, and the
 * question asked with it. What is judged has REQUEST_KEY in its place.
 */
#ifndef KEYHOLE_PROXY_FIELD_SLOT_H
#define KEYHOLE_PROXY_FIELD_SLOT_H

#include "exchange.h"

struct message_decision;

/* No other slot holds anything: whether a field of this request's body may. */
bool field_slot_is_possible(const struct exchange *exchange);
/* Hold the body back and look. */
void field_slot_begin(struct exchange *exchange);
/* The key into that place. False: there is none. */
KH_MUST_CHECK bool field_slot_apply(struct exchange *exchange,
                                    const struct message_decision *decision);

#endif
