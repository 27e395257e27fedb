/* SPDX-License-Identifier: Apache-2.0 */
/* PINs: when one is asked for, and what a wrong one costs. */
#include "keys.h"
#include "pty.h"

struct
try {
    int code[8]; /* of each attempt */
    unsigned attempts;
    char pin[8][64]; /* "-": none */
};

static int
attempt(const struct fido_key *key, const char *pin, void *argument)
{
    struct try *try = argument;
    (void)key;
    snprintf(try->pin[try->attempts], sizeof try->pin[0], "%s", pin != NULL ? pin : "-");
    return try->code[try->attempts++];
}

static enum kh_err
run(struct test_keys *keys, bool verification, bool pin_if_set, struct try *try,
    struct fault *fault)
{
    struct fido_keys open = {.count = 0};
    *fault = (struct fault){.err = KH_OK};
    assert_int_equal(fido_keys_open(&keys->context, &open, fault), KH_OK);
    enum kh_err err =
        fido_attempt(&keys->context, &open.key[0], verification, pin_if_set, attempt, try, fault);
    fido_keys_close(&open);
    return err;
}

static void
test_no_pin_is_asked_for(void **state)
{
    (void)state;
    struct test_keys keys;
    struct try try = {.attempts = 0};
    struct fault fault;
    test_keys_init(&keys);
    test_keys_plug(&keys, (struct softauthn_options){.pin = "1234"});
    assert_int_equal(run(&keys, false, false, &try, &fault), KH_OK);
    assert_int_equal(try.attempts, 1);
    assert_string_equal(try.pin[0], "-");
    test_keys_free(&keys);
}

static void
test_pin_that_is_set_or_demanded(void **state)
{
    (void)state;
    for (int demanded = 0; demanded < 2; demanded++) {
        struct test_keys keys;
        struct try try = {.attempts = 0};
        struct fault fault;
        test_keys_init(&keys);
        test_keys_plug(&keys, (struct softauthn_options){.pin = "1234"});
        test_keys_type(&keys, "1234\n");
        assert_int_equal(run(&keys, demanded, !demanded, &try, &fault), KH_OK);
        assert_int_equal(try.attempts, 1);
        assert_string_equal(try.pin[0], "1234");
        test_keys_free(&keys);
    }
}

// A key that wants its PIN for everything says so at the first attempt.
static void
test_pin_that_the_key_wants(void **state)
{
    (void)state;
    static const int code[] = {FIDO_ERR_PIN_REQUIRED, FIDO_ERR_UV_BLOCKED, FIDO_ERR_UV_INVALID};
    for (size_t i = 0; i < sizeof code / sizeof code[0]; i++) {
        struct test_keys keys;
        struct try try = {.code = {code[i]}};
        struct fault fault;
        test_keys_init(&keys);
        test_keys_plug(&keys, (struct softauthn_options){.pin = "1234"});
        test_keys_type(&keys, "1234\n");
        assert_int_equal(run(&keys, false, false, &try, &fault), KH_OK);
        assert_int_equal(try.attempts, 2);
        assert_string_equal(try.pin[1], "1234");
        test_keys_free(&keys);
    }
}

static void
test_key_without_a_pin(void **state)
{
    (void)state;
    struct test_keys keys;
    struct try try = {.attempts = 0};
    struct fault fault;
    test_keys_init(&keys);
    test_keys_plug(&keys, (struct softauthn_options){0});
    assert_int_equal(run(&keys, true, false, &try, &fault), KH_ERR_UNSUPPORTED);
    assert_contains(fault.detail, "has none: set one");
    assert_int_equal(try.attempts, 0);
    assert_int_equal(run(&keys, false, true, &try, &fault), KH_OK); // where there is none, none
    assert_string_equal(try.pin[0], "-");
    test_keys_free(&keys);
}

// The same wrong PIN again would only use up a try.
static void
test_wrong_pin_from_a_descriptor(void **state)
{
    (void)state;
    struct test_keys keys;
    struct try try = {.code = {FIDO_ERR_PIN_INVALID, FIDO_OK}};
    struct fault fault;
    test_keys_init(&keys);
    test_keys_plug(&keys, (struct softauthn_options){.pin = "1234"});
    test_keys_type(&keys, "9999\n1234\n");
    assert_int_equal(run(&keys, true, false, &try, &fault), KH_ERR_DENIED);
    assert_int_equal(try.attempts, 1);
    assert_contains(fault.detail, "the PIN is wrong");
    assert_contains(test_keys_said(&keys), "8 tries left");
    assert_lacks(test_keys_said(&keys), "9999");
    test_keys_free(&keys);
}

// At a terminal: a wrong one is told, with the tries that are left, and asked for again.
static int
two_pins(void)
{
    struct test_keys keys;
    struct try try = {.code = {FIDO_ERR_PIN_INVALID, FIDO_OK}};
    struct fault fault;
    test_keys_init(&keys);
    test_keys_plug(&keys, (struct softauthn_options){.pin = "1234"});
    enum kh_err err = run(&keys, true, false, &try, &fault);
    bool right = err == KH_OK && try.attempts == 2 && strcmp(try.pin[0], "9999") == 0 &&
                 strcmp(try.pin[1], "1234") == 0 &&
                 strstr(test_keys_said(&keys), "the PIN is wrong; 8 tries left") != NULL;
    test_keys_free(&keys);
    return right ? 0 : 1;
}

static void
test_wrong_pin_at_a_terminal(void **state)
{
    (void)state;
    char screen[512] = "";
    assert_int_equal(test_at_terminal(two_pins, "9999\r1234\r", screen, sizeof screen), 0);
    assert_contains(screen, "PIN of the security key: ");
    assert_lacks(screen, "9999");
    assert_lacks(screen, "1234");
}

static void
test_locked(void **state)
{
    (void)state;
    static const struct {
        int code;
        const char *words;
    } row[] = {{FIDO_ERR_PIN_AUTH_BLOCKED, "unplug the security key"},
               {FIDO_ERR_PIN_BLOCKED, "is locked"}};
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        struct test_keys keys;
        struct try try = {.code = {row[i].code}};
        struct fault fault;
        test_keys_init(&keys);
        test_keys_plug(&keys, (struct softauthn_options){.pin = "1234"});
        test_keys_type(&keys, "1234\n");
        assert_int_equal(run(&keys, true, false, &try, &fault), KH_ERR_DENIED);
        assert_contains(fault.detail, row[i].words);
        assert_int_equal(try.attempts, 1);
        test_keys_free(&keys);
    }
}

static void
test_pins_that_are_none(void **state)
{
    (void)state;
    static const char *const line[] = {
        "", "\n", "0123456789012345678901234567890123456789012345678901234567890123\n"};
    for (size_t i = 0; i < sizeof line / sizeof line[0]; i++) {
        struct test_keys keys;
        struct try try = {.attempts = 0};
        struct fault fault;
        test_keys_init(&keys);
        test_keys_plug(&keys, (struct softauthn_options){.pin = "1234"});
        test_keys_type(&keys, line[i]);
        assert_int_equal(run(&keys, true, false, &try, &fault), KH_ERR_USAGE);
        assert_int_equal(try.attempts, 0);
        test_keys_free(&keys);
    }
}

static void
test_other_failures_end_it(void **state)
{
    (void)state;
    struct test_keys keys;
    struct try try = {.code = {FIDO_ERR_OPERATION_DENIED, FIDO_OK}};
    struct fault fault;
    test_keys_init(&keys);
    test_keys_plug(&keys, (struct softauthn_options){0});
    assert_int_equal(run(&keys, false, false, &try, &fault), KH_ERR_DENIED);
    assert_int_equal(try.attempts, 1);
    test_keys_free(&keys);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_pin_is_asked_for),
        cmocka_unit_test(test_pin_that_is_set_or_demanded),
        cmocka_unit_test(test_pin_that_the_key_wants),
        cmocka_unit_test(test_key_without_a_pin),
        cmocka_unit_test(test_wrong_pin_from_a_descriptor),
        cmocka_unit_test(test_wrong_pin_at_a_terminal),
        cmocka_unit_test(test_locked),
        cmocka_unit_test(test_pins_that_are_none),
        cmocka_unit_test(test_other_failures_end_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
