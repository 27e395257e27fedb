/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates out of PEM, and what they are taken for. */
#include "forge.h"

#include "../../../broker/webauthn/trust_pem.h"

static size_t calls;

static enum kh_err
count(void *context, X509 *certificate, const struct webauthn_trust_certificate *description,
      struct fault *fault)
{
    (void)certificate;
    (void)fault;
    assert_ptr_equal(context, &calls);
    assert_true(description->subject[0] != '\0');
    calls++;
    return KH_OK;
}

static void
put_pem(struct buffer *out, X509 *certificate)
{
    char *text;
    BIO *bio = BIO_new(BIO_s_mem());
    assert_int_equal(PEM_write_bio_X509(bio, certificate), 1);
    long n = BIO_get_mem_data(bio, &text);
    buffer_put(out, bytes_of(text, (size_t)n));
    BIO_free(bio);
}

static enum kh_err
each(struct bytes text, struct fault *fault)
{
    calls = 0;
    return trust_pem_each(text, count, &calls, fault);
}

static void
test_texts(void **state)
{
    (void)state;
    struct fault fault = {0};
    struct buffer text;
    buffer_init(&text, 300000);
    assert_int_equal(each(BYTES_EMPTY, &fault), KH_ERR_SYNTAX);
    assert_says(fault, "no certificate");
    assert_int_equal(each(BYTES("-----BEGIN CERTIFICATE-----\n"), &fault), KH_ERR_SYNTAX);
    assert_int_equal(
        each(BYTES("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), &fault),
        KH_ERR_SYNTAX);
    assert_says(fault, "cannot be read");
    // Talk around certificates, and other blocks, are passed over.
    buffer_put_str(&text, "Subject: somebody\n");
    put_pem(&text, forge_pki.root);
    buffer_put_str(&text, "\n-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n");
    put_pem(&text, forge_pki.middle);
    assert_int_equal(each(buffer_bytes(&text), &fault), KH_OK);
    assert_int_equal(calls, 2);
    // One that is broken makes all of it an error, wherever it stands.
    buffer_put_str(&text, "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n");
    assert_int_equal(each(buffer_bytes(&text), &fault), KH_ERR_SYNTAX);
    while (text.n <= TRUST_FILE_MAX)
        buffer_put_byte(&text, '\n');
    assert_int_equal(each(buffer_bytes(&text), &fault), KH_ERR_TOO_LONG);
    assert_int_equal(calls, 0);
    buffer_free(&text);
}

static void
test_who_is_a_root(void **state)
{
    (void)state;
    struct webauthn_trust_certificate is;
    struct fault fault = {0};
    assert_int_equal(trust_describe(forge_pki.root, &is, &fault), KH_OK);
    assert_true(is.root && !is.yubico);
    assert_int_equal(trust_describe(forge_pki.middle, &is, &fault), KH_OK);
    assert_false(is.root);
    // Its issuer has its own name, but did not sign it with its own key.
    struct forge_certificate form = forge_ca_form("Forge Root");
    form.key = forge_pki.other_key;
    form.issuer_key = forge_pki.root_key;
    X509 *made = forge_certificate(&form);
    assert_int_equal(trust_describe(made, &is, &fault), KH_OK);
    assert_false(is.root);
    X509_free(made);
}

static void
test_who_is_no_ca(void **state)
{
    (void)state;
    struct webauthn_trust_certificate is = {.expires_at = 5};
    struct fault fault = {0};
    struct forge_certificate form = forge_ca_form("x");
    form.key = forge_pki.root_key;
    static const struct {
        const char *constraints, *usage;
        int version;
    } rows[] = {
        {"critical,CA:FALSE", NULL, 2},
        {NULL, NULL, 2},
        {NULL, "critical,keyCertSign", 2}, // says so by its usage alone
        {"critical,CA:TRUE", "critical,digitalSignature", 2},
        {NULL, NULL, 0}, // of version 1, and self-signed
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        form.constraints = rows[i].constraints;
        form.usage = rows[i].usage;
        form.version = rows[i].version;
        X509 *made = forge_certificate(&form);
        if (trust_describe(made, &is, &fault) != KH_ERR_CONFIG)
            FAIL_WITH("row %zu was taken for a CA", i);
        assert_says(fault, "no CA");
        X509_free(made);
    }
    assert_int_equal(is.expires_at, 5);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_who_is_a_root),
        cmocka_unit_test(test_who_is_no_ca),
    };
    return cmocka_run_group_tests(tests, forge_setup, forge_teardown);
}
