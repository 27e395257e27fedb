/* SPDX-License-Identifier: Apache-2.0
 *
 * What the tests of a decision share. They are run with each chain verified anew, and with chains
 * that are kept between decisions: both decide alike.
 */
#ifndef KEYHOLE_TEST_DECIDING_H
#define KEYHOLE_TEST_DECIDING_H

#include "world.h"

/* Decide about a freshly minted token with these caveats. */
static inline struct decision
decide_minted(struct world *world, const char *const *caveats, const struct facts *facts)
{
    struct buffer text;
    test_mint(&text, caveats);
    struct decision d = test_decide(world, buffer_bytes(&text), BYTES_EMPTY, facts, NULL);
    buffer_free(&text);
    return d;
}

static inline void
expect_need(const char *what, const struct decision *d)
{
    if (d->verdict != DECISION_NEED_BODY || d->reason != KH_REASON_BODY_REQUIRED)
        FAIL_WITH("%s: verdict %x, %s \"%s\"", what, d->verdict, kh_reason_code(d->reason),
                  d->detail);
}

static inline int
keep_chains(void **state)
{
    (void)state;
    return chain_cache_new(8, &test_chains) != KH_OK;
}

static inline int
drop_chains(void **state)
{
    (void)state;
    chain_cache_free(&test_chains);
    return 0;
}

#define RUN_BOTH_WAYS(tests)                                                                       \
    (cmocka_run_group_tests_name("each chain verified", tests, NULL, NULL) +                       \
     cmocka_run_group_tests_name("chains kept", tests, keep_chains, drop_chains))

#endif
