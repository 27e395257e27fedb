/* SPDX-License-Identifier: Apache-2.0
 *
 * A client certificate of ours, for one exchange's connection to its upstream. Connections and TLS
 * sessions that were made with it serve no request without it.
 */
#ifndef KEYHOLE_PROXY_UPSTREAM_IDENTITY_H
#define KEYHOLE_PROXY_UPSTREAM_IDENTITY_H

#include "exchange.h"

#include <openssl/ssl.h>

/* Of a decision's edits, if there is one among them. */
KH_MUST_CHECK bool upstream_identity_take(struct exchange *exchange, const struct edit *edit,
                                          size_t count);
/* What tells it from others, appended; nothing without one. */
void upstream_identity_mark(const struct exchange *exchange, struct buffer *key);
/* Before the handshake; and after it, when the key is not needed any more. */
KH_MUST_CHECK enum kh_err upstream_identity_use(const struct exchange *exchange, SSL *ssl,
                                                struct fault *fault);
void upstream_identity_forget(struct exchange *exchange, SSL *ssl);

#endif
