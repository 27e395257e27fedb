/* SPDX-License-Identifier: Apache-2.0 */
/* Records against what was asked for. */
#include "support.h"

#include "../../../broker/operator/audit_filter.h"

static bool
fits(const struct audit_filter *filter, const char *text)
{
    json_t *r = json_loads(text, JSON_ALLOW_NUL, NULL);
    assert_non_null(r);
    bool answer = audit_filter_fits(filter, r);
    // What fits is never passed over unread.
    assert_true(!answer || audit_filter_may_fit(filter, bytes_str(text)));
    json_decref(r);
    return answer;
}

static void
filters(void **state)
{
    (void)state;
    struct audit_filter filter;
    audit_filter_init(&filter);
    assert_true(fits(&filter, "{}"));
    audit_filter_add(&filter, "user", NULL); // was not given
    assert_true(fits(&filter, "{}"));
    audit_filter_add(&filter, "user", "alice");
    audit_filter_add(&filter, "decision", "deny");
    assert_false(fits(&filter, "{}"));
    assert_false(fits(&filter, "{\"user\":\"alice\"}"));
    assert_false(fits(&filter, "{\"user\":\"alice2\",\"decision\":\"deny\"}"));
    assert_false(fits(&filter, "{\"user\":[\"alice\"],\"decision\":\"deny\"}"));
    assert_true(fits(&filter, "{\"user\":\"alice\",\"decision\":\"deny\"}"));
}

static void
times(void **state)
{
    (void)state;
    struct audit_filter filter;
    audit_filter_init(&filter);
    filter.since = 1000000000; // 2001-09-09T01:46:40Z
    filter.until = 1000000010;
    assert_false(fits(&filter, "{}"));
    assert_false(fits(&filter, "{\"time\":\"rubbish that is long enough\"}"));
    assert_false(fits(&filter, "{\"time\":\"2001-09-09T01:46:39.999Z\"}"));
    assert_true(fits(&filter, "{\"time\":\"2001-09-09T01:46:40.000Z\"}"));
    assert_true(fits(&filter, "{\"time\":\"2001-09-09T01:46:49.999Z\"}"));
    assert_false(fits(&filter, "{\"time\":\"2001-09-09T01:46:50.000Z\"}"));
}

#define ID_A "000102030405060708090a0b0c0d0e0f"
#define ID_B "100102030405060708090a0b0c0d0e0f"

static void
families(void **state)
{
    (void)state;
    struct audit_filter filter;
    struct fault fault = {0};
    audit_filter_init(&filter);
    static const char *const bad[] = {"", "0f", ID_A "00", "sk-secret-of-somebody", "kh1_"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (audit_filter_family(&filter, bytes_str(bad[i]), &fault) == KH_OK)
            fail_msg("\"%s\" was accepted", bad[i]);
    assert_null(strstr(fault.detail, "secret"));
    assert_int_equal(audit_filter_family(&filter, BYTES(ID_A), &fault), KH_OK);
    assert_false(fits(&filter, "{}"));
    assert_true(fits(&filter, "{\"lineage\":\"" ID_A "\"}"));
    assert_true(fits(&filter, "{\"token\":\"" ID_A "\"}"));
    assert_true(fits(&filter, "{\"made_from\":[\"" ID_B "\",\"" ID_A "\"]}"));
    assert_false(fits(&filter, "{\"made_from\":[\"" ID_B "\"]}"));
    assert_false(fits(&filter, "{\"id\":\"" ID_A "\"}")); // of a request
}

static void
labels_and_paths(void **state)
{
    (void)state;
    struct audit_filter filter;
    audit_filter_init(&filter);
    filter.label = "bot \"2\"";
    assert_false(fits(&filter, "{\"labels\":[\"bot\"]}"));
    assert_false(fits(&filter, "{\"labels\":\"bot \\\"2\\\"\"}"));
    assert_true(fits(&filter, "{\"labels\":[5,\"bot \\\"2\\\"\"]}"));
    audit_filter_init(&filter);
    filter.path = "/v1/**";
    assert_false(fits(&filter, "{}"));
    assert_false(fits(&filter, "{\"path\":\"/v2/x\"}"));
    assert_true(fits(&filter, "{\"path\":\"/v1/x/y\"}"));
}

static void
lines_that_are_passed_over(void **state)
{
    (void)state;
    struct audit_filter filter;
    int64_t time = 0;
    audit_filter_init(&filter);
    audit_filter_add(&filter, "user", "alice");
    assert_false(audit_filter_may_fit(&filter, BYTES("{\"user\":\"bob\"}")));
    assert_false(audit_filter_may_fit(&filter, BYTES("{\"user\":\"alice2\"}")));
    assert_true(audit_filter_may_fit(&filter, BYTES("{\"user\":\"alice\"}")));
    // It stands for another member: reading decides.
    assert_true(audit_filter_may_fit(&filter, BYTES("{\"host\":\"alice\"}")));
    // Text that JSON may escape is not looked for.
    filter.equal[0].value = "al\"ice";
    assert_true(audit_filter_may_fit(&filter, BYTES("{\"user\":\"bob\"}")));
    assert_false(audit_line_time(BYTES("{\"seq\":1}"), &time));
    assert_false(audit_line_time(BYTES("{\"time\":\"2001-09-0"), &time));
    assert_true(audit_line_time(BYTES("{\"time\":\"2001-09-09T01:46:40.999Z\"}"), &time));
    assert_int_equal(time, 1000000000);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(filters),
        cmocka_unit_test(times),
        cmocka_unit_test(families),
        cmocka_unit_test(labels_and_paths),
        cmocka_unit_test(lines_that_are_passed_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
