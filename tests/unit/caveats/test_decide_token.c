/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a token would be taken, without a request. */
#include "world.h"

static enum kh_reason
look(struct world *world, struct bytes text, int64_t now, struct decision *out)
{
    const struct decision_world w = {
        .context = world,
        .root_key = world_root_key,
        .revoked = world_revoked,
    };
    struct decision_details details;
    enum kh_reason reason = decide_token(&w, text, now, out, &details);
    assert_int_equal(out->verdict, DECISION_DENY); // it is no permission for anything
    assert_int_equal(out->reason, reason);
    if (!out->identified)
        assert_true(!details.chain || details.chain->identity.credential_count == 0);
    chain_release(&details.chain);
    return reason;
}

static enum kh_reason
look_minted(struct world *world, const char *const *caveats, int64_t now)
{
    struct buffer text;
    struct decision out;
    test_mint(&text, caveats);
    enum kh_reason reason = look(world, buffer_bytes(&text), now, &out);
    buffer_free(&text);
    return reason;
}

static void
no_token(void **state)
{
    struct world world = test_world();
    struct decision out;
    (void)state;
    assert_int_equal(look(&world, BYTES_EMPTY, TEST_ISSUED, &out), KH_REASON_TOKEN_MISSING);
    assert_int_equal(look(&world, BYTES("sk-live"), TEST_ISSUED, &out), KH_REASON_TOKEN_MALFORMED);
    assert_false(out.identified);
}

static void
refused(void **state)
{
    static const char *const none[] = {NULL}, *const unknown[] = {"colour = red", NULL};
    struct world world = test_world();
    (void)state;
    assert_int_equal(look_minted(&world, unknown, TEST_ISSUED), KH_REASON_CAVEAT_UNKNOWN);
    assert_int_equal(look_minted(&world, none, INT64_MAX), KH_REASON_EXPIRED);
    world.revoked_user = "alice";
    assert_int_equal(look_minted(&world, none, TEST_ISSUED), KH_REASON_REVOKED);
    world = test_world();
    world.no_key = true;
    assert_int_equal(look_minted(&world, none, TEST_ISSUED), KH_REASON_SIGNATURE_INVALID);
}

static void
taken_whatever_its_caveats_say(void **state)
{
    static const char *const caveats[] = {"method = DELETE", "uses <= 1",
                                          "time < 1971-01-01T00:00:00Z", NULL};
    struct world world = test_world();
    (void)state;
    assert_int_equal(look_minted(&world, caveats, TEST_ISSUED + 10), KH_REASON_UNSET);
    assert_int_equal(world.asked_take, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_token),
        cmocka_unit_test(refused),
        cmocka_unit_test(taken_whatever_its_caveats_say),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
