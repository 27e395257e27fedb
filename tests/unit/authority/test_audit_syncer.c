/* SPDX-License-Identifier: Apache-2.0 */
/* The thread that waits for the disk: one job at a time, and how it went is told once. */
#include "fixture.h"

#include "../../../broker/authority/audit_syncer.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <unistd.h>

// Stands before the C library's: what the disk was told to begin with.
static struct {
    atomic_int calls, done, fd, flags;
    atomic_long from, to;
    atomic_bool held; // a disk that takes its time
} disk;

int
sync_file_range(int of, off_t from, off_t n, unsigned flags)
{
    disk.fd = of;
    disk.flags = (int)flags;
    disk.from = from;
    disk.to = from + n;
    disk.calls++;
    while (disk.held)
        (void)sched_yield();
    disk.done++;
    return 0;
}

static void
wait_for(atomic_int *count, int n)
{
    while (*count < n)
        (void)sched_yield();
}

static char log_path[256], head_path[256];
static int fd = -1;

static int
setup(void **state)
{
    if (fixture_setup(state))
        return -1;
    snprintf(log_path, sizeof log_path, "%s/log", fixture_base);
    snprintf(head_path, sizeof head_path, "%s/head", fixture_base);
    fd = open(log_path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    return fd < 0;
}

static int
teardown(void **state)
{
    if (fd >= 0)
        close(fd);
    fd = -1;
    return fixture_teardown(state);
}

static struct audit_files
files(void)
{
    return (struct audit_files){.fd = fd, .log_path = log_path, .head_path = head_path};
}

static struct audit_syncer *
start(const struct audit_files *of)
{
    struct audit_syncer *syncer = NULL;
    assert_int_equal(audit_syncer_new(of, &syncer), KH_OK);
    return syncer;
}

static enum kh_err
wait_done(struct audit_syncer *syncer, struct fault *fault)
{
    enum kh_err err = KH_ERR_INTERNAL;
    while (audit_syncer_ask(syncer, &err, fault) != AUDIT_SYNCER_DONE)
        (void)sched_yield();
    return err;
}

static void
expect_head(const char *text)
{
    struct buffer found;
    assert_true(bytes_is(fixture_read(head_path, &found), text));
    buffer_free(&found);
}

static void
jobs(void **state)
{
    const struct audit_files here = files();
    struct audit_syncer *syncer = start(&here);
    struct fault how = {0};
    enum kh_err err = KH_OK;

    (void)state;
    assert_int_equal(audit_syncer_ask(syncer, &err, &how), AUDIT_SYNCER_IDLE);
    assert_int_equal(audit_syncer_begin(syncer, BYTES("first")), KH_OK);
    // Busy or not asked yet how it went: no other one.
    assert_int_equal(audit_syncer_begin(syncer, BYTES("second")), KH_ERR_INTERNAL);
    assert_int_equal(wait_done(syncer, &how), KH_OK);
    expect_head("first");
    assert_int_equal(audit_syncer_ask(syncer, &err, &how), AUDIT_SYNCER_IDLE); // told once
    assert_int_equal(audit_syncer_begin(syncer, BYTES("second")), KH_OK);
    audit_syncer_free(&syncer); // waits for it
    assert_null(syncer);
    audit_syncer_free(&syncer);
    expect_head("second");
}

static void
heads_that_are_none(void **state)
{
    static const uint8_t long_head[AUDIT_HEAD_TEXT_MAX + 1];
    const struct audit_files here = files();
    struct audit_syncer *syncer = start(&here);

    (void)state;
    assert_int_equal(audit_syncer_begin(syncer, BYTES_EMPTY), KH_ERR_TOO_LONG);
    assert_int_equal(audit_syncer_begin(syncer, bytes_of(long_head, sizeof long_head)),
                     KH_ERR_TOO_LONG);
    assert_int_equal(audit_syncer_begin(syncer, bytes_of(long_head, AUDIT_HEAD_TEXT_MAX)), KH_OK);
    assert_int_equal(wait_done(syncer, NULL), KH_OK);
    audit_syncer_free(&syncer);
}

static void
failures(void **state)
{
    struct audit_files nowhere = files();
    struct fault how = {0};

    (void)state;
    nowhere.head_path = "/nowhere/at/all/head";
    struct audit_syncer *syncer = start(&nowhere);
    assert_int_equal(audit_syncer_begin(syncer, BYTES("x")), KH_OK);
    assert_int_equal(wait_done(syncer, &how), KH_ERR_NOT_FOUND);
    assert_non_null(strstr(how.detail, "/nowhere/at/all/head"));
    audit_syncer_free(&syncer);

    // The log first: without it there is no head.
    struct audit_files closed = files();
    closed.fd = -1;
    syncer = start(&closed);
    assert_int_equal(audit_syncer_begin(syncer, BYTES("x")), KH_OK);
    assert_int_equal(wait_done(syncer, &how), KH_ERR_IO);
    assert_non_null(strstr(how.detail, log_path));
    assert_int_equal(access(head_path, F_OK), -1);
    audit_syncer_free(&syncer);
}

static void
writes_ahead(void **state)
{
    const struct audit_files here = files();
    struct audit_syncer *syncer = start(&here);

    (void)state;
    disk.calls = disk.done = 0;
    disk.held = true;
    audit_syncer_write_ahead(syncer, 10, 30);
    wait_for(&disk.calls, 1);
    assert_int_equal(disk.fd, fd);
    assert_int_equal(disk.flags, SYNC_FILE_RANGE_WRITE); // begins, and does not wait
    assert_int_equal(disk.from, 10);
    assert_int_equal(disk.to, 30);
    // What comes while the disk is at it is one piece.
    audit_syncer_write_ahead(syncer, 30, 40);
    audit_syncer_write_ahead(syncer, 40, 70);
    disk.held = false;
    wait_for(&disk.done, 2);
    assert_int_equal(disk.from, 30);
    assert_int_equal(disk.to, 70);
    assert_int_equal(audit_syncer_begin(syncer, BYTES("head")), KH_OK);
    assert_int_equal(wait_done(syncer, NULL), KH_OK);
    audit_syncer_free(&syncer);
    assert_int_equal(disk.calls, 2);
    expect_head("head");
}

static struct audit_syncer *turned_one;
static atomic_int turned;

static void *
turn(void *context)
{
    audit_syncer_turn(turned_one, *(int *)context);
    turned = 1;
    return NULL;
}

// A descriptor that is closed while the thread is at it may be that of another file by then.
static void
another_log_when_it_is_at_nothing(void **state)
{
    const struct audit_files here = files();
    int other = open(log_path, O_RDWR | O_CLOEXEC);
    pthread_t thread;

    (void)state;
    turned_one = start(&here);
    turned = disk.calls = disk.done = 0;
    disk.held = true;
    audit_syncer_write_ahead(turned_one, 0, 10);
    wait_for(&disk.calls, 1);
    audit_syncer_write_ahead(turned_one, 10, 20); // of the log before: forgotten
    assert_int_equal(pthread_create(&thread, NULL, turn, &other), 0);
    for (int i = 0; i < 2000; i++) {
        (void)sched_yield();
        assert_int_equal(turned, 0);
    }
    disk.held = false;
    pthread_join(thread, NULL);
    assert_int_equal(disk.done, 1);
    audit_syncer_write_ahead(turned_one, 5, 6);
    wait_for(&disk.done, 2);
    assert_int_equal(disk.fd, other);
    assert_int_equal(disk.from, 5);
    audit_syncer_free(&turned_one);
    assert_int_equal(disk.calls, 2);
    close(other);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(writes_ahead, setup, teardown),
        cmocka_unit_test_setup_teardown(another_log_when_it_is_at_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(jobs, setup, teardown),
        cmocka_unit_test_setup_teardown(heads_that_are_none, setup, teardown),
        cmocka_unit_test_setup_teardown(failures, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
