/* SPDX-License-Identifier: Apache-2.0 */
#include "../authority/fixture.h"

#include "../../../broker/keep/contents.h"
#include "../../../broker/keep/envelope.h"

static const struct master_key_cost cheap = {.operations = 1, .memory = 8192};

static struct secret *
secret_of(const void *p, size_t n)
{
    struct secret *secret = NULL;
    assert_ok(secret_new(bytes_of(p, n), &secret, fault));
    return secret;
}

static uint8_t pattern[3 * ENVELOPE_CHUNK];

// A file with `n` bytes of the pattern, for a passphrase and for a key.
static void
make_file(const char *path, size_t n, const uint8_t public[BACKUP_KEY_SIZE])
{
    static struct envelope_writer writer;
    SECRET_AUTO *passphrase = secret_of("long enough", 11);
    struct envelope_recipients to = {.passphrase = passphrase, .cost = cheap, .key_count = 1};
    uint8_t sha256[ENVELOPE_HASH_SIZE];
    memcpy(to.key[0], public, BACKUP_KEY_SIZE);
    for (size_t i = 0; i < sizeof pattern; i++)
        pattern[i] = (uint8_t)(i * 31 + i / 251);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_ok(envelope_begin(&writer, fd, &to, fault));
    for (size_t at = 0; at < n;) { // in uneven parts
        size_t part = at % 1000 + 1 < n - at ? at % 1000 + 1 : n - at;
        assert_ok(envelope_write(&writer, bytes_of(pattern + at, part), fault));
        at += part;
    }
    assert_ok(envelope_end(&writer, sha256, fault));
    envelope_writer_fini(&writer);
    close(fd);
}

static enum kh_err
read_file(const char *path, size_t n, const struct envelope_opener *opener, struct fault *fault)
{
    static struct envelope_reader reader;
    static uint8_t out[sizeof pattern];
    uint8_t sha256[ENVELOPE_HASH_SIZE];
    int fd = open(path, O_RDONLY);
    enum kh_err err = envelope_open(&reader, fd, opener, fault);
    if (!err)
        err = envelope_read(&reader, out, n, fault);
    if (!err)
        err = envelope_finish(&reader, sha256, fault);
    if (!err)
        assert_memory_equal(out, pattern, n);
    envelope_reader_fini(&reader);
    close(fd);
    return err;
}

static void
every_length_comes_back(void **state)
{
    static const size_t lengths[] = {0,
                                     1,
                                     ENVELOPE_CHUNK - 1,
                                     ENVELOPE_CHUNK,
                                     ENVELOPE_CHUNK + 1,
                                     2 * ENVELOPE_CHUNK,
                                     3 * ENVELOPE_CHUNK};
    uint8_t secret[BACKUP_KEY_SIZE], public[BACKUP_KEY_SIZE];
    (void)state;
    assert_true(sodium_init() >= 0);
    backup_key_make(secret, public);
    SECRET_AUTO *key = secret_of(secret, sizeof secret);
    SECRET_AUTO *passphrase = secret_of("long enough", 11);
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        const char *path = fixture_path("file");
        make_file(path, lengths[i], public);
        assert_ok(read_file(path, lengths[i], &(struct envelope_opener){.key = key}, fault));
        assert_ok(read_file(path, lengths[i], &(struct envelope_opener){.passphrase = passphrase},
                            fault));
        // Less or more than there is.
        assert_fault(read_file(path, lengths[i] + 1, &(struct envelope_opener){.key = key}, fault),
                     KH_ERR_CRYPTO, "changed");
        if (lengths[i] > 0)
            assert_fault(
                read_file(path, lengths[i] - 1, &(struct envelope_opener){.key = key}, fault),
                KH_ERR_CRYPTO, "changed");
    }
}

static void
nobody_else_opens_it(void **state)
{
    uint8_t secret[BACKUP_KEY_SIZE], public[BACKUP_KEY_SIZE], other[BACKUP_KEY_SIZE],
        other_public[BACKUP_KEY_SIZE];
    (void)state;
    assert_true(sodium_init() >= 0);
    backup_key_make(secret, public);
    backup_key_make(other, other_public);
    SECRET_AUTO *wrong = secret_of(other, sizeof other);
    SECRET_AUTO *passphrase = secret_of("long enougi", 11);
    const char *path = fixture_path("file");
    make_file(path, 100, public);
    assert_fault(read_file(path, 100, &(struct envelope_opener){.key = wrong}, fault),
                 KH_ERR_DENIED, "not sealed to that key");
    assert_fault(read_file(path, 100, &(struct envelope_opener){.passphrase = passphrase}, fault),
                 KH_ERR_DENIED, "passphrase is wrong");
    assert_fault(read_file(path, 100, &(struct envelope_opener){0}, fault), KH_ERR_DENIED, "key");
}

// Each byte of a small file; and each length that is shorter.
static void
every_byte_counts(void **state)
{
    uint8_t secret[BACKUP_KEY_SIZE], public[BACKUP_KEY_SIZE];
    struct buffer text;
    (void)state;
    assert_true(sodium_init() >= 0);
    backup_key_make(secret, public);
    SECRET_AUTO *key = secret_of(secret, sizeof secret);
    const struct envelope_opener opener = {.key = key};
    const char *path = fixture_path("file");
    make_file(path, 10, public);
    struct bytes whole = fixture_read(path, &text);
    for (size_t i = 0; i < 2 * whole.n; i++) {
        size_t at = i / 2;
        int fd = open(path, O_WRONLY | O_TRUNC);
        size_t n = i % 2 ? at : whole.n;
        text.p[at] ^= 0x10;
        assert_int_equal(write(fd, text.p, n), n);
        text.p[at] ^= 0x10;
        close(fd);
        if (read_file(path, 10, &opener, NULL) == KH_OK) {
            print_error("byte %zu %s\n", at, i % 2 ? "cut off" : "changed");
            fail();
        }
    }
    buffer_free(&text);
}

static void
names_that_are_not_made(void **state)
{
    static const char *const no[] = {"",
                                     "x",
                                     "../keyholed.db",
                                     "keyholed.db/",
                                     "/etc/passwd",
                                     "discharger/roots/../../x",
                                     "discharger/roots/.x",
                                     "discharger/roots/",
                                     "discharger/roots/a/b",
                                     "audit.log./x",
                                     "audit.log.",
                                     "manifest"};
    static const char *const yes[] = {"keyholed.db", "master.key", "discharger/roots/a.pem",
                                      "discharger/discharger.key", "audit.log.000001"};
    mode_t mode;
    (void)state;
    for (size_t i = 0; i < sizeof no / sizeof no[0]; i++) {
        if (contents_knows(no[i], &mode))
            print_error("%s\n", no[i]);
        assert_false(contents_knows(no[i], &mode));
    }
    for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++)
        assert_true(contents_knows(yes[i], &mode));
}

// What opening costs is written in the file, by whoever made it.
static void
no_cost_that_uses_up_the_machine(void **state)
{
    (void)state;
    static const struct {
        uint64_t operations, memory;
    } costs[] = {
        {17, 8192},
        {1, (UINT64_C(512) << 20) + 1},
        {1000, UINT64_C(4) << 30},
        {UINT64_MAX, UINT64_MAX},
        {0, 8192},
        {1, 0},
    };
    uint8_t secret[BACKUP_KEY_SIZE], public[BACKUP_KEY_SIZE];
    SECRET_AUTO *passphrase = secret_of("long enough", 11);
    const struct envelope_opener opener = {.passphrase = passphrase};
    const char *path = fixture_path("costly");
    backup_key_make(secret, public);
    for (size_t i = 0; i < sizeof costs / sizeof costs[0]; i++) {
        uint8_t cost[16];
        for (int byte = 0; byte < 8; byte++) {
            cost[byte] = (uint8_t)(costs[i].operations >> (56 - 8 * byte));
            cost[8 + byte] = (uint8_t)(costs[i].memory >> (56 - 8 * byte));
        }
        make_file(path, 10, public);
        int fd = open(path, O_WRONLY);
        assert_true(fd >= 0);
        assert_int_equal(pwrite(fd, cost, sizeof cost, (off_t)strlen("keyhole-backup-1\n") + 2),
                         sizeof cost);
        close(fd);
        assert_fault(read_file(path, 10, &opener, fault), KH_ERR_CRYPTO, "cost");
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(every_length_comes_back), fixture_test(nobody_else_opens_it),
        fixture_test(every_byte_counts),       fixture_test(no_cost_that_uses_up_the_machine),
        fixture_test(names_that_are_not_made),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
