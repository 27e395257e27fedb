/* SPDX-License-Identifier: Apache-2.0
 *
 * Counters of `uses` and `rate` caveats (caveats/counter.h says what a token asks for).
 *
 * They are counted in memory, and the database is reserved ahead: a block of a sixteenth of the
 * limit, at least one, is written down as used before the first of it is given out. After a crash
 * nothing that was given out is forgotten, and what was left of a block is lost; after a clean stop
 * nothing is. A window of one second is not written down: it is taken for full in the first second
 * of a broker, by tokens that are older than that.
 *
 * Time is the steady clock, which nobody sets, so that setting the clock back or forward refills
 * nothing. Only the end of a token is a matter of the wall clock: a counter is kept until its token
 * has expired, and when the clock goes back behind such an end, tokens that may have had one are
 * refused.
 */
#ifndef KEYHOLE_AUTHORITY_COUNTER_H
#define KEYHOLE_AUTHORITY_COUNTER_H

#include "../../caveats/counter.h"
#include "../store/store.h"
#include "clock.h"

enum {
    COUNTERS_MAX = 1 << 20,
    COUNTERS_TOKEN_MAX = 4096, /* of one token id: holders can add as many caveats as they like */
    COUNTERS_BLOCK_MAX = 256,  /* of `uses` */
    COUNTERS_CLOCK_SLACK_S = 300,
};

struct counters;

/* `store` and `clock` are borrowed. */
KH_MUST_CHECK enum kh_err counters_open(struct store *store, const struct wall_clock *clock,
                                        struct counters **out, struct fault *fault);
/* Write down exactly what was used. Logs a failure: the next start is stricter then. */
void counters_close(struct counters **counters);
/* As a crash would have it. */
void counters_drop(struct counters **counters);

/* A database from a backup: what was counted since is not in it. Its counters are taken for used
 * up, and so are those of tokens issued before `now_s` that have no row. Within the caller's
 * transaction; for the next counters_open. */
KH_MUST_CHECK enum kh_err counters_note_restored(struct store *store, int64_t now_s,
                                                 struct fault *fault);

/* As decision_world.take. */
bool counters_take(struct counters *counters, const struct token_identity *identity,
                   const struct counter_demand *demand, size_t count, enum counting counting,
                   struct counter_refusal *refusal);

/* How many of that counter's limit are used now. */
uint64_t counters_used(const struct counters *counters, const uint8_t key[LINEAGE_ID_SIZE]);
size_t counters_count(const struct counters *counters);

/* Something else that was kept until its token's expiry is dropped now, as of `now_s` less the
 * slack: written before it is. counters_forgot: the clock went back behind such an end, so that
 * nobody knows any more what was said of this token. */
KH_MUST_CHECK enum kh_err counters_note_dropped(struct counters *counters, int64_t now_s,
                                                struct fault *fault);
bool counters_forgot(struct counters *counters, const struct token_identity *identity);

/* Drop counters of tokens that have expired, and windows with nothing in them. */
KH_MUST_CHECK enum kh_err counters_prune(struct counters *counters, struct fault *fault);

#endif
