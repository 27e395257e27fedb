/* SPDX-License-Identifier: Apache-2.0 */
/* keyholed restore: what opens the backup, into which directory, and what is lost by it. */
#include "kept.h"

#define FOUND                                                                                      \
    "\"created_at\":\"2020-01-02T03:04:05Z\",\"keyholed\":\"0.1.0\",\"files\":[1,2],"              \
    "\"audit_seq\":7,\"sealed_values\":\"opened\""

static const char *
with_passphrase(const char *words)
{
    static char text[512];
    snprintf(text, sizeof(text), "%s --passphrase-fd %s", words, descriptor_of("open sesame\n"));
    return text;
}

static bool
is_there(const char *name)
{
    return access(test_path(name), F_OK) == 0;
}

static void
one_thing_opens_it(void **state)
{
    (void)state;
    write_file("backup.key", "secret-words\n", 0600);
    assert_refused("restore @file", "what opens it?");
    assert_refused("restore --check @file", "what opens it?");
    assert_refused(with_passphrase("restore @file --key-file @backup.key"), "not for one call");
    assert_false(is_there("state")); // nothing was made for it

    assert_int_equal(call("restore @file --key-file @backup.key"), EXIT_DONE);
    assert_given(" --backup-key-fd <secret-words>");
    assert_not_given("--passphrase-fd");
    assert_int_equal(call(with_passphrase("restore @file")), EXIT_DONE);
    assert_given(" --passphrase-fd <open sesame>");
    assert_not_given("--backup-key-fd");
}

static void
a_key_file_that_others_can_read_is_mentioned(void **state)
{
    (void)state;
    write_file("backup.key", "secret-words\n", 0640);
    assert_int_equal(call("restore @file --key-file @backup.key"), EXIT_DONE);
    assert_contains(captured.err, "can be read by others");
    assert_null(strstr(captured.err, "secret-words"));
    assert_int_equal(call("restore @file --key-file @missing.key"), EXIT_FAILED);
    assert_contains(captured.err, "missing.key");
    assert_int_equal(kept.runs, 1);
}

static void
what_was_asked_is_what_is_done(void **state)
{
    (void)state;
    assert_int_equal(call(with_passphrase("restore @file")), EXIT_DONE);
    assert_given(" restore --dir ");
    assert_given(test_path("file"));
    assert_not_given("--force");
    assert_not_given("--check");
    assert_not_given("--revoke-before");
    assert_not_given("--sha256");

    assert_int_equal(call(with_passphrase("restore @file --force --revoke-before --sha256 abc")),
                     EXIT_DONE);
    assert_given(" --force");
    assert_given(" --revoke-before");
    assert_given(" --sha256 abc");
}

static void
a_check_makes_no_directory(void **state)
{
    (void)state;
    kept.report = "{" FOUND "}";
    assert_int_equal(call(with_passphrase("restore --check @file")), EXIT_DONE);
    assert_given(" --check");
    assert_contains(captured.err, "2 files, audit log to record 7");
    assert_contains(captured.err, "it can be restored");
    assert_false(is_there("state"));
}

// Another start of it would find a directory that nobody made.
static void
what_was_made_for_nothing_goes(void **state)
{
    struct stat status;

    (void)state;
    kept.status = EXIT_FAILED;
    assert_int_equal(call(with_passphrase("restore @file")), EXIT_FAILED);
    assert_true(kept.directory_there);
    assert_false(is_there("state"));
    assert_int_equal(mkdir(test_path("state"), 0700), 0);
    assert_int_equal(call(with_passphrase("restore @file")), EXIT_FAILED);
    assert_true(is_there("state")); // it was there before

    kept.status = EXIT_DONE;
    assert_int_equal(unlink(test_path("state/keyholed.lock")), 0);
    assert_int_equal(rmdir(test_path("state")), 0);
    assert_int_equal(call(with_passphrase("restore @file")), EXIT_DONE);
    assert_int_equal(stat(test_path("state"), &status), 0);
    assert_int_equal(status.st_mode & 07777, 0700);
}

static void
a_person_is_told_what_is_lost(void **state)
{
    (void)state;
    kept.report = "{" FOUND ",\"schema\":5,\"moved_aside\":\"before-restore-1\"}";
    assert_int_equal(call(with_passphrase("restore @file")), EXIT_DONE);
    assert_string_equal(captured.out, "");
    assert_contains(captured.err, "days ago)");
    assert_contains(captured.err, "/before-restore-1");
    assert_contains(captured.err, "REVOCATIONS MADE SINCE ARE LOST");

    kept.report = "{" FOUND ",\"schema\":5,\"revoked_before\":\"2026-01-01T00:00:00Z\"}";
    assert_int_equal(call(with_passphrase("restore @file")), EXIT_DONE);
    assert_contains(captured.err, "every token minted before 2026-01-01T00:00:00Z is revoked");
    assert_null(strstr(captured.err, "ARE LOST"));
    // Of a discharger there are no tokens.
    kept.report = "{" FOUND ",\"schema\":0}";
    assert_int_equal(call(with_passphrase("restore @file")), EXIT_DONE);
    assert_null(strstr(captured.err, "ARE LOST"));
}

#define test(f) cmocka_unit_test_setup_teardown(f, kept_setup, directory_teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        test(one_thing_opens_it),
        test(a_key_file_that_others_can_read_is_mentioned),
        test(what_was_asked_is_what_is_done),
        test(a_check_makes_no_directory),
        test(what_was_made_for_nothing_goes),
        test(a_person_is_told_what_is_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
