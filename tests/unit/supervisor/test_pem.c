/* SPDX-License-Identifier: Apache-2.0 */
/* The operator's PEM files: what is not one is refused before a proxy sees it. */
#include "../scratch.h"

#include "../../../broker/supervisor/pem.h"

#include <openssl/pem.h>
#include <openssl/x509.h>

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

/* ---- pairs ---- */

static char certificate[8192], key[8192], other_key[8192];

static void
make_pem(char *key_out, size_t key_cap, char *certificate_out, size_t certificate_cap)
{
    EVP_PKEY *pair = EVP_EC_gen("P-256");
    assert_non_null(pair);
    BIO *bio = BIO_new(BIO_s_mem());
    assert_int_equal(PEM_write_bio_PrivateKey(bio, pair, NULL, NULL, 0, NULL, NULL), 1);
    int n = BIO_read(bio, key_out, (int)key_cap - 1);
    key_out[n > 0 ? n : 0] = '\0';
    if (certificate_out != NULL) {
        X509 *x509 = X509_new();
        X509_gmtime_adj(X509_getm_notBefore(x509), 0);
        X509_gmtime_adj(X509_getm_notAfter(x509), 3600);
        X509_set_pubkey(x509, pair);
        assert_true(X509_sign(x509, pair, EVP_sha256()) > 0);
        assert_int_equal(PEM_write_bio_X509(bio, x509), 1);
        n = BIO_read(bio, certificate_out, (int)certificate_cap - 1);
        certificate_out[n > 0 ? n : 0] = '\0';
        X509_free(x509);
    }
    BIO_free(bio);
    EVP_PKEY_free(pair);
}

static enum kh_err
check(const char *certificate_text, const char *key_text, struct fault *fault)
{
    return pem_check_pair(bytes_str(certificate_text), "cert.pem", bytes_str(key_text), "key.pem",
                          fault);
}

static void
pairs_that_do_not_fit(void **state)
{
    (void)state;
    struct fault fault = {0};
    assert_int_equal(check("", key, &fault), KH_ERR_SYNTAX);
    assert_says(fault, "cert.pem");
    assert_int_equal(check(certificate, "", &fault), KH_ERR_SYNTAX);
    assert_says(fault, "key.pem");
    assert_int_equal(check(key, key, &fault), KH_ERR_SYNTAX);
    assert_int_equal(check(certificate, certificate, &fault), KH_ERR_SYNTAX);
    assert_int_equal(check(certificate, other_key, &fault), KH_ERR_CONFIG);
    assert_says(fault, "not the key of the certificate");
    key[strlen(key) / 2] ^= 1;
    assert_int_equal(check(certificate, key, &fault), KH_ERR_SYNTAX);
    key[strlen(key) / 2] ^= 1;
    assert_int_equal(check(certificate, key, &fault), KH_OK);
}

static void
an_encrypted_key_asks_nobody(void **state)
{
    (void)state;
    struct fault fault = {0};
    char encrypted[8192];
    EVP_PKEY *pair = EVP_EC_gen("P-256");
    BIO *bio = BIO_new(BIO_s_mem());
    assert_int_equal(
        PEM_write_bio_PKCS8PrivateKey(bio, pair, EVP_aes_256_cbc(), "phrase", 6, NULL, NULL), 1);
    int n = BIO_read(bio, encrypted, sizeof(encrypted) - 1);
    assert_true(n > 0);
    encrypted[n] = '\0';
    assert_int_equal(check(certificate, encrypted, &fault), KH_ERR_SYNTAX);
    assert_says(fault, "passphrase");
    BIO_free(bio);
    EVP_PKEY_free(pair);
}

static int
setup(void **state)
{
    make_pem(key, sizeof(key), certificate, sizeof(certificate));
    make_pem(other_key, sizeof(other_key), NULL, 0);
    return directory_setup(state);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_files),
        cmocka_unit_test(a_key_that_all_may_read),
        cmocka_unit_test(too_large),
        cmocka_unit_test(pairs_that_do_not_fit),
        cmocka_unit_test(an_encrypted_key_asks_nobody),
    };
    return cmocka_run_group_tests(tests, setup, directory_teardown);
}
