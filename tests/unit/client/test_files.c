/* SPDX-License-Identifier: Apache-2.0 */
/* Small files of a person's own. */
#include "../../../client/files.h"
#include "../scratch.h"
#include "client_test.h"

static void
test_paths(void **state)
{
    (void)state;
    struct fault fault = {.err = KH_OK};
    BUFFER_AUTO out;
    buffer_init(&out, 256);
    unsetenv("XDG_STATE_HOME");
    unsetenv("HOME");
    assert_int_equal(files_path("XDG_STATE_HOME", ".local/state", "k/x", &out, &fault),
                     KH_ERR_NOT_FOUND);
    setenv("HOME", "/home/alice", 1);
    setenv("XDG_STATE_HOME", "relative", 1); // to be ignored, says the specification
    assert_ok(files_path("XDG_STATE_HOME", ".local/state", "k/x", &out, &fault));
    assert_string_equal(buffer_text(&out), "/home/alice/.local/state/k/x");
    buffer_clear(&out);
    setenv("XDG_STATE_HOME", "/state", 1);
    assert_ok(files_path("XDG_STATE_HOME", ".local/state", "k/x", &out, &fault));
    assert_string_equal(buffer_text(&out), "/state/k/x");
    unsetenv("XDG_STATE_HOME");
}

static void
test_reading(void **state)
{
    (void)state;
    struct fault fault = {.err = KH_OK};
    struct buffer out;
    buffer_init(&out, 8);
    assert_int_equal(files_read(test_path("none"), &out, &fault), KH_ERR_NOT_FOUND);
    assert_int_equal(files_read(test_path("none/none"), &out, &fault), KH_ERR_NOT_FOUND);
    assert_int_equal(files_read(test_directory, &out, &fault), KH_ERR_IO);
    assert_int_equal(mkfifo(test_path("pipe"), 0600), 0); // would wait for ever
    assert_int_equal(files_read(test_path("pipe"), &out, &fault), KH_ERR_IO);
    write_file("long", "123456789", 0600);
    assert_int_equal(files_read(test_path("long"), &out, &fault), KH_ERR_TOO_LONG);
    buffer_clear(&out);
    write_file("fits", "12345678", 0600);
    assert_ok(files_read(test_path("fits"), &out, &fault));
    assert_true(bytes_is(buffer_bytes(&out), "12345678"));
    buffer_clear(&out);
    write_file("empty", "", 0600);
    assert_ok(files_read(test_path("empty"), &out, &fault));
    assert_int_equal(out.n, 0);
    buffer_free(&out);
}

static void
test_writing(void **state)
{
    (void)state;
    struct fault fault = {.err = KH_OK};
    struct stat st;
    BUFFER_AUTO out;
    buffer_init(&out, 64);
    umask(0);
    assert_ok(files_write(test_path("a/b/c"), BYTES("one"), &fault));
    assert_int_equal(stat(test_path("a"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    assert_int_equal(stat(test_path("a/b/c"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_ok(files_write(test_path("a/b/c"), BYTES("two"), &fault));
    assert_ok(files_read(test_path("a/b/c"), &out, &fault));
    assert_true(bytes_is(buffer_bytes(&out), "two"));
}

// What cannot be put in place leaves what was there, and nothing beside it.
static void
test_writing_that_fails(void **state)
{
    (void)state;
    struct fault fault = {.err = KH_OK};
    char command[256];
    write_file("file", "x", 0600);
    assert_int_equal(files_write(test_path("file/below"), BYTES("y"), &fault), KH_ERR_IO);
    assert_int_equal(mkdir(test_path("taken"), 0700), 0);
    assert_int_equal(files_write(test_path("taken"), BYTES("y"), &fault), KH_ERR_IO);
    assert_int_equal(rmdir(test_path("taken")), 0);
    snprintf(command, sizeof command, "ls '%s' | grep -q '^taken'", test_directory);
    assert_int_not_equal(system(command), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_paths),
        cmocka_unit_test_setup_teardown(test_reading, directory_setup, directory_teardown),
        cmocka_unit_test_setup_teardown(test_writing, directory_setup, directory_teardown),
        cmocka_unit_test_setup_teardown(test_writing_that_fails, directory_setup,
                                        directory_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
