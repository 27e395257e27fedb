/* SPDX-License-Identifier: Apache-2.0 */
/* Groups of sockets: names, numbers, and what is neither; modes; directories. */
#include "../scratch.h"

#include "../../../broker/supervisor/socket_group.h"

#include <grp.h>

static void
what_is_no_group(void **state)
{
    static const char *const bad[] = {
        "",   "no-such-group-here",     "-1", "+1", " 1", "1 ", "01", "4294967295", "4294967296",
        "1x", "99999999999999999999999"};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct fault fault = {0};
        gid_t gid = 77;
        if (socket_group_find("metrics", bad[i], &gid, &fault) != KH_ERR_CONFIG)
            fail_msg("\"%s\" was taken", bad[i]);
        assert_int_equal(gid, 77);
        assert_says(fault, "metrics: there is no group ");
    }
}

static void
names_and_numbers(void **state)
{
    struct fault fault = {0};
    gid_t gid = 1;
    const struct group *root = getgrgid(0);
    (void)state;
    assert_int_equal(socket_group_find("metrics", "4242", &gid, &fault), KH_OK);
    assert_int_equal(gid, 4242);
    assert_int_equal(socket_group_find("metrics", "0", &gid, &fault), KH_OK);
    assert_int_equal(gid, 0);
    if (root != NULL) {
        gid = 1;
        assert_int_equal(socket_group_find("metrics", root->gr_name, &gid, &fault), KH_OK);
        assert_int_equal(gid, 0);
    }
}

static void
the_group_gets_in_and_nobody_else(void **state)
{
    struct fault fault = {0};
    struct stat status;
    char own[16];
    (void)state;
    snprintf(own, sizeof own, "%u", (unsigned)getgid());
    write_file("a.sock", "", 0600);
    assert_int_equal(socket_group_open("metrics", test_path("a.sock"), own, &fault), KH_OK);
    assert_int_equal(stat(test_path("a.sock"), &status), 0);
    assert_int_equal(status.st_mode & 0777, 0660);
    assert_int_equal(status.st_gid, getgid());
    assert_int_equal(socket_group_open("metrics", test_path("none.sock"), own, &fault), KH_ERR_IO);
    assert_says(fault, "cannot be given to it");
    assert_int_equal(socket_group_open("metrics", test_path("a.sock"), "no-such-group", &fault),
                     KH_ERR_CONFIG);
}

static void
directories(void **state)
{
    struct fault fault = {0};
    (void)state;
    write_file("file", "", 0600);
    assert_int_equal(socket_group_find_directory("metrics", test_path("a.sock"), &fault), KH_OK);
    assert_int_equal(socket_group_find_directory("metrics", "/a.sock", &fault), KH_OK);
    assert_int_equal(socket_group_find_directory("metrics", test_path("none/a.sock"), &fault),
                     KH_ERR_CONFIG);
    assert_says(fault, "metrics: the directory of the socket, ");
    assert_int_equal(socket_group_find_directory("metrics", test_path("file/a.sock"), &fault),
                     KH_ERR_CONFIG);
    assert_says(fault, "is no directory");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_no_group),
        cmocka_unit_test(names_and_numbers),
        cmocka_unit_test(the_group_gets_in_and_nobody_else),
        cmocka_unit_test(directories),
    };
    return cmocka_run_group_tests_name("socket_group", tests, directory_setup, directory_teardown);
}
