/* SPDX-License-Identifier: Apache-2.0 */
/* Registrations: honest ones are taken for what they are, and each that lies in one place is
 * refused for just that. */
#include "forge.h"

#include "../../../broker/webauthn/yubico.h"

// In this program the forge's root is one of Yubico's when a test says so.
static bool forge_is_yubico, forge_is_shared;

const struct yubico_root *
yubico_root_find(const uint8_t sha256[32])
{
    static struct yubico_root root = {.name = "Forge Root"};
    unsigned n;
    assert_int_equal(X509_digest(forge_pki.root, EVP_sha256(), root.sha256, &n), 1);
    root.shared = forge_is_shared;
    return forge_is_yubico && memcmp(sha256, root.sha256, 32) == 0 ? &root : NULL;
}

struct attempt {
    struct forge forge;
    struct webauthn_expectation expected;
    struct webauthn_rules rules;
    struct buffer scratch; // what a lie needs to keep
    X509 *certificate;
    EVP_PKEY *key;
};

static void
attempt_init(struct attempt *a)
{
    *a = (struct attempt){
        .forge = forge_honest(), .expected = forge_expects(), .rules = forge_rules()};
    buffer_init(&a->scratch, 100000);
}

static enum failure
attempt_make(struct attempt *a, struct webauthn_credential *out, struct webauthn_verdict *verdict)
{
    enum failure failure = forge_register(&a->forge, &a->expected, &a->rules, out, verdict);
    buffer_free(&a->scratch);
    X509_free(a->certificate);
    EVP_PKEY_free(a->key);
    return failure;
}

/* ---- lies ---- */

static void
as_leaf(struct attempt *a, const struct forge_certificate *form)
{
    a->certificate = forge_certificate(form);
    a->forge.x5c[0] = a->certificate;
}

static void
is_optional(struct attempt *a)
{
    a->rules.attestation = ATTESTATION_OPTIONAL;
}

static void
is_none(struct attempt *a)
{
    a->forge.format = "none";
}

static void
is_none_where_optional(struct attempt *a)
{
    is_none(a);
    is_optional(a);
}

static void
is_self(struct attempt *a)
{
    a->forge.x5c_count = 0;
    a->forge.signer = a->forge.key;
}

static void
is_u2f(struct attempt *a)
{
    a->forge = forge_honest_u2f();
}

#define LIE(name) static void lie_##name(struct attempt *a)
#define MEMBER(name, text)                                                                         \
    LIE(name)                                                                                      \
    {                                                                                              \
        a->forge.members = text;                                                                   \
    }
MEMBER(cross_origin, ",\"crossOrigin\":true")
MEMBER(cross_origin_null, ",\"crossOrigin\":null")
MEMBER(cross_origin_text, ",\"crossOrigin\":\"false\"")
MEMBER(top_origin, ",\"crossOrigin\":false,\"topOrigin\":\"https://example.com\"")
MEMBER(top_origin_null, ",\"topOrigin\":null")
MEMBER(twice, ",\"origin\":\"https://example.com\"")
MEMBER(twice_inside, ",\"more\":{\"a\":1,\"a\":2}")
MEMBER(honest_extra, ",\"crossOrigin\":false,\"extra_keys_may_be_added_here\":\"do not compare\"")

LIE(type)
{
    a->forge.type = "webauthn.get";
}
LIE(challenge)
{
    a->forge.challenge = BYTES("a challenge of thirty-two bytez.");
}
LIE(challenge_shorter)
{
    a->forge.challenge = bytes_slice(FORGE_CHALLENGE, 0, 30);
}
LIE(origin)
{
    a->forge.origin = "https://example.com.evil.test";
}
LIE(origin_scheme)
{
    a->forge.origin = "http://example.com";
}
LIE(origin_port)
{
    a->forge.origin = "https://example.com:443";
}
LIE(origin_below)
{
    a->forge.origin = "https://www.example.com";
}
LIE(origin_slash)
{
    a->forge.origin = "https://example.com/";
}
LIE(client_bom)
{
    a->forge.client_json = "\xef\xbb\xbf{}";
}
LIE(statement_extra)
{
    buffer_put(&a->scratch, BYTES("\xa3\x63"
                                  "alg\x26\x63"
                                  "sig\x41\x00\x63"
                                  "ver\x61\x31"));
    a->forge.statement = buffer_bytes(&a->scratch);
}
LIE(behind)
{
    a->forge.behind = BYTES("\x00");
}
LIE(no_credential)
{
    a->forge.flags = 0x05;
}
LIE(rp_id)
{
    a->forge.rp_id = "example.org";
}
LIE(presence)
{
    a->forge.flags = 0x44;
}
LIE(verification)
{
    a->forge.flags = 0x41;
    a->expected.verification = true;
}
LIE(verification_u2f)
{
    is_u2f(a);
    a->forge.flags = 0x45; // says so, and signs no flags
    a->expected.verification = true;
}
LIE(reserved_1)
{
    a->forge.flags = 0x47;
}
LIE(reserved_5)
{
    a->forge.flags = 0x65;
}
LIE(backed_up)
{
    a->forge.flags = 0x55;
}
LIE(es384)
{
    a->key = forge_key(ES384);
    a->forge.key = a->key;
    a->forge.algorithm = ES384;
}
LIE(rs1)
{
    a->forge.signs = RS1;
}
LIE(format)
{
    a->forge.format = "apple";
}
LIE(format_case)
{
    a->forge.format = "Packed";
}
LIE(self_other_algorithm)
{
    is_self(a);
    is_optional(a);
    a->forge.signs = RS256;
}
LIE(u2f_aaguid)
{
    is_u2f(a);
    memcpy(a->forge.aaguid, forge_aaguid, 16);
}
LIE(u2f_extensions)
{
    is_u2f(a);
    a->forge.flags = 0xc1;
    a->forge.extensions = BYTES("\xa1\x6b"
                                "credProtect\x02");
}
LIE(u2f_eddsa)
{
    is_u2f(a);
    a->key = forge_key(EDDSA);
    forge_cose(&a->scratch, a->key, EDDSA);
    a->forge.cose = buffer_bytes(&a->scratch);
}
LIE(signature)
{
    a->forge.bad_signature = true;
}
LIE(signature_optional)
{
    is_optional(a);
    a->forge.bad_signature = true;
}
LIE(signature_self)
{
    is_self(a);
    is_optional(a);
    a->forge.signer = forge_pki.other_key;
}
LIE(signature_u2f)
{
    is_u2f(a);
    a->forge.bad_signature = true;
}
LIE(signer)
{
    a->forge.signer = forge_pki.credential_key;
}
LIE(certificate_unit)
{
    struct forge_certificate form = forge_leaf_form();
    form.unit = "Something Else";
    as_leaf(a, &form);
}
LIE(certificate_unit_optional)
{
    lie_certificate_unit(a);
    is_optional(a);
}
LIE(certificate_ca)
{
    struct forge_certificate form = forge_leaf_form();
    form.constraints = "critical,CA:TRUE";
    as_leaf(a, &form);
}
LIE(certificate_ca_u2f)
{
    lie_certificate_ca(a);
    X509 *leaf = a->forge.x5c[0];
    is_u2f(a);
    a->forge.x5c[0] = leaf;
}
LIE(certificate_aaguid)
{
    struct forge_certificate form = forge_leaf_form();
    form.aaguid = BYTES("\x04\x10"
                        "another aaguid !");
    as_leaf(a, &form);
}
LIE(certificate_aaguid_optional)
{
    lie_certificate_aaguid(a);
    is_optional(a);
}
LIE(certificate_aaguid_critical)
{
    struct forge_certificate form = forge_leaf_form();
    form.aaguid_critical = true;
    as_leaf(a, &form);
}
LIE(claimed_aaguid)
{
    a->forge.aaguid[0] ^= 1;
}
LIE(self_signed_leaf)
{
    struct forge_certificate form = forge_leaf_form();
    form.issuer = NULL;
    form.issuer_key = NULL;
    as_leaf(a, &form);
}
LIE(stranger)
{
    struct forge_certificate form = forge_leaf_form();
    form.issuer = forge_pki.stranger;
    form.issuer_key = forge_pki.other_key;
    as_leaf(a, &form);
    a->forge.x5c[a->forge.x5c_count++] = forge_pki.stranger; // sent along, and trusted for nothing
}
LIE(no_roots)
{
    a->rules.trust = NULL;
}
LIE(expired)
{
    a->rules.now = FORGE_NOW + 86400 * 3651LL;
}
LIE(not_yet)
{
    a->rules.now = FORGE_NOW - 86401;
}
LIE(model)
{
    static const uint8_t other[1][16] = {{1, 2, 3}};
    a->rules.aaguid = other;
    a->rules.aaguid_count = 1;
}
LIE(model_unattested)
{
    static uint8_t same[1][16];
    memcpy(same[0], forge_aaguid, 16);
    a->rules.aaguid = same;
    a->rules.aaguid_count = 1;
    is_none_where_optional(a);
}
LIE(model_u2f)
{
    is_u2f(a);
    lie_model(a);
}
LIE(firmware)
{
    forge_is_yubico = true;
    a->rules.firmware = 0x050705;
}
LIE(firmware_not_yubico)
{
    a->rules.firmware = 0x050000;
}
LIE(firmware_unknown)
{
    struct forge_certificate form = forge_leaf_form();
    form.firmware = BYTES_EMPTY;
    as_leaf(a, &form);
    forge_is_yubico = true;
    a->rules.firmware = 0x010000;
}
LIE(firmware_malformed)
{
    struct forge_certificate form = forge_leaf_form();
    form.firmware = BYTES("\x04\x04\x05\x07\x04\x00");
    as_leaf(a, &form);
    forge_is_yubico = true;
}
LIE(shared_root)
{
    struct forge_certificate form = forge_leaf_form();
    form.unit = NULL; // as the certificate of a PIV key, with which its holder signs what it likes
    is_u2f(a);
    as_leaf(a, &form);
    forge_is_yubico = forge_is_shared = true;
}
LIE(expects_nothing)
{
    a->expected.challenge = BYTES_EMPTY;
}
LIE(expects_no_origin)
{
    a->expected.origin = BYTES_EMPTY;
}
LIE(expects_rp_id_with_nul)
{
    a->expected.rp_id = BYTES("example.com\0.evil.test");
}

static const struct {
    const char *what;
    void (*lie)(struct attempt *a);
    enum failure failure;
} lies[] = {
// clang-format off
#define ROW(name, failure) {#name, lie_##name, FAILURE_##failure}
    // clang-format on
    ROW(client_bom, CLIENT_DATA_MALFORMED),
    ROW(twice, CLIENT_DATA_MALFORMED),
    ROW(twice_inside, CLIENT_DATA_MALFORMED),
    ROW(type, CLIENT_DATA_TYPE),
    ROW(challenge, CLIENT_DATA_CHALLENGE),
    ROW(challenge_shorter, CLIENT_DATA_CHALLENGE),
    ROW(origin, CLIENT_DATA_ORIGIN),
    ROW(origin_scheme, CLIENT_DATA_ORIGIN),
    ROW(origin_port, CLIENT_DATA_ORIGIN),
    ROW(origin_below, CLIENT_DATA_ORIGIN),
    ROW(origin_slash, CLIENT_DATA_ORIGIN),
    ROW(cross_origin, CLIENT_DATA_CROSS_ORIGIN),
    ROW(cross_origin_null, CLIENT_DATA_CROSS_ORIGIN),
    ROW(cross_origin_text, CLIENT_DATA_CROSS_ORIGIN),
    ROW(top_origin, CLIENT_DATA_CROSS_ORIGIN),
    ROW(top_origin_null, CLIENT_DATA_CROSS_ORIGIN),
    ROW(statement_extra, ATTESTATION_MALFORMED),
    ROW(behind, AUTHENTICATOR_DATA_MALFORMED),
    ROW(no_credential, AUTHENTICATOR_DATA_MALFORMED),
    ROW(rp_id, RP_ID_MISMATCH),
    ROW(presence, PRESENCE_MISSING),
    ROW(verification, VERIFICATION_MISSING),
    ROW(verification_u2f, VERIFICATION_MISSING),
    ROW(reserved_1, FLAGS_INVALID),
    ROW(reserved_5, FLAGS_INVALID),
    ROW(backed_up, FLAGS_INVALID),
    ROW(es384, ALGORITHM_FORBIDDEN),
    ROW(rs1, ALGORITHM_FORBIDDEN),
    ROW(format, FORMAT_FORBIDDEN),
    ROW(format_case, FORMAT_FORBIDDEN),
    {"none", is_none, FAILURE_FORMAT_FORBIDDEN},
    {"self", is_self, FAILURE_FORMAT_FORBIDDEN},
    ROW(self_other_algorithm, FORMAT_FORBIDDEN),
    ROW(u2f_aaguid, FORMAT_FORBIDDEN),
    ROW(u2f_extensions, FORMAT_FORBIDDEN),
    ROW(u2f_eddsa, FORMAT_FORBIDDEN),
    ROW(signature, ATTESTATION_SIGNATURE),
    ROW(signature_optional, ATTESTATION_SIGNATURE),
    ROW(signature_self, ATTESTATION_SIGNATURE),
    ROW(signature_u2f, ATTESTATION_SIGNATURE),
    ROW(signer, ATTESTATION_SIGNATURE),
    ROW(certificate_unit, CERTIFICATE_INVALID),
    ROW(certificate_unit_optional, CERTIFICATE_INVALID),
    ROW(certificate_ca, CERTIFICATE_INVALID),
    ROW(certificate_ca_u2f, CERTIFICATE_INVALID),
    ROW(certificate_aaguid, CERTIFICATE_AAGUID),
    ROW(certificate_aaguid_optional, CERTIFICATE_AAGUID),
    ROW(certificate_aaguid_critical, CERTIFICATE_AAGUID),
    ROW(claimed_aaguid, CERTIFICATE_AAGUID),
    ROW(self_signed_leaf, ATTESTATION_UNTRUSTED),
    ROW(stranger, ATTESTATION_UNTRUSTED),
    ROW(no_roots, ATTESTATION_UNTRUSTED),
    ROW(expired, ATTESTATION_UNTRUSTED),
    ROW(not_yet, ATTESTATION_UNTRUSTED),
    ROW(shared_root, ATTESTATION_UNTRUSTED),
    ROW(firmware_malformed, ATTESTATION_UNTRUSTED),
    ROW(model, MODEL_FORBIDDEN),
    ROW(model_unattested, MODEL_FORBIDDEN),
    ROW(model_u2f, MODEL_FORBIDDEN),
    ROW(firmware, FIRMWARE_FORBIDDEN),
    ROW(firmware_not_yubico, FIRMWARE_FORBIDDEN),
    ROW(firmware_unknown, FIRMWARE_FORBIDDEN),
    ROW(expects_nothing, INTERNAL),
    ROW(expects_no_origin, INTERNAL),
    ROW(expects_rp_id_with_nul, INTERNAL),
};

static void
test_each_lie_is_found(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(lies); i++) {
        struct attempt a;
        struct webauthn_credential made, untouched;
        struct webauthn_verdict verdict;
        memset(&made, 0xa5, sizeof(made));
        untouched = made;
        forge_is_yubico = forge_is_shared = false;
        attempt_init(&a);
        lies[i].lie(&a);
        enum failure failure = attempt_make(&a, &made, &verdict);
        expect_failure(lies[i].what, &verdict, failure, lies[i].failure);
        if (memcmp(&made, &untouched, sizeof(made)) != 0)
            FAIL_WITH("%s: refused, and a credential was written", lies[i].what);
        if (verdict.detail[0] == '\0')
            FAIL_WITH("%s: refused, and nobody knows why", lies[i].what);
        for (size_t k = 0; k + 1 < verdict.step_count; k++)
            assert_true(verdict.step[k].passed);
    }
    forge_is_yubico = forge_is_shared = false;
}

// Each check that there is was failed by somebody above.
static void
test_no_check_is_without_a_lie(void **state)
{
    (void)state;
    struct attempt a;
    struct webauthn_credential made;
    struct webauthn_verdict verdict;
    attempt_init(&a);
    enum failure failure = attempt_make(&a, &made, &verdict);
    expect_failure("honest", &verdict, failure, FAILURE_NONE);
    for (size_t i = 0; i < verdict.step_count; i++) {
        bool found = false;
        for (size_t k = 0; k < COUNT_OF(lies); k++)
            found = found || lies[k].failure == verdict.step[i].check;
        if (!found)
            FAIL_WITH("no lie for %s", failure_code(verdict.step[i].check));
        if (verdict.step[i].found[0] == '\0')
            FAIL_WITH("%s passed, and says nothing", failure_code(verdict.step[i].check));
        // The order of schema/discharge.def.
        if (i > 0)
            assert_true(verdict.step[i].check > verdict.step[i - 1].check);
    }
    assert_int_equal(verdict.step_count, 19);
}

/* ---- what is taken ---- */

static void
nothing(struct attempt *a)
{
    (void)a;
}

static void
is_yubico(struct attempt *a)
{
    (void)a;
    forge_is_yubico = true;
}

static void
is_yubico_shared(struct attempt *a)
{
    (void)a;
    forge_is_yubico = forge_is_shared = true;
}

static void
verified(struct attempt *a)
{
    a->expected.verification = true;
}

static void
with_extensions(struct attempt *a)
{
    a->forge.flags = 0xc5;
    a->forge.extensions = BYTES("\xa5\x67"
                                "unknown\x81\x01\x68"
                                "credBlob\xf4\x6b"
                                "credProtect\x02\x6b"
                                "hmac-secret\xf5\x6c"
                                "minPinLength\x04");
}

static void
with_eddsa(struct attempt *a)
{
    a->key = forge_key(EDDSA);
    a->forge.key = a->key;
    a->forge.algorithm = EDDSA;
}

static void
with_rs256(struct attempt *a)
{
    a->key = forge_key(RS256);
    a->forge.key = a->key;
    a->forge.algorithm = RS256;
}

static void
self_eddsa(struct attempt *a)
{
    with_eddsa(a);
    is_self(a);
    is_optional(a);
    a->forge.signs = EDDSA;
}

static void
self_rs256(struct attempt *a)
{
    with_rs256(a);
    is_self(a);
    is_optional(a);
    a->forge.signs = RS256;
}

static void
leaf_rs256(struct attempt *a)
{
    struct forge_certificate form = forge_leaf_form();
    a->key = forge_key(RS256);
    form.key = a->key;
    as_leaf(a, &form);
    a->forge.signer = a->key;
    a->forge.signs = RS256;
}

static void
self_es256(struct attempt *a)
{
    is_self(a);
    is_optional(a);
}

static void
stranger_optional(struct attempt *a)
{
    lie_stranger(a);
    is_optional(a);
}

static void
chain_sent(struct attempt *a)
{
    a->forge.x5c[a->forge.x5c_count++] = forge_pki.middle;
    a->forge.x5c[a->forge.x5c_count++] = forge_pki.root;
}

static void
model_listed(struct attempt *a)
{
    static uint8_t list[2][16] = {{1, 2, 3}};
    memcpy(list[1], forge_aaguid, 16);
    a->rules.aaguid = list;
    a->rules.aaguid_count = 2;
}

static void
firmware_enough(struct attempt *a)
{
    forge_is_yubico = true;
    a->rules.firmware = 0x050704;
}

static void
backed_up_able(struct attempt *a)
{
    a->forge.flags = 0x5d;
}

// Nobody signed that.
static void
u2f_says_verified(struct attempt *a)
{
    is_u2f(a);
    a->forge.flags = 0x45;
}

static void
shared_u2f(struct attempt *a)
{
    is_u2f(a);
    forge_is_yubico = forge_is_shared = true;
}

static const struct {
    const char *what;
    void (*make)(struct attempt *a);
    const char *is; // attested, verified, yubikey
    const char *format;
    int algorithm;
} honest[] = {
    {"packed", nothing, "av", "packed", ES256},
    {"extra", lie_honest_extra, "av", "packed", ES256},
    {"yubico", is_yubico, "avy", "packed", ES256},
    {"shared root", is_yubico_shared, "avy", "packed", ES256},
    {"verification demanded", verified, "av", "packed", ES256},
    {"extensions", with_extensions, "av", "packed", ES256},
    {"EdDSA", with_eddsa, "av", "packed", EDDSA},
    {"RS256", with_rs256, "av", "packed", RS256},
    {"RS256 leaf", leaf_rs256, "av", "packed", ES256},
    {"chain sent", chain_sent, "av", "packed", ES256},
    {"model on the list", model_listed, "av", "packed", ES256},
    {"firmware new enough", firmware_enough, "avy", "packed", ES256},
    {"backed up", backed_up_able, "av", "packed", ES256},
    {"optional", is_optional, "av", "packed", ES256},
    {"u2f", is_u2f, "a", "fido-u2f", ES256},
    {"u2f that says it verified", u2f_says_verified, "a", "fido-u2f", ES256},
    {"u2f below a shared root", shared_u2f, "ay", "fido-u2f", ES256},
    {"none", is_none_where_optional, "v", "none", ES256},
    {"self", self_es256, "v", "packed", ES256},
    {"self EdDSA", self_eddsa, "v", "packed", EDDSA},
    {"self RS256", self_rs256, "v", "packed", RS256},
    {"stranger", stranger_optional, "v", "packed", ES256},
};

static void
expect_credential(const char *what, const struct webauthn_credential *made, const char *is,
                  const char *format, int algorithm)
{
    bool u2f = strcmp(format, "fido-u2f") == 0, yubikey = strchr(is, 'y') != NULL;
    if (made->attested != (strchr(is, 'a') != NULL) || made->yubikey != yubikey ||
        made->verified != (strchr(is, 'v') != NULL) || made->u2f != u2f ||
        made->firmware != (yubikey ? 0x050704 : 0) || made->algorithm != algorithm ||
        made->counter != (u2f ? 0 : 7) || strcmp(made->format, format) != 0)
        FAIL_WITH("%s: attested %d yubikey %d verified %d u2f %d firmware %x algorithm %d "
                  "counter %u format %s",
                  what, made->attested, made->yubikey, made->verified, made->u2f, made->firmware,
                  made->algorithm, made->counter, made->format);
}

static void
test_honest_ones_are_taken_for_what_they_are(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(honest); i++) {
        struct attempt a;
        struct webauthn_credential made = {0};
        struct webauthn_verdict verdict;
        struct buffer cose;
        forge_is_yubico = forge_is_shared = false;
        attempt_init(&a);
        honest[i].make(&a);
        buffer_init(&cose, 1024);
        forge_cose(&cose, a.forge.key, a.forge.algorithm);
        const struct forge forge = a.forge;
        enum failure failure = attempt_make(&a, &made, &verdict);
        expect_failure(honest[i].what, &verdict, failure, FAILURE_NONE);
        expect_credential(honest[i].what, &made, honest[i].is, honest[i].format,
                          honest[i].algorithm);
        assert_true(bytes_equal(bytes_of(made.id, made.id_n), forge.id));
        assert_memory_equal(made.aaguid, forge.aaguid, 16);
        assert_true(bytes_equal(bytes_of(made.public_key, made.public_key_n), buffer_bytes(&cose)));
        buffer_free(&cose);
    }
    forge_is_yubico = forge_is_shared = false;
}

static void
test_what_is_too_large_is_refused(void **state)
{
    (void)state;
    const struct webauthn_expectation expected = forge_expects();
    const struct webauthn_rules rules = forge_rules();
    const struct forge forge = forge_honest();
    struct webauthn_credential made;
    struct webauthn_verdict verdict;
    struct buffer client_data, attestation;
    forge_make(&forge, &client_data, &attestation);
    uint8_t *big = test_calloc(1, 70000);
    memset(big, ' ', 70000);
    enum failure failure = webauthn_register(&expected, &rules, bytes_of(big, 8193),
                                             buffer_bytes(&attestation), &made, &verdict);
    expect_failure("client data", &verdict, failure, FAILURE_CLIENT_DATA_MALFORMED);
    failure = webauthn_register(&expected, &rules, buffer_bytes(&client_data), bytes_of(big, 65537),
                                &made, &verdict);
    expect_failure("attestation", &verdict, failure, FAILURE_ATTESTATION_MALFORMED);
    failure = webauthn_register(&expected, &rules, BYTES_EMPTY, BYTES_EMPTY, &made, &verdict);
    expect_failure("nothing", &verdict, failure, FAILURE_CLIENT_DATA_MALFORMED);
    failure = webauthn_register(&expected, &rules, buffer_bytes(&client_data), BYTES_EMPTY, &made,
                                &verdict);
    expect_failure("no attestation", &verdict, failure, FAILURE_ATTESTATION_MALFORMED);
    test_free(big);
    buffer_free(&client_data);
    buffer_free(&attestation);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_lie_is_found),
        cmocka_unit_test(test_no_check_is_without_a_lie),
        cmocka_unit_test(test_honest_ones_are_taken_for_what_they_are),
        cmocka_unit_test(test_what_is_too_large_is_refused),
    };
    return cmocka_run_group_tests(tests, forge_setup, forge_teardown);
}
