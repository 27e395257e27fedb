/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include <dirent.h>

static enum kh_err
create(const char *directory, struct fault *fault)
{
    struct master_key_source source = {.directory = directory};
    struct wall_clock clock = clock_manual(FIXTURE_NOW);
    return state_create(&source, fixture_cost, &clock, fault);
}

static size_t
entries(const char *path)
{
    size_t n = 0;
    DIR *directory = opendir(path);
    assert_non_null(directory);
    for (struct dirent *e; (e = readdir(directory));)
        n += strcmp(e->d_name, ".") && strcmp(e->d_name, "..");
    closedir(directory);
    return n;
}

static void
assert_complete(const char *name)
{
    static const struct {
        const char *name;
        mode_t mode;
    } files[] = {{"keyholed.db", 0600}, {"master.key", 0600}, {"ca.pem", 0644}};
    char path[128];
    struct stat st;

    assert_int_equal(stat(fixture_path(name), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
    assert_int_equal(entries(fixture_path(name)), 3);
    for (size_t i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/%s", name, files[i].name);
        assert_int_equal(stat(fixture_path(path), &st), 0);
        assert_int_equal(st.st_mode & 07777, files[i].mode);
    }
}

static void
makes_a_directory(void **state)
{
    (void)state;
    assert_ok(create(fixture_path("new"), fault));
    assert_complete("new");
    assert_ok(create(fixture_path("slash/"), fault));
    assert_complete("slash");
    assert_int_equal(entries(fixture_base), 2);
}

static void
fills_an_empty_one(void **state)
{
    (void)state;
    assert_int_equal(mkdir(fixture_path("there"), 0700), 0);
    assert_ok(create(fixture_path("there"), fault));
    assert_complete("there");
}

static void
overwrites_nothing(void **state)
{
    static const char *const taken[] = {"keyholed.db", "master.key", "ca.pem", "audit.log",
                                        "audit.head"};
    char path[128];

    (void)state;
    for (size_t i = 0; i < 5; i++) {
        struct buffer data;
        assert_int_equal(mkdir(fixture_path("there"), 0700), 0);
        snprintf(path, sizeof path, "there/%s", taken[i]);
        fixture_write(fixture_path(path), BYTES("mine"));
        assert_fault(create(fixture_path("there"), fault), KH_ERR_EXISTS, taken[i]);
        assert_int_equal(entries(fixture_path("there")), 1);
        assert_true(bytes_is(fixture_read(fixture_path(path), &data), "mine"));
        buffer_free(&data);
        assert_int_equal(unlink(fixture_path(path)), 0);
        assert_int_equal(rmdir(fixture_path("there")), 0);
    }
    assert_ok(create(fixture_path("twice"), fault));
    assert_fault(create(fixture_path("twice"), fault), KH_ERR_EXISTS, "nothing was changed");
    assert_complete("twice");
}

static void
wrong_places(void **state)
{
    (void)state;
    assert_int_equal(mkdir(fixture_path("open"), 0755), 0);
    assert_int_equal(chmod(fixture_path("open"), 0755), 0);
    assert_fault(create(fixture_path("open"), fault), KH_ERR_PERMISSION, "chmod 700");
    assert_int_equal(entries(fixture_path("open")), 0);
    fixture_write(fixture_path("file"), BYTES("x"));
    assert_fault(create(fixture_path("file"), fault), KH_ERR_PERMISSION, "not a directory");
    assert_fault(create(fixture_path("none/deeper"), fault), KH_ERR_IO, "cannot be made");
    char large[5000];
    memset(large, 'x', sizeof large);
    large[4999] = '\0';
    assert_fault(create(large, fault), KH_ERR_TOO_LONG, "too long");
}

// The master key cannot be had: neither database nor anything else stays.
static void
failure_leaves_nothing(void **state)
{
    struct master_key_source source = {.directory = fixture_path("new"),
                                       .credentials_directory = fixture_path("creds")};
    struct wall_clock clock = clock_manual(FIXTURE_NOW);

    (void)state;
    assert_int_equal(mkdir(fixture_path("creds"), 0700), 0);
    fixture_write(fixture_path("creds/keyhole-master-key"), BYTES("no key"));
    assert_fault(state_create(&source, fixture_cost, &clock, fault), KH_ERR_MASTER_KEY,
                 "hexadecimal");
    assert_int_equal(entries(fixture_base), 1);
    assert_int_equal(mkdir(fixture_path("new"), 0700), 0);
    assert_fault(state_create(&source, fixture_cost, &clock, fault), KH_ERR_MASTER_KEY,
                 "hexadecimal");
    assert_int_equal(entries(fixture_path("new")), 0);
}

static void
position_in_the_audit_log(void **state)
{
    struct store *store = NULL;
    struct audit_head head, out;

    (void)state;
    assert_ok(store_create(fixture_path("db"), &store, fault));
    assert_ok(state_audit_position_load(store, &out, fault));
    assert_int_equal(out.seq, 0);
    audit_head_init(&head);
    head.seq = 41;
    head.hash[0] = 'f';
    assert_ok(state_audit_position_store(store, &head, fault));
    assert_ok(state_audit_position_load(store, &out, fault));
    assert_int_equal(out.seq, 41);
    assert_string_equal(out.hash, head.hash);
    assert_ok(store_meta_put(store, "audit-position", BYTES("41"), fault));
    assert_fault(state_audit_position_load(store, &out, fault), KH_ERR_DATABASE, "damaged");
    store_close(&store);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(makes_a_directory),      fixture_test(fills_an_empty_one),
        fixture_test(overwrites_nothing),     fixture_test(wrong_places),
        fixture_test(failure_leaves_nothing), fixture_test(position_in_the_audit_log),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
