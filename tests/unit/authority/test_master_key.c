/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include "../../../broker/authority/master_key.h"

static struct store *
create(const char *name)
{
    struct store *store = NULL;
    assert_ok(store_create(fixture_path(name), &store, fault));
    return store;
}

static struct secret *
secret_of(const char *text)
{
    struct secret *secret = NULL;
    assert_ok(secret_new(bytes_str(text), &secret, fault));
    return secret;
}

static void
assert_same_key(const struct seal *a, const struct seal *b)
{
    uint8_t check_a[SEAL_CHECK_SIZE], check_b[SEAL_CHECK_SIZE];
    seal_check_value(a, check_a);
    seal_check_value(b, check_b);
    assert_memory_equal(check_a, check_b, SEAL_CHECK_SIZE);
}

static void
key_file(void **state)
{
    const struct master_key_source source = {.directory = fixture_base};
    struct store *store = create("db");
    struct seal *made = NULL, *loaded = NULL;
    struct buffer text;
    struct stat st;

    (void)state;
    assert_ok(master_key_create(&source, fixture_base, fixture_cost, store, &made, fault));
    assert_int_equal(stat(fixture_path(MASTER_KEY_FILE), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    struct bytes hex = fixture_read(fixture_path(MASTER_KEY_FILE), &text);
    assert_int_equal(hex.n, 65);
    assert_int_equal(hex.p[64], '\n');
    buffer_free(&text);
    assert_ok(master_key_load(&source, store, &loaded, fault));
    assert_same_key(made, loaded);
    seal_free(&loaded);

    // A second one is never put in its place.
    assert_fault(master_key_create(&source, fixture_base, fixture_cost, store, &loaded, fault),
                 KH_ERR_EXISTS, MASTER_KEY_FILE);
    assert_null(loaded);
    seal_free(&made);
    store_close(&store);
}

static void
wrong_key_files(void **state)
{
    const struct master_key_source source = {.directory = fixture_base};
    const char *path = fixture_path(MASTER_KEY_FILE);
    struct store *store = create("db");
    struct seal *seal = NULL;
    static const char other[] =
        "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n";
    static const char *const malformed[] = {
        "",
        "\n",
        "0123\n",
        "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdeg\n",
        "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0\n",
        "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n\n"};

    (void)state;
    assert_ok(master_key_create(&source, fixture_base, fixture_cost, store, &seal, fault));
    seal_free(&seal);
    assert_int_equal(chmod(path, 0640), 0);
    assert_fault(master_key_load(&source, store, &seal, fault), KH_ERR_PERMISSION, "chmod 600");
    assert_int_equal(chmod(path, 0600), 0);
    fixture_write(path, bytes_str(other));
    assert_fault(master_key_load(&source, store, &seal, fault), KH_ERR_MASTER_KEY,
                 "not the master key of this database");
    for (size_t i = 0; i < sizeof malformed / sizeof malformed[0]; i++) {
        fixture_write(path, bytes_str(malformed[i]));
        assert_fault(master_key_load(&source, store, &seal, fault), KH_ERR_MASTER_KEY,
                     "64 hexadecimal digits");
    }
    assert_int_equal(unlink(path), 0);
    assert_fault(master_key_load(&source, store, &seal, fault), KH_ERR_MASTER_KEY,
                 "there is no master key");
    assert_null(seal);
    store_close(&store);
}

static void
passphrase(void **state)
{
    struct secret *right = secret_of("correct horse"), *wrong = secret_of("correct house");
    struct master_key_source source = {.directory = fixture_base, .passphrase = right};
    struct store *store = create("db"), *other = create("other");
    struct seal *made = NULL, *loaded = NULL;

    (void)state;
    assert_ok(master_key_create(&source, fixture_base, fixture_cost, store, &made, fault));
    assert_int_equal(access(fixture_path(MASTER_KEY_FILE), F_OK), -1);
    assert_ok(master_key_load(&source, store, &loaded, fault));
    assert_same_key(made, loaded);
    seal_free(&loaded);
    // The salt is each database's own.
    assert_ok(master_key_create(&source, fixture_base, fixture_cost, other, &loaded, fault));
    uint8_t a[SEAL_CHECK_SIZE], b[SEAL_CHECK_SIZE];
    seal_check_value(made, a);
    seal_check_value(loaded, b);
    assert_memory_not_equal(a, b, SEAL_CHECK_SIZE);
    seal_free(&loaded);

    source.passphrase = wrong;
    assert_fault(master_key_load(&source, store, &loaded, fault), KH_ERR_MASTER_KEY,
                 "the passphrase is not the master key");
    source.passphrase = NULL;
    assert_fault(master_key_load(&source, store, &loaded, fault), KH_ERR_MASTER_KEY,
                 "made with a passphrase, and none was given");
    // A row that would use up the machine, or make the key weak.
    assert_ok(store_meta_put(store, "master-key-passphrase",
                             bytes_of("\1\0\0\0\0\0\0\0\1\377\377\377\377\377\377\377\377"
                                      "0123456789abcdef",
                                      33),
                             fault));
    source.passphrase = right;
    assert_fault(master_key_load(&source, store, &loaded, fault), KH_ERR_DATABASE, "cost");
    assert_null(loaded);
    assert_nowhere("correct horse");
    seal_free(&made);
    secret_free(&right);
    secret_free(&wrong);
    store_close(&store);
    store_close(&other);
}

static void
passphrase_for_a_key_file(void **state)
{
    struct secret *text = secret_of("correct horse");
    struct master_key_source source = {.directory = fixture_base};
    struct store *store = create("db");
    struct seal *seal = NULL;

    (void)state;
    assert_ok(master_key_create(&source, fixture_base, fixture_cost, store, &seal, fault));
    seal_free(&seal);
    source.passphrase = text;
    assert_fault(master_key_load(&source, store, &seal, fault), KH_ERR_MASTER_KEY,
                 "not made with a passphrase");
    secret_free(&text);
    store_close(&store);
}

static void
systemd_comes_first(void **state)
{
    static const char hex[] = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n";
    struct secret *text = secret_of("correct horse");
    const struct master_key_source source = {.directory = fixture_base,
                                             .credentials_directory = fixture_path("creds"),
                                             .passphrase = text};
    struct store *store = create("db");
    struct seal *made = NULL, *loaded = NULL;

    (void)state;
    assert_int_equal(mkdir(fixture_path("creds"), 0700), 0);
    fixture_write(fixture_path("creds/keyhole-master-key"), bytes_str(hex));
    assert_int_equal(chmod(fixture_path("creds/keyhole-master-key"), 0440), 0);
    assert_ok(master_key_create(&source, fixture_base, fixture_cost, store, &made, fault));
    assert_int_equal(access(fixture_path(MASTER_KEY_FILE), F_OK), -1);
    assert_ok(master_key_load(&source, store, &loaded, fault));
    assert_same_key(made, loaded);
    seal_free(&loaded);
    assert_int_equal(chmod(fixture_path("creds/keyhole-master-key"), 0444), 0);
    assert_fault(master_key_load(&source, store, &loaded, fault), KH_ERR_PERMISSION, "everybody");
    assert_null(loaded);
    seal_free(&made);
    secret_free(&text);
    store_close(&store);
}

static enum kh_err
read_from_pipe(const char *text, size_t n, struct secret **out, struct fault *fault)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], text, n), (ssize_t)n);
    close(ends[1]);
    return master_key_read_passphrase(ends[0], out, fault);
}

static void
reading_a_passphrase(void **state)
{
    struct secret *out = NULL;
    static char large[1100];

    (void)state;
    memset(large, 'x', sizeof large);
    assert_fault(master_key_read_passphrase(-1, &out, fault), KH_ERR_IO, "descriptor -1");
    assert_fault(read_from_pipe("", 0, &out, fault), KH_ERR_RANGE, "one line");
    assert_fault(read_from_pipe("\n", 1, &out, fault), KH_ERR_RANGE, "one line");
    assert_fault(read_from_pipe(large, sizeof large, &out, fault), KH_ERR_RANGE, "1024");
    assert_ok(read_from_pipe("with space \n", 12, &out, fault));
    assert_true(bytes_is(secret_bytes(out), "with space "));
    secret_free(&out);
    assert_ok(read_from_pipe("no newline", 10, &out, fault));
    assert_true(bytes_is(secret_bytes(out), "no newline"));
    secret_free(&out);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(key_file),
        fixture_test(wrong_key_files),
        fixture_test(passphrase),
        fixture_test(passphrase_for_a_key_file),
        fixture_test(systemd_comes_first),
        fixture_test(reading_a_passphrase),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
