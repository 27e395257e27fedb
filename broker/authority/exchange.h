/* SPDX-License-Identifier: Apache-2.0
 *
 * Getting access tokens: one exchange for a credential at a time, whoever waits for it. What a
 * token endpoint answers stays in this process.
 */
#ifndef KEYHOLE_AUTHORITY_EXCHANGE_H
#define KEYHOLE_AUTHORITY_EXCHANGE_H

#include "authority.h"

struct exchange;

struct exchange_waiter {
    LIST_ENTRY(exchange_waiter) entry;
    /* There is an access token, or a failure is on the credential: look again. It waits no more. */
    void (*ready)(struct exchange_waiter *waiter);
    bool waits;
};

/* Begin one, unless one runs. False: it cannot begin, which is on the credential as its failure. */
bool exchange_begin(struct authority *authority, struct credential *credential);
/* The same, and wait for its end. */
bool exchange_wait(struct authority *authority, struct credential *credential,
                   struct exchange_waiter *waiter);
void exchange_leave(struct exchange_waiter *waiter);
void exchange_close_all(struct authority *authority);

/* Of oauth2, and of jwt but for `exchange=none`. */
bool exchange_is_needed(const struct credential *credential);

#endif
