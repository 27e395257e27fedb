/* SPDX-License-Identifier: Apache-2.0
 *
 * Requests that run are judged again when something was revoked, when their time comes, and when
 * there is a new authority. A denial, or no answer in time, cuts them.
 */
#ifndef KEYHOLE_PROXY_REJUDGE_H
#define KEYHOLE_PROXY_REJUDGE_H

#include "exchange.h"

struct channel;
struct message;
struct message_decision;

KH_MUST_CHECK enum kh_err rejudge_init(struct proxy *proxy);
void rejudge_fini(struct proxy *proxy);

void rejudge_add(struct exchange *exchange); /* allowed: it runs from here */
void rejudge_arm(struct proxy *proxy);       /* its timer, unless it is armed */
void rejudge_remove(struct exchange *exchange);
/* The authority's answer to a question of this kind. */
void rejudge_decided(struct exchange *exchange, const struct message_decision *decision);
/* Ask anew for all of them. */
void rejudge_all(struct proxy *proxy);
/* The question will not be answered; there will be a new authority, or the time limit cuts. */
void rejudge_lost(struct exchange *exchange);

bool rejudge_handle(struct channel *channel, void *context, const struct message *message);

#endif
