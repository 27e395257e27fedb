/* SPDX-License-Identifier: Apache-2.0 */
/* The file of gateway keys: who may read it, what may stand in it, what a rotation keeps. */
#include "../../../broker/gateway_key.h"
#include "../scratch.h"

#define KEY_A "khg_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define KEY_B "khg_BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB"

static void
test_refusals(void **state)
{
    static const struct {
        const char *text, *says;
        mode_t mode;
    } bad[] = {
        {"", "no key in it", 0600},
        {"\n\n", "no key in it", 0600},
        {"secret\n", "one or two lines", 0600},
        {"khg_short\n", "one or two lines", 0600},
        {KEY_A "\"\n", "one or two lines", 0600},
        {KEY_A " \n", "one or two lines", 0600},
        {KEY_A "\n" KEY_B "\n" KEY_A "\n", "one or two lines", 0600},
        {KEY_A "\n", "mode 0600", 0640},
        {KEY_A "\n", "mode 0600", 0604},
    };
    struct gateway_keys keys;
    struct fault fault = {0};
    (void)state;
    assert_int_equal(gateway_keys_read(test_directory, &keys, &fault), KH_ERR_NOT_FOUND);
    assert_says(fault, "keyholed gateway key");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        write_file(GATEWAY_KEY_FILE, bad[i].text, bad[i].mode);
        if (gateway_keys_read(test_directory, &keys, &fault) == KH_OK)
            fail_msg("it was read: %s", bad[i].text);
        assert_says(fault, bad[i].says);
        assert_null(strstr(fault.detail, "khg_"));
    }
    assert_int_equal(unlink(test_path(GATEWAY_KEY_FILE)), 0);
    assert_int_equal(symlink("elsewhere", test_path(GATEWAY_KEY_FILE)), 0);
    assert_int_not_equal(gateway_keys_read(test_directory, &keys, &fault), KH_OK);
    assert_int_equal(unlink(test_path(GATEWAY_KEY_FILE)), 0);
}

static void
test_rotation(void **state)
{
    struct gateway_keys keys = {0}, again;
    struct fault fault = {0};
    struct stat status;
    char first[GATEWAY_KEY_TEXT_MAX], second[GATEWAY_KEY_TEXT_MAX];
    (void)state;
    assert_int_equal(gateway_keys_add(&keys, &fault), KH_OK);
    strcpy(first, keys.text[0]);
    assert_int_equal(keys.count, 1);
    assert_int_equal(strlen(first), 47);
    assert_int_equal(gateway_keys_add(&keys, &fault), KH_OK);
    strcpy(second, keys.text[0]);
    assert_string_equal(keys.text[1], first);
    assert_string_not_equal(second, first);
    assert_int_equal(gateway_keys_write(test_directory, &keys, &fault), KH_OK);
    assert_int_equal(stat(test_path(GATEWAY_KEY_FILE), &status), 0);
    assert_int_equal(status.st_mode & 07777, 0600);
    assert_int_equal(gateway_keys_read(test_directory, &again, &fault), KH_OK);
    assert_memory_equal(&again, &keys, sizeof keys);
    assert_int_equal(gateway_keys_add(&again, &fault), KH_OK);
    assert_int_equal(again.count, 2);
    assert_string_equal(again.text[1], second);
}

static void
test_hash(void **state)
{
    uint8_t hash[GATEWAY_KEY_HASH_SIZE];
    char hex[2 * sizeof hash + 1];
    (void)state;
    gateway_key_hash("abc", hash);
    assert_true(bytes_to_hex(bytes_of(hash, sizeof hash), hex, sizeof hex));
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_rotation),
        cmocka_unit_test(test_hash),
    };
    return cmocka_run_group_tests_name("gateway_key", tests, directory_setup, directory_teardown);
}
