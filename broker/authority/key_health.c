/* SPDX-License-Identifier: Apache-2.0
 *
 * Counting refusals of a key. A 403 may be about the request, and anything else about neither.
 */
#include "key_health.h"

enum { WARN_EVERY_S = 60 };

bool
key_health_refuse(struct key_health *health, int64_t now)
{
    if (health->refused++ == 0)
        health->since = now;
    health->last = now;
    if (health->logged_at && now - health->logged_at < WARN_EVERY_S && now >= health->logged_at)
        return false;
    health->logged_at = now;
    return true;
}

bool
key_health_note(struct key_health *health, unsigned status, int64_t now)
{
    if (status >= 200 && status <= 299)
        health->refused = 0;
    return status == 401 && key_health_refuse(health, now);
}
