/* SPDX-License-Identifier: Apache-2.0 */
/* The state directory: only one that is ours alone, and only one broker in it. */
#include "../scratch.h"

#include "../../../broker/supervisor/lock.h"

static void
not_initialised(void **state)
{
    (void)state;
    struct fault fault = {0};
    assert_int_equal(lock_check_directory("/nonexistent/kh", &fault), KH_ERR_NOT_FOUND);
    assert_says(fault, "keyholed init --dir /nonexistent/kh");
    assert_int_equal(lock_check_directory(test_directory, &fault), KH_ERR_NOT_FOUND);
    assert_says(fault, "keyholed init --dir");
    write_file("file", "", 0600);
    assert_int_equal(lock_check_directory(test_path("file"), &fault), KH_ERR_NOT_FOUND);
}

static void
writable_by_others(void **state)
{
    (void)state;
    struct fault fault = {0};
    write_file("keyholed.db", "", 0600);
    static const mode_t bad[] = {0770, 0720, 0702, 0777};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(chmod(test_directory, bad[i]), 0);
        assert_int_equal(lock_check_directory(test_directory, &fault), KH_ERR_PERMISSION);
        assert_says(fault, "chmod 0700");
    }
    assert_int_equal(chmod(test_directory, 0700), 0);
    assert_int_equal(lock_check_directory(test_directory, &fault), KH_OK);
}

static void
one_broker_at_a_time(void **state)
{
    (void)state;
    struct fault fault = {0};
    int first = -1, second = -1;
    char words[64];
    assert_int_equal(lock_take(test_directory, LOCK_BROKER, &first, &fault), KH_OK);
    assert_true(first >= 0);
    assert_int_equal(fcntl(first, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    assert_int_equal(lock_take(test_directory, LOCK_BROKER, &second, &fault), KH_ERR_EXISTS);
    assert_int_equal(second, -1);
    snprintf(words, sizeof(words), "another broker (process %ld) runs in", (long)getpid());
    assert_says(fault, words);
    assert_says(fault, "stop it first");
    close(first);
    assert_int_equal(lock_take(test_directory, LOCK_BROKER, &second, &fault), KH_OK);
    close(second);
}

static void
what_the_file_says_does_not_matter(void **state)
{
    (void)state;
    struct fault fault = {0};
    int first, second;
    write_file("keyholed.lock", "not a number, and no end of line", 0600);
    assert_int_equal(lock_take(test_directory, LOCK_BROKER, &first, &fault), KH_OK);
    assert_int_equal(pwrite(first, "rubbish rubbish rubbish", 23, 0), 23);
    assert_int_equal(lock_take(test_directory, LOCK_BROKER, &second, &fault), KH_ERR_EXISTS);
    assert_says(fault, "another broker runs in");
    close(first);
}

static void
work_is_waited_for(void **state)
{
    static const struct {
        enum lock_use use;
        const char *who;
    } works[] = {
        {LOCK_RESTORE, "a restore (process "},
        {LOCK_CHANGE_MASTER, "a change of the master key (process "},
    };
    struct fault fault = {0};
    int first, second;
    (void)state;
    for (size_t i = 0; i < sizeof(works) / sizeof(works[0]); i++) {
        assert_int_equal(lock_take(test_directory, works[i].use, &first, &fault), KH_OK);
        assert_int_equal(lock_take(test_directory, LOCK_BROKER, &second, &fault), KH_ERR_EXISTS);
        assert_says(fault, works[i].who);
        assert_says(fault, "is at work in");
        assert_says(fault, "wait for it");
        close(first);
    }
    // The next one says what it is, and nothing of those before.
    assert_int_equal(lock_take(test_directory, LOCK_BROKER, &first, &fault), KH_OK);
    assert_int_equal(lock_take(test_directory, LOCK_RESTORE, &second, &fault), KH_ERR_EXISTS);
    assert_says(fault, "another broker (process ");
    close(first);
}

// Scripts send signals to it.
static void
a_brokers_file_is_its_number_alone(void **state)
{
    struct fault fault = {0};
    char text[32], expected[32];
    int fd;
    (void)state;
    assert_int_equal(lock_take(test_directory, LOCK_RESTORE, &fd, &fault), KH_OK);
    close(fd);
    assert_int_equal(lock_take(test_directory, LOCK_BROKER, &fd, &fault), KH_OK);
    ssize_t n = pread(fd, text, sizeof(text) - 1, 0);
    assert_true(n > 0);
    text[n] = '\0';
    snprintf(expected, sizeof(expected), "%ld\n", (long)getpid());
    assert_string_equal(text, expected);
    close(fd);
}

static void
no_link_is_followed(void **state)
{
    (void)state;
    int fd;
    unlink(test_path("keyholed.lock"));
    assert_int_equal(symlink(test_path("elsewhere"), test_path("keyholed.lock")), 0);
    assert_int_equal(lock_take(test_directory, LOCK_BROKER, &fd, NULL), KH_ERR_IO);
    assert_int_equal(access(test_path("elsewhere"), F_OK), -1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(not_initialised),
        cmocka_unit_test(writable_by_others),
        cmocka_unit_test(one_broker_at_a_time),
        cmocka_unit_test(work_is_waited_for),
        cmocka_unit_test(a_brokers_file_is_its_number_alone),
        cmocka_unit_test(what_the_file_says_does_not_matter),
        cmocka_unit_test(no_link_is_followed),
    };
    return cmocka_run_group_tests(tests, directory_setup, directory_teardown);
}
