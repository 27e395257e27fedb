/* SPDX-License-Identifier: Apache-2.0 */
/* A new credential in a security key, and what a discharger gets of it. */
#include "keys.h"

static enum kh_err
enroll(struct test_keys *keys, const struct question *question, json_t **out, struct fault *fault)
{
    *out = NULL;
    *fault = (struct fault){.err = KH_OK};
    enum kh_err err = fido_enroll_question(&keys->context, question, out, fault);
    assert_int_equal(err == KH_OK, *out != NULL);
    return err;
}

// libfido2's own verdict on what would be sent.
static void
assert_registers(const json_t *answer, const char *format, bool certificate)
{
    const json_t *response = json_object_get(answer, "response");
    struct buffer id = test_member(answer, "id"), raw = test_member(answer, "rawId");
    struct buffer object = test_member(response, "attestationObject");
    struct buffer client = test_member(response, "clientDataJSON");
    char expected[64];
    assert_true(bytes_equal(buffer_bytes(&id), buffer_bytes(&raw)));
    assert_string_equal(answer_string(answer, "type"), "public-key");
    assert_contains(buffer_text(&client), "{\"type\":\"webauthn.create\",");
    int length = snprintf(expected, sizeof expected,
                          "\xa3\x63"
                          "fmt%c%s\x67"
                          "attStmt",
                          (char)(0x60 + strlen(format)), format);
    assert_true(bytes_starts(buffer_bytes(&object), bytes_of(expected, (size_t)length)));
    size_t at = bytes_find(buffer_bytes(&object), BYTES("\x68"
                                                        "authData"));
    assert_true(at < object.n);
    struct bytes data = bytes_from(buffer_bytes(&object), at + 9);
    struct bytes statement =
        bytes_slice(buffer_bytes(&object), (size_t)length, at - (size_t)length);
    // What WebAuthn (8.6) has of U2F: {"sig", "x5c"}, and no algorithm.
    if (strcmp(format, "fido-u2f") == 0)
        assert_true(bytes_starts(statement, BYTES("\xa2\x63sig")));
    fido_cred_t *cred = fido_cred_new();
    assert_int_equal(fido_cred_set_type(cred, COSE_ES256), FIDO_OK);
    assert_int_equal(fido_cred_set_rp(cred, TEST_RP_ID, NULL), FIDO_OK);
    assert_int_equal(fido_cred_set_clientdata(cred, client.p, client.n), FIDO_OK);
    assert_int_equal(fido_cred_set_authdata(cred, data.p, data.n), FIDO_OK);
    assert_int_equal(fido_cred_set_fmt(cred, format), FIDO_OK);
    assert_int_equal(fido_cred_set_attstmt(cred, statement.p, statement.n), FIDO_OK);
    int code = certificate ? fido_cred_verify(cred) : fido_cred_verify_self(cred);
    if (code != FIDO_OK)
        fail_msg("%s: %s", format, fido_strerr(code));
    assert_true(
        bytes_equal(bytes_of(fido_cred_id_ptr(cred), fido_cred_id_len(cred)), buffer_bytes(&id)));
    fido_cred_free(&cred);
    buffer_free(&id), buffer_free(&raw), buffer_free(&object), buffer_free(&client);
}

static void
test_formats(void **state)
{
    (void)state;
    static const struct {
        enum softauthn_format format;
        const char *name;
        bool certificate;
    } row[] = {{SOFTAUTHN_PACKED, "packed", true},
               {SOFTAUTHN_SELF, "packed", false},
               {SOFTAUTHN_U2F, "fido-u2f", true}};
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        struct test_keys keys;
        struct question *question = test_question_new(false);
        struct fault fault;
        json_t *answer;
        test_keys_init(&keys);
        struct test_key *key =
            test_keys_plug(&keys, (struct softauthn_options){.format = row[i].format});
        if (enroll(&keys, question, &answer, &fault) != KH_OK)
            fail_msg("%s: %s", row[i].name, fault.detail);
        assert_registers(answer, row[i].name, row[i].certificate);
        assert_true(key->touches > 0);
        json_decref(answer);
        question_free(&question);
        test_keys_free(&keys);
    }
}

static void
test_without_attestation(void **state)
{
    (void)state;
    struct test_keys keys;
    struct question *question = test_question_new(false);
    struct fault fault;
    json_t *answer;
    test_keys_init(&keys);
    test_keys_plug(&keys, (struct softauthn_options){.format = SOFTAUTHN_NONE});
    if (enroll(&keys, question, &answer, &fault) != KH_OK)
        fail_msg("%s", fault.detail);
    struct buffer object = test_member(json_object_get(answer, "response"), "attestationObject");
    assert_true(bytes_starts(buffer_bytes(&object), BYTES("\xa3\x63"
                                                          "fmt\x64none\x67"
                                                          "attStmt\xa0\x68"
                                                          "authData")));
    buffer_free(&object);
    json_decref(answer);
    question_free(&question);
    test_keys_free(&keys);
}

static void
test_enrolled_already(void **state)
{
    (void)state;
    struct test_keys keys;
    struct question *question = test_question_new(false);
    struct fault fault;
    json_t *answer;
    test_keys_init(&keys);
    test_key_enroll(test_keys_plug(&keys, (struct softauthn_options){0}), question);
    assert_int_equal(enroll(&keys, question, &answer, &fault), KH_ERR_EXISTS);
    assert_contains(fault.detail, "enrolled already");
    question_free(&question);
    test_keys_free(&keys);
}

static void
test_pin_where_one_is_set(void **state)
{
    (void)state;
    struct test_keys keys;
    struct question *question = test_question_new(false);
    struct fault fault;
    json_t *answer;
    test_keys_init(&keys);
    test_keys_plug(&keys, (struct softauthn_options){.pin = "123456"});
    test_keys_type(&keys, "123456\n");
    if (enroll(&keys, question, &answer, &fault) != KH_OK)
        fail_msg("%s", fault.detail);
    assert_registers(answer, "packed", true);
    json_decref(answer);
    test_keys_type(&keys, "654321\n");
    assert_int_equal(enroll(&keys, question, &answer, &fault), KH_ERR_DENIED);
    question_free(&question);
    test_keys_free(&keys);
}

static void
test_declined(void **state)
{
    (void)state;
    struct test_keys keys;
    struct question *question = test_question_new(false);
    struct fault fault;
    json_t *answer;
    test_keys_init(&keys);
    test_keys_plug(&keys, (struct softauthn_options){0})->touch = SOFTAUTHN_OPERATION_DENIED;
    assert_int_equal(enroll(&keys, question, &answer, &fault), KH_ERR_DENIED);
    question_free(&question);
    test_keys_free(&keys);
}

// The discharger's order counts among what the key knows.
static void
test_algorithms(void **state)
{
    (void)state;
    struct test_keys keys;
    struct question *question = test_question_new(false);
    struct fault fault;
    json_t *answer;
    test_keys_init(&keys);
    test_keys_plug(&keys, (struct softauthn_options){0});
    question->algorithm_count = 0;
    question->algorithm[question->algorithm_count++] = -65000; // nobody knows that one
    question->algorithm[question->algorithm_count++] = COSE_EDDSA;
    question->algorithm[question->algorithm_count++] = COSE_ES256;
    if (enroll(&keys, question, &answer, &fault) != KH_OK)
        fail_msg("%s", fault.detail);
    struct buffer object = test_member(json_object_get(answer, "response"), "attestationObject");
    // Its public key is an OKP of EdDSA: {1: 1, 3: -8, …}
    assert_true(bytes_find(buffer_bytes(&object), BYTES("\xa4\x01\x01\x03\x27")) < object.n);
    buffer_free(&object);
    json_decref(answer);
    question_free(&question);
    test_keys_free(&keys);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_formats),          cmocka_unit_test(test_without_attestation),
        cmocka_unit_test(test_enrolled_already), cmocka_unit_test(test_pin_where_one_is_set),
        cmocka_unit_test(test_declined),         cmocka_unit_test(test_algorithms),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
