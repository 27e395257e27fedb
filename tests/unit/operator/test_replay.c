/* SPDX-License-Identifier: Apache-2.0 */
/* Records of the audit log, as facts to judge again. */
#include "support.h"

#include "../../../broker/operator/replay.h"

#define RECORD(more)                                                                               \
    "{\"time\":\"2026-11-21T18:00:01.250Z\",\"kind\":\"decision\",\"decision\":\"allow\","         \
    "\"user\":\"alice\",\"credential\":\"openai\",\"client\":\"10.0.0.1\",\"method\":\"GET\","     \
    "\"scheme\":\"https\",\"host\":\"api.openai.com\",\"port\":443" more "}"

static struct replay replay;

static bool
read_record(const char *text, json_t **record)
{
    *record = json_loads(text, JSON_ALLOW_NUL, NULL);
    assert_non_null(*record);
    return replay_read(*record, &replay);
}

static void
left_out(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "{}",
        "{\"kind\":5,\"time\":[],\"user\":{}}",
        "{\"kind\":\"outcome\",\"time\":\"2026-11-21T18:00:01.250Z\",\"user\":\"a\"}",
        "{\"kind\":\"decision\",\"time\":\"yesterday\",\"user\":\"a\"}",
        // nobody of whom a policy could speak
        "{\"kind\":\"decision\",\"time\":\"2026-11-21T18:00:01.250Z\",\"decision\":\"deny\"}",
        RECORD(",\"rejudged\":\"yes\""),
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        json_t *record;
        assert_false(read_record(cases[i], &record));
        json_decref(record);
    }
}

static void
facts(void **state)
{
    (void)state;
    json_t *record;
    assert_true(read_record(RECORD(",\"path\":\"/v1/a%20b\",\"lifetime\":60,\"holes\":[\"x for "
                                   "1h\"],\"values\":{\"query[a]\":[\"1\",\"2\"],"
                                   "\"header[x-y]\":\"z\",\"other\":\"1\"}"),
                            &record));
    assert_true(bytes_is(replay.facts.user, "alice"));
    assert_true(bytes_is(replay.facts.path, "/v1/a b"));
    assert_int_equal(replay.facts.time, 1795284001);
    assert_int_equal(replay.facts.port, 443);
    assert_int_equal(replay.lifetime_s, 60);
    assert_int_equal(replay.hole_count, 1);
    assert_int_equal(replay.facts.query_count, 2);
    assert_true(bytes_is(replay.facts.query[1].value, "2"));
    assert_int_equal(replay.facts.header_count, 1);
    assert_true(bytes_is(replay.facts.header[0].name, "x-y"));
    assert_true(replay.allowed);
    json_decref(record);
    assert_true(read_record(RECORD(",\"path\":\"/\""), &record));
    assert_int_equal(replay.lifetime_s, -1);
    json_decref(record);
}

static enum judgement
judge(const char *caveat, const char *more)
{
    char yaml[1024], text[8192];
    struct policy *policy = NULL;
    struct fault fault = {0};
    struct bytes group[POLICY_GROUPS_MAX];
    struct policy_verdict verdict;
    json_t *record;
    snprintf(yaml, sizeof(yaml),
             "version: 1\ngroups: {eng: [alice]}\ngrants:\n- name: g\n  to: [everyone]\n"
             "  credentials: [openai]\n%s%s%s",
             caveat[0] == '\n' ? caveat + 1 : "  caveats: ['", caveat[0] == '\n' ? "" : caveat,
             caveat[0] == '\n' ? "" : "']\n");
    if (policy_read("p", bytes_str(yaml), &policy, &fault) != KH_OK)
        fail_msg("%s", fault.detail);
    snprintf(text, sizeof(text), RECORD("%s"), more);
    assert_true(read_record(text, &record));
    replay_judge(policy, &replay, group, &verdict);
    json_decref(record);
    policy_free(&policy);
    return verdict.allowed;
}

#define PATH ",\"path\":\"/a\""

static void
judged(void **state)
{
    (void)state;
    char long_value[2048], more[4096];
    static const struct {
        const char *caveat, *more;
        enum judgement expected;
    } cases[] = {
        {"method = GET", PATH, JUDGEMENT_HOLDS},
        {"method = PUT", PATH, JUDGEMENT_FAILS},
        {"group = eng", PATH, JUDGEMENT_HOLDS},
        {"client in 10.0.0.0/8", PATH, JUDGEMENT_HOLDS},
        {"time < 2026-01-01T00:00:00Z", PATH, JUDGEMENT_FAILS},
        {"path = /a", PATH, JUDGEMENT_HOLDS},
        {"path = /a/b%2Fc", ",\"path\":\"/a/b%2Fc\"", JUDGEMENT_HOLDS},
        {"query[a] = 1", PATH ",\"values\":{\"query[a]\":\"1\"}", JUDGEMENT_HOLDS},
        {"query[a] = 1", PATH ",\"values\":{\"query[a]\":[\"1\",\"2\"]}", JUDGEMENT_FAILS},
        {"content-type = a/b", PATH ",\"values\":{\"header[content-type]\":\"a/b\"}",
         JUDGEMENT_HOLDS},
        {"body[/m] = a", PATH ",\"values\":{\"body[/m]\":\"a\"}", JUDGEMENT_HOLDS},
        {"body[/m] = b", PATH ",\"values\":{\"body[/m]\":\"a\"}", JUDGEMENT_FAILS},
        {"body[/m] = 5", PATH ",\"values\":{\"body[/m]\":\"5\"}", JUDGEMENT_HOLDS},
        {"body[/m] = 5", PATH ",\"values\":{\"body[/m]\":\"\\\"5\\\"\"}", JUDGEMENT_FAILS},
        {"body[/m] = true", PATH ",\"values\":{\"body[/m]\":\"true\"}", JUDGEMENT_HOLDS},
        {"body-size < 9", PATH ",\"values\":{\"body-size\":\"8\"}", JUDGEMENT_HOLDS},
        {"body[/m] = a", PATH ",\"values\":{\"body-size\":\"8\"}", JUDGEMENT_UNKNOWN},
        {"body[/x] absent", PATH ",\"values\":{\"body[/m]\":\"a\"}", JUDGEMENT_UNKNOWN},
        {"body[/m] = a", PATH ",\"values\":{\"body[/m]\":\"\\ufffd\"}", JUDGEMENT_UNKNOWN},
        {"body-size < 9", PATH, JUDGEMENT_UNKNOWN},
        // What is not there was not looked at, which is not the same as absent.
        {"query[a] = 1", PATH, JUDGEMENT_UNKNOWN},
        {"query[a] absent", PATH, JUDGEMENT_UNKNOWN},
        {"header[x] = 1", PATH ",\"values\":{\"query[x]\":\"1\"}", JUDGEMENT_UNKNOWN},
        {"content-type absent", PATH, JUDGEMENT_UNKNOWN},
        {"upgrade absent", PATH, JUDGEMENT_UNKNOWN},
        {"query[a] = 1 or method = GET", PATH, JUDGEMENT_HOLDS},
        // What the log replaced or cut is not what was judged.
        {"path = /a", ",\"path\":\"/kh1_\\u2026/a\"", JUDGEMENT_UNKNOWN},
        {"path = /a", "", JUDGEMENT_UNKNOWN},
        {"query[a] = 1", PATH ",\"values\":{\"query[a]\":\"\\ufffd\"}", JUDGEMENT_UNKNOWN},
        {"query[a] = 1", PATH ",\"values\":{\"query[a]\":\"kh1_\\u2026\"}", JUDGEMENT_UNKNOWN},
        // Lifetime and holes.
        {"\n  lifetime: 1h\n", PATH, JUDGEMENT_UNKNOWN},
        {"\n  lifetime: 1h\n", PATH ",\"lifetime\":3600", JUDGEMENT_HOLDS},
        {"\n  lifetime: 1h\n", PATH ",\"lifetime\":3601", JUDGEMENT_FAILS},
        {"\n  holes: [factor = ssh for 1h]\n", PATH, JUDGEMENT_UNKNOWN},
        {"\n  holes: [factor = ssh for 1h]\n", PATH ",\"lifetime\":60", JUDGEMENT_FAILS},
        {"\n  holes: [factor = ssh for 1h]\n",
         PATH ",\"lifetime\":60,\"holes\":[\"user = alice and factor = ssh for 1h\"]",
         JUDGEMENT_HOLDS},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        enum judgement got = judge(cases[i].caveat, cases[i].more);
        if (got != cases[i].expected)
            fail_msg("%s with %s: %d, not %d", cases[i].caveat, cases[i].more, (int)got,
                     (int)cases[i].expected);
    }
    memset(long_value, '1', 1024);
    strcpy(long_value + 1024, "\\u2026");
    snprintf(more, sizeof(more), PATH ",\"values\":{\"query[a]\":\"%s\"}", long_value);
    assert_int_equal(judge("query[a] ~ 1*", more), JUDGEMENT_UNKNOWN);
}

// A key of the client's own: forbids alone speak of it.
static void
without_a_token(void **state)
{
    (void)state;
    struct policy *policy = NULL;
    struct bytes group[POLICY_GROUPS_MAX];
    struct policy_verdict verdict;
    json_t *record;
    assert_true(read_record("{\"time\":\"2026-11-21T18:00:01.250Z\",\"kind\":\"decision\","
                            "\"decision\":\"allow\",\"credential\":\"c\",\"method\":\"GET\","
                            "\"path\":\"/a\"}",
                            &record));
    assert_int_equal(policy_read("p", BYTES("version: 1\nforbid: [{name: f, when: [path = /a]}]"),
                                 &policy, NULL),
                     KH_OK);
    replay_judge(policy, &replay, group, &verdict);
    assert_int_equal(verdict.allowed, JUDGEMENT_FAILS);
    policy_free(&policy);
    assert_int_equal(policy_read("p", BYTES("version: 1\n"), &policy, NULL), KH_OK);
    replay_judge(policy, &replay, group, &verdict);
    assert_int_equal(verdict.allowed, JUDGEMENT_HOLDS);
    policy_free(&policy);
    json_decref(record);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(left_out),
        cmocka_unit_test(facts),
        cmocka_unit_test(judged),
        cmocka_unit_test(without_a_token),
    };
    return cmocka_run_group_tests_name("replay", tests, NULL, NULL);
}
