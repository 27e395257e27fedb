/* SPDX-License-Identifier: Apache-2.0 */
/* Chains that are kept between decisions. */
#include "deciding.h"

static struct decision
decide_text(struct world *world, const struct buffer *text, int64_t time)
{
    struct facts facts = test_facts();
    facts.time = time;
    return test_decide(world, buffer_bytes(text), BYTES_EMPTY, &facts, NULL);
}

/* What was verified once is judged each time all the same. */
static void
kept_chain_is_no_decision(void **state)
{
    (void)state;
    static const char *const caveats[] = {"method = POST", "time < 2026-06-01T00:00:00Z", NULL};
    struct world world = test_world();
    struct buffer text;
    test_mint(&text, caveats);
    struct decision d = decide_text(&world, &text, TEST_ISSUED + 1000);
    expect_allowed("first", &d);
    struct decision again = decide_text(&world, &text, TEST_ISSUED + 1000);
    expect_allowed("again", &again);
    assert_memory_equal(&again, &d, sizeof d);

    d = decide_text(&world, &text, TEST_EXPIRES);
    expect_denied("over", &d, KH_REASON_EXPIRED);
    world.revoked_user = "alice";
    d = decide_text(&world, &text, TEST_ISSUED + 1000);
    expect_denied("revoked", &d, KH_REASON_REVOKED);
    world.revoked_user = NULL;
    world.no_key = true;
    d = decide_text(&world, &text, TEST_ISSUED + 1000);
    expect_denied("key gone", &d, KH_REASON_SIGNATURE_INVALID);
    assert_false(d.identified);
    world.no_key = false;
    d = decide_text(&world, &text, TEST_ISSUED + 1000);
    expect_allowed("key back", &d);
    buffer_free(&text);
}

static void
expect_kept(size_t count)
{
    if (test_chains)
        assert_int_equal(chain_cache_count(test_chains), count);
}

static void
only_whole_chains_are_kept(void **state)
{
    (void)state;
    static const char *const unknown[] = {"colour = red", NULL};
    static const char *const fine[] = {"method = POST", NULL};
    struct world world = test_world();
    struct buffer text;
    if (test_chains)
        chain_cache_clear(test_chains);
    test_mint(&text, unknown);
    struct decision d = decide_text(&world, &text, TEST_ISSUED + 1000);
    expect_denied("unknown", &d, KH_REASON_CAVEAT_UNKNOWN);
    buffer_free(&text);
    expect_kept(0);

    test_mint(&text, fine);
    text.p[text.n - 8] ^= 1; /* of the signature */
    d = decide_text(&world, &text, TEST_ISSUED + 1000);
    expect_denied("forged", &d, KH_REASON_SIGNATURE_INVALID);
    expect_kept(0);
    text.p[text.n - 8] ^= 1;
    d = decide_text(&world, &text, TEST_ISSUED + 1000);
    expect_allowed("genuine", &d);
    expect_kept(1);
    text.p[text.n - 8] ^= 1;
    d = decide_text(&world, &text, TEST_ISSUED + 1000);
    expect_denied("forged after it", &d, KH_REASON_SIGNATURE_INVALID);
    buffer_free(&text);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kept_chain_is_no_decision),
        cmocka_unit_test(only_whole_chains_are_kept),
    };
    return RUN_BOTH_WAYS(tests);
}
