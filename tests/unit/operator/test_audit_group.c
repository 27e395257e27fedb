/* SPDX-License-Identifier: Apache-2.0 */
/* Records counted by what a member says. */
#include "support.h"

#include "../../../broker/operator/audit_group.h"

static const char *const records[] = {
    "{\"time\":\"2026-11-21T18:00:01.250Z\",\"user\":\"alice\",\"decision\":\"allow\",\"port\":"
    "443}",
    "{\"time\":\"2026-11-21T19:00:01.250Z\",\"user\":\"bob\",\"decision\":\"deny\",\"labels\":"
    "[\"a\",\"b\"]}",
    "{\"time\":\"2026-11-22T18:30:01.250Z\",\"user\":\"alice\",\"decision\":\"deny\",\"labels\":"
    "[\"a\"]}",
    "{\"time\":5,\"kind\":\"start\"}",
};

static json_t *
grouped(const char *name, uint64_t limit)
{
    struct audit_groups groups;
    const char *member = audit_group_member(name);
    assert_non_null(member);
    audit_groups_init(&groups, member, true);
    for (size_t i = 0; i < sizeof(records) / sizeof(records[0]); i++) {
        json_t *record = json_loads(records[i], 0, NULL);
        assert_int_equal(audit_groups_add(&groups, record, NULL), KH_OK);
        json_decref(record);
    }
    json_t *result = audit_groups_json(&groups, limit);
    audit_groups_free(&groups);
    assert_non_null(result);
    return result;
}

static void
assert_grouped(const char *name, uint64_t limit, const char *expected)
{
    json_t *result = grouped(name, limit), *group;
    char text[1024] = "";
    size_t i;
    json_array_foreach(json_object_get(result, "groups"), i, group)
    {
        size_t n = strlen(text);
        snprintf(text + n, sizeof(text) - n, "%s=%lld(%lld+%lld) ",
                 json_string_value(json_object_get(group, "value")),
                 (long long)json_integer_value(json_object_get(group, "count")),
                 (long long)json_integer_value(json_object_get(group, "allow")),
                 (long long)json_integer_value(json_object_get(group, "deny")));
    }
    assert_string_equal(text, expected);
    json_decref(result);
}

static void
counts(void **state)
{
    (void)state;
    assert_null(audit_group_member(""));
    assert_null(audit_group_member("secret"));
    assert_grouped("user", 10, "alice=2(1+1) =1(0+0) bob=1(0+1) ");
    assert_grouped("user", 1, "alice=2(1+1) ");
    assert_grouped("label", 10, "=2(1+0) a=2(0+2) b=1(0+1) ");
    assert_grouped("port", 10, "=3(0+2) 443=1(1+0) ");
    assert_grouped("hour", 10,
                   "=1(0+0) 2026-11-21 18:00=1(1+0) 2026-11-21 19:00=1(0+1) "
                   "2026-11-22 18:00=1(0+1) ");
    assert_grouped("day", 10, "=1(0+0) 2026-11-21=2(1+1) 2026-11-22=1(0+1) ");
}

static void
for_people(void **state)
{
    (void)state;
    struct screen screen = {0};
    BUFFER_AUTO out;
    buffer_init(&out, 65536);
    json_t *result = grouped("user", 2);
    audit_groups_print(result, &screen, &out);
    assert_string_equal(buffer_text(&out),
                        "user   records  allowed  denied  last\n"
                        "alice        2        1       1  2026-11-22T18:30:01.250Z\n"
                        "-            1        0       0\n"
                        "and 1 more\n");
    json_decref(result);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts),
        cmocka_unit_test(for_people),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
