/* SPDX-License-Identifier: Apache-2.0 */
/* traceparent and tracestate: what is one, and what is none. */
#include "../../../broker/trace_context.h"
#include "support.h"

#define TRACE  "4bf92f3577b34da6a3ce929d0e0e4736"
#define PARENT "00f067aa0ba902b7"

static void
test_parents(void **state)
{
    static const struct {
        const char *text;
        bool good;
    } cases[] = {
        {"00-" TRACE "-" PARENT "-01", true},
        {"00-" TRACE "-" PARENT "-00", true},
        {"cc-" TRACE "-" PARENT "-01", true},
        {"cc-" TRACE "-" PARENT "-01-more", true},
        {"", false},
        {"00", false},
        {"00-" TRACE "-" PARENT "-01-more", false},
        {"00-" TRACE "-" PARENT "-0", false},
        {"00-" TRACE "-" PARENT "-01 ", false},
        {"cc-" TRACE "-" PARENT "-01more", false},
        {"ff-" TRACE "-" PARENT "-01", false},
        {"0g-" TRACE "-" PARENT "-01", false},
        {"00_" TRACE "-" PARENT "-01", false},
        {"00-" TRACE "_" PARENT "-01", false},
        {"00-" TRACE "-" PARENT "_01", false},
        {"00-4BF92F3577B34DA6A3CE929D0E0E4736-" PARENT "-01", false},
        {"00-" TRACE "-00F067AA0BA902B7-01", false},
        {"00-00000000000000000000000000000000-" PARENT "-01", false},
        {"00-" TRACE "-0000000000000000-01", false},
        {"00-" TRACE "-" PARENT "-0A", false},
    };
    uint8_t id[TRACE_ID_SIZE];
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        memset(id, 0, sizeof(id));
        if (trace_parent_parse(bytes_str(cases[i].text), id) != cases[i].good)
            fail_msg("%s: expected %s", cases[i].text, cases[i].good ? "good" : "bad");
        assert_int_equal(id[0], cases[i].good ? 0x4b : 0);
        assert_int_equal(id[15], cases[i].good ? 0x36 : 0);
    }
    assert_true(trace_parent_parse(bytes_str(cases[0].text), NULL));
}

static bool
check(const char *text)
{
    unsigned members = 0;
    return trace_state_check(bytes_str(text), &members);
}

static void
test_states(void **state)
{
    static const struct {
        const char *text;
        bool good;
    } cases[] = {
        {"", true},
        {"a=1", true},
        {" rojo=00f067aa0ba902b7 ,\tcongo=t61rcWkgMzE", true},
        {"a=1,,b=2,", true},
        {"0tenant@vendor=x", true},
        {"a_-*/9=x y", true},
        {"a", false},
        {"=1", false},
        {"a=", false},
        {"A=1", false},
        {"@v=1", false},
        {"t@=1", false},
        {"a@b@c=1", false},
        {"_a=1", false},
        {"a=1=2", false},
        {"a=\x01", false},
        {"a=\xc3\xa9", false},
        {"a b=1", false},
        {"a =1", false},
        {"a.b=1", false},
        {"foo@@bar=1", false},
        {"foo@1bar=1", false},
        {"foo=1 \t , \t bar=2, \t baz=3", true},
    };
    char many[33 * 4 + 1] = "";
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        if (check(cases[i].text) != cases[i].good)
            fail_msg("%s: expected %s", cases[i].text, cases[i].good ? "good" : "bad");
    for (int i = 0; i < 32; i++)
        strcat(many, "a=1,");
    assert_true(check(many));
    strcat(many, "a=1");
    assert_false(check(many));
}

// As long as W3C Trace Context has it, and no longer; the fields of one request are one list.
static void
test_limits_of_states(void **state)
{
    static const struct {
        size_t tenant, system, value;
        bool good;
    } cases[] = {
        {256, 0, 1, true}, {257, 0, 1, false}, {241, 14, 1, true}, {242, 1, 1, false},
        {1, 15, 1, false}, {1, 0, 256, true},  {1, 0, 257, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[1024] = "";
        memset(text, 't', cases[i].tenant);
        if (cases[i].system > 0) {
            strcat(text, "@");
            memset(text + strlen(text), 's', cases[i].system);
        }
        strcat(text, "=");
        memset(text + strlen(text), 'v', cases[i].value);
        if (check(text) != cases[i].good)
            fail_msg("%zu@%zu=%zu: expected %s", cases[i].tenant, cases[i].system, cases[i].value,
                     cases[i].good ? "good" : "bad");
    }
    unsigned members = 0;
    assert_true(trace_state_check(BYTES("a=1,b=2"), &members));
    assert_int_equal(members, 2);
    members = 31;
    assert_true(trace_state_check(BYTES("a=1"), &members));
    assert_false(trace_state_check(BYTES("a=1"), &members));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parents),
        cmocka_unit_test(test_states),
        cmocka_unit_test(test_limits_of_states),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
