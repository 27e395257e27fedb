/* SPDX-License-Identifier: Apache-2.0 */
/* What language.cases cannot say: facts and predicates that nothing well-formed gives. */

#include "../../../caveats/caveat.h"
#include "unit.h"

static bool
holds(const char *text, const struct facts *facts)
{
    struct caveat *caveat = NULL;
    struct fault fault = {0};
    if (caveat_parse(bytes_str(text), &caveat, &fault) != KH_OK)
        FAIL_WITH("\"%s\": %s", text, fault.detail);
    bool answer = caveat_holds(caveat, facts);
    caveat_free(&caveat);
    return answer;
}

/* With facts that are all zero, nothing about them holds. */
static void
zeroed_facts(void **state)
{
    (void)state;
    static const char *const never[] = {
        "scheme != x",
        "host != x",
        "port != 1",
        "method != x",
        "path != /x",
        "query[a] != x",
        "header[a] != x",
        "user != x",
        "client != ::1",
        "group != x",
        "upgrade != x",
        "credential != x",
        "path ~ **",
        "method ~ *",
        "content-type ~ *",
        "host present",
        "port present",
        "port < 65535",
        "query[a] present",
        "scheme !~ x",
        "client not in unix",
        "group !~ x",
        "content-type not in a, b",
    };
    struct facts facts = {.port = 0};
    for (size_t i = 0; i < COUNT_OF(never); i++) {
        if (holds(never[i], &facts))
            FAIL_WITH("\"%s\" holds for no facts at all", never[i]);
    }
    assert_true(holds("host absent", &facts));
    assert_true(holds("port absent", &facts));
    assert_true(holds("label = x", &facts));
}

static void
zeroed_and_broken_predicates(void **state)
{
    (void)state;
    struct facts facts = {.method = BYTES("GET"), .host = BYTES("a")};
    struct predicate p = {.attribute = ATTRIBUTE_UNSET};
    assert_false(predicate_holds(&p, &facts));
    p.attribute = ATTRIBUTE_COUNT;
    assert_false(predicate_holds(&p, &facts));
    p.attribute = ATTRIBUTE_METHOD;
    for (int k = OPERATOR_UNSET; k < OPERATOR_PRESENT; k++) {
        p.operator_kind = (enum operator_kind)k;
        assert_false(predicate_holds(&p, &facts)); /* no value */
    }
    p.attribute = ATTRIBUTE_PARENT;
    p.operator_kind = OPERATOR_EQUAL;
    assert_false(predicate_holds(&p, &facts));
}

static void
media_types_that_are_none(void **state)
{
    (void)state;
    char longer[400];
    memset(longer, 'a', sizeof longer);
    const struct bytes fields[] = {BYTES(""), BYTES(" ; charset=x"),
                                   bytes_of(longer, sizeof longer)};
    for (size_t i = 0; i < COUNT_OF(fields); i++) {
        struct fact_pair header = {BYTES("content-type"), fields[i]};
        struct facts facts = {.header = &header, .header_count = 1};
        assert_false(holds("content-type != text/html", &facts));
        assert_false(holds("content-type absent", &facts));
        assert_false(holds("content-type ~ *", &facts));
    }
}

static void
zone_ids_and_nonsense_are_no_clients(void **state)
{
    (void)state;
    struct facts facts = {.client = BYTES("fe80::1%eth0")};
    assert_false(holds("client != 10.0.0.0/8", &facts));
    assert_false(holds("client present", &facts));
    assert_false(holds("client in ::/0, unix", &facts));
}

/* A body that nobody read satisfies nothing, and what was not asked for is not absent. */
static void
bodies_that_were_not_read(void **state)
{
    (void)state;
    struct fact_body_value value = {BYTES("/a"), {BODY_VALUE_ABSENT, BYTES_EMPTY}};
    struct facts facts = {.method = BYTES("POST")};
    assert_false(holds("body[/a] absent", &facts));
    assert_false(holds("body-size >= 0", &facts));
    assert_false(holds("body-sha256 present", &facts));
    facts.body = (struct facts_body){.value = &value, .value_count = 1};
    assert_false(holds("body[/a] absent", &facts)); /* not said to be read */
    facts.body.is_read = true;
    assert_false(holds("body[/a] absent", &facts)); /* not JSON */
    facts.body.is_json = true;
    assert_true(holds("body[/a] absent", &facts));
    assert_false(holds("body[/b] absent", &facts));
    assert_false(holds("body[/a/] absent", &facts));
}

/* Every type of value against every operator: arrays, objects and what is too long are there, and
 * that is all. */
static void
body_values_without_text(void **state)
{
    (void)state;
    static const char *const caveats[] = {
        "body[/a] = x",    "body[/a] != x",    "body[/a] in x, y", "body[/a] not in x, y",
        "body[/a] ~ *",    "body[/a] !~ x",    "body[/a] < 5",     "body[/a] <= 5",
        "body[/a] > 5",    "body[/a] >= 5",    "body[/a] != null", "body[/a] != true",
        "body[/a] absent", "body[/a] present",
    };
    static const enum body_type types[] = {BODY_VALUE_ARRAY, BODY_VALUE_OBJECT, BODY_VALUE_LONG,
                                           BODY_VALUE_AMBIGUOUS, BODY_TYPE_COUNT};
    for (size_t t = 0; t < COUNT_OF(types); t++) {
        struct fact_body_value value = {BYTES("/a"), {types[t], BYTES("x")}};
        struct facts facts = {
            .body = {.is_read = true, .is_json = true, .value = &value, .value_count = 1}};
        for (size_t i = 0; i < COUNT_OF(caveats); i++) {
            bool expected = i == COUNT_OF(caveats) - 1 && types[t] != BODY_VALUE_AMBIGUOUS &&
                            types[t] != BODY_TYPE_COUNT;
            if (holds(caveats[i], &facts) != expected)
                FAIL_WITH("%s with type %d", caveats[i], types[t]);
        }
    }
}

static void
huge_sizes(void **state)
{
    (void)state;
    struct facts facts = {.body = {.has_size = true, .size = UINT64_MAX}};
    assert_false(holds("body-size <= 1GiB", &facts));
    assert_true(holds("body-size > 1GiB", &facts));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(zeroed_facts),
        cmocka_unit_test(zeroed_and_broken_predicates),
        cmocka_unit_test(media_types_that_are_none),
        cmocka_unit_test(zone_ids_and_nonsense_are_no_clients),
        cmocka_unit_test(bodies_that_were_not_read),
        cmocka_unit_test(body_values_without_text),
        cmocka_unit_test(huge_sizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
