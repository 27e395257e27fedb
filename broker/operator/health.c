/* SPDX-License-Identifier: Apache-2.0 */
/* A sentence for keys that are refused. */
#include "health.h"

#include "admin.h"

#include <stdio.h>

void
health_print(const json_t *health, char *out, size_t cap)
{
    long long count = (long long)admin_number(health, "count");
    out[0] = '\0';
    if (!json_is_object(health))
        return;
    if (count == 1)
        snprintf(out, cap, "refused by the upstream once, %.24s", admin_text(health, "last"));
    else
        snprintf(out, cap, "refused by the upstream %lld times since %.24s, last %.24s", count,
                 admin_text(health, "since"), admin_text(health, "last"));
}
