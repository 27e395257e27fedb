/* SPDX-License-Identifier: Apache-2.0 */
#include "../../../caveats/counter.h"
#include "../../../caveats/timestamp.h"
#include "world.h"

struct demanded {
    struct counter_demand demand[TOKEN_CAVEATS_MAX];
    size_t count;
};

/* A root with these caveats ("-" is a hole) and one discharge for each hole. */
static struct demanded
demanded_by(const char *const *caveats, uint8_t lineage[][LINEAGE_ID_SIZE])
{
    struct demanded out = {.count = 0};
    struct token_verified verified;
    struct caveat *caveat[TOKEN_CAVEATS_MAX] = {NULL};
    struct builder root;
    memset(&verified, 0, sizeof verified);
    builder_root(&root);
    builder_lineage(&root, verified.lineage[verified.lineage_count++]);
    for (unsigned i = 0; caveats[i]; i++) {
        if (strcmp(caveats[i], "-") == 0) {
            builder_hole(&root, "ticket", other_key);
        } else {
            size_t n = verified.condition_count++;
            builder_first_party(&root, caveats[i]);
            verified.condition[n] =
                (struct token_condition){.text = bytes_str(caveats[i]), .index = i};
            assert_int_equal(caveat_parse(bytes_str(caveats[i]), &caveat[n], NULL), KH_OK);
        }
        builder_lineage(&root, verified.lineage[verified.lineage_count++]);
    }
    out.count = counter_demands(&verified, caveat, TEST_EXPIRES, out.demand);
    memcpy(lineage, verified.lineage, verified.lineage_count * LINEAGE_ID_SIZE);
    for (size_t i = 0; i < TOKEN_CAVEATS_MAX; i++)
        caveat_free(&caveat[i]);
    builder_end(&root);
    return out;
}

static void
keys_are_lineages(void **state)
{
    (void)state;
    static const char *const caveats[] = {"method = POST", "uses <= 10", "-", "rate <= 60/min",
                                          "uses <= 10",    "label = a",  NULL};
    uint8_t lineage[TOKEN_CAVEATS_MAX + 1][LINEAGE_ID_SIZE];
    struct demanded d = demanded_by(caveats, lineage);
    assert_int_equal(d.count, 3);
    assert_memory_equal(d.demand[0].key, lineage[2], LINEAGE_ID_SIZE);
    assert_memory_equal(d.demand[1].key, lineage[4], LINEAGE_ID_SIZE); /* the hole counts */
    assert_memory_equal(d.demand[2].key, lineage[5], LINEAGE_ID_SIZE);
    assert_memory_not_equal(d.demand[0].key, d.demand[2].key, LINEAGE_ID_SIZE);
    assert_int_equal(d.demand[0].condition, 1);
    assert_int_equal(d.demand[1].condition, 2);
    assert_int_equal(d.demand[2].condition, 3);
    assert_int_equal(d.demand[0].window_s, 0);
    assert_int_equal(d.demand[1].window_s, 60);
}

static void
limits(void **state)
{
    (void)state;
    static const struct {
        const char *caveat;
        uint64_t limit;
    } cases[] = {
        {"uses <= 100", 100}, {"uses < 100", 99}, {"uses <= 0", 0},
        {"uses < 1", 0},      {"uses < 0", 0},    {"uses <= 9223372036854775807", INT64_MAX},
        {"rate < 2/s", 1},    {"rate < 0/d", 0},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const char *const list[] = {cases[i].caveat, NULL};
        uint8_t lineage[TOKEN_CAVEATS_MAX + 1][LINEAGE_ID_SIZE];
        struct demanded d = demanded_by(list, lineage);
        assert_int_equal(d.count, 1);
        if (d.demand[0].limit != cases[i].limit)
            FAIL_WITH("%s: %llu", cases[i].caveat, (unsigned long long)d.demand[0].limit);
    }
}

/* A counter lasts as long as any token that shares it can: caveats before it bound all of these,
 * caveats after it only some. */
static void
ends(void **state)
{
    (void)state;
    char before[64], either[96], at[TIMESTAMP_SIZE], later[TIMESTAMP_SIZE];
    timestamp_print(TEST_ISSUED + 100, at);
    timestamp_print(TEST_ISSUED + 200, later);
    snprintf(before, sizeof before, "time <= %s", at);
    snprintf(either, sizeof either, "time < %s or time < %s", later, at);
    const char *const caveats[] = {"uses <= 1",
                                   "time >= 2020-01-01T00:00:00Z",
                                   "time < 2020-01-01T00:00:00Z or method = GET",
                                   "uses <= 2",
                                   either,
                                   "uses <= 3",
                                   before,
                                   "uses <= 4",
                                   either,
                                   "uses <= 5",
                                   NULL};
    uint8_t lineage[TOKEN_CAVEATS_MAX + 1][LINEAGE_ID_SIZE];
    struct demanded d = demanded_by(caveats, lineage);
    assert_int_equal(d.count, 5);
    assert_int_equal(d.demand[0].expires_at, TEST_EXPIRES);
    assert_int_equal(d.demand[1].expires_at, TEST_EXPIRES);
    assert_int_equal(d.demand[2].expires_at, TEST_ISSUED + 200);
    assert_int_equal(d.demand[3].expires_at, TEST_ISSUED + 101);
    assert_int_equal(d.demand[4].expires_at, TEST_ISSUED + 101);
}

static void
none_in_discharges(void **state)
{
    (void)state;
    struct token_verified verified;
    struct counter_demand demand[TOKEN_CAVEATS_MAX];
    struct caveat *caveat[TOKEN_CAVEATS_MAX] = {NULL};
    memset(&verified, 0, sizeof verified);
    verified.condition[0] = (struct token_condition){.text = BYTES("uses <= 1"), .macaroon = 1};
    verified.condition_count = 1;
    assert_int_equal(caveat_parse(BYTES("uses <= 1"), &caveat[0], NULL), KH_OK);
    assert_int_equal(counter_demands(&verified, caveat, TEST_EXPIRES, demand), 0);
    caveat_free(&caveat[0]);
}

static void
reasons(void **state)
{
    (void)state;
    assert_true(counter_reason_is_of_token(KH_REASON_USES_EXHAUSTED));
    assert_true(counter_reason_is_of_token(KH_REASON_RATE_EXCEEDED));
    assert_false(counter_reason_is_of_token(KH_REASON_UNSET));
    assert_false(counter_reason_is_of_token(KH_REASON_BROKER_UNAVAILABLE));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_lineages),  cmocka_unit_test(limits),  cmocka_unit_test(ends),
        cmocka_unit_test(none_in_discharges), cmocka_unit_test(reasons),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
