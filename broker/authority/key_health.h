/* SPDX-License-Identifier: Apache-2.0
 *
 * What upstreams say of a credential's key: a 401 to a request that was allowed is the key's fault,
 * and the operator's to mend. Counted since the last answer that took it; gone with a restart.
 */
#ifndef KEYHOLE_KEY_HEALTH_H
#define KEYHOLE_KEY_HEALTH_H

#include "../../caveats/bytes.h"

struct key_health {
    uint64_t refused;    /* in a row */
    int64_t since, last; /* seconds since 1970; of `refused` */
    int64_t logged_at;
};

/* One more. True: it is time to warn (once a minute at most). */
bool key_health_refuse(struct key_health *health, int64_t now);
/* The final status of an answer. True: as above. */
bool key_health_note(struct key_health *health, unsigned status, int64_t now);

#endif
