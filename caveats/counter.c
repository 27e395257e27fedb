/* SPDX-License-Identifier: Apache-2.0 */
/* Which counters a token has. */

#include "counter.h"

#include <string.h>

static uint64_t
limit_of(const struct predicate *p)
{
    int64_t most = p->value[0].number;
    if (p->operator_kind == OPERATOR_LESS_EQUAL)
        return (uint64_t)most;
    return most > 0 ? (uint64_t)most - 1 : 0;
}

size_t
counter_demands(const struct token_verified *verified, struct caveat *const *caveat,
                int64_t expires_at, struct counter_demand out[TOKEN_CAVEATS_MAX])
{
    size_t n = 0;
    for (size_t i = 0; i < verified->condition_count; i++) {
        const struct token_condition *c = &verified->condition[i];
        const struct predicate *p = c->macaroon == 0 ? caveat_counter(caveat[i]) : NULL;
        int64_t end = c->macaroon == 0 ? caveat_end(caveat[i]) : INT64_MAX;
        if (p) {
            out[n] = (struct counter_demand){
                .limit = limit_of(p),
                .window_s = p->value[0].window_s,
                .expires_at = expires_at,
                .condition = i,
            };
            memcpy(out[n++].key, verified->lineage[c->index + 1], LINEAGE_ID_SIZE);
        }
        /* All that share a later counter have this caveat as well. */
        expires_at = end < expires_at ? end : expires_at;
    }
    return n;
}

bool
counter_reason_is_of_token(enum kh_reason reason)
{
    return reason == KH_REASON_USES_EXHAUSTED || reason == KH_REASON_RATE_EXCEEDED;
}
