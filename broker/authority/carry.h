/* SPDX-License-Identifier: Apache-2.0
 *
 * Requests that the authority composes and a proxy carries: this process has no network.
 */
#ifndef KEYHOLE_AUTHORITY_CARRY_H
#define KEYHOLE_AUTHORITY_CARRY_H

#include "authority.h"

struct carry;

/* Called once, from the loop; `carried` is valid during the call. The carry is gone by then. */
typedef void carry_done(void *context, const struct message_carried *carried);

/* `request` is copied; its time limit is filled in. KH_ERR_NOT_FOUND: there is no proxy. A proxy
 * that ends is followed by another one, within the time limit. */
KH_MUST_CHECK enum kh_err carry_start(struct authority *authority,
                                      const struct message_carry *request, carry_done *done,
                                      void *context, struct carry **out, struct fault *fault);
/* Nobody waits for it any more. */
void carry_cancel(struct carry **carry);

/* ---- for serve.c ---- */

/* An answer of that proxy; what was not asked of it is dropped. */
void carry_answered(struct authority *authority, const struct authority_proxy *proxy, uint64_t id,
                    const struct message_carried *carried);
/* It is out of authority->proxy already. */
void carry_proxy_lost(struct authority *authority, const struct authority_proxy *proxy);
void carry_close_all(struct authority *authority);

#endif
