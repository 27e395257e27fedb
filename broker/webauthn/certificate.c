/* SPDX-License-Identifier: Apache-2.0 */
/* The leaf of an attestation. libfido2 takes a key out of it and looks at nothing else. */
#include "certificate.h"

#include "cose_key.h"

#include <fido.h>
#include <openssl/bio.h>
#include <openssl/objects.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

enum { FIRMWARE_SIZE = 3, VERSION_3 = 2 };

#define OID_AAGUID       "1.3.6.1.4.1.45724.1.1.4"
#define OID_FIRMWARE     "1.3.6.1.4.1.41482.13.1"
#define AUTHENTICATOR_OU "Authenticator Attestation"

X509 *
certificate_read(struct bytes text)
{
    const uint8_t *p = text.p;
    uint8_t *again = NULL;
    X509 *certificate = d2i_X509(NULL, &p, (long)text.n);
    if (certificate == NULL)
        return NULL;
    // OpenSSL reads some spellings that are not DER: one certificate would have many fingerprints.
    int n = i2d_X509(certificate, &again);
    bool same = n > 0 && bytes_equal(bytes_of(again, (size_t)n), text);
    OPENSSL_free(again);
    if (!same) {
        X509_free(certificate);
        return NULL;
    }
    return certificate;
}

void
certificate_subject(const X509 *certificate, char *out, size_t cap)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *text = NULL;
    long n = 0;
    // XN_FLAG_ONELINE escapes what is not printable ASCII.
    if (bio != NULL && X509_NAME_print_ex(bio, X509_get_subject_name(certificate), 0,
                                          XN_FLAG_ONELINE & ~XN_FLAG_SPC_EQ) >= 0)
        n = BIO_get_mem_data(bio, &text);
    snprintf(out, cap, "%.*s", n > 0 ? (int)n : 0, n > 0 ? text : "");
    BIO_free(bio);
}

bool
certificate_sha256(const X509 *certificate, uint8_t out[32])
{
    unsigned n = 0;
    return X509_digest(certificate, EVP_sha256(), out, &n) == 1 && n == 32;
}

/* ---- the subject ---- */

// The value of an attribute that occurs exactly once, as UTF-8.
static bool
subject_value(const X509 *certificate, int nid, char *out, size_t cap)
{
    X509_NAME *name = X509_get_subject_name(certificate);
    int at = X509_NAME_get_index_by_NID(name, nid, -1);
    if (at < 0 || X509_NAME_get_index_by_NID(name, nid, at) >= 0)
        return false;
    uint8_t *text = NULL;
    int n = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)));
    bool good = n > 0 && (size_t)n < cap && memchr(text, 0, (size_t)n) == NULL;
    if (good) {
        memcpy(out, text, (size_t)n);
        out[n] = '\0';
    }
    OPENSSL_free(text);
    return good;
}

bool
certificate_is_authenticator(const X509 *leaf)
{
    char unit[64];
    return subject_value(leaf, NID_organizationalUnitName, unit, sizeof(unit)) &&
           strcmp(unit, AUTHENTICATOR_OU) == 0;
}

static bool
check_subject(const X509 *leaf, char why[WHY_MAX])
{
    char value[256];
    if (!subject_value(leaf, NID_countryName, value, sizeof(value)) || strlen(value) != 2)
        return why_not(why, "its subject has no country of two letters");
    if (!subject_value(leaf, NID_organizationName, value, sizeof(value)))
        return why_not(why, "its subject has no organisation");
    if (!certificate_is_authenticator(leaf))
        return why_not(why, "its subject has no OU \"" AUTHENTICATOR_OU "\"");
    if (!subject_value(leaf, NID_commonName, value, sizeof(value)))
        return why_not(why, "its subject has no common name");
    return true;
}

/* ---- the form ---- */

static bool
check_key(X509 *leaf, int algorithm, char why[WHY_MAX])
{
    const EVP_PKEY *key = X509_get0_pubkey(leaf);
    return key != NULL ? cose_algorithm_fits(algorithm, key, why)
                       : why_not(why, "its key cannot be read");
}

bool
certificate_check_packed(X509 *leaf, int algorithm, char why[WHY_MAX])
{
    if (X509_get_version(leaf) != VERSION_3)
        return why_not(why, "it is not of version 3");
    if (!check_subject(leaf, why))
        return false;
    BASIC_CONSTRAINTS *constraints = X509_get_ext_d2i(leaf, NID_basic_constraints, NULL, NULL);
    bool is_leaf = constraints != NULL && !constraints->ca;
    BASIC_CONSTRAINTS_free(constraints);
    if (!is_leaf || X509_check_ca(leaf) != 0)
        return why_not(why, "its basic constraints do not say that it is no CA");
    return check_key(leaf, algorithm, why);
}

// WebAuthn 8.6 asks for the key alone. A CA that signs as an authenticator is refused all the same.
bool
certificate_check_u2f(X509 *leaf, char why[WHY_MAX])
{
    if (X509_check_ca(leaf) != 0)
        return why_not(why, "it is a CA's");
    return check_key(leaf, COSE_ES256, why);
}

/* ---- extensions ---- */

// The octets of an extension that is an OCTET STRING of `n` bytes: there is none, one, or a fault.
static bool
extension_octets(const X509 *certificate, const char *oid, bool *present, uint8_t *out, size_t n)
{
    *present = false;
    ASN1_OBJECT *object = OBJ_txt2obj(oid, 1);
    if (object == NULL)
        return false;
    int at = X509_get_ext_by_OBJ(certificate, object, -1);
    bool twice = at >= 0 && X509_get_ext_by_OBJ(certificate, object, at) >= 0;
    ASN1_OBJECT_free(object);
    if (at < 0)
        return true;
    X509_EXTENSION *extension = X509_get_ext(certificate, at);
    const ASN1_OCTET_STRING *value = X509_EXTENSION_get_data(extension);
    struct bytes data = bytes_of(ASN1_STRING_get0_data(value), (size_t)ASN1_STRING_length(value));
    // 8.2.1: it must not be critical. Inside is one more OCTET STRING.
    if (twice || X509_EXTENSION_get_critical(extension) || data.n != n + 2 ||
        data.p[0] != V_ASN1_OCTET_STRING || data.p[1] != n)
        return false;
    memcpy(out, data.p + 2, n);
    *present = true;
    return true;
}

bool
certificate_aaguid(const X509 *leaf, bool *present, uint8_t out[WEBAUTHN_AAGUID_SIZE])
{
    return extension_octets(leaf, OID_AAGUID, present, out, WEBAUTHN_AAGUID_SIZE);
}

bool
certificate_firmware(const X509 *leaf, uint32_t *out)
{
    uint8_t version[FIRMWARE_SIZE] = {0};
    bool present;
    if (!extension_octets(leaf, OID_FIRMWARE, &present, version, sizeof(version)))
        return false;
    *out = (uint32_t)version[0] << 16 | (uint32_t)version[1] << 8 | version[2];
    return true;
}
