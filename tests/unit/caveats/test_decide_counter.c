/* SPDX-License-Identifier: Apache-2.0 */
/* Counters in a decision: taken last, once, and only by what is allowed. */
#include "deciding.h"

static void
counted_once_each(void **state)
{
    (void)state;
    static const char *const caveats[] = {"uses <= 3", "method = POST", "uses < 6", NULL};
    struct world world = test_world();
    struct facts facts = test_facts();
    struct buffer parent, child;
    test_mint(&parent, caveats);
    test_attenuate(&child, buffer_bytes(&parent), "uses <= 1");
    struct decision d = test_decide(&world, buffer_bytes(&child), BYTES_EMPTY, &facts, NULL);
    expect_allowed("first", &d);
    assert_int_equal(world.asked_take, 1);
    assert_int_equal(world.counter_count, 3);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(world.counter[i].used, 1);
    d = test_decide(&world, buffer_bytes(&child), BYTES_EMPTY, &facts, NULL);
    expect_denied("the child's own", &d, KH_REASON_USES_EXHAUSTED);
    assert_string_equal(d.detail, "uses <= 1");
    assert_int_equal(d.retry_after_s, 0);
    assert_true(d.identified);
    for (int i = 0; i < 2; i++) {
        d = test_decide(&world, buffer_bytes(&parent), BYTES_EMPTY, &facts, NULL);
        expect_allowed("the parent", &d);
    }
    d = test_decide(&world, buffer_bytes(&parent), BYTES_EMPTY, &facts, NULL);
    expect_denied("shared", &d, KH_REASON_USES_EXHAUSTED);
    assert_string_equal(d.detail, "uses <= 3");
    buffer_free(&parent);
    buffer_free(&child);
}

static void
rate_is_exceeded(void **state)
{
    (void)state;
    static const char *const caveats[] = {"rate <= 1/min", NULL};
    struct world world = test_world();
    struct facts facts = test_facts();
    struct decision d = decide_minted(&world, caveats, &facts);
    expect_allowed("first", &d);
    assert_int_equal(d.retry_after_s, 0);
    d = decide_minted(&world, caveats, &facts);
    expect_denied("second", &d, KH_REASON_RATE_EXCEEDED);
    assert_string_equal(d.detail, "rate <= 1/min");
    assert_int_equal(d.retry_after_s, 60);
    assert_int_equal(kh_reason_status(d.reason), 429);
}

/* A request that something else denies is no use of the token: the counters are not even asked.
 */
static void
denied_is_not_counted(void **state)
{
    (void)state;
    static const char *const other[] = {"method = GET", "colour = red",
                                        "time < 2020-01-01T00:00:00Z", "user = root"};
    for (size_t i = 0; i < COUNT_OF(other); i++) {
        for (int order = 0; order < 2; order++) {
            const char *const list[] = {order ? "uses <= 3" : other[i],
                                        order ? other[i] : "uses <= 3", NULL};
            struct world world = test_world();
            struct facts facts = test_facts();
            struct decision d = decide_minted(&world, list, &facts);
            assert_int_equal(d.verdict, DECISION_DENY);
            assert_int_equal(world.asked_take, 0);
        }
    }
    static const char *const alone[] = {"uses <= 3", NULL};
    struct facts facts = test_facts();
    for (int what = 0; what < 5; what++) {
        struct world world = test_world();
        world.no_key = what == 0;
        world.revoked_user = what == 1 ? "alice" : NULL;
        world.revoked_credential = what == 2 ? "openai" : NULL;
        world.credential[0].host_allowed = what != 3;
        facts.time = what == 4 ? TEST_EXPIRES : TEST_ISSUED;
        struct decision d = decide_minted(&world, alone, &facts);
        assert_int_equal(d.verdict, DECISION_DENY);
        assert_int_equal(world.asked_take, 0);
    }
    struct world world = test_world();
    static const char *const none[] = {"method = POST", NULL};
    facts = test_facts();
    struct decision d = decide_minted(&world, none, &facts);
    expect_allowed("no counters", &d);
    assert_int_equal(world.asked_take, 0);
}

static void
what_cannot_count_denies(void **state)
{
    (void)state;
    static const char *const caveats[] = {"uses <= 3", NULL};
    struct world world = test_world();
    struct facts facts = test_facts();
    world.cannot_count = true;
    struct decision d = decide_minted(&world, caveats, &facts);
    expect_denied("cannot count", &d, KH_REASON_BROKER_UNAVAILABLE);

    struct buffer text;
    test_mint(&text, caveats);
    const struct decision_world nothing = {
        .context = &world,
        .root_key = world_root_key,
        .revoked = world_revoked,
        .credential = world_credential,
    };
    decide(&nothing, buffer_bytes(&text), BYTES_EMPTY, &facts, &d, NULL);
    expect_denied("nothing counts", &d, KH_REASON_INTERNAL);
    buffer_free(&text);
}

static void
looking_and_judging_again_take_nothing(void **state)
{
    (void)state;
    static const char *const caveats[] = {"uses <= 1", "label = a", NULL};
    struct world world = test_world();
    struct facts facts = test_facts();
    struct decision_details details;
    struct buffer text;
    test_mint(&text, caveats);
    world.counting = COUNTING_LOOK;
    for (int i = 0; i < 3; i++) {
        struct decision d = test_decide(&world, buffer_bytes(&text), BYTES_EMPTY, &facts, &details);
        expect_allowed("look", &d);
        assert_int_equal(details.trace.caveat[0], JUDGEMENT_HOLDS);
        chain_release(&details.chain);
    }
    assert_int_equal(world.counter[0].used, 0);
    world.counting = COUNTING_TAKE;
    struct decision d = test_decide(&world, buffer_bytes(&text), BYTES_EMPTY, &facts, NULL);
    expect_allowed("take", &d);
    world.counting = COUNTING_DONE;
    d = test_decide(&world, buffer_bytes(&text), BYTES_EMPTY, &facts, NULL);
    expect_allowed("it runs", &d);
    assert_int_equal(world.counter[0].used, 1);
    world.counting = COUNTING_LOOK;
    d = test_decide(&world, buffer_bytes(&text), BYTES_EMPTY, &facts, &details);
    expect_denied("look again", &d, KH_REASON_USES_EXHAUSTED);
    assert_int_equal(details.trace.caveat[0], JUDGEMENT_FAILS);
    assert_int_equal(details.trace.caveat[1], JUDGEMENT_HOLDS);
    chain_release(&details.chain);
    facts.method = BYTES("GET");
    buffer_free(&text);

    static const char *const failing[] = {"uses <= 1", "method = POST", NULL};
    test_mint(&text, failing);
    d = test_decide(&world, buffer_bytes(&text), BYTES_EMPTY, &facts, &details);
    expect_denied("before the counters", &d, KH_REASON_CAVEAT_FAILED);
    assert_int_equal(details.trace.caveat[0], JUDGEMENT_NOT_JUDGED);
    chain_release(&details.chain);
    buffer_free(&text);
}

/* Asked twice, counted once: when the body has been read. Without room nobody reads it. */
static void
counted_when_the_body_is_read(void **state)
{
    (void)state;
    static const char *const caveats[] = {"uses <= 1", "body[/a] = x", NULL};
    struct world world = test_world();
    struct facts facts = test_facts();
    for (int i = 0; i < 2; i++) {
        struct decision d = decide_minted(&world, caveats, &facts);
        expect_need("not read", &d);
    }
    assert_int_equal(world.counter[0].used, 0);
    struct fact_body_value values[] = {{BYTES("/a"), {BODY_VALUE_STRING, BYTES("y")}}};
    struct facts read = facts;
    read.body = (struct facts_body){
        .is_read = true, .is_json = true, .value = values, .value_count = COUNT_OF(values)};
    struct decision d = decide_minted(&world, caveats, &read);
    expect_denied("another value", &d, KH_REASON_CAVEAT_FAILED);
    assert_int_equal(world.counter[0].used, 0);
    values[0].value.text = BYTES("x");
    d = decide_minted(&world, caveats, &read);
    expect_allowed("read", &d);
    assert_int_equal(world.counter[0].used, 1);
    d = decide_minted(&world, caveats, &facts);
    expect_denied("no room", &d, KH_REASON_USES_EXHAUSTED);
    world.counting = COUNTING_DONE;
    d = decide_minted(&world, caveats, &facts);
    expect_need("judged again", &d);
}

/* What cannot be put on the request denies it, and is no use of the token. */
static void
prepared_before_it_is_counted(void **state)
{
    (void)state;
    static const char *const caveats[] = {"uses <= 1", NULL};
    static const char *const fails[] = {"method = GET", NULL};
    struct world world = test_world();
    struct facts facts = test_facts();
    world.cannot_prepare = true;
    struct decision d = decide_minted(&world, caveats, &facts);
    expect_denied("cannot be made", &d, KH_REASON_NOT_SIGNABLE);
    assert_string_equal(d.detail, "not like this");
    assert_int_equal(world.asked_take, 0);
    d = decide_minted(&world, fails, &facts);
    expect_denied("denied before", &d, KH_REASON_CAVEAT_FAILED);
    assert_int_equal(world.asked_prepare, 1);
    world.cannot_prepare = false;
    d = decide_minted(&world, caveats, &facts);
    expect_allowed("made", &d);
    assert_int_equal(world.counter[0].used, 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counted_once_each),
        cmocka_unit_test(rate_is_exceeded),
        cmocka_unit_test(denied_is_not_counted),
        cmocka_unit_test(what_cannot_count_denies),
        cmocka_unit_test(looking_and_judging_again_take_nothing),
        cmocka_unit_test(counted_when_the_body_is_read),
        cmocka_unit_test(prepared_before_it_is_counted),
    };
    return RUN_BOTH_WAYS(tests);
}
