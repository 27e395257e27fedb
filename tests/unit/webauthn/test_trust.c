/* SPDX-License-Identifier: Apache-2.0 */
/* The directory of roots: what is trusted, what only completes chains, and what is an error. */
#include "forge.h"

#include "../../../broker/webauthn/trust.h"

static struct webauthn_trust *trust;
static struct fault fault;

static enum kh_err
read_directory(const char *name)
{
    webauthn_trust_free(&trust);
    fault = (struct fault){0};
    return webauthn_trust_read(test_path(name), &trust, &fault);
}

static const char *
empty_directory(const char *name)
{
    const char *path = test_path(name);
    assert_int_equal(mkdir(path, 0700), 0);
    return path;
}

static void
test_no_directory_no_roots(void **state)
{
    (void)state;
    assert_int_equal(read_directory("missing"), KH_OK);
    assert_int_equal(webauthn_trust_count(trust), 0);
    empty_directory("empty");
    assert_int_equal(read_directory("empty"), KH_OK);
    assert_int_equal(webauthn_trust_count(trust), 0);
    assert_null(webauthn_trust_at(trust, 0));
    webauthn_trust_free(&trust);
    assert_int_equal(webauthn_trust_count(NULL), 0);
    webauthn_trust_free(&trust);
    assert_null(trust);
}

static void
test_a_directory_that_is_none(void **state)
{
    (void)state;
    write_file("file", "x", 0600);
    assert_int_equal(read_directory("file"), KH_ERR_IO);
    assert_says(fault, "file");
    assert_null(trust);
}

static void
test_roots_and_intermediates(void **state)
{
    (void)state;
    assert_int_equal(read_directory("roots"), KH_OK);
    assert_int_equal(webauthn_trust_count(trust), 2);
    const struct webauthn_trust_certificate *root = webauthn_trust_at(trust, 0),
                                            *middle = webauthn_trust_at(trust, 1);
    assert_true(root->root && !middle->root && !root->yubico && !middle->yubico);
    assert_string_equal(root->subject, "CN=Forge Root");
    assert_string_equal(middle->subject, "CN=Forge Intermediate");
    assert_string_equal(root->file, "forge.pem");
    assert_int_equal(root->expires_at, FORGE_NOW + 86400 * 3650LL);
    assert_int_equal(trust->root_count, 1);
    assert_int_equal(sk_X509_num(trust->intermediates), 1);
    assert_null(webauthn_trust_at(trust, 2));
    webauthn_trust_free(&trust);
}

static void
test_the_same_twice_is_once(void **state)
{
    (void)state;
    empty_directory("twice");
    forge_write_pem("twice/a.pem", (X509 *[]){forge_pki.root, forge_pki.root}, 2);
    forge_write_pem("twice/b.pem", (X509 *[]){forge_pki.root}, 1);
    assert_int_equal(read_directory("twice"), KH_OK);
    assert_int_equal(webauthn_trust_count(trust), 1);
    assert_string_equal(webauthn_trust_at(trust, 0)->file, "a.pem");
    webauthn_trust_free(&trust);
}

static void
test_other_files_are_let_be(void **state)
{
    (void)state;
    empty_directory("others");
    write_file("others/README", "x", 0600);
    write_file("others/.hidden.pem", "x", 0600);
    write_file("others/a.pem.bak", "x", 0600);
    assert_int_equal(read_directory("others"), KH_OK);
    assert_int_equal(webauthn_trust_count(trust), 0);
    webauthn_trust_free(&trust);
}

static void
test_one_that_cannot_be_read_is_an_error(void **state)
{
    (void)state;
    empty_directory("bad");
    forge_write_pem("bad/a.pem", (X509 *[]){forge_pki.root}, 1);
    write_file("bad/b.pem", "no certificate", 0600);
    assert_int_equal(read_directory("bad"), KH_ERR_SYNTAX);
    assert_says(fault, "bad/b.pem: ");
    assert_null(trust);
    assert_int_equal(unlink(test_path("bad/b.pem")), 0);
    assert_int_equal(mkfifo(test_path("bad/b.pem"), 0600), 0); // must not hold anybody up
    assert_int_equal(read_directory("bad"), KH_ERR_IO);
    assert_int_equal(unlink(test_path("bad/b.pem")), 0);
    assert_int_equal(symlink("nowhere", test_path("bad/b.pem")), 0);
    assert_int_equal(read_directory("bad"), KH_ERR_IO);
    assert_says(fault, "bad/b.pem: ");
}

// A leaf that is its own anchor would let its key attest.
static void
test_a_leaf_is_no_root(void **state)
{
    (void)state;
    struct forge_certificate form = forge_leaf_form();
    form.issuer = NULL;
    form.issuer_key = NULL;
    X509 *leaf = forge_certificate(&form);
    empty_directory("leaf");
    forge_write_pem("leaf/a.pem", &leaf, 1);
    assert_int_equal(read_directory("leaf"), KH_ERR_CONFIG);
    assert_says(fault, "no CA");
    X509_free(leaf);
}

static void
test_a_long_file(void **state)
{
    (void)state;
    empty_directory("long");
    forge_write_pem("long/a.pem", (X509 *[]){forge_pki.root}, 1);
    assert_int_equal(truncate(test_path("long/a.pem"), 262145), 0);
    assert_int_equal(read_directory("long"), KH_ERR_TOO_LONG);
    assert_says(fault, "256 KiB");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_directory_no_roots),
        cmocka_unit_test(test_a_directory_that_is_none),
        cmocka_unit_test(test_roots_and_intermediates),
        cmocka_unit_test(test_the_same_twice_is_once),
        cmocka_unit_test(test_other_files_are_let_be),
        cmocka_unit_test(test_one_that_cannot_be_read_is_an_error),
        cmocka_unit_test(test_a_leaf_is_no_root),
        cmocka_unit_test(test_a_long_file),
    };
    return cmocka_run_group_tests(tests, forge_setup, forge_teardown);
}
