/* SPDX-License-Identifier: Apache-2.0
 *
 * Certificates with their keys: the operator's of a listener, and ours as a client. Declared in
 * tls.h.
 */
#include "../no_passphrase.h"
#include "tls.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>

static BIO *
open_pem(struct bytes text)
{
    return text.n > 0 && text.n <= INT_MAX ? BIO_new_mem_buf(text.p, (int)text.n) : NULL;
}

static bool
add_chain(SSL_CTX *context, BIO *pem)
{
    X509 *certificate;

    while ((certificate = PEM_read_bio_X509(pem, NULL, no_passphrase, NULL))) {
        if (SSL_CTX_add0_chain_cert(context, certificate) != 1) {
            X509_free(certificate);
            return false;
        }
    }
    return true;
}

enum kh_err
tls_use_certificate(SSL_CTX *context, struct bytes certificate, struct bytes key,
                    struct fault *fault)
{
    BIO *chain = open_pem(certificate), *pem = open_pem(key);
    X509 *leaf = chain ? PEM_read_bio_X509(chain, NULL, no_passphrase, NULL) : NULL;
    EVP_PKEY *private_key = pem ? PEM_read_bio_PrivateKey(pem, NULL, no_passphrase, NULL) : NULL;
    bool good = leaf && private_key && SSL_CTX_use_certificate(context, leaf) == 1 &&
                SSL_CTX_use_PrivateKey(context, private_key) == 1 &&
                SSL_CTX_check_private_key(context) == 1 && add_chain(context, chain);

    X509_free(leaf);
    EVP_PKEY_free(private_key);
    BIO_free(chain);
    BIO_free(pem);
    ERR_clear_error();
    return good ? KH_OK
                : fault_set(fault, KH_ERR_CONFIG, "the listener's certificate and key do not fit");
}

static bool
add_client_chain(SSL *ssl, BIO *pem)
{
    X509 *certificate;

    while ((certificate = PEM_read_bio_X509(pem, NULL, no_passphrase, NULL))) {
        if (SSL_add0_chain_cert(ssl, certificate) != 1) {
            X509_free(certificate);
            return false;
        }
    }
    return true;
}

enum kh_err
tls_use_identity(SSL *ssl, struct bytes pem, struct fault *fault)
{
    BIO *chain = open_pem(pem), *text = open_pem(pem);
    X509 *leaf = chain ? PEM_read_bio_X509(chain, NULL, no_passphrase, NULL) : NULL;
    EVP_PKEY *key = text ? PEM_read_bio_PrivateKey(text, NULL, no_passphrase, NULL) : NULL;
    bool good = leaf && key && SSL_use_certificate(ssl, leaf) == 1 &&
                SSL_use_PrivateKey(ssl, key) == 1 && SSL_check_private_key(ssl) == 1 &&
                add_client_chain(ssl, chain);

    X509_free(leaf);
    EVP_PKEY_free(key);
    BIO_free(chain);
    BIO_free(text);
    ERR_clear_error();
    return good ? KH_OK
                : fault_set(fault, KH_ERR_CONFIG, "the client certificate and key do not fit");
}
