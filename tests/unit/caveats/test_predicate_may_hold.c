/* SPDX-License-Identifier: Apache-2.0 */
/* What a forbid goes by: the worst reading of a request. */
#include "../../../caveats/body_facts.h"
#include "../../../caveats/body_need.h"
#include "policies.h"

static struct caveat *
parsed(const char *text)
{
    struct caveat *caveat = NULL;
    struct fault fault = {0};
    if (caveat_parse(bytes_str(text), &caveat, &fault) != KH_OK)
        FAIL_WITH("%s: %s", text, fault.detail);
    return caveat;
}

static void
values(void **state)
{
    (void)state;
    static const struct fact_pair query[] = {
        {BYTES("one"), BYTES("1")},  {BYTES("two"), BYTES("1")},   {BYTES("two"), BYTES("2")},
        {BYTES("odd"), BYTES("01")}, {BYTES("exp"), BYTES("1e3")}, {BYTES("text"), BYTES("abc")},
        {BYTES("empty"), BYTES("")},
    };
    static const struct fact_pair header[] = {{BYTES("content-type"), BYTES("")},
                                              {BYTES("x"), BYTES("y")}};
    static const struct {
        const char *caveat;
        bool holds, may_hold;
    } cases[] = {
        {"method = GET", true, true},
        {"method = PUT", false, false},
        {"method != GET", false, false},
        {"path ~ /a/**", true, true},
        {"path !~ /a/**", false, false},
        {"port < 443", false, false},
        {"port <= 443", true, true},
        {"time < 2026-01-01T00:00:00Z", false, false},
        {"client in 10.0.0.0/8", false, false},
        {"client not in 10.0.0.0/8", true, true},
        {"query[one] = 1", true, true},
        {"query[one] = 2", false, false},
        {"query[one] > 1", false, false},
        /* one of many is enough */
        {"query[two] = 1", false, true},
        {"query[two] != 1", false, true},
        {"query[two] = 3", false, false},
        {"query[two] in 1, 2", true, true},
        {"query[two] < 2", false, true},
        {"query[two] ~ 2*", false, true},
        {"query[two] !~ 2*", false, true},
        {"query[two] present", true, true},
        {"query[two] absent", false, false},
        /* what programs disagree about */
        {"query[odd] = 1", false, true},
        {"query[odd] > 5", false, true},
        {"query[exp] > 100", false, true},
        {"query[text] > 100", false, true},
        {"query[text] = abd", false, false},
        {"query[empty] = 1", false, false},
        /* what is not there says nothing */
        {"query[none] = 1", false, false},
        {"query[none] != 1", false, false},
        {"query[none] > 1", false, false},
        {"query[none] absent", true, true},
        {"query[none] present", false, false},
        {"upgrade = websocket", false, false},
        {"upgrade absent", true, true},
        {"group = eng", false, false},
        {"group != eng", false, false},
        {"header[x] != y", false, false},
        {"content-type = text/html", false, true}, /* a field that cannot be read */
        {"label = x", true, true},
        {"parent = 00112233445566778899aabbccddeeff", false, false},
    };
    struct facts facts = policy_facts("GET", "/a/b");
    facts.query = query;
    facts.query_count = COUNT_OF(query);
    facts.header = header;
    facts.header_count = COUNT_OF(header);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct caveat *caveat = parsed(cases[i].caveat);
        bool holds = predicate_holds(caveat->predicate, &facts);
        bool may_hold = predicate_may_hold(caveat->predicate, &facts);
        if (holds != cases[i].holds || may_hold != cases[i].may_hold)
            FAIL_WITH("%s: %s, %s", cases[i].caveat, holds ? "holds" : "does not hold",
                      may_hold ? "may hold" : "cannot hold");
        caveat_free(&caveat);
    }
}

static enum judgement
judge_body(const char *text, const char *content_type, const char *caveat_text)
{
    const struct fact_pair header = {BYTES("content-type"), bytes_str(content_type)};
    struct facts facts = policy_facts("POST", "/");
    struct body_need need = {.count = 0};
    struct fact_body_value value[BODY_POINTERS_MAX];
    struct caveat *caveat = parsed(caveat_text);
    BUFFER_AUTO storage;
    buffer_init(&storage, BODY_VALUES_TEXT_MAX);
    facts.header = &header;
    facts.header_count = content_type != NULL;
    assert_true(body_need_add(&need, caveat));
    const struct body_question question = {need.pointer, need.count, need.sha256};
    if (text == NULL)
        facts.body = (struct facts_body){.has_size = false};
    else if (*text)
        facts.body = body_facts_read(bytes_str(text), facts.header, facts.header_count, &question,
                                     value, &storage);
    else
        facts.body = body_facts_from_head(facts.header, facts.header_count, true, true, 0);
    enum judgement judgement = caveat_judge_any_reading(caveat, &facts, NULL, NULL);
    caveat_free(&caveat);
    return judgement;
}

static void
bodies(void **state)
{
    (void)state;
    static const struct {
        const char *body, *content_type, *caveat;
        enum judgement expected;
    } cases[] = {
        {"{\"m\": \"a\"}", NULL, "body[/m] = a", JUDGEMENT_HOLDS},
        {"{\"m\": \"b\"}", NULL, "body[/m] = a", JUDGEMENT_FAILS},
        {"{\"m\": \"b\"}", NULL, "body[/m] != a", JUDGEMENT_HOLDS},
        {"{\"m\": \"b\"}", NULL, "body[/m] ~ a*", JUDGEMENT_FAILS},
        {"{}", NULL, "body[/m] = a", JUDGEMENT_FAILS},
        {"{}", NULL, "body[/m] absent", JUDGEMENT_HOLDS},
        {"{\"n\": 7}", NULL, "body[/n] > 5", JUDGEMENT_HOLDS},
        {"{\"n\": 3}", NULL, "body[/n] > 5", JUDGEMENT_FAILS},
        {"{\"n\": \"7\"}", NULL, "body[/n] > 5", JUDGEMENT_HOLDS}, /* some readers count it */
        {"{\"m\": [\"a\"]}", NULL, "body[/m] = a", JUDGEMENT_HOLDS},
        /* two spellings, two values, no JSON, encoded, declared as something else */
        {"{\"m\": \"b\", \"M\": \"a\"}", NULL, "body[/m] = a", JUDGEMENT_HOLDS},
        {"{\"m\": \"b\", \"m\": \"a\"}", NULL, "body[/m] = a", JUDGEMENT_HOLDS},
        {"m=a", "application/x-www-form-urlencoded", "body[/m] = a", JUDGEMENT_HOLDS},
        {"{\"m\": \"b\"}", "application/octet-stream", "body[/m] = a", JUDGEMENT_HOLDS},
        /* none at all says nothing */
        {"", NULL, "body[/m] = a", JUDGEMENT_FAILS},
        {"", NULL, "body[/m] != a", JUDGEMENT_FAILS},
        /* not read yet */
        {NULL, NULL, "body[/m] = a", JUDGEMENT_NEEDS_BODY},
        {NULL, NULL, "body[/m] = a or method = POST", JUDGEMENT_HOLDS},
        {NULL, NULL, "body-size > 5", JUDGEMENT_NEEDS_BODY},
        {"123456", NULL, "body-size > 5", JUDGEMENT_HOLDS},
        {"12345", NULL, "body-size > 5", JUDGEMENT_FAILS},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        enum judgement got = judge_body(cases[i].body, cases[i].content_type, cases[i].caveat);
        if (got != cases[i].expected)
            FAIL_WITH("%s of %s: %d, expected %d", cases[i].caveat,
                      cases[i].body ? cases[i].body : "what was not read", (int)got,
                      (int)cases[i].expected);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values),
        cmocka_unit_test(bodies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
