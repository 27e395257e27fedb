/* SPDX-License-Identifier: Apache-2.0 */
#include "../../../caveats/hole.h"
#include "unit.h"

static void
refused(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum kh_err err;
    } cases[] = {
        {"", KH_ERR_SYNTAX},
        {"factor = yubikey", KH_ERR_SYNTAX},
        {"for 8h", KH_ERR_UNKNOWN},
        {"factor = yubikey for", KH_ERR_SYNTAX},
        {"factor = yubikey for ", KH_ERR_SYNTAX},
        {"factor = yubikey for 8", KH_ERR_SYNTAX},
        {"factor = yubikey for 0s", KH_ERR_RANGE},
        {"factor = yubikey  for 8h", KH_ERR_SYNTAX},
        {"factor = yubikey for 8h ", KH_ERR_SYNTAX},
        {"factor = yubikey or factor = ssh for 8h", KH_ERR_SYNTAX},
        {"factor = touchid for 8h", KH_ERR_TYPE},
        {"factor != ssh for 8h", KH_ERR_SYNTAX},
        {"factor > ssh for 8h", KH_ERR_SYNTAX},
        {"factor = yubikey, ssh for 8h", KH_ERR_SYNTAX},
        {"factor = yubikey and factor = ssh for 8h", KH_ERR_SYNTAX},
        {"verification = maybe for 8h", KH_ERR_TYPE},
        {"colour = red for 8h", KH_ERR_UNKNOWN},
        {"users = alice for 8h", KH_ERR_UNKNOWN},
        {"user = \"\" for 8h", KH_ERR_TYPE},
        {"user = a\nb for 8h", KH_ERR_SYNTAX},
        {"user = \xff for 8h", KH_ERR_SYNTAX},
        {"aaguid = yubikey5 for 8h", KH_ERR_TYPE},
        {"firmware >= new for 8h", KH_ERR_TYPE},
        {"firmware >= 5.07 for 8h", KH_ERR_TYPE},
        {"user in a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q for 8h", KH_ERR_TOO_LONG},
        {"firmware > 1 and firmware > 2 and firmware > 3 and firmware > 4 and firmware > 5 and "
         "firmware > 6 and firmware > 7 and firmware > 8 and firmware > 9 for 8h",
         KH_ERR_TOO_LONG},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct fault fault = {0};
        struct hole hole = {.lifetime_s = -7};
        BUFFER_AUTO text;
        buffer_init(&text, HOLE_TEXT_MAX);
        expect_err(cases[i].text, hole_parse(bytes_str(cases[i].text), &text, &hole, &fault),
                   cases[i].err);
        assert_int_equal(hole.lifetime_s, -7);
        assert_int_equal(text.n, 0);
        assert_true(fault.detail[0] != '\0');
    }
    char many[HOLE_TEXT_MAX + 2];
    memset(many, 'a', sizeof many - 1);
    many[sizeof many - 1] = '\0';
    struct hole hole;
    struct buffer text;
    buffer_init(&text, HOLE_TEXT_MAX);
    expect_err("too long", hole_parse(bytes_str(many), &text, &hole, NULL), KH_ERR_TOO_LONG);
}

static void
canonical(void **state)
{
    (void)state;
    static const struct {
        const char *text, *canonical;
        int64_t lifetime_s;
        bool names_user;
    } cases[] = {
        {"factor = yubikey for 8h", "factor = yubikey for 8h", 28800, false},
        {"factor = \"yubikey\" for 480m", "factor = yubikey for 8h", 28800, false},
        {"user = alice and factor = yubikey for 8h", "user = alice and factor = yubikey for 8h",
         28800, true},
        {"factor in yubikey,ssh and verification = pin for 15m",
         "factor in yubikey, ssh and verification = pin for 15m", 900, false},
        {"firmware >= 5.7 and firmware < 6 for 1w", "firmware >= 5.7 and firmware < 6 for 7d",
         604800, false},
        {"user = \"a b\" for 1s", "user = \"a b\" for 1s", 1, true},
        {"aaguid = CB69481E-8FF7-4039-93EC-0A2729A154A8 for 1d",
         "aaguid = cb69481e-8ff7-4039-93ec-0a2729a154a8 for 1d", 86400, false},
        {"user = and and factor in ssh,ssh-sk for 1s",
         "user = and and factor in ssh, ssh-sk for 1s", 1, true},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct fault fault = {0};
        struct hole hole = {0};
        BUFFER_AUTO text, again;
        buffer_init(&text, HOLE_TEXT_MAX);
        buffer_init(&again, HOLE_TEXT_MAX);
        enum kh_err err = hole_parse(bytes_str(cases[i].text), &text, &hole, &fault);
        if (err)
            FAIL_WITH("%s: %s", cases[i].text, fault.detail);
        expect_text(cases[i].text, buffer_bytes(&text), cases[i].canonical);
        assert_int_equal(hole.lifetime_s, cases[i].lifetime_s);
        assert_int_equal(hole.names_user, cases[i].names_user);
        expect_err("again", hole_parse(buffer_bytes(&text), &again, &hole, NULL), KH_OK);
        expect_bytes("again", buffer_bytes(&again), buffer_bytes(&text));
    }
}

static void
for_a_user(void **state)
{
    (void)state;
    struct bytes demand = BYTES("factor = yubikey for 8h");
    BUFFER_AUTO text;
    buffer_init(&text, HOLE_TEXT_MAX);
    hole_print_for_user(demand, false, BYTES("alice"), &text);
    expect_text("for alice", buffer_bytes(&text), "user = alice and factor = yubikey for 8h");
    assert_true(hole_satisfies(buffer_bytes(&text), demand, BYTES("alice")));
    assert_true(hole_satisfies(demand, demand, BYTES("alice")));
    assert_false(hole_satisfies(buffer_bytes(&text), demand, BYTES("bob")));
    assert_false(hole_satisfies(BYTES("factor = ssh for 8h"), demand, BYTES("alice")));
    assert_false(hole_satisfies(BYTES("factor = yubikey for 9h"), demand, BYTES("alice")));
    assert_false(hole_satisfies(BYTES_EMPTY, demand, BYTES("alice")));
    buffer_clear(&text);
    hole_print_for_user(BYTES("user = bob for 8h"), true, BYTES("alice"), &text);
    expect_text("it says who", buffer_bytes(&text), "user = bob for 8h");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refused),
        cmocka_unit_test(canonical),
        cmocka_unit_test(for_a_user),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
