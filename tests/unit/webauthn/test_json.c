/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON of browsers: exactly what is needed, well-formed, and beside it what they like. */
#include "webauthn_test.h"

#define REGISTRATION                                                                               \
    "{\"id\":\"eHl6\",\"rawId\":\"eHl6\",\"type\":\"public-key\",\"response\":{"                   \
    "\"clientDataJSON\":\"e30\",\"attestationObject\":\"oA\"}}"
#define ASSERTION                                                                                  \
    "{\"id\":\"eHl6\",\"type\":\"public-key\",\"response\":{\"clientDataJSON\":\"e30\","           \
    "\"authenticatorData\":\"AAE\",\"signature\":\"_-8\",\"userHandle\":null}}"

static void
test_a_registration(void **state)
{
    (void)state;
    struct webauthn_registration_json read;
    struct fault fault;
    assert_int_equal(webauthn_registration_read(BYTES(REGISTRATION), &read, &fault), FAILURE_NONE);
    assert_true(bytes_is(buffer_bytes(&read.id), "xyz"));
    assert_true(bytes_is(buffer_bytes(&read.client_data), "{}"));
    assert_true(bytes_is(buffer_bytes(&read.attestation), "\xa0"));
    webauthn_registration_free(&read);
    assert_int_equal(
        webauthn_registration_read(
            BYTES("{\"response\":{\"attestationObject\":\"oA\",\"clientDataJSON\":\"e30\","
                  "\"transports\":[\"usb\"],\"publicKeyAlgorithm\":-7},\"id\":\"eHl6\","
                  "\"clientExtensionResults\":{},\"authenticatorAttachment\":\"cross-platform\","
                  "\"type\":\"public-key\"}"),
            &read, &fault),
        FAILURE_NONE);
    webauthn_registration_free(&read);
}

static void
test_an_assertion(void **state)
{
    (void)state;
    struct webauthn_assertion_json read;
    struct fault fault;
    assert_int_equal(webauthn_assertion_read(BYTES(ASSERTION), &read, &fault), FAILURE_NONE);
    assert_true(bytes_is(buffer_bytes(&read.id), "xyz"));
    assert_true(bytes_is(buffer_bytes(&read.client_data), "{}"));
    assert_true(bytes_equal(buffer_bytes(&read.authenticator_data), BYTES("\0\1")));
    assert_true(bytes_is(buffer_bytes(&read.signature), "\xff\xef"));
    webauthn_assertion_free(&read);
}

static const struct {
    const char *from, *to, *says; // what is replaced in both texts
} changes[] = {
    {"{\"id\"", "[\"id\"", "JSON object"},
    {"{\"id\"", "\xef\xbb\xbf{\"id\"", "JSON object"},
    {"\"type\":\"public-key\"", "\"type\":\"public-key\",\"type\":\"public-key\"", "twice"},
    {"\"type\":\"public-key\"", "\"type\":\"password\"", "type"},
    {"\"type\":\"public-key\",", "", "type"},
    {"\"id\":\"eHl6\"", "\"id\":7", "id"},
    {"\"id\":\"eHl6\"", "\"id\":\"\"", "id"},
    {"\"id\":\"eHl6\"", "\"id\":\"eHl6=\"", "base64url"},
    {"\"id\":\"eHl6\"", "\"id\":\"eH l6\"", "base64url"},
    {"\"id\":\"eHl6\"", "\"id\":\"eHl6\",\"rawId\":\"eHl5\"", ""},
    {"\"clientDataJSON\":\"e30\"", "\"clientDataJSON\":\"e30=\"", "clientDataJSON"},
    {"\"clientDataJSON\":\"e30\"", "\"clientDataJSON\":null", "clientDataJSON"},
    {"\"clientDataJSON\":\"e30\"", "\"a\":1", "clientDataJSON"},
    {"\"response\":{", "\"response\":[{", "JSON object"},
    {"\"response\":{", "\"answer\":{", "clientDataJSON"},
    {"}}", "}", "JSON object"},
    {"}}", "}}}", "JSON object"},
};

static void
replace(const char *text, const char *from, const char *to, struct buffer *out)
{
    const char *at = strstr(text, from);
    assert_non_null(at);
    buffer_put(out, bytes_of(text, (size_t)(at - text)));
    buffer_put_str(out, to);
    buffer_put_str(out, at + strlen(from));
}

static void
test_what_is_wrong_with_it(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(changes); i++) {
        struct webauthn_registration_json registration = {0};
        struct webauthn_assertion_json assertion = {0};
        struct fault fault = {0};
        struct buffer text;
        buffer_init(&text, 4096);
        replace(REGISTRATION, changes[i].from, changes[i].to, &text);
        if (webauthn_registration_read(buffer_bytes(&text), &registration, &fault) !=
            FAILURE_REQUEST_INVALID)
            FAIL_WITH("taken: %s", buffer_text(&text));
        assert_says(fault, changes[i].says);
        assert_null(registration.id.p);
        buffer_clear(&text);
        replace(ASSERTION, changes[i].from, changes[i].to, &text);
        if (webauthn_assertion_read(buffer_bytes(&text), &assertion, &fault) !=
            FAILURE_REQUEST_INVALID)
            FAIL_WITH("taken: %s", buffer_text(&text));
        assert_says(fault, changes[i].says);
        assert_null(assertion.id.p);
        buffer_free(&text);
    }
}

static void
test_each_its_own_members(void **state)
{
    (void)state;
    struct webauthn_registration_json registration;
    struct webauthn_assertion_json assertion;
    struct fault fault;
    assert_int_equal(webauthn_registration_read(BYTES(ASSERTION), &registration, &fault),
                     FAILURE_REQUEST_INVALID);
    assert_says(fault, "attestationObject");
    assert_int_equal(webauthn_assertion_read(BYTES(REGISTRATION), &assertion, &fault),
                     FAILURE_REQUEST_INVALID);
    assert_says(fault, "authenticatorData");
}

static void
test_what_is_too_long(void **state)
{
    (void)state;
    struct webauthn_registration_json read;
    struct fault fault;
    struct buffer text;
    buffer_init(&text, 400000);
    // A member that is longer than any may be, and then a text that is.
    for (size_t letters = 65536 / 3 * 4 + 4; letters < 300000; letters += 175000) {
        buffer_clear(&text);
        buffer_put_str(&text, "{\"id\":\"");
        for (size_t i = 0; i < letters; i++)
            buffer_put_byte(&text, 'A');
        buffer_put_str(&text, "\",\"type\":\"public-key\",\"response\":{}}");
        assert_int_equal(webauthn_registration_read(buffer_bytes(&text), &read, &fault),
                         FAILURE_REQUEST_INVALID);
    }
    assert_says(fault, "the text");
    buffer_clear(&text);
    buffer_put_str(&text, "{\"id\":\"");
    for (size_t i = 0; i < 1368; i++) // 1026 bytes
        buffer_put_byte(&text, 'A');
    buffer_put_str(&text, "\",\"type\":\"public-key\",\"response\":{}}");
    assert_int_equal(webauthn_registration_read(buffer_bytes(&text), &read, &fault),
                     FAILURE_REQUEST_INVALID);
    assert_says(fault, "too long");
    buffer_free(&text);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_registration),        cmocka_unit_test(test_an_assertion),
        cmocka_unit_test(test_what_is_wrong_with_it), cmocka_unit_test(test_each_its_own_members),
        cmocka_unit_test(test_what_is_too_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
