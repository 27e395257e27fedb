/* SPDX-License-Identifier: Apache-2.0 */
#include "../files.h"

#include "../../../broker/discharge/key.h"

#include <sodium.h>

#define SEED_TEXT "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"

static enum kh_err
load(struct discharge_key *key, struct fault *fault)
{
    return discharge_key_load(fixture_base, NULL, key, fault);
}

static void
a_key_that_others_can_read_is_refused(void **state)
{
    static const mode_t wrong[] = {0640, 0604, 0644, 0666, 0601};
    struct discharge_key key = {0};
    const char *path = fixture_path(DISCHARGE_KEY_FILE);

    (void)state;
    fixture_write(path, BYTES(SEED_TEXT "\n"));
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_int_equal(chmod(path, wrong[i]), 0);
        assert_fault(load(&key, fault), KH_ERR_PERMISSION, "chmod 600");
        assert_null(key.secret_key);
    }
    assert_int_equal(unlink(path), 0);
    assert_int_equal(symlink("/dev/zero", path), 0);
    assert_int_not_equal(load(&key, NULL), KH_OK);
    assert_null(key.secret_key);
}

static void
what_is_no_seed_is_refused_and_kept(void **state)
{
    static const char *const wrong[] = {
        "",
        "\n",
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHg\n",    // 31 bytes
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8g\n",  // 33 bytes
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh9\n",   // stray bits
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n",  // padding
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8\n\n", // two lines
        " AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8\n",  // white space
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8\r\n", //
        "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n",
    };
    const char *path = fixture_path(DISCHARGE_KEY_FILE);

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct discharge_key key = {0};
        struct buffer kept;
        fixture_write(path, bytes_str(wrong[i]));
        print_message("%s", wrong[i][0] ? wrong[i] : "(nothing)\n");
        assert_fault(load(&key, fault), KH_ERR_MASTER_KEY, "restore");
        assert_null(key.secret_key);
        assert_true(bytes_is(fixture_read(path, &kept), wrong[i]));
        buffer_free(&kept);
    }
}

static void
it_is_made_once(void **state)
{
    struct discharge_key first, second;
    struct stat st;
    struct buffer text;

    (void)state;
    assert_ok(load(&first, fault));
    assert_true(first.made);
    assert_int_equal(stat(fixture_path(DISCHARGE_KEY_FILE), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(fixture_read(fixture_path(DISCHARGE_KEY_FILE), &text).n, 44);
    buffer_free(&text);
    assert_ok(load(&second, fault));
    assert_false(second.made);
    assert_memory_equal(first.public_key, second.public_key, sizeof first.public_key);
    assert_memory_equal(first.secret_key, second.secret_key, TICKET_SECRET_KEY_SIZE);
    discharge_key_free(&first);
    discharge_key_free(&second);
    assert_null(first.secret_key);
    assert_int_equal(unlink(fixture_path(DISCHARGE_KEY_FILE)), 0);
    assert_ok(load(&first, fault));
    assert_ok(load(&second, fault));
    assert_memory_equal(first.public_key, second.public_key, sizeof first.public_key);
    discharge_key_free(&first);
    discharge_key_free(&second);
}

static void
the_pair_comes_from_the_seed(void **state)
{
    struct discharge_key key;
    uint8_t seed[32], public_key[32], secret_key[32], opened[5];
    uint8_t sealed[5 + crypto_box_SEALBYTES];

    (void)state;
    for (size_t i = 0; i < sizeof seed; i++)
        seed[i] = (uint8_t)i;
    assert_int_equal(crypto_box_seed_keypair(public_key, secret_key, seed), 0);
    fixture_write(fixture_path(DISCHARGE_KEY_FILE), BYTES(SEED_TEXT)); // without a newline too
    assert_ok(load(&key, fault));
    assert_memory_equal(key.public_key, public_key, sizeof public_key);
    assert_int_equal(crypto_box_seal(sealed, (const uint8_t *)"hello", 5, key.public_key), 0);
    assert_int_equal(
        crypto_box_seal_open(opened, sealed, sizeof sealed, key.public_key, key.secret_key), 0);
    assert_memory_equal(opened, "hello", 5);
    discharge_key_free(&key);
}

static void
systemd_s_comes_first(void **state)
{
    struct discharge_key key = {0}, own;
    char directory[256], path[512];

    (void)state;
    assert_ok(load(&own, fault));
    snprintf(directory, sizeof directory, "%s/credentials", fixture_base);
    snprintf(path, sizeof path, "%s/" DISCHARGE_KEY_FILE, directory);
    assert_int_equal(mkdir(directory, 0700), 0);
    // None in it: the one of the directory.
    assert_ok(discharge_key_load(fixture_base, directory, &key, fault));
    assert_memory_equal(key.public_key, own.public_key, sizeof key.public_key);
    discharge_key_free(&key);
    fixture_write(path, BYTES(SEED_TEXT "\n"));
    assert_int_equal(chmod(path, 0440), 0);
    assert_ok(discharge_key_load(fixture_base, directory, &key, fault));
    assert_memory_not_equal(key.public_key, own.public_key, sizeof key.public_key);
    discharge_key_free(&key);
    // One that is wrong is not passed over.
    assert_int_equal(chmod(path, 0444), 0);
    assert_fault(discharge_key_load(fixture_base, directory, &key, fault), KH_ERR_PERMISSION,
                 "everybody");
    assert_int_equal(chmod(path, 0600), 0);
    fixture_write(path, BYTES("x"));
    assert_fault(discharge_key_load(fixture_base, directory, &key, fault), KH_ERR_MASTER_KEY,
                 "credentials");
    assert_null(key.secret_key);
    discharge_key_free(&own);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(a_key_that_others_can_read_is_refused),
        fixture_test(what_is_no_seed_is_refused_and_kept),
        fixture_test(it_is_made_once),
        fixture_test(the_pair_comes_from_the_seed),
        fixture_test(systemd_s_comes_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
