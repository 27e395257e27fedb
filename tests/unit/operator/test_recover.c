/* SPDX-License-Identifier: Apache-2.0 */
/* A state directory that commands work in alone, and what was interrupted there. */
#include "support.h"

#include "../../../broker/operator/recover.h"

static char state[128];
static struct captured captured;
static int lock;

static int
setup(void **unused)
{
    if (directory_setup(unused) != 0)
        return -1;
    snprintf(state, sizeof(state), "%s/state", test_directory);
    lock = -1;
    return mkdir(state, 0700);
}

static int
teardown(void **unused)
{
    if (lock >= 0)
        close(lock);
    return directory_teardown(unused);
}

static void
make(const char *name)
{
    assert_int_equal(mkdir(test_path(name), 0700), 0);
}

static bool
is_there(const char *name)
{
    return access(test_path(name), F_OK) == 0;
}

/* A restore of a directory with a database, killed at that step. */
static void
make_interrupted(const char *suffix)
{
    char name[64];
    snprintf(name, sizeof(name), "state/.restore-7%s", suffix);
    make(name);
    strcat(name, "/keyholed.db");
    write_file(name, "new", 0600);
}

static enum operator_exit
take(enum lock_use use, const char *why)
{
    capture_begin();
    enum operator_exit status = recover_lock(state, use, why, &lock);
    capture_end(&captured);
    assert_string_equal(captured.out, "");
    return status;
}

static enum operator_exit
look(void)
{
    capture_begin();
    enum operator_exit status = recover_directory(state);
    capture_end(&captured);
    assert_string_equal(captured.out, "");
    return status;
}

static int
somebody_else(enum lock_use use)
{
    struct fault fault = {0};
    int fd = -1;
    assert_int_equal(lock_take(state, use, &fd, &fault), KH_OK);
    return fd;
}

static void
no_directory_needs_no_lock(void **unused)
{
    (void)unused;
    assert_int_equal(rmdir(state), 0);
    assert_int_equal(take(LOCK_RESTORE, NULL), EXIT_DONE);
    assert_int_equal(lock, -1);
    assert_int_equal(look(), EXIT_DONE);
    assert_false(is_there("state"));
}

static void
one_that_others_can_write(void **unused)
{
    (void)unused;
    assert_int_equal(chmod(state, 0777), 0);
    assert_int_equal(take(LOCK_RESTORE, NULL), EXIT_FAILED);
    assert_contains(captured.err, "chmod 0700");
    assert_int_equal(lock, -1);
}

static void
somebody_has_it(void **unused)
{
    (void)unused;
    int other = somebody_else(LOCK_BROKER);
    make_interrupted(".new");
    assert_int_equal(take(LOCK_RESTORE, "a restore is into a directory of its own"), EXIT_FAILED);
    assert_contains(captured.err, "stop it first; a restore is into a directory of its own\n");
    assert_int_equal(look(), EXIT_FAILED);
    assert_contains(captured.err, "stop it first\n");
    assert_true(is_there("state/.restore-7.new"));
    close(other);
    other = somebody_else(LOCK_RESTORE);
    assert_int_equal(take(LOCK_CHANGE_MASTER, NULL), EXIT_FAILED);
    assert_contains(captured.err, "a restore (process ");
    close(other);
}

static void
a_child_has_the_lock_too(void **unused)
{
    (void)unused;
    assert_int_equal(take(LOCK_RESTORE, NULL), EXIT_DONE);
    assert_true(lock >= 0);
    assert_int_equal(fcntl(lock, F_GETFD) & FD_CLOEXEC, 0);
    assert_string_equal(captured.err, "");
}

static void
what_had_not_begun_is_removed(void **unused)
{
    (void)unused;
    write_file("state/keyholed.db", "old", 0600);
    make_interrupted(".new");
    make("state/.backup-aBc123");
    assert_int_equal(take(LOCK_CHANGE_MASTER, NULL), EXIT_DONE);
    assert_contains(captured.err, state);
    assert_false(is_there("state/.restore-7.new"));
    assert_false(is_there("state/.backup-aBc123"));
    assert_true(is_there("state/keyholed.db"));
}

static void
what_was_decided_is_done(void **unused)
{
    (void)unused;
    write_file("state/keyholed.db", "old", 0600);
    make_interrupted(".ready");
    assert_int_equal(look(), EXIT_DONE);
    assert_contains(captured.err, "before-restore-7");
    assert_true(is_there("state/before-restore-7/keyholed.db"));
    assert_false(is_there("state/.restore-7.ready"));
    struct stat st;
    assert_int_equal(stat(test_path("state/keyholed.db"), &st), 0);
    assert_int_equal(st.st_size, 3);
    // And it is free again.
    close(somebody_else(LOCK_BROKER));
}

static void
nothing_to_do_needs_no_lock(void **unused)
{
    (void)unused;
    int other = somebody_else(LOCK_BROKER);
    assert_int_equal(look(), EXIT_DONE);
    assert_string_equal(captured.err, "");
    close(other);
}

static const char *
mentioned(void)
{
    capture_begin();
    recover_mention(state);
    capture_end(&captured);
    assert_string_equal(captured.out, "");
    return captured.err;
}

static void
who_reads_is_told(void **unused)
{
    static const char *const half_way[] = {".ready", ".enter", ".back"};
    (void)unused;
    assert_string_equal(mentioned(), "");
    make_interrupted(".new"); // nothing has happened
    assert_string_equal(mentioned(), "");
    assert_int_equal(look(), EXIT_DONE);
    for (size_t i = 0; i < 3; i++) {
        char name[64];
        make_interrupted(half_way[i]);
        assert_contains(mentioned(), "keyholed check");
        snprintf(name, sizeof(name), "state/.restore-7%s", half_way[i]);
        assert_true(is_there(name)); // a look, and no more
        snprintf(name, sizeof(name), "state/.restore-7%s/keyholed.db", half_way[i]);
        assert_int_equal(unlink(test_path(name)), 0);
        *strrchr(name, '/') = '\0';
        assert_int_equal(rmdir(test_path(name)), 0);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(no_directory_needs_no_lock, setup, teardown),
        cmocka_unit_test_setup_teardown(one_that_others_can_write, setup, teardown),
        cmocka_unit_test_setup_teardown(somebody_has_it, setup, teardown),
        cmocka_unit_test_setup_teardown(a_child_has_the_lock_too, setup, teardown),
        cmocka_unit_test_setup_teardown(what_had_not_begun_is_removed, setup, teardown),
        cmocka_unit_test_setup_teardown(what_was_decided_is_done, setup, teardown),
        cmocka_unit_test_setup_teardown(nothing_to_do_needs_no_lock, setup, teardown),
        cmocka_unit_test_setup_teardown(who_reads_is_told, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
