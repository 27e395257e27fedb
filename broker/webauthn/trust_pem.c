/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates out of PEM, and what each of them is. */
#include "trust_pem.h"

#include "../no_passphrase.h"
#include "certificate.h"
#include "yubico.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

// The only answer of X509_check_ca for a certificate whose basic constraints say so.
enum { CHECK_CA_YES = 1 };

enum kh_err
trust_describe(X509 *certificate, struct webauthn_trust_certificate *out, struct fault *fault)
{
    struct webauthn_trust_certificate is = {0};
    struct tm end;
    certificate_subject(certificate, is.subject, sizeof(is.subject));
    // A leaf in the store would be its own anchor.
    if (X509_check_ca(certificate) != CHECK_CA_YES)
        return fault_set(fault, KH_ERR_CONFIG, "%s: this is no CA certificate", is.subject);
    if (!certificate_sha256(certificate, is.sha256) ||
        ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &end) != 1)
        return fault_set(fault, KH_ERR_CONFIG, "%s: the certificate cannot be read", is.subject);
    is.expires_at = timegm(&end);
    is.root = X509_self_signed(certificate, 1) == 1;
    is.yubico = is.root && yubico_root_find(is.sha256) != NULL;
    *out = is;
    return KH_OK;
}

static enum kh_err
one(BIO *bio, trust_pem_fn *fn, void *context, bool *end, struct fault *fault)
{
    struct webauthn_trust_certificate description;
    X509 *certificate = PEM_read_bio_X509(bio, NULL, no_passphrase, NULL);
    if (certificate == NULL) {
        *end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
        return *end ? KH_OK : fault_set(fault, KH_ERR_SYNTAX, "a certificate in it cannot be read");
    }
    enum kh_err err = trust_describe(certificate, &description, fault);
    if (err == KH_OK)
        err = fn(context, certificate, &description, fault);
    X509_free(certificate);
    return err;
}

enum kh_err
trust_pem_each(struct bytes text, trust_pem_fn *fn, void *context, struct fault *fault)
{
    size_t count = 0;
    bool end = false;
    if (text.n > TRUST_FILE_MAX)
        return fault_set(fault, KH_ERR_TOO_LONG, "it is longer than %d KiB", TRUST_FILE_MAX / 1024);
    BIO *bio = BIO_new_mem_buf(text.n > 0 ? (const void *)text.p : "", (int)text.n);
    if (bio == NULL)
        return fault_set(fault, KH_ERR_MEMORY, "no memory for certificates");
    ERR_clear_error();
    enum kh_err err = KH_OK;
    while (err == KH_OK && !end) {
        err = one(bio, fn, context, &end, fault);
        count += err == KH_OK && !end;
    }
    if (err == KH_OK && count == 0)
        err = fault_set(fault, KH_ERR_SYNTAX, "there is no certificate in it (PEM)");
    BIO_free(bio);
    ERR_clear_error();
    return err;
}
