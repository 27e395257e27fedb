/* SPDX-License-Identifier: Apache-2.0
 *
 * How often a login may be asked for: for each client's address, and in all.
 *
 * As a leaky bucket: a minute's worth may come at once, and then one after the other. Of IPv6 the
 * network of 64 bits counts, since one client has all of it.
 */
#ifndef KEYHOLE_LOGIN_RATE_H
#define KEYHOLE_LOGIN_RATE_H

#include "../../caveats/bytes.h"

enum { LOGIN_RATE_CLIENTS_MAX = 1024, LOGIN_RATE_CLIENT_SIZE = 16 };

/* Zeroed to begin with. */
struct login_rate {
    int64_t total_us; /* the moment at which what was taken is paid for */
    struct login_rate_client {
        uint8_t address[LOGIN_RATE_CLIENT_SIZE];
        int64_t paid_us;
    } client[LOGIN_RATE_CLIENTS_MAX];
};

/* Take one, of both. False: nothing was taken, and there is room again in `*retry_after_s`.
 * `per_client` and `total` are numbers per minute, at least 1; `now_ms` never goes back. */
KH_MUST_CHECK bool login_rate_take(struct login_rate *rate, struct bytes client, int64_t per_client,
                                   int64_t total, int64_t now_ms, uint32_t *retry_after_s);

#endif
