/* SPDX-License-Identifier: Apache-2.0 */
#include "../../../caveats/hole.h"
#include "unit.h"

#define MODEL "cb69481e-8ff7-4039-93ec-0a2729a154a8"

/* What answered, by a short name. */
static struct hole_facts
facts_of(const char *who)
{
    static const struct {
        const char *who;
        struct hole_facts facts;
    } table[] = {
        {"nobody", {.factor = HOLE_FACTOR_YUBIKEY, .presence = true, .verified = true}},
        {"nothing", {.user = BYTES("alice"), .presence = true, .verified = true}},
        {"unknown", {.user = BYTES("alice"), .factor = (enum hole_factor)9, .presence = true}},
        {"ssh", {.user = BYTES("alice"), .factor = HOLE_FACTOR_SSH}},
        {"ssh-sk", {.user = BYTES("alice"), .factor = HOLE_FACTOR_SSH_SK, .presence = true}},
        {"ssh-sk untouched", {.user = BYTES("alice"), .factor = HOLE_FACTOR_SSH_SK}},
        {"ssh-sk pin",
         {.user = BYTES("alice"),
          .factor = HOLE_FACTOR_SSH_SK,
          .presence = true,
          .verified = true}},
        {"fido2", {.user = BYTES("alice"), .factor = HOLE_FACTOR_FIDO2, .presence = true}},
        {"fido2 bob", {.user = BYTES("bob"), .factor = HOLE_FACTOR_FIDO2, .presence = true}},
        {"fido2 pin",
         {.user = BYTES("alice"), .factor = HOLE_FACTOR_FIDO2, .presence = true, .verified = true}},
        {"yubikey",
         {.user = BYTES("alice"),
          .factor = HOLE_FACTOR_YUBIKEY,
          .presence = true,
          .aaguid = BYTES(MODEL),
          .firmware = BYTES("5.7.4")}},
        {"yubikey odd",
         {.user = BYTES("alice"),
          .factor = HOLE_FACTOR_YUBIKEY,
          .presence = true,
          .firmware = BYTES("5.7.4-beta")}},
    };
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        if (strcmp(table[i].who, who) == 0)
            return table[i].facts;
    }
    FAIL_WITH("no such facts: %s", who);
    return (struct hole_facts){.presence = false};
}

static const struct {
    const char *who, *hole, *failing; /* NULL: all hold */
} cases[] = {
    /* Nobody and nothing vouch for nothing, and what cannot be read is not filled. */
    {"nobody", "factor = yubikey for 8h", ""},
    {"nothing", "user = alice for 8h", ""},
    {"unknown", "user = alice for 8h", ""},
    {"yubikey", "", ""},
    {"yubikey", "factor = yubikey", ""},
    {"yubikey", "factor = yubikey for 8h ", ""},
    {"yubikey", "factor = passkey for 8h", ""},
    {"yubikey", "colour = red for 8h", ""},
    {"yubikey", "user = alice or user = bob for 8h", ""},

    /* The owner is the user of the condition. */
    {"fido2", "user = alice for 8h", NULL},
    {"fido2 bob", "user = alice for 8h", "user = alice"},
    {"fido2 bob", "user in alice, bob for 8h", NULL},
    {"fido2 bob", "user in alice, carol for 8h", "user in alice, carol"},
    {"fido2", "user = Alice for 8h", "user = Alice"},
    {"fido2", "user = alic for 8h", "user = alic"},

    /* Factors: at least as strong. */
    {"yubikey", "factor = yubikey for 8h", NULL},
    {"yubikey", "factor = fido2 for 8h", NULL},
    {"yubikey", "factor = ssh for 8h", "factor = ssh"},
    {"yubikey", "factor = ssh-sk for 8h", "factor = ssh-sk"},
    {"fido2", "factor = yubikey for 8h", "factor = yubikey"},
    {"fido2", "factor = fido2 for 8h", NULL},
    {"fido2", "factor in yubikey, ssh for 8h", "factor in yubikey, ssh"},
    {"ssh", "factor = ssh for 8h", NULL},
    {"ssh", "factor = ssh-sk for 8h", "factor = ssh-sk"},
    {"ssh", "factor = fido2 for 8h", "factor = fido2"},
    {"ssh", "factor in yubikey, ssh for 8h", NULL},
    {"ssh-sk", "factor = ssh for 8h", NULL},
    {"ssh-sk", "factor = ssh-sk for 8h", NULL},
    {"ssh-sk", "factor = fido2 for 8h", "factor = fido2"},
    {"ssh", "user = alice for 8h", NULL}, /* no factor: any */

    {"fido2", "presence = yes for 8h", NULL},
    {"ssh", "presence = yes for 8h", "presence = yes"},
    {"ssh-sk", "presence = yes for 8h", NULL},
    {"ssh-sk untouched", "presence = yes for 8h", "presence = yes"},

    {"fido2", "verification = none for 8h", NULL},
    {"fido2 pin", "verification = none for 8h", NULL},
    {"fido2", "verification = pin for 8h", "verification = pin"},
    {"fido2 pin", "verification = pin for 8h", NULL},
    {"fido2", "verification in none, pin for 8h", NULL},
    {"ssh-sk pin", "verification = pin for 8h", NULL},
    {"ssh", "verification = pin for 8h", "verification = pin"},

    {"yubikey", "aaguid = " MODEL " for 8h", NULL},
    {"yubikey", "aaguid = CB69481E-8FF7-4039-93EC-0A2729A154A8 for 8h", NULL},
    {"yubikey", "aaguid in 00000000-0000-0000-0000-000000000000, " MODEL " for 8h", NULL},
    {"yubikey", "aaguid = 00000000-0000-0000-0000-000000000000 for 8h",
     "aaguid = 00000000-0000-0000-0000-000000000000"},
    {"fido2", "aaguid = " MODEL " for 8h", "aaguid = " MODEL},

    /* Versions, not text and not numbers: 5.10 is newer than 5.7. */
    {"yubikey", "firmware >= 5.7 for 8h", NULL},
    {"yubikey", "firmware >= 5.7.4 for 8h", NULL},
    {"yubikey", "firmware >= 5.7.5 for 8h", "firmware >= 5.7.5"},
    {"yubikey", "firmware < 5.10 for 8h", NULL},
    {"yubikey", "firmware > 5.10 for 8h", "firmware > 5.10"},
    {"yubikey", "firmware > 5.7 for 8h", NULL},
    {"yubikey", "firmware <= 5.7 for 8h", "firmware <= 5.7"},
    {"yubikey", "firmware <= 5.7.4.0 for 8h", NULL},
    {"yubikey", "firmware < 5.7.4 for 8h", "firmware < 5.7.4"},
    {"yubikey", "firmware = 5.7.4 for 8h", NULL},
    {"yubikey", "firmware = 5.7 for 8h", "firmware = 5.7"},
    {"yubikey", "firmware in 5.4.3, 5.7.4 for 8h", NULL},
    {"yubikey", "firmware >= 5.7 and firmware < 6 for 8h", NULL},
    {"yubikey", "firmware >= 5.7 and firmware < 5.7.1 for 8h", "firmware < 5.7.1"},
    {"yubikey odd", "firmware >= 5.7 for 8h", "firmware >= 5.7"},
    {"fido2", "firmware >= 0 for 8h", "firmware >= 0"},

    /* All must hold, and the first that does not is told. */
    {"yubikey", "user = alice and factor = yubikey and presence = yes for 8h", NULL},
    {"fido2 bob", "factor = fido2 and user = alice and factor = fido2 for 8h", ""},
    {"fido2 bob", "factor = fido2 and user = alice and presence = yes for 8h", "user = alice"},
    {"fido2", "user = alice and factor = yubikey and verification = pin for 8h",
     "factor = yubikey"},
};

static void
judged(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct hole_facts facts = facts_of(cases[i].who);
        BUFFER_AUTO failing;
        buffer_init(&failing, HOLE_TEXT_MAX);
        bool holds = hole_judge(bytes_str(cases[i].hole), &facts, &failing);
        if (holds != (cases[i].failing == NULL))
            FAIL_WITH("%s, \"%s\": %s", cases[i].who, cases[i].hole,
                      holds ? "holds" : "does not hold");
        if (cases[i].failing)
            expect_text(cases[i].hole, buffer_bytes(&failing), cases[i].failing);
        assert_int_equal(hole_judge(bytes_str(cases[i].hole), &facts, NULL), holds);
    }
}

static void
demands(void **state)
{
    (void)state;
    static const struct {
        const char *hole, *fill; /* factors that can fill it */
        bool verification;
        size_t users;
    } table[] = {
        {"user = alice for 8h", "yubikey fido2 ssh ssh-sk", false, 1},
        {"factor = yubikey for 8h", "yubikey", false, 0},
        {"factor = fido2 for 8h", "yubikey fido2", false, 0},
        {"factor = ssh for 8h", "ssh ssh-sk", false, 0},
        {"factor = ssh-sk for 8h", "ssh-sk", false, 0},
        {"factor in yubikey, ssh for 8h", "yubikey ssh ssh-sk", false, 0},
        {"factor = ssh and presence = yes for 8h", "ssh-sk", false, 0},
        {"presence = yes for 8h", "yubikey fido2 ssh-sk", false, 0},
        {"verification = none for 8h", "yubikey fido2 ssh ssh-sk", false, 0},
        {"verification = pin for 8h", "yubikey fido2 ssh-sk", true, 0},
        {"verification in pin, pin for 8h", "yubikey fido2 ssh-sk", true, 0},
        {"verification in none, pin for 8h", "yubikey fido2 ssh ssh-sk", false, 0},
        {"aaguid = " MODEL " for 8h", "yubikey fido2", false, 0},
        {"firmware >= 5.7 and factor in yubikey, ssh for 8h", "yubikey", false, 0},
        {"factor = ssh and firmware >= 5.7 for 8h", "", false, 0},
        {"user in alice, \"b b\", carol and factor = yubikey for 15m", "yubikey", false, 3},
    };
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        struct hole_demand d;
        char fill[64] = "";
        memset(&d, 0xff, sizeof d);
        expect_err(table[i].hole, hole_demand_read(bytes_str(table[i].hole), &d, NULL), KH_OK);
        const bool can[] = {d.yubikey, d.fido2, d.ssh, d.ssh_sk};
        static const char *const name[] = {"yubikey", "fido2", "ssh", "ssh-sk"};
        for (size_t k = 0; k < COUNT_OF(can); k++) {
            if (can[k])
                strcat(strcat(fill, *fill ? " " : ""), name[k]);
        }
        expect_text(table[i].hole, bytes_str(fill), table[i].fill);
        assert_int_equal(d.verification, table[i].verification);
        assert_int_equal(d.user_count, table[i].users);
        if (table[i].users == 3) {
            expect_text("first", d.user[0], "alice");
            expect_text("second", d.user[1], "b b");
            expect_text("third", d.user[2], "carol");
            assert_int_equal(d.lifetime_s, 900);
        }
        hole_demand_free(&d);
        hole_demand_free(&d);
    }
    struct hole_demand d = {.lifetime_s = -7};
    struct fault fault = {0};
    expect_err("unreadable", hole_demand_read(BYTES("factor = x for 8h"), &d, &fault), KH_ERR_TYPE);
    expect_err("empty", hole_demand_read(BYTES_EMPTY, &d, &fault), KH_ERR_SYNTAX);
    assert_int_equal(d.lifetime_s, -7);
}

/* What says that a kind can fill a hole, and what judges, agree: the best of a kind fills it, and
 * of a kind that cannot, none does. */
static void
agreement(void **state)
{
    (void)state;
    static const struct {
        enum hole_factor factor;
        const char *name;
    } kinds[] = {{HOLE_FACTOR_YUBIKEY, "yubikey"},
                 {HOLE_FACTOR_FIDO2, "fido2"},
                 {HOLE_FACTOR_SSH, "ssh"},
                 {HOLE_FACTOR_SSH_SK, "ssh-sk"}};
    static const char *const parts[] = {
        "factor = yubikey",   "factor = fido2",
        "factor = ssh",       "factor = ssh-sk",
        "presence = yes",     "user = alice",
        "verification = pin", "verification in none, pin",
        "firmware >= 5.7",    "factor in fido2, ssh-sk",
        "aaguid = " MODEL,
    };
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        for (size_t k = 0; k < COUNT_OF(parts); k++) {
            char hole[256];
            struct hole_demand d;
            snprintf(hole, sizeof hole, "%s and %s for 8h", parts[i], parts[k]);
            if (hole_demand_read(bytes_str(hole), &d, NULL) != KH_OK)
                continue; /* the same attribute twice */
            const bool can[] = {d.yubikey, d.fido2, d.ssh, d.ssh_sk};
            for (size_t n = 0; n < COUNT_OF(kinds); n++) {
                bool is_key =
                    kinds[n].factor == HOLE_FACTOR_YUBIKEY || kinds[n].factor == HOLE_FACTOR_FIDO2;
                bool is_ssh = kinds[n].factor == HOLE_FACTOR_SSH;
                struct hole_facts best = {
                    .user = BYTES("alice"),
                    .factor = kinds[n].factor,
                    .presence = !is_ssh,
                    .verified = !is_ssh,
                    .aaguid = is_key ? BYTES(MODEL) : BYTES_EMPTY,
                    .firmware = is_key ? BYTES("5.7.4") : BYTES_EMPTY,
                };
                if (hole_judge(bytes_str(hole), &best, NULL) != can[n])
                    FAIL_WITH("%s: can be filled by %s: %d", hole, kinds[n].name, can[n]);
            }
            hole_demand_free(&d);
        }
    }
}

static void
names(void **state)
{
    (void)state;
    expect_text("name", bytes_str(hole_factor_name(HOLE_FACTOR_YUBIKEY)), "yubikey");
    expect_text("name", bytes_str(hole_factor_name(HOLE_FACTOR_FIDO2)), "fido2");
    expect_text("name", bytes_str(hole_factor_name(HOLE_FACTOR_SSH)), "ssh");
    expect_text("name", bytes_str(hole_factor_name(HOLE_FACTOR_SSH_SK)), "ssh-sk");
    expect_text("name", bytes_str(hole_factor_name(HOLE_FACTOR_UNSET)), "");
    expect_text("name", bytes_str(hole_factor_name((enum hole_factor)99)), "");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(judged),
        cmocka_unit_test(demands),
        cmocka_unit_test(agreement),
        cmocka_unit_test(names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
