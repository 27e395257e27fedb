/* SPDX-License-Identifier: Apache-2.0 */
#include "../files.h"

#include "../../../broker/database/private_file.h"

static void
rights_are_checked(void **state)
{
    const char *file = fixture_path("file"), *link = fixture_path("link");
    static const mode_t wrong[] = {0640, 0604, 0660, 0666, 0610, 0601, 0777};

    (void)state;
    assert_fault(private_file_check(file, fault), KH_ERR_NOT_FOUND, "file");
    fixture_write(file, BYTES("x"));
    assert_ok(private_file_check(file, fault));
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_int_equal(chmod(file, wrong[i]), 0);
        assert_fault(private_file_check(file, fault), KH_ERR_PERMISSION, "chmod 600");
    }
    assert_int_equal(chmod(file, 0400), 0);
    assert_ok(private_file_check(file, fault));
    assert_int_equal(symlink(file, link), 0);
    assert_fault(private_file_check(link, fault), KH_ERR_PERMISSION, "not a regular file");
    assert_fault(private_file_check(fixture_base, fault), KH_ERR_PERMISSION, "not a regular file");
    assert_ok(private_directory_check(fixture_base, fault));
    assert_int_equal(chmod(fixture_base, 0750), 0);
    assert_fault(private_directory_check(fixture_base, fault), KH_ERR_PERMISSION, "chmod 700");
    assert_int_equal(chmod(fixture_base, 0700), 0);
}

static void
owner_is_checked(void **state)
{
    const char *file = fixture_path("file");

    (void)state;
    if (geteuid() != 0)
        skip(); // only root can give a file away
    fixture_write(file, BYTES("x"));
    assert_int_equal(chown(file, 12345, 12345), 0);
    assert_fault(private_file_check(file, fault), KH_ERR_PERMISSION, "12345");
}

static void
reading_is_bounded_and_checked(void **state)
{
    const char *file = fixture_path("file"), *link = fixture_path("link");
    struct buffer out;

    (void)state;
    buffer_init(&out, 1 << 16);
    assert_fault(private_file_read(file, 10, true, &out, fault), KH_ERR_NOT_FOUND, "open");
    fixture_write(file, BYTES("0123456789"));
    assert_ok(private_file_read(file, 10, true, &out, fault));
    assert_true(bytes_is(buffer_bytes(&out), "0123456789"));
    assert_fault(private_file_read(file, 9, true, &out, fault), KH_ERR_TOO_LONG, "9 bytes");
    assert_int_equal(chmod(file, 0644), 0);
    assert_fault(private_file_read(file, 10, true, &out, fault), KH_ERR_PERMISSION, "0644");
    assert_int_equal(chmod(file, 0600), 0);
    assert_int_equal(symlink(file, link), 0);
    assert_fault(private_file_read(link, 10, true, &out, fault), KH_ERR_IO, "link");
    buffer_free(&out);
}

static void
creating_overwrites_nothing(void **state)
{
    const char *file = fixture_path("file");
    struct buffer out;
    struct stat st;

    (void)state;
    assert_ok(private_file_create(file, 0600, BYTES("first"), fault));
    assert_fault(private_file_create(file, 0600, BYTES("second"), fault), KH_ERR_EXISTS, "create");
    assert_true(bytes_is(fixture_read(file, &out), "first"));
    buffer_free(&out);
    assert_int_equal(stat(file, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
}

static void
replacing_is_whole_or_nothing(void **state)
{
    const char *file = fixture_path("file");
    struct buffer out;

    (void)state;
    assert_ok(private_file_replace(file, BYTES("one"), true, fault));
    assert_ok(private_file_replace(file, BYTES("two"), false, fault));
    assert_true(bytes_is(fixture_read(file, &out), "two"));
    buffer_free(&out);
    // What an interrupted replacement left behind does not get in the way, or through a link.
    assert_int_equal(symlink("/dev/null", fixture_path("file.new")), 0);
    assert_ok(private_file_replace(file, BYTES("three"), false, fault));
    assert_true(bytes_is(fixture_read(file, &out), "three"));
    buffer_free(&out);
    assert_int_equal(access(fixture_path("file.new"), F_OK), -1);
}

static void
full_disk_is_an_error(void **state)
{
    int fd = open("/dev/full", O_WRONLY);

    (void)state;
    assert_true(fd >= 0);
    assert_false(private_file_write_all(fd, BYTES("x")));
    assert_true(private_file_write_all(fd, BYTES_EMPTY));
    close(fd);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(rights_are_checked),
        fixture_test(owner_is_checked),
        fixture_test(reading_is_bounded_and_checked),
        fixture_test(creating_overwrites_nothing),
        fixture_test(replacing_is_whole_or_nothing),
        fixture_test(full_disk_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
