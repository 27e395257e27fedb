/* SPDX-License-Identifier: Apache-2.0 */
/* Names of the audit log's files: one for each first record, and nothing else is taken for one. */
#include "../files.h"

#include "../../../broker/audit_names.h"

static char directory[] = "/tmp/keyhole-names-XXXXXX";

static int
setup(void **state)
{
    (void)state;
    return mkdtemp(directory) == NULL;
}

static int
teardown(void **state)
{
    (void)state;
    return rmdir(directory);
}

static void
what_is_none(void **state)
{
    static const char *const none[] = {
        "",
        "audit.log",
        "audit.log.",
        "audit.log.1",
        "audit.log.000000000000",
        "audit.log.00000000001",
        "audit.log.0000000000001",
        "audit.log.000000000001.gz",
        "audit.log.00000000000a",
        "audit.log.-00000000001",
        "audit.log.99999999999999999999999",
        "Audit.log.000000000001",
        "audit.head",
    };
    uint64_t first = 77;
    (void)state;
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++)
        if (audit_name_parse(none[i], &first))
            fail_msg("\"%s\" was taken for an older file", none[i]);
    assert_int_equal(first, 77);
}

static void
there_and_back(void **state)
{
    static const uint64_t all[] = {1, 9, 10, 999999999999, 1000000000000, UINT64_MAX};
    char name[AUDIT_FILE_NAME_MAX], path[PATH_MAX];
    uint64_t first;
    (void)state;
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        audit_name_print(all[i], name);
        assert_true(audit_name_parse(name, &first));
        assert_int_equal(first, all[i]);
    }
    assert_ok(audit_name_path("/d", 12, path, fault));
    assert_string_equal(path, "/d/audit.log.000000000012");
    assert_ok(audit_name_path("/d", 0, path, fault));
    assert_string_equal(path, "/d/audit.log");
    char *longer = malloc(PATH_MAX);
    assert_non_null(longer);
    memset(longer, 'x', PATH_MAX - 8);
    longer[PATH_MAX - 8] = '\0';
    assert_int_equal(audit_name_path(longer, 1, path, NULL), KH_ERR_TOO_LONG);
    free(longer);
}

static void
touch(const char *name, bool there)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    if (!there)
        assert_int_equal(unlink(path), 0);
    else
        close(open(path, O_WRONLY | O_CREAT, 0600));
}

static void
the_list(void **state)
{
    static const char *const names[] = {
        "audit.log.000000000030",    "audit.log.000000000001",  "audit.log",
        "audit.log.000000000004.gz", "audit.log.1000000000000", "audit.log.000000000005"};
    struct audit_names list;
    (void)state;
    assert_ok(audit_names_list(directory, &list, fault));
    assert_int_equal(list.count, 0);
    audit_names_free(&list);
    for (size_t i = 0; i < 6; i++)
        touch(names[i], true);
    assert_ok(audit_names_list(directory, &list, fault));
    for (size_t i = 0; i < 6; i++)
        touch(names[i], false);
    assert_int_equal(list.count, 4);
    assert_int_equal(list.first[0], 1);
    assert_int_equal(list.first[1], 5);
    assert_int_equal(list.first[2], 30);
    assert_int_equal(list.first[3], 1000000000000);
    audit_names_free(&list);
    assert_null(list.first);
    assert_fault(audit_names_list("/dev/null/x", &list, fault), KH_ERR_IO, "/dev/null/x");
    audit_names_free(&list);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_none),
        cmocka_unit_test(there_and_back),
        cmocka_unit_test(the_list),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
