/* SPDX-License-Identifier: Apache-2.0 */
/* The thread that waits for the disk: one job at a time, and how it went is told once. */
#include "fixture.h"

#include "../../../broker/authority/audit_syncer.h"

#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

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

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(jobs, setup, teardown),
        cmocka_unit_test_setup_teardown(heads_that_are_none, setup, teardown),
        cmocka_unit_test_setup_teardown(failures, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
