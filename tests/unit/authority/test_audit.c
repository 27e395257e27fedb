/* SPDX-License-Identifier: Apache-2.0 */
#include "audits.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/resource.h>

// Stands before the C library's: how far the disk was told to begin.
static atomic_long ahead;
static atomic_bool gap; // something twice, or left out

int
sync_file_range(int fd, off_t from, off_t n, unsigned flags)
{
    (void)fd, (void)flags;
    gap = gap || from != ahead;
    ahead = from + n;
    return 0;
}

static struct audit *
open_audit(bool want_fresh)
{
    struct audit *audit = NULL;
    bool fresh = !want_fresh;
    assert_ok(audit_open(fixture_base, key, &now, &audit, &fresh, fault));
    assert_int_equal(fresh, want_fresh);
    return audit;
}

static void
does_not_open(enum kh_err err, const char *text)
{
    struct audit *audit = NULL;
    struct buffer before, after;
    bool fresh;

    (void)fixture_read(fixture_path("audit.log"), &before);
    assert_fault(audit_open(fixture_base, key, &now, &audit, &fresh, fault), err, text);
    assert_null(audit);
    (void)fixture_read(fixture_path("audit.log"), &after);
    assert_true(bytes_equal(buffer_bytes(&before), buffer_bytes(&after)));
    buffer_free(&before);
    buffer_free(&after);
}

static void
begins_and_goes_on(void **state)
{
    struct audit *audit = open_audit(true);

    (void)state;
    assert_int_equal(seq_of(audit), 0);
    record(audit, "/1");
    record(audit, "/2");
    assert_int_equal(seq_of(audit), 2);
    audit_close(&audit);
    assert_null(audit);
    audit = open_audit(false);
    assert_int_equal(seq_of(audit), 2);
    record(audit, "/3");
    audit_close(&audit);
    audit = open_audit(false);
    assert_int_equal(seq_of(audit), 3);
    audit_close(&audit);
}

static void
rights(void **state)
{
    struct audit *audit = open_audit(true);

    (void)state;
    record(audit, "/1");
    audit_close(&audit);
    assert_int_equal(chmod(fixture_path("audit.log"), 0644), 0);
    does_not_open(KH_ERR_PERMISSION, "audit.log");
    assert_int_equal(chmod(fixture_path("audit.log"), 0600), 0);
    assert_int_equal(chmod(fixture_path("audit.head"), 0640), 0);
    does_not_open(KH_ERR_PERMISSION, "audit.head");
}

static void
broken_logs(void **state)
{
    struct audit *audit = open_audit(true);
    struct buffer log, head;

    (void)state;
    for (int i = 0; i < 5; i++)
        record(audit, "/x");
    audit_close(&audit);
    struct bytes whole = fixture_read(fixture_path("audit.log"), &log);
    struct bytes signed_head = fixture_read(fixture_path("audit.head"), &head);

    fixture_write(fixture_path("audit.log"), bytes_slice(whole, 0, whole.n / 2));
    does_not_open(KH_ERR_AUDIT_BROKEN, "cut short");
    fixture_write(fixture_path("audit.log"), BYTES_EMPTY);
    does_not_open(KH_ERR_AUDIT_BROKEN, "cut short");
    assert_int_equal(unlink(fixture_path("audit.log")), 0);
    does_not_open(KH_ERR_AUDIT_BROKEN, "is gone");
    assert_int_equal(access(fixture_path("audit.log"), F_OK), -1);
    fixture_write(fixture_path("audit.log"), whole);
    assert_int_equal(unlink(fixture_path("audit.head")), 0);
    does_not_open(KH_ERR_AUDIT_BROKEN, "audit.head is gone");
    assert_int_equal(access(fixture_path("audit.head"), F_OK), -1);
    fixture_write(fixture_path("audit.head"), bytes_slice(signed_head, 0, signed_head.n - 5));
    does_not_open(KH_ERR_AUDIT_BROKEN, "audit.head");
    static char large[2000];
    fixture_write(fixture_path("audit.head"), bytes_of(large, sizeof large));
    does_not_open(KH_ERR_AUDIT_BROKEN, "audit.head");
    fixture_write(fixture_path("audit.head"), signed_head);
    log.p[30] ^= 1;
    fixture_write(fixture_path("audit.log"), whole);
    does_not_open(KH_ERR_AUDIT_BROKEN, "was changed");
    log.p[30] ^= 1;
    fixture_write(fixture_path("audit.log"), whole);
    audit = open_audit(false);
    audit_close(&audit);

    // Both moved away, as the messages say: a new log.
    assert_int_equal(unlink(fixture_path("audit.log")), 0);
    assert_int_equal(unlink(fixture_path("audit.head")), 0);
    audit = open_audit(true);
    audit_close(&audit);
    buffer_free(&log);
    buffer_free(&head);
}

// kill -9 at any moment: what was written before an answer is there, and the broker starts.
static void
killed_without_a_word(void **state)
{
    struct audit *audit = open_audit(true);
    struct buffer log, head;

    (void)state;
    record(audit, "/1");
    now.manual_ms += 1000;
    assert_ok(audit_tick(audit, fault)); // the head says 1
    record(audit, "/2");
    record(audit, "/3");
    struct bytes killed_log = fixture_read(fixture_path("audit.log"), &log);
    struct bytes killed_head = fixture_read(fixture_path("audit.head"), &head);
    audit_close(&audit);
    fixture_write(fixture_path("audit.log"), killed_log);
    fixture_write(fixture_path("audit.head"), killed_head);
    audit = open_audit(false);
    assert_int_equal(seq_of(audit), 3);
    audit_close(&audit);
    buffer_free(&log);
    buffer_free(&head);
}

static void
one_write_for_a_batch(void **state)
{
    struct audit *audit = open_audit(true);
    struct buffer log;

    (void)state;
    for (int i = 0; i < 100; i++) {
        struct audit_record r = {.kind = AUDIT_DECISION};
        audit_append(audit, &r);
    }
    assert_int_equal(fixture_read(fixture_path("audit.log"), &log).n, 0);
    assert_int_equal(seq_of(audit), 0);
    buffer_free(&log);
    assert_ok(audit_flush(audit, fault));
    assert_int_equal(seq_of(audit), 100);
    assert_ok(audit_flush(audit, fault));
    audit_close(&audit);
}

// Records of several kinds and lengths: each line follows from the one before, in the order in
// which they were collected.
static void
a_batch_is_in_order(void **state)
{
    struct audit *audit = open_audit(true);
    struct buffer log;
    size_t at = 0;

    (void)state;
    record(audit, "/before");
    for (int i = 0; i < 10; i++) {
        char path[32];
        snprintf(path, sizeof path, "/%.*s-%d", i, "xxxxxxxxxx", i);
        struct audit_record decided = {.kind = AUDIT_DECISION, .path = bytes_str(path)};
        struct audit_record finished = {.kind = AUDIT_OUTCOME, .has_outcome = true};
        audit_append(audit, &decided);
        audit_append(audit, &finished);
    }
    assert_ok(audit_flush(audit, fault));
    record(audit, "/after");
    audit_close(&audit);
    struct bytes text = fixture_read(fixture_path("audit.log"), &log);
    for (int i = 0; i < 10; i++) {
        char path[32];
        snprintf(path, sizeof path, "-%d\",", i);
        size_t next = at + bytes_find(bytes_from(text, at), bytes_str(path));
        if (next == text.n)
            fail_msg("record %d is not behind the one before it", i);
        at = next;
    }
    buffer_free(&log);
    audit = open_audit(false); // verifies the chain
    assert_int_equal(seq_of(audit), 22);
    audit_close(&audit);
}

// The disk is full: the batch is not recorded, no half of it stays, and it goes on afterwards.
// threat 20
static void
full_disk(void **state)
{
    struct audit *audit = open_audit(true);
    struct rlimit limit = {0}, old;
    struct buffer log;

    (void)state;
    record(audit, "/1");
    size_t size = fixture_read(fixture_path("audit.log"), &log).n;
    buffer_free(&log);
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    limit = old;
    limit.rlim_cur = size + 200; // one record and a half
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    for (int i = 0; i < 3; i++) {
        struct audit_record r = {.kind = AUDIT_DECISION};
        audit_append(audit, &r);
        audit_append(audit, &r);
        struct fault fault = {0};
        enum kh_err err = audit_flush(audit, &fault);
        assert_int_equal(err, KH_ERR_IO);
        assert_non_null(strstr(fault.detail, "audit.log"));
        assert_int_equal(seq_of(audit), 1);
        assert_int_equal(fixture_read(fixture_path("audit.log"), &log).n, size);
        buffer_free(&log);
    }
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    record(audit, "/2");
    assert_int_equal(seq_of(audit), 2);
    audit_close(&audit);
    audit = open_audit(false);
    assert_int_equal(seq_of(audit), 2);
    audit_close(&audit);
}

static uint64_t
head_on_disk(void)
{
    struct buffer text;
    (void)fixture_read(fixture_path("audit.head"), &text);
    unsigned long long seq = 0;
    assert_int_equal(sscanf(buffer_text(&text), "{\"seq\":%llu,", &seq), 1);
    buffer_free(&text);
    return seq;
}

static void
the_head_follows(void **state)
{
    struct audit *audit = open_audit(true);

    (void)state;
    assert_int_equal(head_on_disk(), 0);
    record(audit, "/1");
    assert_int_equal(head_on_disk(), 0);
    now.manual_ms += 1000;
    assert_ok(audit_tick(audit, fault));
    assert_int_equal(head_on_disk(), 1);
    audit_set_sync(audit, AUDIT_SYNC_NONE);
    record(audit, "/2");
    now.manual_ms += 1000;
    assert_ok(audit_tick(audit, fault));
    assert_int_equal(head_on_disk(), 1);
    now.manual_ms += 60000;
    assert_ok(audit_tick(audit, fault));
    assert_int_equal(head_on_disk(), 2);
    audit_set_sync(audit, AUDIT_SYNC_ALWAYS);
    record(audit, "/3");
    audit_close(&audit);
    assert_int_equal(head_on_disk(), 3);
}

static void
tick_until(struct audit *audit, uint64_t seq)
{
    while (head_on_disk() < seq) { // the thread's work: nobody else writes the head
        assert_ok(audit_tick(audit, fault));
        (void)sched_yield();
    }
}

static void
the_head_follows_in_a_thread(void **state)
{
    struct audit *audit = open_audit(true);

    (void)state;
    assert_ok(audit_sync_behind(audit, fault));
    assert_ok(audit_sync_behind(audit, fault)); // once is enough
    record(audit, "/1");
    assert_int_equal(head_on_disk(), 0);
    tick_until(audit, 1);
    record(audit, "/2");
    record(audit, "/3");
    tick_until(audit, 3);
    record(audit, "/4");
    assert_ok(audit_tick(audit, fault));
    audit_close(&audit); // whatever the thread is at
    assert_int_equal(head_on_disk(), 4);
    audit = open_audit(false);
    assert_int_equal(seq_of(audit), 4);
    assert_ok(audit_sync_behind(audit, fault));
    audit_abandon(&audit);
}

static void
a_busy_log_goes_to_the_disk_ahead_of_its_sync(void **state)
{
    char path[1000];
    struct buffer text;
    struct audit *audit = open_audit(true);

    (void)state;
    memset(path, 'x', sizeof path - 1);
    path[sizeof path - 1] = '\0';
    audit_set_sync(audit, AUDIT_SYNC_NONE);
    assert_ok(audit_sync_behind(audit, fault));
    for (int i = 0; i < 300; i++)
        record(audit, path);
    audit_close(&audit);
    assert_int_equal(ahead, 0); // "none" is left to the system
    ahead = (long)fixture_read(fixture_path("audit.log"), &text).n;
    buffer_free(&text);
    long before = ahead;
    audit = open_audit(false);
    assert_ok(audit_sync_behind(audit, fault));
    record(audit, "/little");
    for (int i = 0; i < 300; i++)
        record(audit, path);
    while (ahead == before)
        (void)sched_yield();
    assert_in_range(ahead, before + 256 * 1024, before + 300 * 1600);
    audit_close(&audit);
    assert_false(gap);
    ahead = 0;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(begins_and_goes_on, setup, teardown),
        cmocka_unit_test_setup_teardown(rights, setup, teardown),
        cmocka_unit_test_setup_teardown(broken_logs, setup, teardown),
        cmocka_unit_test_setup_teardown(killed_without_a_word, setup, teardown),
        cmocka_unit_test_setup_teardown(one_write_for_a_batch, setup, teardown),
        cmocka_unit_test_setup_teardown(a_batch_is_in_order, setup, teardown),
        cmocka_unit_test_setup_teardown(full_disk, setup, teardown),
        cmocka_unit_test_setup_teardown(the_head_follows, setup, teardown),
        cmocka_unit_test_setup_teardown(the_head_follows_in_a_thread, setup, teardown),
        cmocka_unit_test_setup_teardown(a_busy_log_goes_to_the_disk_ahead_of_its_sync, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
