/* SPDX-License-Identifier: Apache-2.0
 *
 * X.509 as RFC 5280 wants it, so that strict verifiers accept it: key identifiers on both sides,
 * critical basicConstraints and keyUsage, random serial numbers.
 */
#include "local_ca.h"

#include <arpa/inet.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#define META_CERTIFICATE "local-ca-certificate"

enum {
    HOUR = 3600,
    DAY = 24 * HOUR,
    CA_DAYS = 3650,
    SERIAL_SIZE = 20, // RFC 5280 section 4.1.2.2: at most 20 octets
    COMMON_NAME_MAX = 64,
    PUBLIC_KEY_MAX = 1024,
};

struct local_ca {
    EVP_PKEY *key;
    X509 *certificate;
    struct buffer der;
};

static const struct seal_place key_place = {.table = "meta", .id = 0, .column = LOCAL_CA_META_KEY};

static enum kh_err
crypto_fault(const char *what, struct fault *fault)
{
    return fault_set(fault, KH_ERR_CRYPTO, "local CA: OpenSSL could not %s", what);
}

static bool
set_serial(X509 *certificate)
{
    uint8_t serial[SERIAL_SIZE];
    SECRET_AUTO *random = NULL;

    if (secret_new_random(sizeof serial, &random, NULL))
        return false;
    memcpy(serial, secret_bytes(random).p, sizeof serial);
    serial[0] = (uint8_t)((serial[0] & 0x3f) | 0x40); // positive, and always of full length
    BIGNUM *number = BN_bin2bn(serial, sizeof serial, NULL);
    bool ok = number && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate));
    BN_free(number);
    return ok;
}

static bool
set_times(X509 *certificate, int64_t not_before, int64_t not_after)
{
    return ASN1_TIME_set(X509_getm_notBefore(certificate), (time_t)not_before) &&
           ASN1_TIME_set(X509_getm_notAfter(certificate), (time_t)not_after);
}

static bool
add_extension(X509 *certificate, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX context;

    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    bool ok = extension && X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
    return ok;
}

static bool
add_name(X509_NAME *name, struct bytes text)
{
    return X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_UTF8, text.p, (int)text.n, -1,
                                      0);
}

static int64_t
time_of(const ASN1_TIME *time)
{
    struct tm tm;
    return ASN1_TIME_to_tm(time, &tm) ? (int64_t)timegm(&tm) : 0;
}

// ---- the CA itself ----

static bool
fill_ca(X509 *certificate, EVP_PKEY *key, int64_t now)
{
    char name[64];
    uint8_t tag[4];

    if (!X509_set_version(certificate, X509_VERSION_3) || !set_serial(certificate))
        return false;
    // A name of its own for each CA: trust stores look an issuer up by name.
    memcpy(tag, ASN1_STRING_get0_data(X509_get_serialNumber(certificate)) + 1, sizeof tag);
    int n = snprintf(name, sizeof name, "Keyhole local CA %02x%02x%02x%02x", tag[0], tag[1], tag[2],
                     tag[3]);
    X509_NAME *subject = X509_get_subject_name(certificate);
    return add_name(subject, bytes_of(name, (size_t)n)) &&
           X509_set_issuer_name(certificate, subject) &&
           set_times(certificate, now - DAY, now + (int64_t)CA_DAYS * DAY) &&
           X509_set_pubkey(certificate, key) &&
           add_extension(certificate, certificate, NID_basic_constraints,
                         "critical,CA:TRUE,pathlen:0") &&
           add_extension(certificate, certificate, NID_key_usage, "critical,keyCertSign,cRLSign") &&
           add_extension(certificate, certificate, NID_subject_key_identifier, "hash") &&
           X509_sign(certificate, key, EVP_sha256()) > 0;
}

static enum kh_err
store_key(struct store *store, const struct seal *seal, EVP_PKEY *key, struct fault *fault)
{
    BUFFER_AUTO plain;
    BUFFER_AUTO sealed;
    int n = i2d_PrivateKey(key, NULL);

    buffer_init_secret(&plain, 4096);
    buffer_init(&sealed, 8192);
    uint8_t *p = n > 0 ? buffer_reserve(&plain, (size_t)n) : NULL;
    if (p == NULL || i2d_PrivateKey(key, &p) != n)
        return crypto_fault("write the key", fault);
    buffer_advance(&plain, (size_t)n);
    enum kh_err err = seal_close(seal, key_place, buffer_bytes(&plain), &sealed, fault);
    return err ? err : store_meta_put(store, LOCAL_CA_META_KEY, buffer_bytes(&sealed), fault);
}

static enum kh_err
certificate_der(X509 *certificate, struct buffer *out, struct fault *fault)
{
    int n = i2d_X509(certificate, NULL);
    uint8_t *p = n > 0 ? buffer_reserve(out, (size_t)n) : NULL;

    if (p == NULL || i2d_X509(certificate, &p) != n)
        return crypto_fault("write the certificate", fault);
    buffer_advance(out, (size_t)n);
    return KH_OK;
}

enum kh_err
local_ca_create(struct store *store, const struct seal *seal, int64_t now, struct fault *fault)
{
    BUFFER_AUTO der;
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = X509_new();
    enum kh_err err = KH_OK;

    buffer_init(&der, 16384);
    if (key == NULL || certificate == NULL || !fill_ca(certificate, key, now))
        err = crypto_fault("make the CA", fault);
    if (!err)
        err = certificate_der(certificate, &der, fault);
    if (!err)
        err = store_key(store, seal, key, fault);
    if (!err)
        err = store_meta_put(store, META_CERTIFICATE, buffer_bytes(&der), fault);
    EVP_PKEY_free(key);
    X509_free(certificate);
    return err;
}

static EVP_PKEY *
parse_key(const struct secret *plain)
{
    struct bytes der = secret_bytes(plain);
    const uint8_t *p = der.p;
    EVP_PKEY *key = d2i_AutoPrivateKey(NULL, &p, (long)der.n);

    if (key && p != der.p + der.n) {
        EVP_PKEY_free(key);
        return NULL;
    }
    return key;
}

enum kh_err
local_ca_load(struct store *store, const struct seal *seal, struct local_ca **out,
              struct fault *fault)
{
    SECRET_AUTO *plain = NULL;
    struct local_ca *ca = calloc(1, sizeof *ca);

    if (ca == NULL)
        return fault_set(fault, KH_ERR_MEMORY, "memory is used up");
    BUFFER_AUTO sealed;
    buffer_init(&sealed, 8192);
    buffer_init(&ca->der, 16384);
    enum kh_err err = store_meta_get(store, LOCAL_CA_META_KEY, &sealed, fault);
    if (!err)
        err = seal_open(seal, key_place, buffer_bytes(&sealed), &plain, fault);
    if (!err)
        err = store_meta_get(store, META_CERTIFICATE, &ca->der, fault);
    if (!err) {
        const uint8_t *p = ca->der.p;
        ca->key = parse_key(plain);
        ca->certificate = d2i_X509(NULL, &p, (long)ca->der.n);
        if (ca->key == NULL || ca->certificate == NULL || p != ca->der.p + ca->der.n ||
            X509_check_private_key(ca->certificate, ca->key) != 1)
            err = fault_set(fault, KH_ERR_DATABASE,
                            "the local CA's key or certificate is damaged; restore the database "
                            "from a copy");
    }
    if (err) {
        local_ca_free(&ca);
        return err;
    }
    *out = ca;
    return KH_OK;
}

void
local_ca_free(struct local_ca **ca)
{
    if (*ca == NULL)
        return;
    EVP_PKEY_free((*ca)->key);
    X509_free((*ca)->certificate);
    buffer_free(&(*ca)->der);
    free(*ca);
    *ca = NULL;
}

void
local_ca_pem(const struct local_ca *ca, struct buffer *out)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *text = NULL;

    if (bio == NULL || !PEM_write_bio_X509(bio, ca->certificate)) {
        out->failed = true;
    } else {
        long n = BIO_get_mem_data(bio, &text);
        buffer_put(out, bytes_of(text, n > 0 ? (size_t)n : 0));
    }
    BIO_free(bio);
}

int64_t
local_ca_expires_at(const struct local_ca *ca)
{
    return time_of(X509_get0_notAfter(ca->certificate));
}

void
local_ca_sha256(const struct local_ca *ca, char out[LOCAL_CA_SHA256_HEX])
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned n = 0;

    if (!X509_digest(ca->certificate, EVP_sha256(), digest, &n) ||
        !bytes_to_hex(bytes_of(digest, n), out, LOCAL_CA_SHA256_HEX))
        out[0] = '\0';
}

// ---- leaves ----

// P-256 alone: what the proxies make, and what every client takes.
static EVP_PKEY *
parse_public_key(struct bytes der)
{
    const uint8_t *p = der.p;
    char group[32] = "";
    size_t n = 0;

    if (der.n == 0 || der.n > PUBLIC_KEY_MAX)
        return NULL;
    EVP_PKEY *key = d2i_PUBKEY(NULL, &p, (long)der.n);
    if (key == NULL)
        return NULL;
    if (p == der.p + der.n && EVP_PKEY_is_a(key, "EC") &&
        EVP_PKEY_get_group_name(key, group, sizeof group, &n) == 1 &&
        strcmp(group, "prime256v1") == 0)
        return key;
    EVP_PKEY_free(key);
    return NULL;
}

static GENERAL_NAME *
general_name(struct bytes host)
{
    char text[256];
    GENERAL_NAME *name = GENERAL_NAME_new();

    if (name == NULL || host.n == 0 || host.n >= sizeof text || bytes_index(host, 0) != host.n)
        goto fail;
    memcpy(text, host.p, host.n);
    text[host.n] = '\0';
    ASN1_OCTET_STRING *address = a2i_IPADDRESS(text);
    if (address) {
        GENERAL_NAME_set0_value(name, GEN_IPADD, address);
        return name;
    }
    ASN1_IA5STRING *dns = ASN1_IA5STRING_new();
    if (dns == NULL || !ASN1_STRING_set(dns, text, (int)host.n)) {
        ASN1_IA5STRING_free(dns);
        goto fail;
    }
    GENERAL_NAME_set0_value(name, GEN_DNS, dns);
    return name;
fail:
    GENERAL_NAME_free(name);
    return NULL;
}

// Built, not printed and parsed: a host is never read as configuration text.
static bool
add_subject_alt_name(X509 *certificate, struct bytes host, bool critical)
{
    GENERAL_NAMES *names = GENERAL_NAMES_new();
    GENERAL_NAME *name = general_name(host);

    if (names == NULL || name == NULL || !sk_GENERAL_NAME_push(names, name)) {
        GENERAL_NAME_free(name);
        GENERAL_NAMES_free(names);
        return false;
    }
    bool ok = X509_add1_ext_i2d(certificate, NID_subject_alt_name, names, critical, 0) == 1;
    GENERAL_NAMES_free(names);
    return ok;
}

static bool
fill_leaf(X509 *leaf, const struct local_ca *ca, struct bytes host, EVP_PKEY *key,
          int64_t not_before, int64_t not_after)
{
    bool named = host.n <= COMMON_NAME_MAX;

    return X509_set_version(leaf, X509_VERSION_3) && set_serial(leaf) &&
           X509_set_issuer_name(leaf, X509_get_subject_name(ca->certificate)) &&
           (!named || add_name(X509_get_subject_name(leaf), host)) &&
           set_times(leaf, not_before, not_after) && X509_set_pubkey(leaf, key) &&
           add_extension(leaf, ca->certificate, NID_basic_constraints, "critical,CA:FALSE") &&
           add_extension(leaf, ca->certificate, NID_key_usage, "critical,digitalSignature") &&
           add_extension(leaf, ca->certificate, NID_ext_key_usage, "serverAuth") &&
           add_extension(leaf, ca->certificate, NID_subject_key_identifier, "hash") &&
           add_extension(leaf, ca->certificate, NID_authority_key_identifier, "keyid:always") &&
           add_subject_alt_name(leaf, host, !named) && X509_sign(leaf, ca->key, EVP_sha256()) > 0;
}

enum kh_err
local_ca_issue(const struct local_ca *ca, struct bytes host, struct bytes public_key, int64_t now,
               struct buffer *out, int64_t *expires_at, struct fault *fault)
{
    int64_t ca_from = time_of(X509_get0_notBefore(ca->certificate));
    int64_t ca_until = local_ca_expires_at(ca);
    int64_t not_before = now - HOUR, not_after = now + (int64_t)LOCAL_CA_LEAF_DAYS * DAY;

    if (now < ca_from || now >= ca_until)
        return fault_set(fault, KH_ERR_RANGE, "the local CA's certificate is not valid now");
    if (not_before < ca_from)
        not_before = ca_from;
    if (not_after > ca_until)
        not_after = ca_until;
    EVP_PKEY *key = parse_public_key(public_key);
    if (key == NULL)
        return fault_set(fault, KH_ERR_PROTOCOL, "the public key for a leaf is not on P-256");
    X509 *leaf = X509_new();
    enum kh_err err = KH_OK;
    if (leaf == NULL || !fill_leaf(leaf, ca, host, key, not_before, not_after))
        err = crypto_fault("make a leaf", fault);
    if (!err)
        err = certificate_der(leaf, out, fault);
    if (!err)
        *expires_at = not_after;
    X509_free(leaf);
    EVP_PKEY_free(key);
    return err;
}
