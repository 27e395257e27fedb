/* SPDX-License-Identifier: Apache-2.0 */
/* Signing a challenge with a security key: what is signed, by which key, and every way not to. */
#include "keys.h"

#include <openssl/sha.h>

static enum kh_err
sign(struct test_keys *keys, const struct question *question, json_t **out, struct fault *fault)
{
    *out = NULL;
    *fault = (struct fault){.err = KH_OK};
    enum kh_err err = fido_assert_question(&keys->context, question, out, fault);
    assert_int_equal(err == KH_OK, *out != NULL);
    return err;
}

static void
test_client_data(void **state)
{
    (void)state;
    uint8_t challenge[CHALLENGE_SIZE];
    BUFFER_AUTO out;
    buffer_init(&out, 512);
    memset(challenge, 1, sizeof challenge);
    fido_client_data("webauthn.get", challenge, "https://d.example", &out);
    assert_string_equal(buffer_text(&out),
                        "{\"type\":\"webauthn.get\",\"challenge\":"
                        "\"AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE\","
                        "\"origin\":\"https://d.example\",\"crossOrigin\":false}");
}

static void
test_cbor_byte_strings(void **state)
{
    (void)state;
    uint8_t large[3 + 300] = {0x59, 1, 44};
    assert_true(bytes_equal(fido_cbor_bytes(BYTES("\x42"
                                                  "ab")),
                            BYTES("ab")));
    assert_int_equal(fido_cbor_bytes(bytes_of(large, sizeof large)).n, 300);
    static const struct bytes none[] = {BYTES(""),
                                        BYTES("\x42"
                                              "a"),
                                        BYTES("\x42"
                                              "abc"),
                                        BYTES("\x62"
                                              "ab"),
                                        BYTES("\x58"),
                                        BYTES("\x59\1"),
                                        BYTES("\x5f"
                                              "ab"),
                                        BYTES("\x5a\0\0\0\1x")};
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++)
        assert_int_equal(fido_cbor_bytes(none[i]).n, 0);
}

static void
test_no_key(void **state)
{
    (void)state;
    struct test_keys keys;
    struct question *question = test_question_new(false);
    struct fault fault;
    json_t *answer;
    test_keys_init(&keys);
    assert_int_equal(sign(&keys, question, &answer, &fault), KH_ERR_NOT_FOUND);
    assert_contains(fault.detail, "no security key is plugged in");
    test_keys_plug(&keys, (struct softauthn_options){0})->gone = true;
    assert_int_equal(sign(&keys, question, &answer, &fault), KH_ERR_PERMISSION);
    assert_contains(fault.detail, "cannot be opened");
    question_free(&question);
    test_keys_free(&keys);
}

// What comes out is what a discharger verifies: here libfido2's own verdict stands for it.
static void
test_signature(void **state)
{
    (void)state;
    struct test_keys keys;
    struct question *question = test_question_new(false);
    struct fault fault;
    json_t *answer;
    test_keys_init(&keys);
    struct test_key *key = test_keys_plug(&keys, (struct softauthn_options){0});
    test_question_offer(question, BYTES("a credential of another key"));
    test_key_enroll(key, question);
    if (sign(&keys, question, &answer, &fault) != KH_OK)
        fail_msg("%s", fault.detail);
    struct buffer id = test_member(answer, "credential"), sig = test_member(answer, "signature");
    struct buffer data = test_member(answer, "authenticator_data");
    struct buffer client = test_member(answer, "client_data");
    assert_true(bytes_equal(buffer_bytes(&id), buffer_bytes(&question->credential[1])));
    assert_true(sig.n > 60);
    uint8_t hash[32];
    SHA256((const uint8_t *)TEST_RP_ID, strlen(TEST_RP_ID), hash);
    assert_true(data.n >= 37);
    assert_memory_equal(data.p, hash, 32);
    assert_true(data.p[32] & 1);  // somebody touched it
    assert_false(data.p[32] & 4); // and nobody asked for a PIN
    assert_contains(buffer_text(&client), "\"origin\":\"" TEST_ORIGIN "\"");
    assert_int_equal(json_object_size(answer), 4);
    assert_int_equal(key->touches, 1); // finding the credential takes no touch
    assert_contains(test_keys_said(&keys), "touch the security key now (test key 0)");
    buffer_free(&id), buffer_free(&sig), buffer_free(&data), buffer_free(&client);
    json_decref(answer);
    question_free(&question);
    test_keys_free(&keys);
}

static void
test_key_that_is_not_asked_for(void **state)
{
    (void)state;
    struct test_keys keys;
    struct question *question = test_question_new(false);
    struct fault fault;
    json_t *answer;
    test_keys_init(&keys);
    struct test_key *key = test_keys_plug(&keys, (struct softauthn_options){0});
    test_question_offer(question, BYTES("a credential of another key"));
    assert_int_equal(sign(&keys, question, &answer, &fault), KH_ERR_NOT_FOUND);
    assert_contains(fault.detail, "keyhole enroll");
    assert_int_equal(key->touches, 0);
    question_free(&question);
    test_keys_free(&keys);
}

static void
test_refusals_and_silence(void **state)
{
    (void)state;
    static const struct {
        enum softauthn_status touch;
        enum kh_err err;
        const char *words;
    } row[] = {
        {SOFTAUTHN_OPERATION_DENIED, KH_ERR_DENIED, "declined at the security key"},
        {SOFTAUTHN_USER_ACTION_TIMEOUT, KH_ERR_TIMEOUT, "not touched in time"},
        {SOFTAUTHN_KEEPALIVE_CANCEL, KH_ERR_DENIED, "cancelled"},
    };
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        struct test_keys keys;
        struct question *question = test_question_new(false);
        struct fault fault;
        json_t *answer;
        test_keys_init(&keys);
        struct test_key *key = test_keys_plug(&keys, (struct softauthn_options){0});
        test_key_enroll(key, question);
        key->touch = row[i].touch;
        enum kh_err err = sign(&keys, question, &answer, &fault);
        if (err != row[i].err || strstr(fault.detail, row[i].words) == NULL)
            fail_msg("expected %s, got %s: %s", row[i].words, kh_err_code(err), fault.detail);
        question_free(&question);
        test_keys_free(&keys);
    }
}

// Of several keys the one that knows a credential is the one that blinks.
static void
test_several_keys_and_one_that_is_asked_for(void **state)
{
    (void)state;
    struct test_keys keys;
    struct question *question = test_question_new(false);
    struct fault fault;
    json_t *answer;
    test_keys_init(&keys);
    for (size_t i = 0; i < TEST_KEYS_MAX; i++)
        test_keys_plug(&keys, (struct softauthn_options){0});
    test_key_enroll(&keys.key[1], question);
    if (sign(&keys, question, &answer, &fault) != KH_OK)
        fail_msg("%s", fault.detail);
    json_decref(answer);
    assert_int_equal(keys.key[0].touches, 0);
    assert_int_equal(keys.key[1].touches, 1);
    assert_int_equal(keys.key[2].touches, 0);
    assert_lacks(test_keys_said(&keys), "touch the one to use");
    question_free(&question);
    test_keys_free(&keys);
}

static void
test_device_that_is_named(void **state)
{
    (void)state;
    struct test_keys keys;
    struct question *question = test_question_new(false);
    struct fault fault;
    json_t *answer;
    test_keys_init(&keys);
    test_keys_plug(&keys, (struct softauthn_options){0});
    test_keys_plug(&keys, (struct softauthn_options){0});
    test_key_enroll(&keys.key[0], question);
    test_key_enroll(&keys.key[1], question);
    keys.context.device = "1";
    if (sign(&keys, question, &answer, &fault) != KH_OK)
        fail_msg("%s", fault.detail);
    json_decref(answer);
    assert_int_equal(keys.key[0].touches, 0);
    assert_int_equal(keys.key[1].touches, 1);
    keys.context.device = "unix:/nowhere";
    keys.count = 0;
    assert_int_equal(sign(&keys, question, &answer, &fault), KH_ERR_PERMISSION);
    keys.count = 2;
    question_free(&question);
    test_keys_free(&keys);
}

static void
test_with_a_pin(void **state)
{
    (void)state;
    struct test_keys keys;
    struct question *question = test_question_new(true);
    struct fault fault;
    json_t *answer;
    test_keys_init(&keys);
    struct test_key *key = test_keys_plug(&keys, (struct softauthn_options){.pin = "12345678"});
    test_key_enroll_with(key, question, "12345678");
    test_keys_type(&keys, "12345678\n");
    if (sign(&keys, question, &answer, &fault) != KH_OK)
        fail_msg("%s", fault.detail);
    struct buffer data = test_member(answer, "authenticator_data");
    assert_int_equal(data.p[32] & 5, 5);
    buffer_free(&data);
    json_decref(answer);
    assert_lacks(test_keys_said(&keys), "12345678");
    question_free(&question);
    test_keys_free(&keys);
}

static void
test_old_key(void **state)
{
    (void)state;
    struct test_keys keys;
    struct question *question = test_question_new(false);
    struct fault fault;
    json_t *answer;
    test_keys_init(&keys);
    struct test_key *key =
        test_keys_plug(&keys, (struct softauthn_options){.format = SOFTAUTHN_U2F});
    test_key_enroll(key, question);
    if (sign(&keys, question, &answer, &fault) != KH_OK)
        fail_msg("%s", fault.detail);
    struct buffer data = test_member(answer, "authenticator_data");
    assert_int_equal(data.n, 37);
    buffer_free(&data);
    json_decref(answer);
    // It cannot check a PIN, and that is said rather than waited for.
    question->verification = true;
    assert_int_equal(sign(&keys, question, &answer, &fault), KH_ERR_UNSUPPORTED);
    question_free(&question);
    test_keys_free(&keys);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_client_data),
        cmocka_unit_test(test_cbor_byte_strings),
        cmocka_unit_test(test_no_key),
        cmocka_unit_test(test_signature),
        cmocka_unit_test(test_key_that_is_not_asked_for),
        cmocka_unit_test(test_refusals_and_silence),
        cmocka_unit_test(test_several_keys_and_one_that_is_asked_for),
        cmocka_unit_test(test_device_that_is_named),
        cmocka_unit_test(test_with_a_pin),
        cmocka_unit_test(test_old_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
