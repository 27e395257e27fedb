/* SPDX-License-Identifier: Apache-2.0 */
/* Sentences for what is refused. */
#include "health.h"

#include "admin.h"

#include <stdio.h>

static void
print_counted(const json_t *counted, const char *what, const char *then, char *out, size_t cap)
{
    long long count = (long long)admin_number(counted, "count");
    out[0] = '\0';
    if (!json_is_object(counted))
        return;
    if (count == 1)
        snprintf(out, cap, "%s once, %.24s%s", what, admin_text(counted, "last"), then);
    else
        snprintf(out, cap, "%s %lld times since %.24s, last %.24s%s", what, count,
                 admin_text(counted, "since"), admin_text(counted, "last"), then);
}

void
health_print(const json_t *health, char *out, size_t cap)
{
    print_counted(health, "refused by the upstream", "", out, cap);
}

void
health_print_token_answers(const json_t *counted, char *out, size_t cap)
{
    print_counted(counted, "refused",
                  ": answers are OAuth tokens; see token-answers= in keyholed-credential(8)", out,
                  cap);
}
