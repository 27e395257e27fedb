/* SPDX-License-Identifier: Apache-2.0 */
/* A key with a passphrase is not read, and nobody is asked for it. */
#include "../../../broker/no_passphrase.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <openssl/evp.h>
#include <openssl/pem.h>

static BIO *
write_key(const EVP_CIPHER *cipher, const char *passphrase)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    BIO *bio = BIO_new(BIO_s_mem());
    assert_int_equal(
        PEM_write_bio_PKCS8PrivateKey(bio, key, cipher, passphrase, passphrase ? 6 : 0, NULL, NULL),
        1);
    EVP_PKEY_free(key);
    return bio;
}

static void
with_and_without(void **state)
{
    (void)state;
    BIO *bio = write_key(EVP_aes_256_cbc(), "secret");
    assert_null(PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL));
    BIO_free(bio);
    bio = write_key(NULL, NULL);
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL);
    assert_non_null(key);
    EVP_PKEY_free(key);
    BIO_free(bio);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(with_and_without)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
