/* SPDX-License-Identifier: Apache-2.0 */
/* Which security keys are there, which is meant, and what their codes mean. */
#include "keys.h"

static void
test_opening(void **state)
{
    (void)state;
    struct test_keys keys;
    struct fido_keys open = {.count = 0};
    struct fault fault = {.err = KH_OK};
    test_keys_init(&keys);
    assert_int_equal(fido_keys_open(&keys.context, &open, &fault), KH_ERR_NOT_FOUND);
    test_keys_plug(&keys, (struct softauthn_options){0})->gone = true;
    assert_int_equal(fido_keys_open(&keys.context, &open, &fault), KH_ERR_PERMISSION);
    test_keys_plug(&keys, (struct softauthn_options){0});
    assert_ok(fido_keys_open(&keys.context, &open, &fault)); // one that opens is enough
    assert_int_equal(open.count, 1);
    assert_string_equal(open.key[0].place.name, "test key 1");
    fido_keys_close(&open);
    assert_int_equal(open.count, 0);
    test_keys_free(&keys);
}

static void
test_filter(void **state)
{
    (void)state;
    struct test_keys keys;
    struct fido_keys open = {.count = 0};
    struct fault fault = {.err = KH_OK};
    static const bool keep[FIDO_KEYS_MAX] = {[1] = true};
    test_keys_init(&keys);
    for (size_t i = 0; i < TEST_KEYS_MAX; i++)
        test_keys_plug(&keys, (struct softauthn_options){0});
    assert_ok(fido_keys_open(&keys.context, &open, &fault));
    fido_keys_filter(&open, keep);
    assert_int_equal(open.count, 1);
    assert_string_equal(open.key[0].place.path, "1");
    assert_ok(fido_keys_select(&keys.context, &open, &fault)); // one is no choice
    assert_int_equal(open.count, 1);
    assert_string_equal(test_keys_said(&keys), "");
    fido_keys_close(&open);
    test_keys_free(&keys);
}

static void
test_selection(void **state)
{
    (void)state;
    struct test_keys keys;
    struct fido_keys open = {.count = 0};
    struct fault fault = {.err = KH_OK};
    test_keys_init(&keys);
    test_keys_plug(&keys, (struct softauthn_options){0});
    test_keys_plug(&keys, (struct softauthn_options){0});
    assert_ok(fido_keys_open(&keys.context, &open, &fault));
    assert_ok(fido_keys_select(&keys.context, &open, &fault));
    assert_int_equal(open.count, 1);
    assert_contains(test_keys_said(&keys), "2 security keys are plugged in: touch the one to use");
    fido_keys_close(&open);
    test_keys_free(&keys);
}

static void
test_nobody_chooses(void **state)
{
    (void)state;
    struct test_keys keys;
    struct fido_keys open = {.count = 0};
    struct fault fault = {.err = KH_OK};
    test_keys_init(&keys);
    test_keys_plug(&keys, (struct softauthn_options){0})->touch = SOFTAUTHN_USER_ACTION_TIMEOUT;
    test_keys_plug(&keys, (struct softauthn_options){0})->touch = SOFTAUTHN_USER_ACTION_TIMEOUT;
    assert_ok(fido_keys_open(&keys.context, &open, &fault));
    assert_int_equal(fido_keys_select(&keys.context, &open, &fault), KH_ERR_IO);
    assert_contains(fault.detail, "none of the security keys answers");
    fido_keys_close(&open);
    test_keys_free(&keys);
}

static void
test_codes(void **state)
{
    (void)state;
    static const struct {
        int code;
        enum kh_err err;
        const char *words;
    } row[] = {
        {FIDO_ERR_OPERATION_DENIED, KH_ERR_DENIED, "declined"},
        {FIDO_ERR_ACTION_TIMEOUT, KH_ERR_TIMEOUT, "in time"},
        {FIDO_ERR_USER_ACTION_TIMEOUT, KH_ERR_TIMEOUT, "in time"},
        {FIDO_ERR_NO_CREDENTIALS, KH_ERR_NOT_FOUND, "keyhole enroll"},
        {FIDO_ERR_PIN_BLOCKED, KH_ERR_DENIED, "locked"},
        {FIDO_ERR_PIN_AUTH_BLOCKED, KH_ERR_DENIED, "unplug"},
        {FIDO_ERR_PIN_NOT_SET, KH_ERR_UNSUPPORTED, "set one"},
        {FIDO_ERR_CREDENTIAL_EXCLUDED, KH_ERR_EXISTS, "already"},
        {FIDO_ERR_RX, KH_ERR_IO, "unplugged"},
        {FIDO_ERR_TX, KH_ERR_IO, "unplugged"},
        {FIDO_ERR_PROCESSING, KH_ERR_IO, "FIDO_ERR_PROCESSING"},
        {0x7654, KH_ERR_IO, "failed"},
    };
    static const struct fido_place place = {.name = "key\x1b[2J"};
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        struct fault fault = {.err = KH_OK};
        enum kh_err err = fido_fault(row[i].code, &place, &fault);
        if (err != row[i].err || strstr(fault.detail, row[i].words) == NULL)
            fail_msg("%d: %s: %s", row[i].code, kh_err_code(err), fault.detail);
        assert_contains(fault.detail, "key\\x1b[2J");
    }
}

// The time is over: silence is no unplugged key then.
static void
test_too_late(void **state)
{
    (void)state;
    struct test_keys keys;
    struct fido_keys open = {.count = 0};
    struct fault fault = {.err = KH_OK};
    test_keys_init(&keys);
    test_keys_plug(&keys, (struct softauthn_options){0});
    assert_ok(fido_keys_open(&keys.context, &open, &fault));
    fido_wait_begin(&keys.context, &open.key[0]);
    assert_int_equal(fido_wait_end(&keys.context, &open.key[0], FIDO_ERR_RX, &fault), KH_ERR_IO);
    keys.context.deadline_ms = 0;
    fido_wait_begin(&keys.context, &open.key[0]);
    assert_int_equal(fido_wait_end(&keys.context, &open.key[0], FIDO_ERR_RX, &fault),
                     KH_ERR_TIMEOUT);
    fido_wait_begin(&keys.context, &open.key[0]);
    assert_int_equal(fido_wait_end(&keys.context, &open.key[0], FIDO_OK, &fault), KH_OK);
    fido_keys_close(&open);
    test_keys_free(&keys);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_opening),   cmocka_unit_test(test_filter),
        cmocka_unit_test(test_selection), cmocka_unit_test(test_nobody_chooses),
        cmocka_unit_test(test_codes),     cmocka_unit_test(test_too_late),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
