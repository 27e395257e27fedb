/* SPDX-License-Identifier: Apache-2.0
 *
 * A forge of registrations and assertions: honest ones, and ones that lie in exactly one place.
 * Keys and certificates are made when the tests begin.
 */
#ifndef KEYHOLE_TESTS_WEBAUTHN_FORGE_H
#define KEYHOLE_TESTS_WEBAUTHN_FORGE_H

#include "../rsa_key.h"
#include "webauthn_test.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#define FORGE_RP_ID     "example.com"
#define FORGE_ORIGIN    "https://example.com"
#define FORGE_CHALLENGE BYTES("a challenge of thirty-two bytes.")
enum { FORGE_NOW = 1795000000, FORGE_X5C_MAX = 8 };
enum { ES256 = -7, EDDSA = -8, ES384 = -35, RS256 = -257, RS1 = -65535 };

static const uint8_t forge_aaguid[16] = {0x4b, 0x65, 0x79, 0x68, 0x6f, 0x6c, 0x65, 0x21,
                                         0x4b, 0x65, 0x79, 0x68, 0x6f, 0x6c, 0x65, 0x21};

/* ---- CBOR, as anybody might write it ---- */

static inline void
cbor_put_head(struct buffer *out, unsigned major, uint64_t value)
{
    unsigned bytes = value < 24 ? 0 : value < 256 ? 1 : value < 65536 ? 2 : 4;
    unsigned code = bytes == 0 ? (unsigned)value : bytes == 1 ? 24 : bytes == 2 ? 25 : 26;
    buffer_put_byte(out, (uint8_t)(major << 5 | code));
    while (bytes-- > 0)
        buffer_put_byte(out, (uint8_t)(value >> (8 * bytes)));
}

static inline void
cbor_put_number(struct buffer *out, int64_t value)
{
    cbor_put_head(out, value < 0, value < 0 ? (uint64_t)(-1 - value) : (uint64_t)value);
}

static inline void
cbor_put_text(struct buffer *out, const char *text)
{
    cbor_put_head(out, 3, strlen(text));
    buffer_put_str(out, text);
}

static inline void
cbor_put_bytes(struct buffer *out, struct bytes bytes)
{
    cbor_put_head(out, 2, bytes.n);
    buffer_put(out, bytes);
}

/* ---- keys ---- */

static inline EVP_PKEY *
forge_key(int algorithm)
{
    EVP_PKEY *key = algorithm == ES256   ? EVP_EC_gen("P-256")
                    : algorithm == ES384 ? EVP_EC_gen("P-384")
                    : algorithm == EDDSA ? EVP_PKEY_Q_keygen(NULL, NULL, "ED25519")
                                         : rsa_key_read(RSA_PKCS8);
    assert_non_null(key);
    return key;
}

static inline void
cbor_put_number_of_key(struct buffer *out, const EVP_PKEY *key, const char *name, int size)
{
    BIGNUM *number = NULL;
    uint8_t bytes[512];
    assert_int_equal(EVP_PKEY_get_bn_param(key, name, &number), 1);
    assert_int_equal(BN_bn2binpad(number, bytes, size), size);
    cbor_put_bytes(out, bytes_of(bytes, (size_t)size));
    BN_free(number);
}

static inline void
forge_cose(struct buffer *out, const EVP_PKEY *key, int algorithm)
{
    int type = algorithm == RS256 ? 3 : algorithm == EDDSA ? 1 : 2;
    cbor_put_head(out, 5, type == 2 ? 5 : 4);
    cbor_put_number(out, 1);
    cbor_put_number(out, type);
    cbor_put_number(out, 3);
    cbor_put_number(out, algorithm);
    cbor_put_number(out, -1);
    if (type == 3) {
        cbor_put_number_of_key(out, key, OSSL_PKEY_PARAM_RSA_N, EVP_PKEY_get_size(key));
        cbor_put_number(out, -2);
        cbor_put_number_of_key(out, key, OSSL_PKEY_PARAM_RSA_E, 3);
    } else if (type == 1) {
        uint8_t raw[32];
        size_t n = sizeof(raw);
        assert_int_equal(EVP_PKEY_get_raw_public_key(key, raw, &n), 1);
        cbor_put_number(out, 6);
        cbor_put_number(out, -2);
        cbor_put_bytes(out, bytes_of(raw, n));
    } else {
        int size = algorithm == ES384 ? 48 : 32;
        cbor_put_number(out, algorithm == ES384 ? 2 : 1);
        cbor_put_number(out, -2);
        cbor_put_number_of_key(out, key, OSSL_PKEY_PARAM_EC_PUB_X, size);
        cbor_put_number(out, -3);
        cbor_put_number_of_key(out, key, OSSL_PKEY_PARAM_EC_PUB_Y, size);
    }
}

static inline void
forge_sign(EVP_PKEY *key, struct bytes message, struct buffer *out)
{
    int type = EVP_PKEY_get_base_id(key);
    const EVP_MD *digest = type == EVP_PKEY_ED25519 ? NULL : EVP_sha256();
    size_t n = 1024;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    uint8_t *room = buffer_reserve(out, n);
    assert_int_equal(EVP_DigestSignInit(context, NULL, digest, NULL, key), 1);
    assert_int_equal(EVP_DigestSign(context, room, &n, message.p, message.n), 1);
    buffer_advance(out, n);
    EVP_MD_CTX_free(context);
}

/* ---- certificates ---- */

struct forge_certificate {
    const char *country, *organisation, *unit, *unit_again, *name;
    const char *constraints; /* as openssl.cnf has them; NULL: no such extension */
    const char *usage;
    struct bytes aaguid, firmware; /* contents of the extensions; empty: none */
    bool aaguid_critical, aaguid_twice;
    int version; /* 2 is v3 */
    int64_t from, to;
    EVP_PKEY *key;
    X509 *issuer; /* NULL: self-signed */
    EVP_PKEY *issuer_key;
    const EVP_MD *digest;
};

static inline void
forge_name(X509_NAME *name, const char *field, const char *value)
{
    if (value != NULL)
        assert_int_equal(X509_NAME_add_entry_by_txt(name, field, V_ASN1_UTF8STRING,
                                                    (const uint8_t *)value, -1, -1, 0),
                         1);
}

static inline void
forge_extension(X509 *certificate, int nid, const char *value)
{
    if (value == NULL)
        return;
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
    assert_non_null(extension);
    assert_int_equal(X509_add_ext(certificate, extension, -1), 1);
    X509_EXTENSION_free(extension);
}

static inline void
forge_octets(X509 *certificate, const char *oid, struct bytes value, bool critical)
{
    if (value.n == 0)
        return;
    ASN1_OBJECT *object = OBJ_txt2obj(oid, 1);
    ASN1_OCTET_STRING *octets = ASN1_OCTET_STRING_new();
    assert_int_equal(ASN1_OCTET_STRING_set(octets, value.p, (int)value.n), 1);
    X509_EXTENSION *extension = X509_EXTENSION_create_by_OBJ(NULL, object, critical, octets);
    assert_int_equal(X509_add_ext(certificate, extension, -1), 1);
    X509_EXTENSION_free(extension);
    ASN1_OCTET_STRING_free(octets);
    ASN1_OBJECT_free(object);
}

static inline X509 *
forge_certificate(const struct forge_certificate *is)
{
    static long serial = 1;
    X509 *made = X509_new();
    X509_NAME *subject = X509_get_subject_name(made);
    assert_int_equal(X509_set_version(made, is->version), 1);
    ASN1_INTEGER_set(X509_get_serialNumber(made), serial++);
    ASN1_TIME_set(X509_getm_notBefore(made), is->from);
    ASN1_TIME_set(X509_getm_notAfter(made), is->to);
    forge_name(subject, "C", is->country);
    forge_name(subject, "O", is->organisation);
    forge_name(subject, "OU", is->unit);
    forge_name(subject, "OU", is->unit_again);
    forge_name(subject, "CN", is->name);
    X509_set_issuer_name(made, is->issuer != NULL ? X509_get_subject_name(is->issuer) : subject);
    X509_set_pubkey(made, is->key);
    forge_extension(made, NID_basic_constraints, is->constraints);
    forge_extension(made, NID_key_usage, is->usage);
    forge_octets(made, "1.3.6.1.4.1.45724.1.1.4", is->aaguid, is->aaguid_critical);
    if (is->aaguid_twice)
        forge_octets(made, "1.3.6.1.4.1.45724.1.1.4", is->aaguid, false);
    forge_octets(made, "1.3.6.1.4.1.41482.13.1", is->firmware, false);
    EVP_PKEY *signer = is->issuer_key != NULL ? is->issuer_key : is->key;
    const EVP_MD *digest = is->digest != NULL ? is->digest : EVP_sha256();
    if (EVP_PKEY_get_base_id(signer) == EVP_PKEY_ED25519)
        digest = NULL;
    assert_true(X509_sign(made, signer, digest) > 0);
    return made;
}

static inline struct forge_certificate
forge_ca_form(const char *name)
{
    return (struct forge_certificate){.name = name,
                                      .constraints = "critical,CA:TRUE",
                                      .usage = "critical,keyCertSign,cRLSign",
                                      .version = 2,
                                      .from = FORGE_NOW - 86400,
                                      .to = FORGE_NOW + 86400 * 3650LL};
}

static inline void
forge_write_certificates(const char *path, X509 *const *certificate, size_t count)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(PEM_write_X509(file, certificate[i]), 1);
    assert_int_equal(fclose(file), 0);
}

static inline void
forge_write_pem(const char *name, X509 *const *certificate, size_t count)
{
    forge_write_certificates(test_path(name), certificate, count);
}

/* ---- what an honest authenticator has ---- */

static struct forge_pki {
    EVP_PKEY *root_key, *middle_key, *leaf_key, *credential_key, *other_key;
    X509 *root, *middle, *leaf, *stranger;
    struct webauthn_trust *trust; /* root and middle, in the test's directory */
    uint8_t aaguid_extension[18];
} forge_pki;

static inline struct forge_certificate
forge_leaf_form(void)
{
    struct forge_certificate form = forge_ca_form("Forge EE 1");
    form.country = "SE";
    form.organisation = "Forge";
    form.unit = "Authenticator Attestation";
    form.constraints = "critical,CA:FALSE";
    form.usage = NULL;
    form.aaguid = bytes_of(forge_pki.aaguid_extension, 18);
    form.firmware = BYTES("\x04\x03\x05\x07\x04");
    form.key = forge_pki.leaf_key;
    form.issuer = forge_pki.middle;
    form.issuer_key = forge_pki.middle_key;
    return form;
}

static inline int
forge_setup(void **state)
{
    struct forge_pki *pki = &forge_pki;
    struct fault fault = {0};
    if (directory_setup(state) != 0)
        return -1;
    EVP_PKEY **const keys[] = {&pki->root_key, &pki->middle_key, &pki->leaf_key,
                               &pki->credential_key, &pki->other_key};
    for (size_t i = 0; i < COUNT_OF(keys); i++)
        *keys[i] = forge_key(ES256);
    pki->aaguid_extension[0] = 4;
    pki->aaguid_extension[1] = 16;
    memcpy(pki->aaguid_extension + 2, forge_aaguid, 16);
    struct forge_certificate form = forge_ca_form("Forge Root");
    form.key = pki->root_key;
    pki->root = forge_certificate(&form);
    form.key = pki->other_key;
    form.name = "Stranger Root";
    pki->stranger = forge_certificate(&form);
    form = forge_ca_form("Forge Intermediate");
    form.key = pki->middle_key;
    form.issuer = pki->root;
    form.issuer_key = pki->root_key;
    pki->middle = forge_certificate(&form);
    form = forge_leaf_form();
    pki->leaf = forge_certificate(&form);
    assert_int_equal(mkdir(test_path("roots"), 0700), 0);
    forge_write_pem("roots/forge.pem", (X509 *[]){pki->root, pki->middle}, 2);
    if (webauthn_trust_read(test_path("roots"), &pki->trust, &fault) == KH_OK)
        return 0;
    print_error("%s\n", fault.detail);
    return -1;
}

static inline int
forge_teardown(void **state)
{
    struct forge_pki *pki = &forge_pki;
    webauthn_trust_free(&pki->trust);
    X509_free(pki->root);
    X509_free(pki->middle);
    X509_free(pki->leaf);
    X509_free(pki->stranger);
    EVP_PKEY_free(pki->root_key);
    EVP_PKEY_free(pki->middle_key);
    EVP_PKEY_free(pki->leaf_key);
    EVP_PKEY_free(pki->credential_key);
    EVP_PKEY_free(pki->other_key);
    return directory_teardown(state);
}

/* ---- a registration ---- */

struct forge {
    const char *type, *origin, *members, *client_json; /* members: more of them; json: instead */
    struct bytes challenge;
    const char *rp_id;
    uint8_t flags;
    uint32_t counter;
    uint8_t aaguid[16];
    struct bytes id;
    EVP_PKEY *key;
    int algorithm;
    struct bytes cose;       /* instead of the key's */
    struct bytes extensions; /* CBOR; the flag is the test's affair */
    struct bytes behind;     /* authenticator data go on with this */
    const char *format;
    int64_t signs; /* the statement's alg */
    EVP_PKEY *signer;
    X509 *x5c[FORGE_X5C_MAX];
    size_t x5c_count;
    bool bad_signature;
    struct bytes statement; /* instead of all that */
};

static inline struct forge
forge_honest(void)
{
    struct forge f = {.type = "webauthn.create",
                      .origin = FORGE_ORIGIN,
                      .members = "",
                      .challenge = FORGE_CHALLENGE,
                      .rp_id = FORGE_RP_ID,
                      .flags = 0x45,
                      .counter = 7,
                      .id = BYTES("a credential id of the forge"),
                      .key = forge_pki.credential_key,
                      .algorithm = ES256,
                      .format = "packed",
                      .signs = ES256,
                      .signer = forge_pki.leaf_key,
                      .x5c = {forge_pki.leaf},
                      .x5c_count = 1};
    memcpy(f.aaguid, forge_aaguid, 16);
    return f;
}

static inline struct forge
forge_honest_u2f(void)
{
    struct forge f = forge_honest();
    memset(f.aaguid, 0, 16);
    f.format = "fido-u2f";
    f.flags = 0x41;
    return f;
}

static inline void
forge_client_data(const struct forge *f, struct buffer *out)
{
    if (f->client_json != NULL) {
        buffer_put_str(out, f->client_json);
        return;
    }
    buffer_printf(out, "{\"type\":\"%s\",\"challenge\":\"", f->type);
    base64_encode(BASE64_URL, f->challenge, out);
    buffer_printf(out, "\",\"origin\":\"%s\"%s}", f->origin, f->members);
}

static inline void
forge_hash(struct bytes text, uint8_t out[32])
{
    assert_int_equal(EVP_Digest(text.p, text.n, out, NULL, EVP_sha256(), NULL), 1);
}

static inline void
forge_data_head(const struct forge *f, struct buffer *out)
{
    uint8_t hash[32];
    forge_hash(bytes_str(f->rp_id), hash);
    buffer_put(out, bytes_of(hash, 32));
    buffer_put_byte(out, f->flags);
    for (int shift = 24; shift >= 0; shift -= 8)
        buffer_put_byte(out, (uint8_t)(f->counter >> shift));
}

static inline void
forge_data(const struct forge *f, struct buffer *out)
{
    forge_data_head(f, out);
    buffer_put(out, bytes_of(f->aaguid, 16));
    buffer_put_byte(out, (uint8_t)(f->id.n >> 8));
    buffer_put_byte(out, (uint8_t)f->id.n);
    buffer_put(out, f->id);
    if (f->cose.n > 0)
        buffer_put(out, f->cose);
    else
        forge_cose(out, f->key, f->algorithm);
    buffer_put(out, f->extensions);
    buffer_put(out, f->behind);
}

// What is signed: by a FIDO2 key the data and the hash, by a U2F key its own selection.
static inline void
forge_signed(const struct forge *f, struct bytes data, const uint8_t hash[32], struct buffer *out)
{
    if (strcmp(f->format, "fido-u2f") != 0) {
        buffer_put(out, data);
        buffer_put(out, bytes_of(hash, 32));
        return;
    }
    struct buffer cose;
    buffer_init(&cose, 1024);
    forge_cose(&cose, f->key, ES256);
    buffer_put_byte(out, 0);
    buffer_put(out, bytes_slice(data, 0, 32));
    buffer_put(out, bytes_of(hash, 32));
    buffer_put(out, f->id);
    buffer_put_byte(out, 4);
    buffer_put(out, bytes_slice(buffer_bytes(&cose), cose.n - 67, 32));
    buffer_put(out, bytes_slice(buffer_bytes(&cose), cose.n - 32, 32));
    buffer_free(&cose);
}

static inline void
forge_statement(const struct forge *f, struct bytes signature, struct buffer *out)
{
    if (f->statement.n > 0) {
        buffer_put(out, f->statement);
        return;
    }
    if (strcmp(f->format, "none") == 0) {
        cbor_put_head(out, 5, 0);
        return;
    }
    bool packed = strcmp(f->format, "packed") == 0;
    cbor_put_head(out, 5, 1u + packed + (f->x5c_count > 0));
    if (packed) {
        cbor_put_text(out, "alg");
        cbor_put_number(out, f->signs);
    }
    cbor_put_text(out, "sig");
    cbor_put_bytes(out, signature);
    if (f->x5c_count == 0)
        return;
    cbor_put_text(out, "x5c");
    cbor_put_head(out, 4, f->x5c_count);
    for (size_t i = 0; i < f->x5c_count; i++) {
        uint8_t *der = NULL;
        int n = i2d_X509(f->x5c[i], &der);
        cbor_put_bytes(out, bytes_of(der, (size_t)n));
        OPENSSL_free(der);
    }
}

/* Client data and attestation object; both buffers are initialised here and freed by the caller. */
static inline void
forge_make(const struct forge *f, struct buffer *client_data, struct buffer *attestation)
{
    struct buffer data, text, signature;
    uint8_t hash[32];
    buffer_init(client_data, 200000);
    buffer_init(attestation, 200000);
    buffer_init(&data, 200000);
    buffer_init(&text, 200000);
    buffer_init(&signature, 4096);
    forge_client_data(f, client_data);
    forge_hash(buffer_bytes(client_data), hash);
    forge_data(f, &data);
    if (strcmp(f->format, "none") != 0) {
        forge_signed(f, buffer_bytes(&data), hash, &text);
        forge_sign(f->signer, buffer_bytes(&text), &signature);
        if (f->bad_signature)
            signature.p[signature.n - 1] ^= 1;
    }
    cbor_put_head(attestation, 5, 3);
    cbor_put_text(attestation, "fmt");
    cbor_put_text(attestation, f->format);
    cbor_put_text(attestation, "attStmt");
    forge_statement(f, buffer_bytes(&signature), attestation);
    cbor_put_text(attestation, "authData");
    cbor_put_bytes(attestation, buffer_bytes(&data));
    buffer_free(&data);
    buffer_free(&text);
    buffer_free(&signature);
}

static inline struct webauthn_expectation
forge_expects(void)
{
    return (struct webauthn_expectation){
        .rp_id = BYTES(FORGE_RP_ID), .origin = BYTES(FORGE_ORIGIN), .challenge = FORGE_CHALLENGE};
}

static inline struct webauthn_rules
forge_rules(void)
{
    return (struct webauthn_rules){.trust = forge_pki.trust, .now = FORGE_NOW};
}

static inline void
forge_write(const char *directory, const char *name, struct bytes head, struct bytes text)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(head.p, 1, head.n, file), head.n);
    assert_int_equal(fwrite(text.p, 1, text.n, file), text.n);
    assert_int_equal(fclose(file), 0);
}

/* KEYHOLE_FUZZ_REGISTRATION=DIRECTORY: every registration becomes a seed of that fuzz target,
 * beside the roots and the leaves that it takes (tests/fuzz/make-seeds). */
static inline void
forge_seed(const struct forge *f, struct bytes client_data, struct bytes attestation)
{
    static unsigned count;
    const char *directory = getenv("KEYHOLE_FUZZ_REGISTRATION");
    char name[64];
    BUFFER_AUTO head;
    buffer_init(&head, 65536);
    if (!directory || bytes_index(client_data, '\n') < client_data.n)
        return;
    buffer_put_byte(&head, 0x12); // attestation demanded, with the roots
    buffer_put(&head, client_data);
    buffer_put_byte(&head, '\n');
    snprintf(name, sizeof name, "seeds/forged-%03u", ++count);
    forge_write(directory, name, buffer_bytes(&head), attestation);
    static bool written;
    X509 *leaf = f->x5c_count > 0 ? f->x5c[0] : NULL;
    bool is_ours = leaf && (X509_verify(leaf, forge_pki.root_key) == 1 ||
                            X509_verify(leaf, forge_pki.middle_key) == 1);
    if (!is_ours || (written && leaf == forge_pki.leaf))
        return;
    written |= leaf == forge_pki.leaf;
    uint8_t *der = NULL;
    int n = i2d_X509(leaf, &der);
    assert_true(n > 0);
    snprintf(name, sizeof name, "leaves/%03u", count);
    forge_write(directory, name, BYTES_EMPTY, bytes_of(der, (size_t)n));
    OPENSSL_free(der);
    char path[512];
    snprintf(path, sizeof path, "%s/roots/forge.pem", directory);
    forge_write_certificates(path, (X509 *[]){forge_pki.root, forge_pki.middle}, 2);
}

static inline enum failure
forge_register(const struct forge *f, const struct webauthn_expectation *expected,
               const struct webauthn_rules *rules, struct webauthn_credential *out,
               struct webauthn_verdict *verdict)
{
    struct buffer client_data, attestation;
    forge_make(f, &client_data, &attestation);
    enum failure failure = webauthn_register(expected, rules, buffer_bytes(&client_data),
                                             buffer_bytes(&attestation), out, verdict);
    forge_seed(f, buffer_bytes(&client_data), buffer_bytes(&attestation));
    buffer_free(&client_data);
    buffer_free(&attestation);
    return failure;
}

#endif
