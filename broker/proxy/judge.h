/* SPDX-License-Identifier: Apache-2.0
 *
 * Asking the authority. Nothing goes upstream but by judge_decided() with an allow: a refusal, a
 * malformed answer, no answer in time and no authority all end in a denial.
 */
#ifndef KEYHOLE_PROXY_JUDGE_H
#define KEYHOLE_PROXY_JUDGE_H

#include "exchange.h"

struct channel;
struct message;

/* Ask whether the request of `exchange->draft` may go. */
void judge_ask(struct exchange *exchange, const struct request_token *token);
/* Ask whether a tunnel to `exchange->destination` may be opened, which is passed through. */
void judge_ask_tunnel(struct exchange *exchange, const struct request_token *token);
/* The question that was asked, its slices pointing into `exchange->decide`; false when there is
 * none. And again, with what is known of the body now. */
KH_MUST_CHECK bool judge_question(const struct exchange *exchange, struct message_decide *out);
void judge_ask_again(struct exchange *exchange, struct message_decide *message);
/* Refused by us already: the authority writes the record and names it, then the client hears. What
 * is known of the request goes along; `head` may be NULL. */
KH_COLD void judge_refuse(struct exchange *exchange, const struct http1_head *head,
                          enum kh_reason reason, const char *detail);
/* Refused by the authority, which has written a record of that id: the client hears. */
KH_COLD void judge_refused_there(struct exchange *exchange, enum kh_reason reason,
                                 const uint8_t id[REQUEST_ID_SIZE]);
/* The token's holder ends it. */
void judge_revoke(struct exchange *exchange, struct bytes token);
/* No answer can be had: 503. */
KH_COLD void judge_unavailable(struct exchange *exchange);
void judge_expired(struct connection *connection);

/* Handlers of the authority's channel; the context is the proxy. */
bool judge_handle_decision(struct channel *channel, void *context, const struct message *message);
/* The authority waits for something: its time limit starts anew. */
bool judge_handle_later(struct channel *channel, void *context, const struct message *message);
bool judge_handle_revoke_done(struct channel *channel, void *context,
                              const struct message *message);

/* The authority is gone: everyone who waits hears so. */
void judge_authority_lost(struct proxy *proxy);

#endif
