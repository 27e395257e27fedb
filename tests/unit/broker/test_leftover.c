/* SPDX-License-Identifier: Apache-2.0
 *
 * What a dead process left is removed; what is in use, another's, or of another kind is not.
 */
#include "../scratch.h"

#include "../../../broker/leftover.h"

#include <signal.h>
#include <sys/file.h>
#include <sys/wait.h>

static bool
is_there(const char *name)
{
    return access(test_path(name), F_OK) == 0;
}

static void
in_use(void **state)
{
    (void)state;
    struct fault fault = {0};
    char path[PATH_MAX], inside[PATH_MAX + 8];
    int fd = -1;
    struct stat st;
    assert_int_equal(leftover_make_directory(test_directory, ".w-", path, &fd, &fault), KH_OK);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    snprintf(inside, sizeof inside, "%s/x", path);
    assert_int_equal(mkdir(inside, 0700), 0);
    assert_int_equal(leftover_clean(test_directory, ".w-", "", S_IFDIR), 0);
    assert_int_equal(access(inside, F_OK), 0);
    close(fd);
    assert_int_equal(leftover_clean(test_directory, ".w-", "", S_IFDIR), 1);
    assert_int_not_equal(access(path, F_OK), 0);
}

static void
of_a_process_that_was_killed(void **state)
{
    (void)state;
    int ready[2], status;
    char byte;
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    if (child == 0) {
        char path[PATH_MAX];
        struct fault fault = {0};
        int directory, file;
        bool ok = !leftover_make_directory(test_directory, ".w-", path, &directory, &fault) &&
                  !leftover_make_file(test_path("f.12.unfinished"), &file, &fault) &&
                  write(ready[1], "x", 1) == 1;
        (void)pause();
        _exit(ok);
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_int_equal(leftover_clean(test_directory, ".w-", "", S_IFDIR), 0);
    assert_int_equal(leftover_clean(test_directory, "f.", ".unfinished", S_IFREG), 0);
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(leftover_clean(test_directory, ".w-", "", S_IFDIR), 1);
    assert_int_equal(leftover_clean(test_directory, "f.", ".unfinished", S_IFREG), 1);
    close(ready[0]);
    close(ready[1]);
}

static void
of_another_kind(void **state)
{
    (void)state;
    static const char *const files[] = {"f.unfinished",   "f..unfinished", "f.1-2.unfinished",
                                        "g.1.unfinished", "f.1.new",       "f.1.unfinished.x"};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        write_file(files[i], "", 0600);
    assert_int_equal(mkdir(test_path("f.2.unfinished"), 0700), 0);
    assert_int_equal(symlink("f.1.new", test_path("f.3.unfinished")), 0);
    assert_int_equal(mkfifo(test_path("f.4.unfinished"), 0600), 0);
    assert_int_equal(leftover_clean(test_directory, "f.", ".unfinished", S_IFREG), 0);
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        assert_true(is_there(files[i]));
    assert_int_equal(leftover_clean(test_directory, "f.", ".unfinished", S_IFDIR), 1);
    assert_int_equal(leftover_clean("/nonexistent/kh", "f.", "", S_IFDIR), 0);
}

static void
of_somebody_else(void **state)
{
    (void)state;
    if (geteuid() != 0) {
        print_message("only root can give a file away\n");
        skip();
    }
    write_file("f.1.unfinished", "", 0600);
    assert_int_equal(chown(test_path("f.1.unfinished"), 12345, 12345), 0);
    assert_int_equal(leftover_clean(test_directory, "f.", ".unfinished", S_IFREG), 0);
    assert_true(is_there("f.1.unfinished"));
}

static void
a_file_is_new(void **state)
{
    (void)state;
    struct fault fault = {0};
    struct stat st;
    int fd = -1;
    assert_int_equal(leftover_make_file(test_path("a"), &fd, &fault), KH_OK);
    assert_int_equal(fstat(fd, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    close(fd);
    fd = -1;
    assert_int_equal(leftover_make_file(test_path("a"), &fd, &fault), KH_ERR_IO);
    assert_says(fault, "cannot be made");
    assert_int_equal(leftover_make_file(test_path("no/a"), &fd, &fault), KH_ERR_IO);
    char path[PATH_MAX];
    assert_int_equal(leftover_make_directory("/nonexistent/kh", "a", path, &fd, &fault), KH_ERR_IO);
    assert_int_equal(fd, -1);
}

int
main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, directory_setup, directory_teardown)
    const struct CMUnitTest tests[] = {
        CASE(in_use),          CASE(of_a_process_that_was_killed),
        CASE(of_another_kind), CASE(of_somebody_else),
        CASE(a_file_is_new),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
