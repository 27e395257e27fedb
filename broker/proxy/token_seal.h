/* SPDX-License-Identifier: Apache-2.0
 *
 * An answer that is an OAuth token, of a credential that says `token-answers=seal:NAME`: the access
 * token goes to the authority, and when that has it on the disk the client gets the same answer
 * with its own token in its place.
 */
#ifndef KEYHOLE_PROXY_TOKEN_SEAL_H
#define KEYHOLE_PROXY_TOKEN_SEAL_H

#include "exchange.h"

struct channel;
struct message;

/* The answer is whole, and held in `exchange->token_answer`. The exchange may be over afterwards.
 */
void token_seal_begin(struct exchange *exchange);
/* The authority is gone, or does not answer. */
void token_seal_lost(struct exchange *exchange);
void token_seal_expired(struct connection *connection);

/* Handler of the authority's channel; the context is the proxy. */
bool token_seal_handle_done(struct channel *channel, void *context, const struct message *message);

/* The tokens of an answer, JSON or a form; what it has not is empty. False: it is none that is read
 * for sure. Texts are appended to `text`, which must take TOKEN_SEAL_TEXT_MAX more bytes. Pure. */
enum { TOKEN_SEAL_TOKENS = 3, TOKEN_SEAL_TEXT_MAX = 64 * 1024 };
bool token_seal_read(struct bytes body, struct bytes token[TOKEN_SEAL_TOKENS], struct buffer *text);
/* The body with `replacement` in their place, everything else as it was. Pure. */
bool token_seal_rewrite(struct bytes body, struct bytes replacement, struct buffer *out);

#endif
