/* SPDX-License-Identifier: Apache-2.0 */
/* State directories: made for their owner alone, and left alone when they are there. */
#include "../scratch.h"

#include "../../../broker/operator/directory.h"

#include <sys/stat.h>

static mode_t
mode_of(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISDIR(status.st_mode) ? status.st_mode & 0777 : 0;
}

static void
what_cannot_be_made(void **state)
{
    (void)state;
    struct fault fault = {0};
    char name[4200];
    memset(name, 'x', sizeof(name) - 1);
    name[0] = '/';
    name[sizeof(name) - 1] = '\0';
    assert_int_equal(directory_make(name, &fault), KH_ERR_TOO_LONG);
    write_file("file", "", 0600);
    assert_int_equal(directory_make(test_path("file/below"), &fault), KH_ERR_IO);
    assert_says(fault, "file");
}

static void
with_those_above_it(void **state)
{
    (void)state;
    struct fault fault = {0};
    assert_int_equal(directory_make_parents(test_path("a/b/c"), &fault), KH_OK);
    assert_int_equal(mode_of(test_path("a/b")), 0700);
    assert_int_equal(mode_of(test_path("a/b/c")), 0);
    assert_int_equal(directory_make(test_path("a/b/c"), &fault), KH_OK);
    assert_int_equal(mode_of(test_path("a/b/c")), 0700);
    assert_int_equal(chmod(test_path("a/b/c"), 0750), 0);
    assert_int_equal(directory_make(test_path("a/b/c"), &fault), KH_OK);
    assert_int_equal(mode_of(test_path("a/b/c")), 0750);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_cannot_be_made),
        cmocka_unit_test(with_those_above_it),
    };
    return cmocka_run_group_tests(tests, directory_setup, directory_teardown);
}
