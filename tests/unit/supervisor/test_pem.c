/* SPDX-License-Identifier: Apache-2.0 */
/* The operator's PEM files: what is not one is refused before a proxy sees it. */
#include "support.h"

#include "../../../broker/supervisor/pem.h"

static enum kh_err
try_read(const char *name, const char *label, struct fault *fault)
{
    BUFFER_AUTO out;
    buffer_init(&out, 32768);
    *fault = (struct fault){0};
    return pem_read(test_path(name), label, &out, fault);
}

static void
bad_files(void **state)
{
    (void)state;
    struct fault fault;
    assert_int_equal(try_read("none", "CERTIFICATE", &fault), KH_ERR_IO);
    assert_int_equal(mkdir(test_path("dir"), 0700), 0);
    assert_int_equal(try_read("dir", "CERTIFICATE", &fault), KH_ERR_IO);
    assert_int_equal(mkfifo(test_path("fifo"), 0600), 0);
    assert_int_equal(try_read("fifo", "CERTIFICATE", &fault), KH_ERR_IO);
    assert_says(fault, "not a file");
    write_file("empty", "", 0600);
    assert_int_equal(try_read("empty", "CERTIFICATE", &fault), KH_ERR_SYNTAX);
    static const char *const bad[] = {
        "-----BEGIN PRIVATE KEY-----\n", "BEGIN CERTIFICATE", "-----BEGIN CERTIFICATE\n",
        "x -----BEGIN CERTIFICATE-----", "-----BEGIN -----",  "-----BEGIN-----",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        write_file("bad", bad[i], 0600);
        if (try_read("bad", "CERTIFICATE", &fault) != KH_ERR_SYNTAX)
            fail_msg("\"%s\" was taken for a certificate", bad[i]);
        assert_says(fault, "CERTIFICATE");
    }
}

static void
a_key_that_all_may_read(void **state)
{
    (void)state;
    struct fault fault;
    write_file("key", "-----BEGIN RSA PRIVATE KEY-----\n", 0644);
    assert_int_equal(try_read("key", "PRIVATE KEY", &fault), KH_ERR_PERMISSION);
    write_file("key", "-----BEGIN RSA PRIVATE KEY-----\n", 0640);
    assert_int_equal(try_read("key", "PRIVATE KEY", &fault), KH_OK);
}

static void
too_large(void **state)
{
    (void)state;
    struct fault fault;
    char *text = malloc(40001);
    memset(text, 'x', 40000);
    text[40000] = '\0';
    write_file("large", text, 0600);
    free(text);
    assert_int_equal(try_read("large", "CERTIFICATE", &fault), KH_ERR_TOO_LONG);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_files),
        cmocka_unit_test(a_key_that_all_may_read),
        cmocka_unit_test(too_large),
    };
    return cmocka_run_group_tests(tests, directory_setup, directory_teardown);
}
