/* SPDX-License-Identifier: Apache-2.0
 *
 * "mtls": the secret is a client certificate with its key, which the proxy uses for the connection
 * to the upstream. Nothing is put on the request.
 */
#include "inject_internal.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

static enum kh_err
parse(struct credential *credential, struct bytes text, struct fault *fault)
{
    (void)text;
    return inject_keep(credential, INJECT_MTLS, BYTES_EMPTY, BYTES("mtls"), fault);
}

static enum kh_err
check(const struct credential *credential, struct fault *fault)
{
    if (credential->route.plain)
        return fault_set(fault, KH_ERR_USAGE, "plain: without TLS there is no client certificate");
    return KH_OK;
}

// Without one OpenSSL would ask whoever sits at the terminal.
static int
no_password(char *out, int size, int writing, void *context)
{
    (void)out, (void)size, (void)writing, (void)context;
    return -1;
}

static enum kh_err
check_secret(const struct credential *credential, struct bytes secret, struct fault *fault)
{
    BIO *chain = BIO_new_mem_buf(secret.p, (int)secret.n);
    BIO *pem = BIO_new_mem_buf(secret.p, (int)secret.n);
    X509 *leaf = chain ? PEM_read_bio_X509(chain, NULL, no_password, NULL) : NULL;
    EVP_PKEY *key = pem ? PEM_read_bio_PrivateKey(pem, NULL, no_password, NULL) : NULL;
    enum kh_err err = KH_OK;

    (void)credential;
    if (leaf == NULL)
        err = fault_set(fault, KH_ERR_SYNTAX, "the secret has no certificate in PEM");
    else if (key == NULL)
        err = fault_set(fault, KH_ERR_SYNTAX,
                        "the secret has no private key in PEM, or one with a passphrase");
    else if (X509_check_private_key(leaf, key) != 1)
        err = fault_set(fault, KH_ERR_SYNTAX,
                        "the secret's key is not that of its first certificate");
    X509_free(leaf);
    EVP_PKEY_free(key);
    BIO_free(chain);
    BIO_free(pem);
    ERR_clear_error();
    return err;
}

static enum injection_result
make(struct inject_work *work)
{
    size_t place = inject_place(work);

    inject_put(work, work->secret);
    inject_edit(work, EDIT_CLIENT_CERTIFICATE, BYTES_EMPTY, inject_since(work, place));
    return INJECTION_READY;
}

const struct inject_rules inject_mtls_rules = {
    .kind = INJECT_MTLS,
    .word = "mtls",
    .form = "mtls",
    .secret_max = CREDENTIAL_SECRET_MAX,
    .secret_lines = true,
    .secret_utf8 = true,
    .parse = parse,
    .check = check,
    .check_secret = check_secret,
    .make = make,
};
