/* SPDX-License-Identifier: Apache-2.0 */
/* Directories of runs: private, removed, and those of killed runs swept. */
#include "../../../client/run_directory.h"
#include "../scratch.h"
#include "client_test.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

static bool
is_there(const char *path)
{
    return access(path, F_OK) == 0;
}

static void
test_private_and_removed(void **state)
{
    (void)state;
    struct fault fault = {.err = KH_OK};
    struct run_directory directory;
    struct stat st;
    char file[RUN_DIRECTORY_PATH_MAX];
    assert_ok(run_directory_make(&directory, &fault));
    assert_true(strncmp(directory.path, test_directory, strlen(test_directory)) == 0);
    assert_int_equal(stat(directory.path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
    assert_ok(run_directory_write(&directory, "ca.pem", BYTES("x"), file, &fault));
    assert_int_equal(stat(file, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    char path[RUN_DIRECTORY_PATH_MAX];
    strcpy(path, directory.path);
    run_directory_remove(&directory);
    assert_false(is_there(path));
    run_directory_remove(&directory); // and again is no harm
}

static void
test_those_of_others_stay(void **state)
{
    (void)state;
    struct fault fault = {.err = KH_OK};
    struct run_directory held;
    char open[160], file[160], link[160];
    assert_ok(run_directory_make(&held, &fault));
    strcpy(open, test_path("keyhole-run-open"));
    strcpy(file, test_path("keyhole-run-file"));
    strcpy(link, test_path("keyhole-run-link"));
    assert_int_equal(mkdir(open, 0700), 0);
    assert_int_equal(chmod(open, 0755), 0);
    write_file("keyhole-run-file", "x", 0600);
    assert_int_equal(symlink(held.path, link), 0);
    run_directory_sweep(test_directory, 0);
    assert_true(is_there(held.path)); // somebody holds it
    assert_true(is_there(open));      // not ours: ours are private
    assert_true(is_there(file));
    assert_true(is_there(link));
    run_directory_remove(&held);
    rmdir(open);
    unlink(file);
    unlink(link);
}

static void
test_that_of_a_killed_run_is_swept(void **state)
{
    (void)state;
    int ready[2];
    char path[RUN_DIRECTORY_PATH_MAX] = "";
    assert_int_equal(pipe(ready), 0);
    pid_t pid = fork();
    if (pid == 0) {
        struct run_directory directory;
        char file[RUN_DIRECTORY_PATH_MAX];
        if (run_directory_make(&directory, NULL) != KH_OK ||
            run_directory_write(&directory, "bundle.pem", BYTES("x"), file, NULL) != KH_OK ||
            write(ready[1], directory.path, sizeof directory.path) < 0)
            _exit(1);
        pause();
        _exit(0);
    }
    assert_int_equal(read(ready[0], path, sizeof path), sizeof path);
    run_directory_sweep(test_directory, 0);
    assert_true(is_there(path));
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    run_directory_sweep(test_directory, 3600);
    assert_true(is_there(path)); // too young to be sure
    run_directory_sweep(test_directory, 0);
    assert_false(is_there(path));
    close(ready[0]);
    close(ready[1]);
}

static void
test_nowhere_to_be(void **state)
{
    (void)state;
    struct fault fault = {.err = KH_OK};
    struct run_directory directory;
    setenv("XDG_RUNTIME_DIR", "/proc/nonexistent", 1);
    assert_ok(run_directory_make(&directory, &fault)); // /tmp will do
    assert_true(strncmp(directory.path, "/tmp/keyhole-run-", 17) == 0);
    run_directory_remove(&directory);
    setenv("XDG_RUNTIME_DIR", test_directory, 1);
}

static int
setup(void **state)
{
    int result = directory_setup(state);
    setenv("XDG_RUNTIME_DIR", test_directory, 1);
    return result;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_private_and_removed),
        cmocka_unit_test(test_those_of_others_stay),
        cmocka_unit_test(test_that_of_a_killed_run_is_swept),
        cmocka_unit_test(test_nowhere_to_be),
    };
    return cmocka_run_group_tests(tests, setup, directory_teardown);
}
