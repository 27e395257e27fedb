/* SPDX-License-Identifier: Apache-2.0 */
#include "../rsa_key.h"
#include "sealed_store.h"

#include "../../../broker/authority/local_ca.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

static struct local_ca *ca;

static int
setup(void **state)
{
    struct fault fault = {0};

    return sealed_store_setup(state) || local_ca_create(store, seal, FIXTURE_NOW, &fault) ||
           local_ca_load(store, seal, &ca, &fault);
}

static int
teardown(void **state)
{
    local_ca_free(&ca);
    return sealed_store_teardown(state);
}

static struct bytes
public_key(EVP_PKEY *key, uint8_t out[1024])
{
    uint8_t *p = out;
    int n = i2d_PUBKEY(key, NULL);
    assert_true(n > 0 && n <= 1024);
    assert_int_equal(i2d_PUBKEY(key, &p), n);
    EVP_PKEY_free(key);
    return bytes_of(out, (size_t)n);
}

static X509 *
parse(const struct buffer *der)
{
    const uint8_t *p = der->p;
    X509 *x = d2i_X509(NULL, &p, (long)der->n);
    assert_non_null(x);
    assert_ptr_equal(p, der->p + der->n);
    return x;
}

static X509 *
ca_certificate(void)
{
    struct buffer pem;
    buffer_init(&pem, 16384);
    local_ca_pem(ca, &pem);
    BIO *bio = BIO_new_mem_buf(pem.p, (int)pem.n);
    X509 *x = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    BIO_free(bio);
    buffer_free(&pem);
    assert_non_null(x);
    return x;
}

// As a strict client would, at `at`.
static int
verify(X509 *leaf, const char *host, const char *ip, int64_t at)
{
    X509 *root = ca_certificate();
    X509_STORE *trusted = X509_STORE_new();
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    X509_VERIFY_PARAM *param;

    X509_STORE_add_cert(trusted, root);
    assert_int_equal(X509_STORE_CTX_init(ctx, trusted, leaf, NULL), 1);
    param = X509_STORE_CTX_get0_param(ctx);
    X509_VERIFY_PARAM_set_time(param, (time_t)at);
    X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_X509_STRICT | X509_V_FLAG_CHECK_SS_SIGNATURE);
    X509_VERIFY_PARAM_set_purpose(param, X509_PURPOSE_SSL_SERVER);
    if (host)
        X509_VERIFY_PARAM_set1_host(param, host, 0);
    if (ip)
        X509_VERIFY_PARAM_set1_ip_asc(param, ip);
    int ok = X509_verify_cert(ctx);
    int error = ok == 1 ? X509_V_OK : X509_STORE_CTX_get_error(ctx);
    X509_STORE_CTX_free(ctx);
    X509_STORE_free(trusted);
    X509_free(root);
    return error;
}

static void
bad_public_keys(void **state)
{
    uint8_t der[1024];
    struct buffer out;
    int64_t expires_at = 0;
    struct bytes key;

    (void)state;
    buffer_init(&out, 8192);
    assert_fault(
        local_ca_issue(ca, BYTES("a.example"), BYTES_EMPTY, FIXTURE_NOW, &out, &expires_at, fault),
        KH_ERR_PROTOCOL, "P-256");
    assert_fault(local_ca_issue(ca, BYTES("a.example"), BYTES("not a key"), FIXTURE_NOW, &out,
                                &expires_at, fault),
                 KH_ERR_PROTOCOL, "P-256");
    key = public_key(rsa_key_public(2048), der);
    assert_fault(local_ca_issue(ca, BYTES("a.example"), key, FIXTURE_NOW, &out, &expires_at, fault),
                 KH_ERR_PROTOCOL, "P-256");
    key = public_key(EVP_EC_gen("P-384"), der);
    assert_fault(local_ca_issue(ca, BYTES("a.example"), key, FIXTURE_NOW, &out, &expires_at, fault),
                 KH_ERR_PROTOCOL, "P-256");
    key = public_key(EVP_EC_gen("P-256"), der);
    key.n++; // something after its end
    assert_fault(local_ca_issue(ca, BYTES("a.example"), key, FIXTURE_NOW, &out, &expires_at, fault),
                 KH_ERR_PROTOCOL, "P-256");
    assert_int_equal(out.n, 0);
    assert_int_equal(expires_at, 0);
    buffer_free(&out);
}

static void
hostile_names(void **state)
{
    uint8_t der[1024];
    struct buffer out;
    int64_t expires_at;
    struct bytes key = public_key(EVP_EC_gen("P-256"), der);
    char large[300];

    (void)state;
    buffer_init(&out, 8192);
    memset(large, 'a', sizeof large);
    assert_fault(local_ca_issue(ca, BYTES_EMPTY, key, FIXTURE_NOW, &out, &expires_at, fault),
                 KH_ERR_CRYPTO, "leaf");
    assert_fault(local_ca_issue(ca, bytes_of(large, sizeof large), key, FIXTURE_NOW, &out,
                                &expires_at, fault),
                 KH_ERR_CRYPTO, "leaf");
    assert_fault(local_ca_issue(ca, bytes_of("a\0b.example", 11), key, FIXTURE_NOW, &out,
                                &expires_at, fault),
                 KH_ERR_CRYPTO, "leaf");
    // No configuration syntax is read in a name: it stays one name.
    assert_ok(local_ca_issue(ca, BYTES("a.example,DNS:b.example"), key, FIXTURE_NOW, &out,
                             &expires_at, fault));
    X509 *leaf = parse(&out);
    assert_int_not_equal(verify(leaf, "b.example", NULL, FIXTURE_NOW), X509_V_OK);
    X509_free(leaf);
    buffer_free(&out);
}

static void
strict_clients_accept(void **state)
{
    static const struct {
        const char *host, *dns, *ip;
    } cases[] = {
        {"api.openai.com", "api.openai.com", NULL},
        {"127.0.0.1", NULL, "127.0.0.1"},
        {"2001:db8::1", NULL, "2001:db8::1"},
        {"a-label-that-is-as-long-as-a-label-of-a-domain-name-may-be-at-all.example.com",
         "a-label-that-is-as-long-as-a-label-of-a-domain-name-may-be-at-all.example.com", NULL},
    };
    uint8_t der[1024];
    struct bytes key = public_key(EVP_EC_gen("P-256"), der);

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buffer out;
        int64_t expires_at = 0;
        buffer_init(&out, 8192);
        assert_ok(local_ca_issue(ca, bytes_str(cases[i].host), key, FIXTURE_NOW, &out, &expires_at,
                                 fault));
        X509 *leaf = parse(&out);
        assert_int_equal(verify(leaf, cases[i].dns, cases[i].ip, FIXTURE_NOW), X509_V_OK);
        assert_int_equal(verify(leaf, cases[i].dns, cases[i].ip, FIXTURE_NOW - 3500), X509_V_OK);
        assert_int_equal(verify(leaf, cases[i].dns, cases[i].ip, FIXTURE_NOW - 3700),
                         X509_V_ERR_CERT_NOT_YET_VALID);
        assert_int_equal(verify(leaf, cases[i].dns, cases[i].ip, expires_at + 1),
                         X509_V_ERR_CERT_HAS_EXPIRED);
        assert_int_equal(expires_at, FIXTURE_NOW + 7 * 86400);
        assert_int_equal(verify(leaf, "other.example", NULL, FIXTURE_NOW),
                         X509_V_ERR_HOSTNAME_MISMATCH);
        assert_int_equal(X509_check_ca(leaf), 0);
        assert_int_equal(X509_get_extended_key_usage(leaf), XKU_SSL_SERVER);
        assert_int_equal(X509_get_key_usage(leaf), KU_DIGITAL_SIGNATURE);
        assert_true(ASN1_STRING_length(X509_get0_serialNumber(leaf)) >= 16);
        assert_non_null(X509_get0_authority_key_id(leaf));
        assert_non_null(X509_get0_subject_key_id(leaf));
        for (int nid = 0; nid < 2; nid++) {
            int at = X509_get_ext_by_NID(leaf, nid ? NID_key_usage : NID_basic_constraints, -1);
            assert_true(at >= 0 && X509_EXTENSION_get_critical(X509_get_ext(leaf, at)));
        }
        X509_free(leaf);
        buffer_free(&out);
    }
}

static void
serial_numbers_differ(void **state)
{
    uint8_t der[1024];
    struct bytes key = public_key(EVP_EC_gen("P-256"), der);
    struct buffer a, b;
    int64_t expires_at;

    (void)state;
    buffer_init(&a, 8192);
    buffer_init(&b, 8192);
    assert_ok(local_ca_issue(ca, BYTES("a.example"), key, FIXTURE_NOW, &a, &expires_at, fault));
    assert_ok(local_ca_issue(ca, BYTES("a.example"), key, FIXTURE_NOW, &b, &expires_at, fault));
    X509 *x = parse(&a), *y = parse(&b);
    assert_int_not_equal(ASN1_INTEGER_cmp(X509_get0_serialNumber(x), X509_get0_serialNumber(y)), 0);
    X509_free(x);
    X509_free(y);
    buffer_free(&a);
    buffer_free(&b);
}

static void
never_outlives_the_ca(void **state)
{
    uint8_t der[1024];
    struct bytes key = public_key(EVP_EC_gen("P-256"), der);
    struct buffer out;
    int64_t expires_at = 0, end = local_ca_expires_at(ca);

    (void)state;
    buffer_init(&out, 8192);
    assert_ok(local_ca_issue(ca, BYTES("a.example"), key, end - 3600, &out, &expires_at, fault));
    assert_int_equal(expires_at, end);
    assert_fault(local_ca_issue(ca, BYTES("a.example"), key, end, &out, &expires_at, fault),
                 KH_ERR_RANGE, "not valid now");
    assert_fault(local_ca_issue(ca, BYTES("a.example"), key, 1000, &out, &expires_at, fault),
                 KH_ERR_RANGE, "not valid now");
    buffer_free(&out);
}

static void
the_ca_itself(void **state)
{
    X509 *x = ca_certificate();
    char sha256[LOCAL_CA_SHA256_HEX];

    (void)state;
    assert_int_equal(X509_check_ca(x), 1);
    assert_int_equal(X509_get_pathlen(x), 0);
    assert_int_equal(X509_get_key_usage(x), KU_KEY_CERT_SIGN | KU_CRL_SIGN);
    assert_non_null(X509_get0_subject_key_id(x));
    local_ca_sha256(ca, sha256);
    assert_int_equal(strlen(sha256), 64);
    X509_free(x);
}

static void
damage_is_noticed(void **state)
{
    struct local_ca *other = NULL;
    struct buffer der;

    (void)state;
    buffer_init(&der, 16384);
    assert_ok(store_meta_get(store, "local-ca-certificate", &der, fault));
    der.n--;
    assert_ok(store_meta_put(store, "local-ca-certificate", buffer_bytes(&der), fault));
    assert_fault(local_ca_load(store, seal, &other, fault), KH_ERR_DATABASE, "damaged");
    assert_ok(store_meta_put(store, "local-ca-key", BYTES("0123"), fault));
    assert_fault(local_ca_load(store, seal, &other, fault), KH_ERR_DATABASE, "local-ca-key");
    assert_null(other);
    // A certificate of another CA does not fit the key.
    assert_ok(local_ca_create(store, seal, FIXTURE_NOW, fault));
    buffer_clear(&der);
    assert_ok(store_meta_get(store, "local-ca-certificate", &der, fault));
    assert_ok(local_ca_create(store, seal, FIXTURE_NOW, fault));
    assert_ok(store_meta_put(store, "local-ca-certificate", buffer_bytes(&der), fault));
    assert_fault(local_ca_load(store, seal, &other, fault), KH_ERR_DATABASE, "damaged");
    buffer_free(&der);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(bad_public_keys, setup, teardown),
        cmocka_unit_test_setup_teardown(hostile_names, setup, teardown),
        cmocka_unit_test_setup_teardown(strict_clients_accept, setup, teardown),
        cmocka_unit_test_setup_teardown(serial_numbers_differ, setup, teardown),
        cmocka_unit_test_setup_teardown(never_outlives_the_ca, setup, teardown),
        cmocka_unit_test_setup_teardown(the_ca_itself, setup, teardown),
        cmocka_unit_test_setup_teardown(damage_is_noticed, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
