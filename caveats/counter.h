/* SPDX-License-Identifier: Apache-2.0
 *
 * Counters: what a token's `uses` and `rate` caveats ask of whoever counts.
 *
 * A counter belongs to one caveat of one token and to everything made from that token: it is keyed
 * by the lineage id right after the caveat, which no other chain has. A caveat that is added later
 * counts on its own.
 */
#ifndef KEYHOLE_COUNTER_H
#define KEYHOLE_COUNTER_H

#include "caveat.h"
#include "token.h"

enum counting {
    COUNTING_TAKE = 0, /* a request that will be sent */
    COUNTING_LOOK,     /* would it be allowed? nothing is counted */
    COUNTING_DONE,     /* it was counted before and still runs: an exhausted counter ends nothing */
};

struct counter_demand {
    uint8_t key[LINEAGE_ID_SIZE];
    uint64_t limit;     /* at most so many */
    uint32_t window_s;  /* `rate`: in any so many seconds; 0: `uses` */
    int64_t expires_at; /* no token can use the counter from then on */
    size_t condition;   /* index in token_verified.condition */
};

struct counter_refusal {
    size_t demand;         /* index of the one that refused */
    enum kh_reason reason; /* USES_EXHAUSTED, RATE_EXCEEDED; else nothing could be counted */
    uint32_t retry_after_s;
};

/* The counters of a verified token, in the order of their caveats; `caveat` is by condition, none
 * of the root's is NULL. Returns the number. */
size_t counter_demands(const struct token_verified *verified, struct caveat *const *caveat,
                       int64_t expires_at, struct counter_demand out[TOKEN_CAVEATS_MAX]);

/* Whether it speaks of the token, and not of a broker that cannot count. */
bool counter_reason_is_of_token(enum kh_reason reason);

#endif
