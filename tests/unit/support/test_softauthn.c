/* SPDX-License-Identifier: Apache-2.0 */
/* The software authenticator in process, judged by libfido2: honest, lying, PIN, presence. */

#include "fido.h"

struct key {
    struct softauthn *authenticator;
    fido_dev_t *dev;
};

static struct key
plug_in(struct softauthn_options options)
{
    struct key key = {.authenticator = softauthn_new(&options)};
    assert_non_null(key.authenticator);
    key.dev = softauthn_fido_open(key.authenticator);
    assert_non_null(key.dev);
    return key;
}

static void
pull_out(struct key *key)
{
    close_dev(&key->dev);
    softauthn_free(&key->authenticator);
}

static void
test_nonsense(void **state)
{
    (void)state;
    static const struct {
        struct bytes command;
        uint8_t status;
    } cases[] = {
        {{NULL, 0}, SOFTAUTHN_INVALID_LENGTH},
        {BYTES("\x99"), SOFTAUTHN_INVALID_COMMAND},
        {BYTES("\x01"), SOFTAUTHN_INVALID_CBOR},
        {BYTES("\x01\xa0"), SOFTAUTHN_MISSING_PARAMETER},
        {BYTES("\x01\xbf"), SOFTAUTHN_INVALID_CBOR},
        {BYTES("\x01\xbb\xff\xff\xff\xff\xff\xff\xff\xff"), SOFTAUTHN_INVALID_CBOR},
        {BYTES("\x02"), SOFTAUTHN_INVALID_CBOR},
        {BYTES("\x02\xa1\x03\x81\x81\x81\x81\x81\x81\x81\x81\x81\x81\x81\x00"),
         SOFTAUTHN_INVALID_CBOR},
        {BYTES("\x06\xa0"), SOFTAUTHN_INVALID_PARAMETER},
        {BYTES("\x06\xa2\x01\x02\x02\x05"), SOFTAUTHN_MISSING_PARAMETER},
        {BYTES("\x08"), SOFTAUTHN_NOT_ALLOWED},
    };
    struct softauthn *a = softauthn_new(&(struct softauthn_options){0});
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        BUFFER_AUTO answer;
        buffer_init(&answer, SOFTAUTHN_MESSAGE_MAX);
        softauthn_ctap(a, cases[i].command, &answer);
        if (answer.n != 1 || answer.p[0] != cases[i].status)
            fail_msg("case %zu: %zu bytes, status %02x, expected %02x", i, answer.n, answer.p[0],
                     cases[i].status);
    }
    softauthn_free(&a);
}

static void
test_words(void **state)
{
    (void)state;
    enum softauthn_lie lie;
    enum softauthn_format format;
    int algorithm;
    for (int i = 0; i < SOFTAUTHN_LIE_COUNT; i++) {
        assert_true(softauthn_lie_parse(softauthn_lie_word((enum softauthn_lie)i), &lie));
        assert_int_equal(lie, i);
        assert_true(strlen(softauthn_lie_sentence(lie)) > 0);
    }
    assert_false(softauthn_lie_parse("", &lie));
    assert_true(softauthn_format_parse("self", &format));
    assert_int_equal(format, SOFTAUTHN_SELF);
    assert_false(softauthn_format_parse("tpm", &format));
    assert_true(softauthn_algorithm_parse("eddsa", &algorithm));
    assert_int_equal(algorithm, COSE_EDDSA);
    assert_false(softauthn_algorithm_parse("es384", &algorithm));
}

/* Formats times algorithms: libfido2 finds nothing wrong. */
static void
test_honest(void **state)
{
    (void)state;
    static const struct {
        enum softauthn_format format;
        int algorithm;
        const char *name;
    } cases[] = {
        {SOFTAUTHN_PACKED, COSE_ES256, "packed"}, {SOFTAUTHN_PACKED, COSE_EDDSA, "packed"},
        {SOFTAUTHN_PACKED, COSE_RS256, "packed"}, {SOFTAUTHN_SELF, COSE_ES256, "packed"},
        {SOFTAUTHN_SELF, COSE_EDDSA, "packed"},   {SOFTAUTHN_NONE, COSE_ES256, "none"},
        {SOFTAUTHN_U2F, COSE_ES256, "fido-u2f"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct key key = plug_in((struct softauthn_options){.format = cases[i].format});
        assert_int_equal(fido_dev_is_fido2(key.dev), cases[i].format != SOFTAUTHN_U2F);
        fido_cred_t *cred = new_cred(cases[i].algorithm);
        assert_fido(FIDO_OK, fido_dev_make_cred(key.dev, cred, NULL));
        assert_string_equal(fido_cred_fmt(cred), cases[i].name);
        if (cases[i].format != SOFTAUTHN_NONE)
            assert_fido(FIDO_OK, verify_cred(cred));
        if (cases[i].format != SOFTAUTHN_U2F)
            assert_memory_equal(fido_cred_aaguid_ptr(cred), softauthn_aaguid(), 16);
        fido_assert_t *assert = new_assert(cred);
        assert_fido(FIDO_OK, fido_dev_get_assert(key.dev, assert, NULL));
        assert_fido(FIDO_OK, verify_assert(assert, cred));
        assert_int_equal(fido_assert_flags(assert, 0), 1);
        fido_assert_free(&assert);
        fido_cred_free(&cred);
        pull_out(&key);
    }
}

/* How far a lie gets with libfido2 alone; the rest is for broker/webauthn to find. */
static void
test_lies(void **state)
{
    (void)state;
    static const struct {
        enum softauthn_lie lie;
        bool cred, assert; /* libfido2 finds nothing */
    } cases[] = {
        {SOFTAUTHN_LIE_NO_PRESENCE, false, false}, {SOFTAUTHN_LIE_RP_HASH, false, false},
        {SOFTAUTHN_LIE_SIGNATURE, false, false},   {SOFTAUTHN_LIE_CLIENT_DATA, false, false},
        {SOFTAUTHN_LIE_KEY, false, false},         {SOFTAUTHN_LIE_COUNTER, true, true},
        {SOFTAUTHN_LIE_NO_COUNTER, true, true},    {SOFTAUTHN_LIE_AAGUID, true, true},
        {SOFTAUTHN_LIE_UNIT, true, true},          {SOFTAUTHN_LIE_ROOT, true, true},
        {SOFTAUTHN_LIE_EXPIRED, true, true},       {SOFTAUTHN_LIE_CA, true, true},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        const char *word = softauthn_lie_word(cases[i].lie);
        struct key key = plug_in((struct softauthn_options){.lie = cases[i].lie});
        fido_cred_t *cred = new_cred(COSE_ES256);
        assert_fido(FIDO_OK, fido_dev_make_cred(key.dev, cred, NULL));
        if ((verify_cred(cred) == FIDO_OK) != cases[i].cred)
            fail_msg("%s: a registration is found %s", word, cases[i].cred ? "bad" : "good");
        fido_cred_free(&cred);

        softauthn_set_lie(key.authenticator, SOFTAUTHN_HONEST);
        cred = new_cred(COSE_ES256);
        assert_fido(FIDO_OK, fido_dev_make_cred(key.dev, cred, NULL));
        softauthn_set_lie(key.authenticator, cases[i].lie);
        fido_assert_t *assert = new_assert(cred);
        assert_fido(FIDO_OK, fido_dev_get_assert(key.dev, assert, NULL));
        if ((verify_assert(assert, cred) == FIDO_OK) != cases[i].assert)
            fail_msg("%s: an assertion is found %s", word, cases[i].assert ? "bad" : "good");
        fido_assert_free(&assert);
        fido_cred_free(&cred);
        pull_out(&key);
    }
}

static uint32_t
count_once(struct key *key, const fido_cred_t *cred)
{
    fido_assert_t *assert = new_assert(cred);
    assert_fido(FIDO_OK, fido_dev_get_assert(key->dev, assert, NULL));
    uint32_t count = fido_assert_sigcount(assert, 0);
    fido_assert_free(&assert);
    return count;
}

static void
test_counter(void **state)
{
    (void)state;
    struct key key = plug_in((struct softauthn_options){0});
    fido_cred_t *cred = new_cred(COSE_ES256);
    assert_fido(FIDO_OK, fido_dev_make_cred(key.dev, cred, NULL));
    uint32_t first = count_once(&key, cred);
    assert_int_equal(count_once(&key, cred), first + 1);
    softauthn_set_lie(key.authenticator, SOFTAUTHN_LIE_COUNTER);
    assert_int_equal(count_once(&key, cred), first + 1);
    assert_int_equal(count_once(&key, cred), first + 1);
    softauthn_set_lie(key.authenticator, SOFTAUTHN_LIE_COUNTER_BACK);
    softauthn_set_counter(key.authenticator, 9);
    assert_int_equal(count_once(&key, cred), 8);
    assert_int_equal(count_once(&key, cred), 7);
    softauthn_set_lie(key.authenticator, SOFTAUTHN_LIE_NO_COUNTER);
    assert_int_equal(count_once(&key, cred), 0);
    fido_cred_free(&cred);
    pull_out(&key);
}

static void
test_another_credential(void **state)
{
    (void)state;
    struct key key = plug_in((struct softauthn_options){0});
    fido_cred_t *cred = new_cred(COSE_ES256);
    assert_fido(FIDO_OK, fido_dev_make_cred(key.dev, cred, NULL));
    softauthn_set_lie(key.authenticator, SOFTAUTHN_LIE_CREDENTIAL);
    fido_assert_t *assert = new_assert(cred);
    assert_fido(FIDO_OK, fido_dev_get_assert(key.dev, assert, NULL));
    assert_memory_not_equal(fido_assert_id_ptr(assert, 0), fido_cred_id_ptr(cred),
                            fido_cred_id_len(cred));
    fido_assert_free(&assert);
    fido_cred_free(&cred);
    pull_out(&key);
}

static void
test_pin(void **state)
{
    (void)state;
    for (int protocol = 0; protocol <= 2; protocol++) {
        struct key key =
            plug_in((struct softauthn_options){.pin = "1234", .pin_protocol = protocol});
        assert_true(fido_dev_has_pin(key.dev));
        fido_cred_t *cred = new_cred(COSE_ES256);
        assert_fido(FIDO_ERR_PIN_REQUIRED, fido_dev_make_cred(key.dev, cred, NULL));
        assert_fido(FIDO_ERR_PIN_INVALID, fido_dev_make_cred(key.dev, cred, "4321"));
        int retries = 0;
        assert_fido(FIDO_OK, fido_dev_get_retry_count(key.dev, &retries));
        assert_int_equal(retries, 7);
        assert_fido(FIDO_OK, fido_dev_make_cred(key.dev, cred, "1234"));
        assert_fido(FIDO_OK, fido_dev_get_retry_count(key.dev, &retries));
        assert_int_equal(retries, 8);
        assert_int_equal(fido_cred_flags(cred), 0x45);
        assert_fido(FIDO_OK, fido_cred_set_uv(cred, FIDO_OPT_TRUE));
        assert_fido(FIDO_OK, fido_cred_verify(cred));

        fido_assert_t *assert = new_assert(cred);
        assert_fido(FIDO_OK, fido_dev_get_assert(key.dev, assert, "1234"));
        assert_int_equal(fido_assert_flags(assert, 0), 5);
        assert_fido(FIDO_OK, fido_assert_set_uv(assert, FIDO_OPT_TRUE));
        assert_fido(FIDO_OK, verify_assert(assert, cred));
        fido_assert_free(&assert);
        // without the PIN an assertion says so
        assert = new_assert(cred);
        assert_fido(FIDO_OK, fido_dev_get_assert(key.dev, assert, NULL));
        assert_int_equal(fido_assert_flags(assert, 0), 1);
        fido_assert_free(&assert);
        softauthn_set_lie(key.authenticator, SOFTAUTHN_LIE_NO_VERIFICATION);
        assert = new_assert(cred);
        assert_fido(FIDO_OK, fido_dev_get_assert(key.dev, assert, "1234"));
        assert_int_equal(fido_assert_flags(assert, 0), 1);
        fido_assert_free(&assert);
        fido_cred_free(&cred);
        pull_out(&key);
    }
}

static void
test_pin_set_and_changed(void **state)
{
    (void)state;
    struct key key = plug_in((struct softauthn_options){0});
    assert_false(fido_dev_has_pin(key.dev));
    assert_fido(FIDO_OK, fido_dev_set_pin(key.dev, "1234", NULL));
    assert_fido(FIDO_ERR_PIN_AUTH_INVALID, fido_dev_set_pin(key.dev, "9999", NULL));
    assert_fido(FIDO_ERR_PIN_INVALID, fido_dev_set_pin(key.dev, "9999", "4321"));
    assert_fido(FIDO_OK, fido_dev_set_pin(key.dev, "5678", "1234"));
    fido_cred_t *cred = new_cred(COSE_ES256);
    assert_fido(FIDO_ERR_PIN_INVALID, fido_dev_make_cred(key.dev, cred, "1234"));
    assert_fido(FIDO_OK, fido_dev_make_cred(key.dev, cred, "5678"));
    fido_cred_free(&cred);
    assert_fido(FIDO_OK, fido_dev_reset(key.dev));
    cred = new_cred(COSE_ES256);
    assert_fido(FIDO_OK, fido_dev_make_cred(key.dev, cred, NULL));
    fido_cred_free(&cred);
    pull_out(&key);
}

/* Three wrong PINs, and the key has to be plugged in anew; eight, and it is blocked for good. */
static void
test_pin_lock_out(void **state)
{
    (void)state;
    struct softauthn_options options = {.pin = "1234", .state = test_path("lock-out")};
    fido_cred_t *cred = new_cred(COSE_ES256);
    for (int tried = 0; tried < 8;) {
        struct key key = plug_in(options);
        options.pin = NULL; // it is in the state from now on
        for (int i = 0; i < 3 && tried < 8; i++) {
            tried++;
            assert_fido(tried == 8 ? FIDO_ERR_PIN_BLOCKED
                        : i == 2   ? FIDO_ERR_PIN_AUTH_BLOCKED
                                   : FIDO_ERR_PIN_INVALID,
                        fido_dev_make_cred(key.dev, cred, "0000"));
        }
        assert_fido(tried == 8 ? FIDO_ERR_PIN_BLOCKED : FIDO_ERR_PIN_AUTH_BLOCKED,
                    fido_dev_make_cred(key.dev, cred, "1234"));
        pull_out(&key);
    }
    struct key key = plug_in(options);
    assert_fido(FIDO_ERR_PIN_BLOCKED, fido_dev_make_cred(key.dev, cred, "1234"));
    pull_out(&key);
    fido_cred_free(&cred);
}

static enum softauthn_status
give_status(void *arg, bool wait)
{
    (void)wait;
    return *(enum softauthn_status *)arg;
}

static void
test_presence(void **state)
{
    (void)state;
    enum softauthn_status status = SOFTAUTHN_OPERATION_DENIED;
    struct key key = plug_in((struct softauthn_options){.touch = give_status, .arg = &status});
    fido_cred_t *cred = new_cred(COSE_ES256);
    assert_fido(FIDO_ERR_OPERATION_DENIED, fido_dev_make_cred(key.dev, cred, NULL));
    status = SOFTAUTHN_USER_ACTION_TIMEOUT;
    assert_fido(FIDO_ERR_USER_ACTION_TIMEOUT, fido_dev_make_cred(key.dev, cred, NULL));
    status = SOFTAUTHN_OK;
    assert_fido(FIDO_OK, fido_dev_make_cred(key.dev, cred, NULL));

    status = SOFTAUTHN_OPERATION_DENIED;
    fido_assert_t *assert = new_assert(cred);
    assert_fido(FIDO_ERR_OPERATION_DENIED, fido_dev_get_assert(key.dev, assert, NULL));
    fido_assert_free(&assert);
    // "is it here?" asks for no touch, and proves none
    assert = new_assert(cred);
    assert_fido(FIDO_OK, fido_assert_set_up(assert, FIDO_OPT_FALSE));
    assert_fido(FIDO_OK, fido_dev_get_assert(key.dev, assert, NULL));
    assert_int_equal(fido_assert_flags(assert, 0), 0);
    assert_fido(FIDO_ERR_INVALID_PARAM, verify_assert(assert, cred));
    fido_assert_free(&assert);
    fido_cred_free(&cred);
    pull_out(&key);
}

static void
test_touch_to_choose(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        enum softauthn_status status = SOFTAUTHN_OK;
        struct key key =
            plug_in((struct softauthn_options){.format = i == 2 ? SOFTAUTHN_U2F : SOFTAUTHN_PACKED,
                                               .pin = i == 1 ? "1234" : NULL,
                                               .touch = give_status,
                                               .arg = &status});
        int touched = 0;
        assert_fido(FIDO_OK, fido_dev_get_touch_begin(key.dev));
        assert_fido(FIDO_OK, fido_dev_get_touch_status(key.dev, &touched, 100));
        assert_true(touched);
        pull_out(&key);
    }
}

static void
test_lists(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        enum softauthn_format format = i ? SOFTAUTHN_U2F : SOFTAUTHN_PACKED;
        struct key key = plug_in((struct softauthn_options){.format = format});
        struct key other = plug_in((struct softauthn_options){.format = format});
        fido_cred_t *cred = new_cred(COSE_ES256), *again = new_cred(COSE_ES256);
        assert_fido(FIDO_OK, fido_dev_make_cred(key.dev, cred, NULL));
        assert_fido(FIDO_OK,
                    fido_cred_exclude(again, fido_cred_id_ptr(cred), fido_cred_id_len(cred)));
        assert_fido(FIDO_ERR_CREDENTIAL_EXCLUDED, fido_dev_make_cred(key.dev, again, NULL));
        assert_fido(FIDO_OK, fido_dev_make_cred(other.dev, again, NULL));
        fido_assert_t *assert = new_assert(again);
        int r = fido_dev_get_assert(key.dev, assert, NULL);
        assert_true(r == FIDO_ERR_NO_CREDENTIALS || r == FIDO_ERR_CREDENTIAL_EXCLUDED);
        fido_assert_free(&assert);
        // of another site, the same credential is not known
        assert = new_assert(cred);
        assert_fido(FIDO_OK, fido_assert_set_rp(assert, "elsewhere.example"));
        assert_int_not_equal(fido_dev_get_assert(key.dev, assert, NULL), FIDO_OK);
        fido_assert_free(&assert);
        fido_cred_free(&cred);
        fido_cred_free(&again);
        pull_out(&key);
        pull_out(&other);
    }
}

static void
test_discoverable(void **state)
{
    (void)state;
    struct key key = plug_in((struct softauthn_options){0});
    for (int i = 0; i < 3; i++) {
        // the last is of the same user as the one before, and takes its place
        const uint8_t *user = (const uint8_t *)(i == 0 ? "u1" : "u2");
        fido_cred_t *cred = fido_cred_new();
        assert_fido(FIDO_OK, fido_cred_set_type(cred, COSE_ES256));
        assert_fido(FIDO_OK, fido_cred_set_clientdata(cred, client_data, sizeof(client_data)));
        assert_fido(FIDO_OK, fido_cred_set_rp(cred, RP_ID, "Keyhole"));
        assert_fido(FIDO_OK, fido_cred_set_user(cred, user, 2, "u", NULL, NULL));
        assert_fido(FIDO_OK, fido_cred_set_rk(cred, FIDO_OPT_TRUE));
        assert_fido(FIDO_OK, fido_dev_make_cred(key.dev, cred, NULL));
        fido_cred_free(&cred);
    }
    fido_assert_t *assert = new_assert(NULL);
    assert_fido(FIDO_OK, fido_dev_get_assert(key.dev, assert, NULL));
    assert_int_equal(fido_assert_count(assert), 2);
    assert_memory_not_equal(fido_assert_user_id_ptr(assert, 0), fido_assert_user_id_ptr(assert, 1),
                            2);
    fido_assert_free(&assert);
    pull_out(&key);
}

static void
test_state(void **state)
{
    (void)state;
    struct softauthn_options options = {.state = test_path("key")};
    struct key key = plug_in(options);
    fido_cred_t *cred = new_cred(COSE_EDDSA);
    assert_fido(FIDO_OK, fido_dev_make_cred(key.dev, cred, NULL));
    uint32_t count = count_once(&key, cred);
    assert_true(softauthn_write_root(key.authenticator, test_path("root.pem")));
    pull_out(&key);

    key = plug_in(options);
    assert_int_equal(count_once(&key, cred), count + 1);
    assert_true(softauthn_write_root(key.authenticator, test_path("again.pem")));
    pull_out(&key);
    char command[400];
    snprintf(command, sizeof(command), "cmp -s %s %s", test_path("root.pem"),
             test_path("again.pem"));
    assert_int_equal(system(command), 0);
    fido_cred_free(&cred);

    write_file("rubbish", "no state", 0600);
    options.state = test_path("rubbish");
    assert_null(softauthn_new(&options));
    options.state = test_path("no/such/directory");
    assert_null(softauthn_new(&options));
}

/* The leaf leads to the root that was written, and says what WebAuthn 8.2.1 asks for. */
static void
test_chain(void **state)
{
    (void)state;
    struct key key = plug_in((struct softauthn_options){.firmware = 0x050704});
    for (int lie = SOFTAUTHN_HONEST; lie <= SOFTAUTHN_LIE_ROOT; lie += SOFTAUTHN_LIE_ROOT) {
        softauthn_set_lie(key.authenticator, (enum softauthn_lie)lie);
        fido_cred_t *cred = new_cred(COSE_ES256);
        assert_fido(FIDO_OK, fido_dev_make_cred(key.dev, cred, NULL));
        const uint8_t *p = fido_cred_x5c_ptr(cred);
        X509 *leaf = d2i_X509(NULL, &p, (long)fido_cred_x5c_len(cred));
        struct bytes der = softauthn_root(key.authenticator);
        p = der.p;
        X509 *root = d2i_X509(NULL, &p, (long)der.n);
        assert_non_null(leaf);
        assert_non_null(root);
        assert_int_equal(X509_verify(leaf, X509_get0_pubkey(root)) == 1, lie == SOFTAUTHN_HONEST);
        static const uint8_t firmware[] = {0x04, 0x03, 5, 7, 4};
        ASN1_OBJECT *object = OBJ_txt2obj("1.3.6.1.4.1.41482.13.1", 1);
        int at = X509_get_ext_by_OBJ(leaf, object, -1);
        ASN1_OBJECT_free(object);
        assert_true(at >= 0);
        ASN1_OCTET_STRING *value = X509_EXTENSION_get_data(X509_get_ext(leaf, at));
        assert_int_equal(ASN1_STRING_length(value), sizeof(firmware));
        assert_memory_equal(ASN1_STRING_get0_data(value), firmware, sizeof(firmware));
        X509_free(leaf);
        X509_free(root);
        fido_cred_free(&cred);
    }
    pull_out(&key);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nonsense),
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_honest),
        cmocka_unit_test(test_lies),
        cmocka_unit_test(test_counter),
        cmocka_unit_test(test_another_credential),
        cmocka_unit_test(test_pin),
        cmocka_unit_test(test_pin_set_and_changed),
        cmocka_unit_test(test_pin_lock_out),
        cmocka_unit_test(test_presence),
        cmocka_unit_test(test_touch_to_choose),
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_discoverable),
        cmocka_unit_test(test_state),
        cmocka_unit_test(test_chain),
    };
    fido_init(0);
    return cmocka_run_group_tests(tests, directory_setup, directory_teardown);
}
