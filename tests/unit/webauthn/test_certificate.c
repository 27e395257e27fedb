/* SPDX-License-Identifier: Apache-2.0 */
/* Leaf certificates: the rules of WebAuthn 8.2.1 and 8.6 one by one, and what extensions say. */
#include "forge.h"

#include "../../../broker/webauthn/certificate.h"

enum check { CHECK_PACKED, CHECK_U2F };

static void
expect(const char *what, const struct forge_certificate *form, enum check check, const char *says)
{
    X509 *leaf = forge_certificate(form);
    char why[WHY_MAX] = "";
    bool good = check == CHECK_U2F ? certificate_check_u2f(leaf, why)
                                   : certificate_check_packed(leaf, ES256, why);
    if (good != (says == NULL) || (!good && strstr(why, says) == NULL))
        FAIL_WITH("%s: %s, %s", what, good ? "taken" : "refused", why);
    X509_free(leaf);
}

static void
test_the_form_of_packed(void **state)
{
    (void)state;
    struct forge_certificate form = forge_leaf_form();
    expect("honest", &form, CHECK_PACKED, NULL);
#define WITH(member, value, says)                                                                  \
    form = forge_leaf_form();                                                                      \
    form.member = value;                                                                           \
    expect(#member " " #value, &form, CHECK_PACKED, says)
    WITH(version, 0, "version 3");
    WITH(version, 1, "version 3");
    WITH(country, NULL, "country");
    WITH(country, "SWE", "country");
    WITH(organisation, NULL, "organisation");
    WITH(unit, NULL, "Authenticator Attestation");
    WITH(unit, "authenticator attestation", "Authenticator Attestation");
    WITH(unit, "Authenticator Attestation ", "Authenticator Attestation");
    WITH(unit_again, "Authenticator Attestation", "Authenticator Attestation");
    WITH(name, NULL, "common name");
    WITH(constraints, NULL, "no CA");
    WITH(constraints, "critical,CA:TRUE", "no CA");
    WITH(constraints, "CA:FALSE", NULL);
    WITH(firmware, BYTES_EMPTY, NULL);
    WITH(aaguid, BYTES_EMPTY, NULL);
    WITH(usage, "critical,digitalSignature", NULL);
}

static void
test_the_form_of_u2f(void **state)
{
    (void)state;
    struct forge_certificate form = forge_leaf_form();
    expect("honest", &form, CHECK_U2F, NULL);
    // As the certificates of old: a common name and no more.
    form.country = form.organisation = form.unit = form.constraints = NULL;
    form.aaguid = BYTES_EMPTY;
    expect("old", &form, CHECK_U2F, NULL);
    form.constraints = "critical,CA:TRUE";
    expect("a CA", &form, CHECK_U2F, "CA");
    form.constraints = NULL;
    form.usage = "critical,keyCertSign";
    expect("a CA by its usage", &form, CHECK_U2F, "CA");
}

static void
test_the_key_fits_the_algorithm(void **state)
{
    (void)state;
    static const int algorithms[] = {ES256, EDDSA, RS256, ES384};
    for (size_t i = 0; i < COUNT_OF(algorithms); i++) {
        struct forge_certificate form = forge_leaf_form();
        char why[WHY_MAX];
        form.key = forge_key(algorithms[i]);
        X509 *leaf = forge_certificate(&form);
        for (size_t k = 0; k < COUNT_OF(algorithms); k++)
            assert_int_equal(certificate_check_packed(leaf, algorithms[k], why),
                             i == k && algorithms[i] != ES384);
        assert_int_equal(certificate_check_u2f(leaf, why), algorithms[i] == ES256);
        X509_free(leaf);
        EVP_PKEY_free(form.key);
    }
}

static void
test_extensions(void **state)
{
    (void)state;
    static const struct {
        struct bytes aaguid, firmware;
        bool twice, critical;
        int has_aaguid;  // -1: malformed
        int64_t version; // -1: malformed
    } rows[] = {
        {{0}, {0}, false, false, 0, 0},
        {BYTES("\x04\x10"
               "0123456789abcdef"),
         BYTES("\x04\x03\x05\x07\x04"), false, false, 1, 0x050704},
        {BYTES("\x04\x10"
               "0123456789abcdef"),
         {0},
         true,
         false,
         -1,
         0},
        {BYTES("\x04\x10"
               "0123456789abcdef"),
         {0},
         false,
         true,
         -1,
         0},
        {BYTES("\x04\x0f"
               "0123456789abcde"),
         {0},
         false,
         false,
         -1,
         0},
        {BYTES("\x04\x0f"
               "0123456789abcdef"),
         {0},
         false,
         false,
         -1,
         0},
        {BYTES("\x04\x10"
               "0123456789abcde"),
         {0},
         false,
         false,
         -1,
         0},
        {BYTES("\x04\x10"
               "0123456789abcdefg"),
         {0},
         false,
         false,
         -1,
         0},
        {BYTES("\x0c\x10"
               "0123456789abcdef"),
         {0},
         false,
         false,
         -1,
         0},
        {BYTES("0123456789abcdef"), {0}, false, false, -1, 0},
        {BYTES("\x04"), BYTES("\x04"), false, false, -1, -1},
        {{0}, BYTES("\x04\x02\x05\x07"), false, false, 0, -1},
        {{0}, BYTES("\x04\x04\x05\x07\x04\x00"), false, false, 0, -1},
        {{0}, BYTES("\x05\x07\x04"), false, false, 0, -1},
        {{0}, BYTES("\x02\x03\x05\x07\x04"), false, false, 0, -1},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct forge_certificate form = forge_leaf_form();
        uint8_t aaguid[16];
        uint32_t firmware = 77;
        bool present;
        form.aaguid = rows[i].aaguid;
        form.firmware = rows[i].firmware;
        form.aaguid_twice = rows[i].twice;
        form.aaguid_critical = rows[i].critical;
        X509 *leaf = forge_certificate(&form);
        bool good = certificate_aaguid(leaf, &present, aaguid);
        if (good != (rows[i].has_aaguid >= 0) || (good && present != (rows[i].has_aaguid == 1)))
            FAIL_WITH("row %zu: AAGUID extension %s", i, good ? "taken" : "refused");
        if (good && present)
            assert_memory_equal(aaguid, "0123456789abcdef", 16);
        good = certificate_firmware(leaf, &firmware);
        if (good != (rows[i].version >= 0) || (good && firmware != rows[i].version))
            FAIL_WITH("row %zu: firmware extension %s, %x", i, good ? "taken" : "refused",
                      firmware);
        X509_free(leaf);
    }
}

static void
test_only_der(void **state)
{
    (void)state;
    uint8_t *der = NULL;
    int n = i2d_X509(forge_pki.leaf, &der);
    assert_true(n > 256);
    struct buffer text;
    buffer_init(&text, 8192);
    buffer_put(&text, bytes_of(der, (size_t)n));
    X509 *read = certificate_read(buffer_bytes(&text));
    assert_non_null(read);
    X509_free(read);
    for (size_t cut = 0; cut < text.n; cut += 7)
        assert_null(certificate_read(bytes_slice(buffer_bytes(&text), 0, cut)));
    buffer_put_byte(&text, 0);
    assert_null(certificate_read(buffer_bytes(&text)));
    // The outer length in three bytes where two will do: BER, which OpenSSL reads.
    buffer_clear(&text);
    buffer_put(&text, BYTES("\x30\x83\x00"));
    buffer_put(&text, bytes_of(der + 2, (size_t)n - 2));
    const uint8_t *p = text.p;
    read = d2i_X509(NULL, &p, (long)text.n);
    assert_non_null(read); // so the test is worth something
    X509_free(read);
    assert_null(certificate_read(buffer_bytes(&text)));
    OPENSSL_free(der);
    buffer_free(&text);
}

static void
test_subjects_are_safe_for_a_terminal(void **state)
{
    (void)state;
    struct forge_certificate form = forge_leaf_form();
    char subject[256];
    certificate_subject(forge_pki.leaf, subject, sizeof(subject));
    assert_string_equal(subject, "C=SE, O=Forge, OU=Authenticator Attestation, CN=Forge EE 1");
    form.name = "a\033[2J\xe2\x80\xae, O=Yubico";
    X509 *leaf = forge_certificate(&form);
    certificate_subject(leaf, subject, sizeof(subject));
    for (const char *p = subject; *p != '\0'; p++)
        assert_true(*p >= 0x20 && *p < 0x7f);
    assert_non_null(strstr(subject, "CN=\"a\\1B[2J")); // in quotation marks, to the end
    assert_int_equal(subject[strlen(subject) - 1], '"');
    certificate_subject(leaf, subject, 8);
    assert_int_equal(strlen(subject), 7);
    X509_free(leaf);
}

static void
test_who_says_that_it_is_an_authenticator(void **state)
{
    (void)state;
    struct forge_certificate form = forge_leaf_form();
    assert_true(certificate_is_authenticator(forge_pki.leaf));
    form.unit = "PIV";
    X509 *leaf = forge_certificate(&form);
    assert_false(certificate_is_authenticator(leaf));
    X509_free(leaf);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_form_of_packed),
        cmocka_unit_test(test_the_form_of_u2f),
        cmocka_unit_test(test_the_key_fits_the_algorithm),
        cmocka_unit_test(test_extensions),
        cmocka_unit_test(test_only_der),
        cmocka_unit_test(test_subjects_are_safe_for_a_terminal),
        cmocka_unit_test(test_who_says_that_it_is_an_authenticator),
    };
    return cmocka_run_group_tests(tests, forge_setup, forge_teardown);
}
