/* SPDX-License-Identifier: Apache-2.0 */
/* keyholed gateway: what is wrong with a command line is said before anything is asked or printed.
 */
#include "support.h"

#include "../../../broker/operator/operator.h"

static struct captured captured;

static int
call(const char *const *words)
{
    char *argv[32] = {(char *)(uintptr_t) "keyholed", (char *)(uintptr_t) "gateway",
                      (char *)(uintptr_t) "nginx", (char *)(uintptr_t) "--dir", test_directory};
    int argc = 5;

    for (; words[argc - 5] != NULL; argc++)
        argv[argc] = (char *)(uintptr_t)words[argc - 5];
    capture_begin();
    int status = operator_main(argc, argv);
    capture_end(&captured);
    assert_string_equal(captured.out, "");
    return status;
}

static void
configure(const char *text)
{
    write_file("keyholed.yaml", text, 0600);
}

static void
nobody_to_ask(void **state)
{
    (void)state;
    configure("log: {level: info}\n");
    assert_int_equal(call((const char *[]){"--credential", "x", NULL}), EXIT_FAILED);
    assert_contains(captured.err, "no such gateway: listener");
    configure("gateway:\n  - address: 127.0.0.1:8439\n");
    assert_int_equal(call((const char *[]){NULL}), EXIT_USAGE);
    assert_contains(captured.err, "--credential NAME");
    assert_int_equal(call((const char *[]){"--credential", "x", "--gateway", "127.0.0.1:1", NULL}),
                     EXIT_FAILED);
    assert_contains(captured.err, "no such gateway: listener");
}

static void
a_port_is_one(void **state)
{
    // What is before a text is no part of it.
    static const char before[] = ":0";

    (void)state;
    configure("gateway:\n  - address: 127.0.0.1:0\n");
    assert_int_equal(call((const char *[]){"--credential", "x", NULL}), EXIT_USAGE);
    assert_contains(captured.err, "the gateway's listener has any port");
    assert_int_equal(
        call((const char *[]){"--credential", "x", "--gateway-address", "127.0.0.1:0", NULL}),
        EXIT_USAGE);
    assert_contains(captured.err, "the gateway's listener has any port");
    assert_int_not_equal(
        call((const char *[]){"--credential", "x", "--gateway-address", before + 1, NULL}),
        EXIT_DONE);
    assert_null(strstr(captured.err, "has any port"));
}

static void
a_host_is_some_credential_s(void **state)
{
    (void)state;
    configure("gateway:\n  - address: 127.0.0.1:8439\n");
    assert_int_equal(call((const char *[]){"--credential", "a", "--credential", "b", "--host",
                                           "api.test", NULL}),
                     EXIT_USAGE);
    assert_contains(captured.err, "for none of the credentials");
    assert_int_equal(call((const char *[]){"--credential", "a", "--host", "b=api.test", NULL}),
                     EXIT_USAGE);
    assert_contains(captured.err, "--host b=api.test");
    // One letter more, one less.
    assert_int_equal(call((const char *[]){"--credential", "ab", "--host", "a=api.test", NULL}),
                     EXIT_USAGE);
    assert_int_equal(call((const char *[]){"--credential", "a", "--host", "ab=api.test", NULL}),
                     EXIT_USAGE);
}

#define test(f) cmocka_unit_test_setup_teardown(f, directory_setup, directory_teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        test(nobody_to_ask),
        test(a_port_is_one),
        test(a_host_is_some_credential_s),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
