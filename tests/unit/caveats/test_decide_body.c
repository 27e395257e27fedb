/* SPDX-License-Identifier: Apache-2.0 */
/* When a body is asked for, and what it decides then. */
#include "deciding.h"

static const struct facts_body empty_body = {.has_size = true, .has_sha256 = true, .is_read = true};

static struct decision
decide_body(const char *const *caveats, const struct facts_body *body,
            struct decision_details *details)
{
    struct world world = test_world();
    struct facts facts = test_facts();
    struct buffer text;
    if (body)
        facts.body = *body;
    test_mint(&text, caveats);
    struct decision d = test_decide(&world, buffer_bytes(&text), BYTES_EMPTY, &facts, details);
    if (details)
        chain_release(&details->chain);
    buffer_free(&text);
    return d;
}

/* Nobody reads a body for a request that is denied or allowed anyhow. */
static void
body_is_not_needed(void **state)
{
    (void)state;
    static const char *const fails[] = {"body[/model] = a", "method = GET", "body-size < 5", NULL};
    static const char *const other[] = {"body[/model] = a or method = POST", NULL};
    static const char *const unknown[] = {"body[/model] = a", "colour = blue", NULL};
    struct decision_details details;
    struct decision d = decide_body(fails, NULL, &details);
    expect_denied("another caveat fails", &d, KH_REASON_CAVEAT_FAILED);
    assert_string_equal(d.detail, "method = GET");
    assert_int_equal(details.trace.caveat[0], JUDGEMENT_NEEDS_BODY);
    assert_int_equal(details.trace.caveat[1], JUDGEMENT_FAILS);
    d = decide_body(fails, NULL, NULL);
    expect_denied("without details", &d, KH_REASON_CAVEAT_FAILED);
    d = decide_body(other, NULL, NULL);
    expect_allowed("another predicate holds", &d);
    d = decide_body(unknown, NULL, NULL);
    expect_denied("not understood", &d, KH_REASON_CAVEAT_UNKNOWN);
    d = decide_body(fails, &empty_body, NULL);
    expect_denied("no body", &d, KH_REASON_CAVEAT_FAILED);
    assert_string_equal(d.detail, "body[/model] = a");
}

static void
body_is_asked_for(void **state)
{
    (void)state;
    static const char *const caveats[] = {
        "body[/model] = a", "time < 2030-01-01T00:00:00Z or body[/n] <= 5",
        "body[/model] ~ * or body[\"/a b\"] absent", "method = POST", NULL};
    static const char *const size[] = {"body-size <= 5", NULL};
    static const char *const hash[] = {"body-sha256 present", NULL};
    struct decision_details details;
    struct decision d = decide_body(caveats, NULL, &details);
    expect_need("pointers", &d);
    assert_true(d.identified);
    assert_int_equal(details.body_need.count, 3);
    expect_text("first", details.body_need.pointer[0], "/model");
    expect_text("second", details.body_need.pointer[1], "/a b");
    /* That one holds now, but it may be judged again when its time is over. */
    expect_text("third", details.body_need.pointer[2], "/n");
    assert_false(details.body_need.sha256);
    assert_int_equal(details.trace.caveat[0], JUDGEMENT_NEEDS_BODY);
    assert_int_equal(details.trace.caveat[1], JUDGEMENT_HOLDS);
    d = decide_body(caveats, NULL, NULL);
    expect_need("without details", &d);
    d = decide_body(size, NULL, &details);
    expect_need("size", &d);
    assert_int_equal(details.body_need.count, 0);
    d = decide_body(hash, NULL, &details);
    expect_need("hash", &d);
    assert_true(details.body_need.sha256);
    assert_int_not_equal(DECISION_NEED_BODY, DECISION_ALLOW);
}

static void
body_was_read(void **state)
{
    (void)state;
    static const char *const caveats[] = {"body[/model] in a, b", "body[/n] <= 5 or method = GET",
                                          "body-size <= 100", NULL};
    struct fact_body_value values[] = {
        {BYTES("/model"), {BODY_VALUE_STRING, BYTES("a")}},
        {BYTES("/n"), {BODY_VALUE_NUMBER, BYTES("5")}},
    };
    struct facts_body body = {.has_size = true,
                              .size = 20,
                              .is_read = true,
                              .is_json = true,
                              .value = values,
                              .value_count = 2};
    struct decision d = decide_body(caveats, &body, NULL);
    expect_allowed("all hold", &d);
    values[1].value.text = BYTES("5.0000000000000000000000000000001");
    d = decide_body(caveats, &body, NULL);
    expect_denied("a number beyond", &d, KH_REASON_CAVEAT_FAILED);
    assert_string_equal(d.detail, "body[/n] <= 5 or method = GET");
    body.is_json = false;
    d = decide_body(caveats, &body, NULL);
    expect_denied("not JSON", &d, KH_REASON_CAVEAT_FAILED);
    assert_string_equal(d.detail, "body[/model] in a, b");
    body.is_json = true;
    body.value_count = 1; /* less than is looked at: it is asked for once more */
    d = decide_body(caveats, &body, NULL);
    expect_need("a value is missing", &d);
}

/* More places than can be looked at: refused, and never asked for. */
static void
body_needs_too_much(void **state)
{
    (void)state;
    const char *caveats[TOKEN_CAVEATS_MAX + 1] = {0};
    char text[3][CAVEAT_TEXT_MAX + 1];
    size_t pointers = 0;
    for (int i = 0; i < 3; i++) {
        text[i][0] = '\0';
        for (int k = 0; k < 22; k++)
            snprintf(text[i] + strlen(text[i]), sizeof text[i] - strlen(text[i]),
                     "%sbody[/p%zu] = 1", k ? " or " : "", pointers++);
        caveats[i] = text[i];
    }
    struct decision d = decide_body(caveats, NULL, NULL);
    expect_denied("66 places", &d, KH_REASON_CAVEAT_FAILED);
    caveats[2] = NULL;
    d = decide_body(caveats, NULL, NULL);
    expect_need("44 places", &d);
}

/* A signature of the body needs it as a caveat does, and with it all that caveats want of it. */
static void
body_for_the_credential(void **state)
{
    (void)state;
    static const char *const caveats[] = {"body[/a] = x or method = POST", "uses <= 1", NULL};
    static const char *const fails[] = {"method = GET", NULL};
    struct world world = test_world();
    struct facts facts = test_facts();
    struct decision_details details;
    struct buffer text;
    world.credential[0].needs_sha256 = world.credential[0].needs_content = true;
    struct decision d = decide_minted(&world, fails, &facts);
    expect_denied("denied whatever the body", &d, KH_REASON_CAVEAT_FAILED);
    test_mint(&text, caveats);
    d = test_decide(&world, buffer_bytes(&text), BYTES_EMPTY, &facts, &details);
    expect_need("not read", &d);
    assert_true(details.body_need.sha256 && details.body_need.content);
    assert_int_equal(details.body_need.count, 1);
    assert_true(bytes_is(details.body_need.pointer[0], "/a"));
    assert_int_equal(world.asked_prepare, 0);
    assert_int_equal(world.counter[0].used, 0);
    chain_release(&details.chain);
    world.body_is_gone = true;
    d = test_decide(&world, buffer_bytes(&text), BYTES_EMPTY, &facts, NULL);
    expect_allowed("it runs", &d);
    buffer_free(&text);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(body_is_not_needed),      cmocka_unit_test(body_is_asked_for),
        cmocka_unit_test(body_was_read),           cmocka_unit_test(body_needs_too_much),
        cmocka_unit_test(body_for_the_credential),
    };
    return RUN_BOTH_WAYS(tests);
}
