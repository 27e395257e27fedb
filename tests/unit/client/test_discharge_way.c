/* SPDX-License-Identifier: Apache-2.0 */
/* Ways to answer: their names, and which are possible here. */
#include "../../../client/discharge.h"
#include "../../../client/monotonic.h"
#include "discharges.h"
#include "ssh.h"

static size_t
one_key(const struct fido_backend *backend, struct fido_place out[FIDO_KEYS_MAX])
{
    (void)backend;
    out[0] = (struct fido_place){.path = "p", .name = "n"};
    return 1;
}

static const struct fido_backend with_key = {.list = one_key};

static bool
possible(struct test_settings *test, const char *condition, enum discharge_way way)
{
    struct discharge_hole hole = {.ticket = BYTES("t")};
    struct hole read;
    struct fault fault = {.err = KH_OK};
    buffer_init(&hole.condition, HOLE_TEXT_MAX);
    if (condition != NULL) {
        assert_ok(hole_parse(bytes_str(condition), &hole.condition, &read, &fault));
        assert_ok(hole_demand_read(buffer_bytes(&hole.condition), &hole.demand, &fault));
    }
    bool answer = discharge_way_is_possible(&test->settings, &hole, way);
    hole_demand_free(&hole.demand);
    buffer_free(&hole.condition);
    return answer;
}

static void
test_names(void **state)
{
    (void)state;
    static const char *const none[] = {"", "any", "kept", "fido", "FIDO2", "ssh "};
    enum discharge_way way = DISCHARGE_ANY;
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++)
        assert_false(discharge_way_parse(bytes_str(none[i]), &way));
    assert_int_equal(way, DISCHARGE_ANY);
    for (enum discharge_way w = DISCHARGE_FIDO2; w <= DISCHARGE_BROWSER; w++) {
        assert_true(discharge_way_parse(bytes_str(discharge_way_name(w)), &way));
        assert_int_equal(way, w);
    }
}

static void
test_what_is_demanded_and_what_is_at_hand(void **state)
{
    (void)state;
    struct test_settings test;
    test_settings_init(&test);
    static const char *const fido = "user = alice and factor = yubikey for 1h";
    static const char *const ssh = "user = alice and factor = ssh-sk for 1h";
    static const char *const either = "factor in fido2, ssh for 1h";
    static const char *const any = "user = alice for 1h";
    // Nothing here.
    assert_false(possible(&test, fido, DISCHARGE_FIDO2));
    assert_true(possible(&test, fido, DISCHARGE_BROWSER));
    assert_false(possible(&test, ssh, DISCHARGE_SSH));
    assert_false(possible(&test, ssh, DISCHARGE_BROWSER));
    assert_false(possible(&test, NULL, DISCHARGE_ANY));
    // A security key.
    test.settings.fido.backend = &with_key;
    assert_true(possible(&test, fido, DISCHARGE_FIDO2));
    assert_true(possible(&test, either, DISCHARGE_FIDO2));
    assert_true(possible(&test, any, DISCHARGE_FIDO2));
    assert_true(possible(&test, NULL, DISCHARGE_FIDO2)); // of a hole that does not say
    assert_false(possible(&test, ssh, DISCHARGE_FIDO2));
    // An SSH key.
    test_ssh_key(".ssh/id_ed25519", "-t ed25519");
    assert_true(possible(&test, ssh, DISCHARGE_SSH));
    assert_true(possible(&test, either, DISCHARGE_SSH));
    assert_false(possible(&test, fido, DISCHARGE_SSH));
    test_settings_free(&test);
}

static void
test_what_is_named(void **state)
{
    (void)state;
    struct test_settings test;
    test_settings_init(&test);
    test.settings.fido.device = "/dev/hidraw0";
    test.settings.ssh_key = "/nowhere";
    assert_true(possible(&test, "factor = fido2 for 1h", DISCHARGE_FIDO2));
    assert_true(possible(&test, "factor = ssh for 1h", DISCHARGE_SSH));
    test_settings_free(&test);
}

static void
test_time_left(void **state)
{
    (void)state;
    struct test_settings test;
    test_settings_init(&test);
    assert_int_equal(discharge_time_left(&test.settings, 1000), 1000);
    test.settings.fido.deadline_ms = 0;
    assert_int_equal(discharge_time_left(&test.settings, 1000), 1);
    test.settings.fido.deadline_ms = monotonic_ms() + 100000;
    assert_in_range(discharge_time_left(&test.settings, 200000), 1, 100000);
    test_settings_free(&test);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test_setup_teardown(test_what_is_demanded_and_what_is_at_hand, test_ssh_setup,
                                        test_ssh_teardown),
        cmocka_unit_test_setup_teardown(test_what_is_named, test_ssh_setup, test_ssh_teardown),
        cmocka_unit_test(test_time_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
