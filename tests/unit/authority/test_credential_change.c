/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include "../../../broker/authority/credential_change.h"

static void
check(const struct store_credential *before, const struct store_credential *after,
      const char *expected)
{
    BUFFER_AUTO out;
    struct fault fault = {0};

    buffer_init(&out, 65536);
    assert_int_equal(credential_change_print(before, after, &out, &fault), KH_OK);
    assert_string_equal(out.n ? buffer_text(&out) : "", expected);
}

static void
too_much(void **state)
{
    struct store_credential before = {.inject = BYTES("basic")}, after = {.inject = BYTES("x")};
    BUFFER_AUTO out;
    struct fault fault = {0};

    (void)state;
    buffer_init(&out, 8);
    assert_int_equal(credential_change_print(&before, &after, &out, &fault), KH_ERR_TOO_LONG);
}

static void
nothing(void **state)
{
    struct store_credential one = {.inject = BYTES("basic"), .scrub = true};
    struct store_credential two = one;

    (void)state;
    check(&one, &two, "");
    two.rotated_at = 7; // no setting
    two.enabled = true;
    check(&one, &two, "");
}

static void
each(void **state)
{
    struct store_credential before = {
        .inject = BYTES("basic"),
        .scrub = true,
        .item = {[STORE_LIST_HOSTS] = {BYTES("a.example"), BYTES("b.example")},
                 [STORE_LIST_PORTS] = {BYTES("8443")},
                 [STORE_LIST_OPTIONS] = {BYTES("scope=a=b"), BYTES("audience=c")}},
        .item_count = {[STORE_LIST_HOSTS] = 2, [STORE_LIST_PORTS] = 1, [STORE_LIST_OPTIONS] = 2}};
    struct store_credential after = before;

    (void)state;
    after.item[STORE_LIST_OPTIONS][0] = BYTES("audience=c");
    after.item[STORE_LIST_OPTIONS][1] = BYTES("scope=a=b");
    check(&before, &after, ""); // another order
    after.item[STORE_LIST_OPTIONS][0] = BYTES("client-id=d");
    check(&before, &after, "option audience: c -> none\noption client-id: none -> d");
    after = before;
    after.item[STORE_LIST_OPTIONS][0] = BYTES("scope=a=c");
    check(&before, &after, "option scope: a=b -> a=c");
    after = before;
    after.item[STORE_LIST_HOSTS][0] = BYTES("b.example"); // the first one is where base URLs lead
    after.item[STORE_LIST_HOSTS][1] = BYTES("a.example");
    after.item_count[STORE_LIST_PORTS] = 0;
    after.inject = BYTES("query:k");
    after.upstream_ca = BYTES("PEM");
    after.plain = after.foreign_pass = true;
    after.scrub = false;
    check(&before, &after,
          "hosts: a.example, b.example -> b.example, a.example\nports: 8443 -> none\n"
          "inject: basic -> query:k\nupstream_ca: other certificates\nplain: no -> yes\n"
          "scrub: yes -> no\nforeign: refuse -> pass");
    check(&after, &before,
          "hosts: b.example, a.example -> a.example, b.example\nports: none -> 8443\n"
          "inject: query:k -> basic\nupstream_ca: the system's\nplain: yes -> no\n"
          "scrub: no -> yes\nforeign: pass -> refuse");
}

static void
long_values_are_cut(void **state)
{
    static uint8_t much[2000];
    struct store_credential before = {0}, after = {0};
    BUFFER_AUTO out;
    struct fault fault = {0};

    (void)state;
    memset(much, 'a', sizeof much);
    after.inject = bytes_of(much, sizeof much);
    buffer_init(&out, 65536);
    assert_int_equal(credential_change_print(&before, &after, &out, &fault), KH_OK);
    assert_true(out.n < 600);
    assert_true(bytes_ends(buffer_bytes(&out), BYTES("a…")));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(too_much),
        cmocka_unit_test(nothing),
        cmocka_unit_test(each),
        cmocka_unit_test(long_values_are_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
