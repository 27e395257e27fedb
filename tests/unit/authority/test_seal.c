/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

static const struct seal_place place = {.table = "credential", .id = 7, .column = "sealed"};

static struct seal *
seal_of(const char *key)
{
    struct secret *secret = NULL;
    struct seal *seal = NULL;
    assert_ok(secret_new(bytes_of(key, MASTER_KEY_SIZE), &secret, fault));
    assert_ok(seal_new(secret, &seal, fault));
    secret_free(&secret);
    return seal;
}

#define KEY_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define KEY_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

static void
wrong_key_size(void **state)
{
    struct secret *secret = NULL;
    struct seal *seal = NULL;

    (void)state;
    assert_ok(secret_new(BYTES("short"), &secret, fault));
    assert_fault(seal_new(secret, &seal, fault), KH_ERR_MASTER_KEY, "32");
    secret_free(&secret);
}

static void
nothing_and_too_much(void **state)
{
    struct seal *seal = seal_of(KEY_A);
    struct buffer out;
    static uint8_t large[SECRET_MAX + 1];

    (void)state;
    buffer_init(&out, 1 << 20);
    assert_fault(seal_close(seal, place, BYTES_EMPTY, &out, fault), KH_ERR_RANGE, "1 to");
    assert_fault(seal_close(seal, place, bytes_of(large, sizeof large), &out, fault), KH_ERR_RANGE,
                 "65536");
    assert_int_equal(out.n, 0);
    buffer_free(&out);
    seal_free(&seal);
}

static void
opens_where_it_was_closed(void **state)
{
    struct seal *seal = seal_of(KEY_A), *other = seal_of(KEY_B);
    struct secret *secret = NULL;
    struct buffer sealed, again;
    const struct seal_place elsewhere[] = {
        {.table = "credential", .id = 8, .column = "sealed"},
        {.table = "credential", .id = 7, .column = "inject"},
        {.table = "root_key", .id = 7, .column = "sealed"},
        {.table = "credentials", .id = 7, .column = "ealed"},
        {.table = "credential", .id = -7, .column = "sealed"},
    };

    (void)state;
    buffer_init(&sealed, 1024);
    buffer_init(&again, 1024);
    assert_ok(seal_close(seal, place, BYTES("the secret"), &sealed, fault));
    assert_ok(seal_close(seal, place, BYTES("the secret"), &again, fault));
    assert_int_equal(sealed.n, 10 + SEAL_OVERHEAD);
    assert_false(bytes_equal(buffer_bytes(&sealed), buffer_bytes(&again))); // nonces
    assert_true(bytes_find(buffer_bytes(&sealed), BYTES("secret")) == sealed.n);
    assert_ok(seal_open(seal, place, buffer_bytes(&sealed), &secret, fault));
    assert_true(bytes_is(secret_bytes(secret), "the secret"));
    secret_free(&secret);
    for (size_t i = 0; i < sizeof elsewhere / sizeof elsewhere[0]; i++)
        assert_fault(seal_open(seal, elsewhere[i], buffer_bytes(&sealed), &secret, fault),
                     KH_ERR_DATABASE, "changed or damaged");
    assert_fault(seal_open(other, place, buffer_bytes(&sealed), &secret, fault), KH_ERR_DATABASE,
                 "row 7");
    assert_null(secret);
    buffer_free(&sealed);
    buffer_free(&again);
    seal_free(&seal);
    seal_free(&other);
}

static void
every_bit_counts(void **state)
{
    struct seal *seal = seal_of(KEY_A);
    struct secret *secret = NULL;
    struct buffer sealed;

    (void)state;
    buffer_init(&sealed, 1024);
    assert_ok(seal_close(seal, place, BYTES("xyz"), &sealed, fault));
    for (size_t i = 0; i < 8 * sealed.n; i++) {
        sealed.p[i / 8] ^= (uint8_t)(1 << i % 8);
        assert_int_equal(seal_open(seal, place, buffer_bytes(&sealed), &secret, NULL),
                         KH_ERR_DATABASE);
        sealed.p[i / 8] ^= (uint8_t)(1 << i % 8);
    }
    for (size_t n = 0; n < sealed.n; n++)
        assert_int_equal(
            seal_open(seal, place, bytes_slice(buffer_bytes(&sealed), 0, n), &secret, NULL),
            KH_ERR_DATABASE);
    assert_null(secret);
    buffer_free(&sealed);
    seal_free(&seal);
}

static void
check_value_tells_keys_apart(void **state)
{
    struct seal *a = seal_of(KEY_A), *again = seal_of(KEY_A), *b = seal_of(KEY_B);
    uint8_t check_a[SEAL_CHECK_SIZE], check_again[SEAL_CHECK_SIZE], check_b[SEAL_CHECK_SIZE];

    (void)state;
    seal_check_value(a, check_a);
    seal_check_value(again, check_again);
    seal_check_value(b, check_b);
    assert_memory_equal(check_a, check_again, SEAL_CHECK_SIZE);
    assert_memory_not_equal(check_a, check_b, SEAL_CHECK_SIZE);
    seal_free(&a);
    seal_free(&again);
    seal_free(&b);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_key_size),
        cmocka_unit_test(nothing_and_too_much),
        cmocka_unit_test(opens_where_it_was_closed),
        cmocka_unit_test(every_bit_counts),
        cmocka_unit_test(check_value_tells_keys_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
