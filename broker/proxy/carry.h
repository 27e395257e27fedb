/* SPDX-License-Identifier: Apache-2.0
 *
 * Requests that the authority composes (a token endpoint's, a credential's test): carried like a
 * client's, by the same exchange and the same states, on a connection that has no client. Nothing
 * of the answer goes anywhere but to the authority.
 */
#ifndef KEYHOLE_PROXY_CARRY_H
#define KEYHOLE_PROXY_CARRY_H

#include "../channel.h"
#include "../http/http1.h"
#include "../messages.h"

struct carry;
struct exchange;

bool carry_handle(struct channel *channel, void *context, const struct message *message);

/* For exchanges that are carried (exchange->carry). */

/* A final head came. False: the exchange is over. */
KH_COLD bool carry_begin_response(struct exchange *exchange, const struct http1_head *head);
/* Whether more was collected than the authority takes. */
KH_COLD bool carry_is_full(const struct exchange *exchange);
KH_COLD void carry_complete(struct exchange *exchange);
KH_COLD void carry_fail(struct exchange *exchange, enum kh_reason reason, const char *detail);
/* With its exchange; tells the authority if nothing was told so far. NULL is allowed. */
void carry_free(struct carry **carry);

#endif
