/* SPDX-License-Identifier: Apache-2.0 */
/* keyholed key change-master: one old key, one new key, and nobody else in the directory. */
#include "kept.h"

#include "../../../broker/supervisor/lock.h"

static int
setup(void **state)
{
    if (kept_setup(state) != 0 || mkdir(test_path("state"), 0700) != 0)
        return -1;
    write_file("state/keyholed.db", "", 0600);
    return 0;
}

static void
one_of_each(void **state)
{
    static const char *const wrong[] = {
        "--passphrase-fd 3 --key-fd 4",
        "--passphrase --passphrase-fd 3",
        "--passphrase --key-fd 3",
        "--new-passphrase-fd 3 --new-key-fd 4",
        "--new-passphrase --new-passphrase-fd 3",
        "--new-passphrase --new-key-fd 3",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        char words[128];
        snprintf(words, sizeof(words), "key change-master %s", wrong[i]);
        assert_refused(words, "one old key and one new key");
    }
}

static void
what_was_asked_is_what_is_done(void **state)
{
    static const char *const option[][2] = {
        {"--passphrase-fd", "--new-passphrase-fd"},
        {"--passphrase-fd", "--new-key-fd"},
        {"--key-fd", "--new-passphrase-fd"},
        {"--key-fd", "--new-key-fd"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(option) / sizeof(option[0]); i++) {
        char words[128], given[128];
        snprintf(words, sizeof(words), "key change-master %s %s %s %s", option[i][0],
                 descriptor_of("old words\n"), option[i][1], descriptor_of("new words\n"));
        assert_int_equal(call(words), EXIT_DONE);
        snprintf(given, sizeof(given), " %s <old words> %s <new words>", option[i][0],
                 option[i][1]);
        assert_given(given);
    }
    assert_int_equal(call("key change-master"), EXIT_DONE); // from a key file to a key file
    assert_not_given("-fd <");
}

// It would be a key file, and not what was asked for.
static void
a_secret_that_is_empty_is_none(void **state)
{
    char words[128];

    (void)state;
    snprintf(words, sizeof(words), "key change-master --new-passphrase-fd %s", descriptor_of("\n"));
    assert_int_equal(call(words), EXIT_FAILED);
    assert_int_equal(kept.runs, 0);
}

static void
nobody_else_is_there(void **state)
{
    struct fault fault = {0};
    int lock = -1;

    (void)state;
    assert_int_equal(lock_take(test_path("state"), LOCK_BROKER, &lock, &fault), KH_OK);
    assert_int_equal(call("key change-master"), EXIT_FAILED);
    assert_contains(captured.err, "its master key changes while nobody uses it");
    assert_int_equal(kept.runs, 0);
    close(lock);
    assert_int_equal(call("key change-master"), EXIT_DONE);
    assert_int_equal(unlink(test_path("state/keyholed.db")), 0);
    assert_int_equal(call("key change-master"), EXIT_FAILED); // there is nothing to change
    assert_int_equal(kept.runs, 1);
}

static void
a_person_is_told_where_the_new_one_is(void **state)
{
    static const char *const rows[][2] = {
        {"{\"master_key\":\"file\"}", "/state/master.key"},
        {"{\"master_key\":\"passphrase\"}", "--passphrase-fd"},
        {"{\"master_key\":\"outside\"}", "$CREDENTIALS_DIRECTORY/keyhole-master-key"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        kept.report = rows[i][0];
        assert_int_equal(call("key change-master"), EXIT_DONE);
        assert_contains(captured.err, rows[i][1]);
        assert_contains(captured.err, "make a new backup now");
        assert_string_equal(captured.out, "");
    }
}

#define test(f) cmocka_unit_test_setup_teardown(f, setup, directory_teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        test(one_of_each),
        test(what_was_asked_is_what_is_done),
        test(a_secret_that_is_empty_is_none),
        test(nobody_else_is_there),
        test(a_person_is_told_where_the_new_one_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
