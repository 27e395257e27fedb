/* SPDX-License-Identifier: Apache-2.0
 *
 * Another file of the audit log: the chain goes on, and an end at any moment loses nothing that was
 * acknowledged.
 */
#include "audits.h"

#include <dirent.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>

enum { ROUNDS = 24 };

static struct audit *
open_audit(void)
{
    struct audit *audit = NULL;
    bool fresh;
    assert_ok(audit_open(fixture_base, key, &now, &audit, &fresh, fault));
    return audit;
}

static void
does_not_open(const char *text)
{
    struct audit *audit = NULL;
    bool fresh;
    assert_fault(audit_open(fixture_base, key, &now, &audit, &fresh, fault), KH_ERR_AUDIT_BROKEN,
                 text);
}

// The whole chain over all files; the number of its last record, and how many files.
static uint64_t
verify_all(size_t *files)
{
    struct audit_names names;
    struct audit_part part = {0};
    char path[PATH_MAX];

    assert_ok(audit_names_list(fixture_base, &names, fault));
    for (size_t i = 0; i <= names.count; i++) {
        struct audit_head before = part.last;
        assert_ok(audit_name_path(fixture_base, i < names.count ? names.first[i] : 0, path, fault));
        int fd = open(path, O_RDONLY);
        assert_true(fd >= 0);
        assert_ok(audit_verify(fd, path, i > 0 ? &before : NULL, NULL, &part, fault));
        close(fd);
        assert_int_equal(part.before.seq, before.seq);
        if (i < names.count)
            assert_int_equal(names.first[i], part.before.seq + 1);
    }
    if (files)
        *files = names.count + 1;
    audit_names_free(&names);
    return part.last.seq;
}

static bool
is_there(const char *name)
{
    return access(fixture_path(name), F_OK) == 0;
}

static void
the_chain_goes_on(void **state)
{
    struct audit *audit = open_audit();
    struct audit_rotated rotated;
    struct buffer text;
    uint32_t uid = 1234;
    size_t files;

    (void)state;
    record(audit, "/1");
    record(audit, "/2");
    assert_ok(audit_rotate(audit, &uid, &rotated, fault));
    assert_string_equal(rotated.name, "audit.log.000000000001");
    assert_int_equal(rotated.first, 1);
    assert_int_equal(rotated.last.seq, 2);
    assert_int_equal(seq_of(audit), 3);
    assert_false(is_there(".audit.new"));
    struct bytes line = fixture_read(fixture_path("audit.log"), &text);
    assert_true(bytes_starts(line, BYTES("{\"seq\":3,\"time\":\"2026-")));
    assert_true(bytes_find(line, BYTES("\"kind\":\"rotate\",\"detail\":\"goes on from "
                                       "audit.log.000000000001, which has records 1 to 2\"")) <
                line.n);
    assert_true(bytes_find(line, BYTES("\"uid\":1234")) < line.n);
    assert_true(bytes_find(line, bytes_str(rotated.last.hash)) < line.n);
    buffer_free(&text);
    record(audit, "/4");
    assert_ok(audit_rotate(audit, NULL, &rotated, fault));
    assert_string_equal(rotated.name, "audit.log.000000000003");
    assert_ok(audit_rotate(audit, NULL, NULL, fault)); // a file of one record
    record(audit, "/7");
    audit_close(&audit);
    assert_int_equal(verify_all(&files), 7);
    assert_int_equal(files, 4);
    audit = open_audit();
    assert_int_equal(seq_of(audit), 7);
    record(audit, "/8");
    audit_abandon(&audit);
    assert_int_equal(verify_all(NULL), 8);
}

static void
by_size(void **state)
{
    struct audit *audit = open_audit();
    static char path[5000];
    size_t files;

    (void)state;
    memset(path, 'x', sizeof path - 1);
    for (int i = 0; i < 20; i++)
        record(audit, path);
    assert_ok(audit_tick(audit, fault)); // never, unless it is set
    assert_int_equal(seq_of(audit), 20);
    audit_set_rotation(audit, 1); // 64 KiB at least
    assert_ok(audit_tick(audit, fault));
    assert_int_equal(seq_of(audit), 21);
    assert_ok(audit_tick(audit, fault));
    record(audit, path);
    assert_ok(audit_tick(audit, fault));
    assert_int_equal(seq_of(audit), 22);
    audit_set_rotation(audit, 0);
    for (int i = 0; i < 20; i++)
        record(audit, path);
    assert_ok(audit_tick(audit, fault));
    assert_int_equal(seq_of(audit), 42);
    audit_close(&audit);
    assert_int_equal(verify_all(&files), 42);
    assert_int_equal(files, 2);
}

static void
with_the_thread(void **state)
{
    struct audit *audit = open_audit();
    size_t files;

    (void)state;
    assert_ok(audit_sync_behind(audit, fault));
    for (int i = 0; i < 50; i++) {
        record(audit, "/x");
        assert_ok(audit_tick(audit, fault)); // the thread begins with it
        if (i % 5 == 4)
            assert_ok(audit_rotate(audit, NULL, NULL, fault)); // and is not done
    }
    record(audit, "/y");
    uint64_t last = seq_of(audit);
    struct buffer text;
    // What it syncs is the file that is written now: the head is of that one.
    for (bool there = false; !there;) {
        assert_ok(audit_tick(audit, fault));
        char wanted[64];
        snprintf(wanted, sizeof wanted, "{\"seq\":%llu,", (unsigned long long)last);
        struct bytes head = fixture_read(fixture_path("audit.head"), &text);
        there = bytes_starts(head, bytes_str(wanted));
        buffer_free(&text);
        (void)sched_yield();
    }
    audit_abandon(&audit);
    assert_int_equal(verify_all(&files), 61);
    assert_int_equal(files, 11);
    audit = open_audit();
    audit_close(&audit);
}

static void
what_fails_leaves_it_as_it_was(void **state)
{
    struct audit *audit = open_audit();

    (void)state;
    record(audit, "/1");
    fixture_write(fixture_path("audit.log.000000000001"), BYTES("mine"));
    assert_fault(audit_rotate(audit, NULL, NULL, fault), KH_ERR_EXISTS, "is there already");
    assert_int_equal(unlink(fixture_path("audit.log.000000000001")), 0);
    assert_int_equal(mkdir(fixture_path(".audit.new"), 0700), 0);
    assert_int_not_equal(audit_rotate(audit, NULL, NULL, NULL), KH_OK);
    assert_int_equal(rmdir(fixture_path(".audit.new")), 0);
    record(audit, "/2");
    assert_ok(audit_rotate(audit, NULL, NULL, fault));
    audit_close(&audit);
    assert_int_equal(verify_all(NULL), 3);
}

// The states that an end leaves, one after the other.
static void
ends_between_two_steps(void **state)
{
    struct audit *audit = open_audit();
    struct buffer old, head, next;

    (void)state;
    record(audit, "/1");
    record(audit, "/2");
    assert_ok(audit_tick(audit, fault));
    struct bytes old_text = fixture_read(fixture_path("audit.log"), &old);
    struct bytes old_head = fixture_read(fixture_path("audit.head"), &head);
    assert_ok(audit_rotate(audit, NULL, NULL, fault));
    audit_abandon(&audit);
    struct bytes next_text = fixture_read(fixture_path("audit.log"), &next);

    // The last step is missing: the head of the file before.
    fixture_write(fixture_path("audit.head"), old_head);
    audit = open_audit();
    assert_int_equal(seq_of(audit), 3);
    audit_abandon(&audit);
    // Between the two renamings there is no audit.log.
    fixture_write(fixture_path("audit.head"), old_head);
    assert_int_equal(rename(fixture_path("audit.log"), fixture_path(".audit.new")), 0);
    audit = open_audit();
    assert_int_equal(seq_of(audit), 3);
    audit_abandon(&audit);
    assert_false(is_there(".audit.new"));
    assert_int_equal(verify_all(NULL), 3);
    // Before them: what was made is no part of the log, whole or not.
    assert_int_equal(unlink(fixture_path("audit.log.000000000001")), 0);
    for (size_t n = 0; n <= next_text.n; n += next_text.n / 3) {
        fixture_write(fixture_path("audit.log"), old_text);
        fixture_write(fixture_path("audit.head"), old_head);
        fixture_write(fixture_path(".audit.new"), bytes_slice(next_text, 0, n));
        audit = open_audit();
        assert_int_equal(seq_of(audit), 2);
        audit_abandon(&audit);
        assert_false(is_there(".audit.new"));
    }
    buffer_free(&old);
    buffer_free(&head);
    buffer_free(&next);
}

static void
older_files_changed_or_gone(void **state)
{
    struct audit *audit = open_audit();
    struct buffer text;

    (void)state;
    record(audit, "/1");
    assert_ok(audit_rotate(audit, NULL, NULL, fault));
    record(audit, "/3");
    assert_ok(audit_rotate(audit, NULL, NULL, fault));
    record(audit, "/5");
    audit_close(&audit);
    // The file before the one that is written: its last record is looked at.
    struct bytes older = fixture_read(fixture_path("audit.log.000000000002"), &text);
    text.p[text.n - 90] ^= 1;
    fixture_write(fixture_path("audit.log.000000000002"), older);
    does_not_open("audit.log.000000000002");
    text.p[text.n - 90] ^= 1;
    fixture_write(fixture_path("audit.log.000000000002"), bytes_slice(older, 0, older.n - 3));
    does_not_open("does not end");
    buffer_free(&text);
    // Moved away: nothing to say against it.
    assert_int_equal(unlink(fixture_path("audit.log.000000000002")), 0);
    audit = open_audit();
    audit_close(&audit);
    assert_int_equal(unlink(fixture_path("audit.log.000000000001")), 0);
    audit = open_audit();
    assert_int_equal(seq_of(audit), 5);
    assert_ok(audit_rotate(audit, NULL, NULL, fault));
    audit_close(&audit);
    // An older file in the place of the one that is written is an older state.
    assert_int_equal(rename(fixture_path("audit.log.000000000004"), fixture_path("audit.log")), 0);
    does_not_open("cut short");
    assert_int_equal(unlink(fixture_path("audit.log")), 0);
    does_not_open("is gone");
    assert_int_equal(unlink(fixture_path("audit.head")), 0);
    fixture_write(fixture_path("audit.log.000000000004"), BYTES("x\n"));
    does_not_open("audit.log.*");
    assert_int_equal(unlink(fixture_path("audit.log.000000000004")), 0);
    audit = open_audit();
    assert_int_equal(seq_of(audit), 0);
    audit_close(&audit);
}

// Records, rotates, and says so once it is done.
static void
work(int out)
{
    // Pages of secrets are wiped in a child.
    if (secret_new(AUDITS_KEY, &key, NULL))
        _exit(4);
    struct audit *audit = open_audit();
    audit_set_sync(audit, AUDIT_SYNC_NONE);
    if (audit_sync_behind(audit, NULL))
        _exit(1);
    for (unsigned i = 0;; i++) {
        uint64_t seq;
        if (i % 3 == 2 && audit_rotate(audit, NULL, NULL, NULL))
            _exit(2);
        record(audit, "/x");
        seq = seq_of(audit);
        if (write(out, &seq, sizeof seq) != sizeof seq)
            _exit(3);
    }
}

static void
killed_in_the_middle(void **state)
{
    uint64_t last = 0, seq;

    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        int ends[2], status;
        assert_int_equal(pipe(ends), 0);
        pid_t child = fork();
        if (child == 0) {
            close(ends[0]);
            work(ends[1]);
        }
        close(ends[1]);
        // Somewhere in what comes after so many.
        for (int i = 0; i < 1 + round % 5; i++)
            assert_int_equal(read(ends[0], &last, sizeof last), sizeof last);
        for (int i = 0; i < round * 40; i++)
            (void)sched_yield();
        assert_int_equal(kill(child, SIGKILL), 0);
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status));
        while (read(ends[0], &seq, sizeof seq) == sizeof seq)
            last = seq;
        close(ends[0]);
        struct audit *audit = open_audit();
        if (seq_of(audit) < last)
            fail_msg("round %d: record %llu was acknowledged, and the log ends with %llu", round,
                     (unsigned long long)last, (unsigned long long)seq_of(audit));
        last = seq_of(audit);
        audit_close(&audit);
        assert_int_equal(verify_all(NULL), last);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_chain_goes_on, setup, teardown),
        cmocka_unit_test_setup_teardown(by_size, setup, teardown),
        cmocka_unit_test_setup_teardown(with_the_thread, setup, teardown),
        cmocka_unit_test_setup_teardown(what_fails_leaves_it_as_it_was, setup, teardown),
        cmocka_unit_test_setup_teardown(ends_between_two_steps, setup, teardown),
        cmocka_unit_test_setup_teardown(older_files_changed_or_gone, setup, teardown),
        cmocka_unit_test_setup_teardown(killed_in_the_middle, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
