/* SPDX-License-Identifier: Apache-2.0 */
/* The attestation root of the software authenticator, and the leaf that it signs (WebAuthn 8.2.1).
 */

#include "softauthn_internal.h"

#include <openssl/ec.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

struct leaf {
    const char *name, *unit, *constraints;
    const uint8_t *aaguid; /* NULL: the certificate is a root */
    uint32_t firmware;
    long days;
};

static bool
add_extension(X509 *x, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, issuer, x, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    bool done = extension && X509_add_ext(x, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return done;
}

/* An extension whose value is an OCTET STRING inside the OCTET STRING of all extensions. */
static bool
add_octets(X509 *x, const char *oid, struct bytes value)
{
    uint8_t der[2 + 16] = {V_ASN1_OCTET_STRING, (uint8_t)value.n};
    memcpy(der + 2, value.p, value.n);
    ASN1_OBJECT *object = OBJ_txt2obj(oid, 1);
    ASN1_OCTET_STRING *string = ASN1_OCTET_STRING_new();
    X509_EXTENSION *extension = NULL;
    bool done = object && string && ASN1_OCTET_STRING_set(string, der, (int)value.n + 2) == 1 &&
                (extension = X509_EXTENSION_create_by_OBJ(NULL, object, 0, string)) != NULL &&
                X509_add_ext(x, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    ASN1_OCTET_STRING_free(string);
    ASN1_OBJECT_free(object);
    return done;
}

static bool
add_name(X509_NAME *name, const char *field, const char *value)
{
    const unsigned char *text = (const unsigned char *)value;
    return X509_NAME_add_entry_by_txt(name, field, MBSTRING_UTF8, text, -1, -1, 0) == 1;
}

static bool
add_identity(X509 *x, const struct leaf *leaf)
{
    uint64_t serial;
    RAND_bytes((unsigned char *)&serial, sizeof(serial));
    X509_NAME *subject = X509_get_subject_name(x);
    return X509_set_version(x, X509_VERSION_3) == 1 &&
           ASN1_INTEGER_set_uint64(X509_get_serialNumber(x), serial >> 1) == 1 &&
           X509_time_adj_ex(X509_getm_notBefore(x), -3650, 0, NULL) &&
           X509_time_adj_ex(X509_getm_notAfter(x), (int)leaf->days, 0, NULL) &&
           add_name(subject, "C", "SE") && add_name(subject, "O", "Keyhole Tests") &&
           (leaf->unit == NULL || add_name(subject, "OU", leaf->unit)) &&
           add_name(subject, "CN", leaf->name);
}

static bool
add_claims(X509 *x, const struct leaf *leaf)
{
    uint8_t version[3] = {(uint8_t)(leaf->firmware >> 16), (uint8_t)(leaf->firmware >> 8),
                          (uint8_t)leaf->firmware};
    // id-fido-gen-ce-aaguid, and the firmware version of Yubico's certificates
    return add_octets(x, "1.3.6.1.4.1.45724.1.1.4", bytes_of(leaf->aaguid, 16)) &&
           (leaf->firmware == 0 || add_octets(x, "1.3.6.1.4.1.41482.13.1", bytes_of(version, 3)));
}

static X509 *
make(EVP_PKEY *key, EVP_PKEY *signer, X509 *issuer, const struct leaf *leaf)
{
    X509 *x = X509_new();
    if (x && add_identity(x, leaf) && X509_set_pubkey(x, key) == 1 &&
        X509_set_issuer_name(x, X509_get_subject_name(issuer ? issuer : x)) == 1 &&
        add_extension(x, issuer ? issuer : x, NID_basic_constraints, leaf->constraints) &&
        (leaf->aaguid ? add_claims(x, leaf)
                      : add_extension(x, x, NID_key_usage, "critical,keyCertSign,cRLSign")) &&
        X509_sign(x, signer, EVP_sha256()) > 0)
        return x;
    X509_free(x);
    return NULL;
}

static X509 *
make_root(EVP_PKEY *key)
{
    // a name of its own, as makers do it: among roots of one name, which one signed is a guess
    char name[64];
    uint32_t serial;
    RAND_bytes((unsigned char *)&serial, sizeof(serial));
    snprintf(name, sizeof(name), "Keyhole Tests FIDO Root Serial %u", serial);
    return make(key, key, NULL,
                &(struct leaf){.name = name, .constraints = "critical,CA:TRUE", .days = 3650});
}

bool
softauthn_certificate_make_root(const struct softauthn_key *key,
                                uint8_t out[SOFTAUTHN_CERTIFICATE_MAX], uint32_t *n)
{
    EVP_PKEY *loaded = softauthn_key_load(key);
    X509 *root = loaded ? make_root(loaded) : NULL;
    int length = root ? i2d_X509(root, NULL) : -1;
    bool done = length > 0 && length <= SOFTAUTHN_CERTIFICATE_MAX;
    if (done) {
        i2d_X509(root, &out);
        *n = (uint32_t)length;
    }
    X509_free(root);
    EVP_PKEY_free(loaded);
    return done;
}

bool
softauthn_certificate_make_leaf(const struct softauthn *a, struct buffer *out)
{
    uint8_t aaguid[16];
    memcpy(aaguid, softauthn_aaguid(), sizeof(aaguid));
    if (softauthn_lies(a, SOFTAUTHN_LIE_AAGUID))
        aaguid[0] ^= 0xff;
    struct leaf leaf = {
        .name = "Softauthn Serial 1",
        .unit = softauthn_lies(a, SOFTAUTHN_LIE_UNIT) ? "Web Server" : "Authenticator Attestation",
        .constraints =
            softauthn_lies(a, SOFTAUTHN_LIE_CA) ? "critical,CA:TRUE" : "critical,CA:FALSE",
        .aaguid = aaguid,
        .firmware = a->options.firmware,
        .days = softauthn_lies(a, SOFTAUTHN_LIE_EXPIRED) ? -1 : 3650,
    };
    const uint8_t *p = a->state.root;
    X509 *root = d2i_X509(NULL, &p, (long)a->state.root_n);
    EVP_PKEY *key = softauthn_key_load(&a->state.leaf_key);
    // a root of the same name, with a key that nobody trusts
    EVP_PKEY *signer = softauthn_lies(a, SOFTAUTHN_LIE_ROOT)
                           ? EVP_EC_gen("P-256")
                           : softauthn_key_load(&a->state.root_key);
    X509 *x = root && key && signer ? make(key, signer, root, &leaf) : NULL;
    int n = x ? i2d_X509(x, NULL) : -1;
    uint8_t *room = n > 0 ? buffer_reserve(out, (size_t)n) : NULL;
    if (room) {
        i2d_X509(x, &room);
        buffer_advance(out, (size_t)n);
    }
    X509_free(x);
    X509_free(root);
    EVP_PKEY_free(signer);
    EVP_PKEY_free(key);
    return room != NULL;
}
