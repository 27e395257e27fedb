/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include "../../../broker/authority/access.h"

static struct access *access_token;

static int
begin(void **state)
{
    (void)state;
    access_token = access_new();
    return access_token ? 0 : -1;
}

static int
end(void **state)
{
    (void)state;
    access_free(&access_token);
    access_free(&access_token); // none is fine
    return 0;
}

static void
take(int64_t lifetime_s, int64_t now)
{
    assert_ok(access_take(access_token, BYTES("at-1"), lifetime_s, now, now * 1000, fault));
}

static void
what_is_no_token(void **state)
{
    static const char *const bad[] = {"", " ", "a b", "a\r\nX: y", "a\x7f", "caf\xc3\xa9"};
    char text[8194];

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_fault(access_take(access_token, bytes_str(bad[i]), 60, 1, 1, fault), KH_ERR_RANGE,
                     "access token");
    memset(text, 'a', sizeof text);
    assert_fault(access_take(access_token, bytes_of(text, 8193), 60, 1, 1, fault), KH_ERR_RANGE,
                 "access token");
    assert_fault(access_take(access_token, BYTES("at"), 0, 1, 1, fault), KH_ERR_RANGE, "token");
    assert_fault(access_take(access_token, BYTES("at"), -5, 1, 1, fault), KH_ERR_RANGE, "token");
    assert_int_equal(access_look(access_token, 1), ACCESS_NONE);
}

static void
it_serves_and_is_due(void **state)
{
    static const struct {
        int64_t lifetime_s, due, over;
    } row[] = {
        {1, 1, 1}, {10, 8, 10}, {100, 80, 95}, {120, 60, 115}, {200, 140, 195}, {3600, 2880, 3595},
    };

    (void)state;
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        take(row[i].lifetime_s, 1000);
        assert_int_equal(access_look(access_token, 1000), ACCESS_READY);
        assert_false(access_is_due(access_token, 1000 + row[i].due - 1));
        assert_int_equal(access_is_due(access_token, 1000 + row[i].due), row[i].due < row[i].over);
        assert_int_equal(access_look(access_token, 1000 + row[i].over - 1), ACCESS_READY);
        assert_int_equal(access_look(access_token, 1000 + row[i].over), ACCESS_NONE);
    }
}

static void
failures_rest_longer_and_longer(void **state)
{
    static const int64_t rest[] = {1, 2, 4, 8, 16, 30, 30};
    int64_t now = 1000;

    (void)state;
    for (size_t i = 0; i < sizeof rest / sizeof rest[0]; i++) {
        access_fail(access_token, KH_REASON_ACCESS_TOKEN, "why", now);
        assert_int_equal(access_look(access_token, now + rest[i] - 1), ACCESS_FAILED);
        assert_int_equal(access_look(access_token, now + rest[i]), ACCESS_NONE);
        now += rest[i];
    }
    assert_string_equal(access_token->detail, "why");
    take(100, now);
    assert_int_equal(access_look(access_token, now), ACCESS_READY);
    access_fail(access_token, KH_REASON_ACCESS_TOKEN, "again", now + 90);
    // What serves goes on serving, and is not renewed at once.
    assert_int_equal(access_look(access_token, now + 90), ACCESS_READY);
    assert_false(access_is_due(access_token, now + 90));
    assert_true(access_is_due(access_token, now + 91));
}

static void
a_401_drops_what_it_was_said_of(void **state)
{
    (void)state;
    assert_false(access_refused(access_token, 0, 1));
    take(3600, 1000); // at 1 000 000 ms
    // The request began before this token was there.
    assert_false(access_refused(access_token, 999999, 1000500));
    assert_int_equal(access_look(access_token, 1001), ACCESS_READY);
    assert_true(access_refused(access_token, 1000000, 1000500));
    assert_int_equal(access_look(access_token, 1001), ACCESS_NONE);
}

static void
and_less_and_less_often(void **state)
{
    int64_t steady = 2000000, rest = 1000;

    (void)state;
    for (int i = 0; i < 9; i++) {
        assert_ok(access_take(access_token, BYTES("at"), 3600, 1000, steady, fault));
        assert_true(access_refused(access_token, steady, steady));
        assert_ok(access_take(access_token, BYTES("at"), 3600, 1000, steady, fault));
        assert_false(access_refused(access_token, steady, steady + rest - 1));
        steady += rest;
        rest = i < 5 ? 2 * rest : 60000;
    }
    access_accepted(access_token);
    assert_true(access_refused(access_token, steady, steady));
}

static void
another_secret_begins_anew(void **state)
{
    uint64_t version = access_token->secret_version;

    (void)state;
    take(3600, 1000);
    access_drop(access_token);
    assert_int_equal(access_look(access_token, 1000), ACCESS_NONE);
    assert_true(access_token->secret_version == version);
    access_fail(access_token, KH_REASON_ACCESS_TOKEN, "why", 1000);
    assert_ok(secret_new(BYTES("rt"), &access_token->unsaved, fault));
    access_change_secret(access_token);
    assert_int_equal(access_look(access_token, 1000), ACCESS_NONE);
    assert_null(access_token->unsaved);
    assert_true(access_token->secret_version != version);
}

static void
earlier(void **state)
{
    (void)state;
    access_keep_earlier(access_token, 5000); // there is none
    assert_int_equal(access_earlier(access_token, 0, 1).n, 0);
    assert_int_equal(access_earlier(access_token, ACCESS_EARLIER_MAX, 1).n, 0);
    take(3600, 1000);
    access_keep_earlier(access_token, 2000);
    assert_null(access_token->token);
    assert_true(bytes_is(access_earlier(access_token, 0, 1999), "at-1"));
    assert_int_equal(access_earlier(access_token, 0, 2000).n, 0);
    // One that expires before the grace ends is worth nothing then.
    take(100, 1000);
    access_keep_earlier(access_token, 90000);
    assert_true(bytes_is(access_earlier(access_token, 1, 1100), "at-1"));
    assert_int_equal(access_earlier(access_token, 1, 1200).n, 0);
    access_expire_earlier(access_token, 1200);
    assert_null(access_token->earlier[1].token);
    assert_non_null(access_token->earlier[0].token);
    // The oldest makes room, and without a grace all go.
    for (int i = 0; i < 2 * ACCESS_EARLIER_MAX; i++) {
        take(3600, 1000);
        access_keep_earlier(access_token, 2000);
    }
    take(3600, 1000);
    access_keep_earlier(access_token, 0);
    for (unsigned i = 0; i < ACCESS_EARLIER_MAX; i++)
        assert_null(access_token->earlier[i].token);
    assert_non_null(access_token->token);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_no_token, begin, end),
        cmocka_unit_test_setup_teardown(it_serves_and_is_due, begin, end),
        cmocka_unit_test_setup_teardown(failures_rest_longer_and_longer, begin, end),
        cmocka_unit_test_setup_teardown(a_401_drops_what_it_was_said_of, begin, end),
        cmocka_unit_test_setup_teardown(and_less_and_less_often, begin, end),
        cmocka_unit_test_setup_teardown(another_secret_begins_anew, begin, end),
        cmocka_unit_test_setup_teardown(earlier, begin, end),
    };
    return cmocka_run_group_tests_name("access", tests, NULL, NULL);
}
