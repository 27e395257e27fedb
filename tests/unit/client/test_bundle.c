/* SPDX-License-Identifier: Apache-2.0 */
/* Bundles of certificates. */
#include "../../../client/bundle.h"
#include "../scratch.h"
#include "client_test.h"

#define CERTIFICATE(body) "-----BEGIN CERTIFICATE-----\n" body "\n-----END CERTIFICATE-----"

static void
put(const char *pem, const char *expected)
{
    BUFFER_AUTO out;
    buffer_init(&out, 4096);
    bundle_put(bytes_str(pem), &out);
    assert_string_equal(buffer_text(&out), expected);
}

// threat 23
static void
test_nothing_but_certificates(void **state)
{
    (void)state;
    put("", "");
    put("# a comment\n", "");
    put("-----BEGIN CERTIFICATE-----\ncut", "");
    put("-----BEGIN PRIVATE KEY-----\nsecret\n-----END PRIVATE KEY-----\n" CERTIFICATE("a"),
        CERTIFICATE("a") "\n");
    put(CERTIFICATE("a") "text" CERTIFICATE("b") "\n" CERTIFICATE("a"),
        CERTIFICATE("a") "\n" CERTIFICATE("b") "\n");
}

static void
make(enum kh_err expected, const char *text)
{
    struct fault fault = {.err = KH_OK};
    BUFFER_AUTO out;
    buffer_init(&out, BUNDLE_MAX);
    enum kh_err err = bundle_make(BYTES(CERTIFICATE("ours")), &out, &fault);
    if (err != expected)
        fail_msg("%s: %s", kh_err_code(err), fault.detail);
    if (err == KH_OK)
        assert_string_equal(buffer_text(&out), text);
    else
        assert_contains(fault.detail, text);
}

static void
test_the_roots_that_the_environment_names(void **state)
{
    (void)state;
    write_file("roots.pem", CERTIFICATE("root"), 0600);
    write_file("1a2b3c4d.0", CERTIFICATE("hashed"), 0600);
    write_file("other.pem", CERTIFICATE("unhashed"), 0600);
    setenv("SSL_CERT_FILE", test_path("roots.pem"), 1);
    make(KH_OK, CERTIFICATE("root") "\n" CERTIFICATE("ours") "\n");
    setenv("SSL_CERT_DIR", test_directory, 1);
    make(KH_OK, CERTIFICATE("root") "\n" CERTIFICATE("hashed") "\n" CERTIFICATE("ours") "\n");
    setenv("SSL_CERT_FILE", test_path("absent.pem"), 1);
    make(KH_ERR_NOT_FOUND, "SSL_CERT_FILE: ");
    unsetenv("SSL_CERT_FILE");
    make(KH_OK, CERTIFICATE("hashed") "\n" CERTIFICATE("ours") "\n");
    unsetenv("SSL_CERT_DIR");
}

// threat 23
static void
test_the_systems_roots(void **state)
{
    (void)state;
    struct fault fault = {.err = KH_OK};
    BUFFER_AUTO out;
    buffer_init(&out, BUNDLE_MAX);
    assert_ok(bundle_make(BYTES(CERTIFICATE("ours")), &out, &fault));
    struct bytes all = buffer_bytes(&out), ours = BYTES(CERTIFICATE("ours") "\n");
    assert_true(bytes_ends(all, ours));
    if (access("/etc/ssl/certs/ca-certificates.crt", R_OK) == 0)
        assert_true(all.n > 10 * ours.n);
}

int
main(void)
{
    unsetenv("SSL_CERT_FILE");
    unsetenv("SSL_CERT_DIR");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_but_certificates),
        cmocka_unit_test(test_the_roots_that_the_environment_names),
        cmocka_unit_test(test_the_systems_roots),
    };
    return cmocka_run_group_tests(tests, directory_setup, directory_teardown);
}
