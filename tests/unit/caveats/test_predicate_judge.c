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

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(zeroed_facts),
        cmocka_unit_test(zeroed_and_broken_predicates),
        cmocka_unit_test(media_types_that_are_none),
        cmocka_unit_test(zone_ids_and_nonsense_are_no_clients),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
