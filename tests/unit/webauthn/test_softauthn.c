/* SPDX-License-Identifier: Apache-2.0 */
/* The software authenticator, which was written without looking at this room: honest it is taken,
 * and each of its lies is found. */
#include "webauthn_test.h"

#include "../../support/softauthn.h"

#define RP_ID  "example.com"
#define ORIGIN "https://example.com"
static const struct bytes challenge = BYTES("a challenge for the software key");

static const struct {
    enum softauthn_lie lie;
    enum failure at_registration, at_assertion; // FAILURE_NONE: it tells it elsewhere
} lies[] = {
    {SOFTAUTHN_HONEST, FAILURE_NONE, FAILURE_NONE},
    {SOFTAUTHN_LIE_NO_PRESENCE, FAILURE_PRESENCE_MISSING, FAILURE_PRESENCE_MISSING},
    {SOFTAUTHN_LIE_NO_VERIFICATION, FAILURE_VERIFICATION_MISSING, FAILURE_VERIFICATION_MISSING},
    {SOFTAUTHN_LIE_RP_HASH, FAILURE_RP_ID_MISMATCH, FAILURE_RP_ID_MISMATCH},
    {SOFTAUTHN_LIE_COUNTER, FAILURE_NONE, FAILURE_AUTHENTICATOR_CLONED},
    {SOFTAUTHN_LIE_COUNTER_BACK, FAILURE_NONE, FAILURE_AUTHENTICATOR_CLONED},
    {SOFTAUTHN_LIE_NO_COUNTER, FAILURE_NONE, FAILURE_NONE},
    {SOFTAUTHN_LIE_RESERVED, FAILURE_FLAGS_INVALID, FAILURE_FLAGS_INVALID},
    {SOFTAUTHN_LIE_BACKUP, FAILURE_FLAGS_INVALID, FAILURE_FLAGS_INVALID},
    {SOFTAUTHN_LIE_TRAILING, FAILURE_AUTHENTICATOR_DATA_MALFORMED,
     FAILURE_AUTHENTICATOR_DATA_MALFORMED},
    {SOFTAUTHN_LIE_SIGNATURE, FAILURE_ATTESTATION_SIGNATURE, FAILURE_SIGNATURE_INVALID},
    {SOFTAUTHN_LIE_CLIENT_DATA, FAILURE_ATTESTATION_SIGNATURE, FAILURE_SIGNATURE_INVALID},
    {SOFTAUTHN_LIE_KEY, FAILURE_ATTESTATION_SIGNATURE, FAILURE_SIGNATURE_INVALID},
    // Whose it is, the caller compares before anything else.
    {SOFTAUTHN_LIE_CREDENTIAL, FAILURE_NONE, FAILURE_SIGNATURE_INVALID},
    {SOFTAUTHN_LIE_AAGUID, FAILURE_CERTIFICATE_AAGUID, FAILURE_NONE},
    {SOFTAUTHN_LIE_UNIT, FAILURE_CERTIFICATE_INVALID, FAILURE_NONE},
    {SOFTAUTHN_LIE_CA, FAILURE_CERTIFICATE_INVALID, FAILURE_NONE},
    {SOFTAUTHN_LIE_ROOT, FAILURE_ATTESTATION_UNTRUSTED, FAILURE_NONE},
    {SOFTAUTHN_LIE_EXPIRED, FAILURE_ATTESTATION_UNTRUSTED, FAILURE_NONE},
};

struct session {
    struct softauthn *key;
    struct webauthn_trust *trust;
    struct webauthn_expectation expected;
    struct webauthn_rules rules;
    const char *pin;
};

static void
session_init(struct session *s, const struct softauthn_options *options)
{
    struct fault fault = {0};
    *s = (struct session){
        .key = softauthn_new(options),
        .expected = {.rp_id = BYTES(RP_ID),
                     .origin = BYTES(ORIGIN),
                     .challenge = challenge,
                     .verification = options->pin != NULL},
        .pin = options->pin,
    };
    assert_non_null(s->key);
    (void)mkdir(test_path("softauthn"), 0700);
    assert_true(softauthn_write_root(s->key, test_path("softauthn/root.pem")));
    if (webauthn_trust_read(test_path("softauthn"), &s->trust, &fault) != KH_OK)
        FAIL_WITH("%s", fault.detail);
    s->rules = (struct webauthn_rules){.trust = s->trust, .now = (int64_t)time(NULL)};
}

static void
session_fini(struct session *s)
{
    softauthn_free(&s->key);
    webauthn_trust_free(&s->trust);
}

static void
client_data(const char *type, struct buffer *out)
{
    buffer_init(out, 1024);
    buffer_printf(out, "{\"type\":\"%s\",\"challenge\":\"", type);
    base64_encode(BASE64_URL, challenge, out);
    buffer_put_str(out, "\",\"origin\":\"" ORIGIN "\",\"crossOrigin\":false}");
}

static enum failure
session_register(struct session *s, struct webauthn_credential *out,
                 struct webauthn_verdict *verdict)
{
    struct buffer text;
    struct softauthn_registration made;
    client_data("webauthn.create", &text);
    const struct softauthn_request request = {
        .rp_id = RP_ID, .client_data = buffer_bytes(&text), .pin = s->pin};
    assert_int_equal(softauthn_register(s->key, &request, &made), SOFTAUTHN_OK);
    enum failure failure = webauthn_register(&s->expected, &s->rules, buffer_bytes(&text),
                                             buffer_bytes(&made.attestation), out, verdict);
    softauthn_registration_free(&made);
    buffer_free(&text);
    return failure;
}

static enum failure
session_assert(struct session *s, struct webauthn_credential *credential,
               struct webauthn_verdict *verdict)
{
    struct buffer text;
    struct softauthn_assertion made;
    struct webauthn_assertion out = {0};
    client_data("webauthn.get", &text);
    const struct softauthn_request request = {.rp_id = RP_ID,
                                              .client_data = buffer_bytes(&text),
                                              .pin = s->pin,
                                              .credential =
                                                  bytes_of(credential->id, credential->id_n)};
    assert_int_equal(softauthn_assert(s->key, &request, &made), SOFTAUTHN_OK);
    enum failure failure = webauthn_assert(&s->expected, credential, buffer_bytes(&text),
                                           buffer_bytes(&made.authenticator_data),
                                           buffer_bytes(&made.signature), &out, verdict);
    if (failure == FAILURE_NONE)
        credential->counter = out.counter;
    softauthn_assertion_free(&made);
    buffer_free(&text);
    return failure;
}

static void
test_every_lie(void **state)
{
    (void)state;
    assert_int_equal(COUNT_OF(lies), SOFTAUTHN_LIE_COUNT);
    for (size_t i = 0; i < COUNT_OF(lies); i++) {
        const char *word = softauthn_lie_word(lies[i].lie);
        struct session s;
        struct webauthn_credential credential = {0};
        struct webauthn_verdict verdict;
        session_init(&s, &(struct softauthn_options){.pin = "1234"});
        softauthn_set_lie(s.key, lies[i].lie);
        enum failure failure = session_register(&s, &credential, &verdict);
        expect_failure(word, &verdict, failure, lies[i].at_registration);
        softauthn_set_lie(s.key, SOFTAUTHN_HONEST);
        failure = session_register(&s, &credential, &verdict);
        expect_failure("honest", &verdict, failure, FAILURE_NONE);
        failure = session_assert(&s, &credential, &verdict);
        expect_failure("honest", &verdict, failure, FAILURE_NONE);
        softauthn_set_lie(s.key, lies[i].lie);
        // A counter that stands still shows the second time.
        failure = session_assert(&s, &credential, &verdict);
        if (failure == FAILURE_NONE)
            failure = session_assert(&s, &credential, &verdict);
        // Saying zero is allowed to those that always do: this one counted before.
        enum failure expected = lies[i].lie == SOFTAUTHN_LIE_NO_COUNTER
                                    ? FAILURE_AUTHENTICATOR_CLONED
                                    : lies[i].at_assertion;
        expect_failure(word, &verdict, failure, expected);
        session_fini(&s);
    }
}

static void
test_formats_and_algorithms(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        struct softauthn_options options;
        enum attestation_demand demand;
        enum failure failure;
        bool attested;
    } rows[] = {
        {"ES256", {.algorithm = SOFTAUTHN_ES256}, ATTESTATION_REQUIRED, FAILURE_NONE, true},
        {"EdDSA", {.algorithm = SOFTAUTHN_EDDSA}, ATTESTATION_REQUIRED, FAILURE_NONE, true},
        {"RS256", {.algorithm = SOFTAUTHN_RS256}, ATTESTATION_REQUIRED, FAILURE_NONE, true},
        {"U2F", {.format = SOFTAUTHN_U2F}, ATTESTATION_REQUIRED, FAILURE_NONE, true},
        {"none", {.format = SOFTAUTHN_NONE}, ATTESTATION_REQUIRED, FAILURE_FORMAT_FORBIDDEN, false},
        {"self", {.format = SOFTAUTHN_SELF}, ATTESTATION_REQUIRED, FAILURE_FORMAT_FORBIDDEN, false},
        {"none", {.format = SOFTAUTHN_NONE}, ATTESTATION_OPTIONAL, FAILURE_NONE, false},
        {"self", {.format = SOFTAUTHN_SELF}, ATTESTATION_OPTIONAL, FAILURE_NONE, false},
        {"packed", {.format = SOFTAUTHN_PACKED}, ATTESTATION_OPTIONAL, FAILURE_NONE, true},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct session s;
        struct webauthn_credential credential = {0};
        struct webauthn_verdict verdict;
        session_init(&s, &rows[i].options);
        s.rules.attestation = rows[i].demand;
        enum failure failure = session_register(&s, &credential, &verdict);
        expect_failure(rows[i].what, &verdict, failure, rows[i].failure);
        assert_int_equal(credential.attested, rows[i].attested);
        assert_false(credential.yubikey); // whatever its certificate says
        if (failure == FAILURE_NONE) {
            failure = session_assert(&s, &credential, &verdict);
            expect_failure(rows[i].what, &verdict, failure, FAILURE_NONE);
        }
        session_fini(&s);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_lie),
        cmocka_unit_test(test_formats_and_algorithms),
    };
    return cmocka_run_group_tests(tests, directory_setup, directory_teardown);
}
