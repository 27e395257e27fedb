/* SPDX-License-Identifier: Apache-2.0 */
/* Registrations and assertions as a browser makes them, read again by libfido2. */

#include "fido.h"

static const char *const pins[] = {NULL, "1234"};

static void
test_refusals(void **state)
{
    (void)state;
    struct softauthn *a = softauthn_new(&(struct softauthn_options){.pin = "1234"});
    struct softauthn_request request = {.rp_id = RP_ID, .client_data = BYTES("{}")};
    struct softauthn_registration made;
    struct softauthn_assertion asserted;
    assert_int_equal(softauthn_register(a, &request, &made), SOFTAUTHN_PIN_REQUIRED);
    softauthn_registration_free(&made);
    request.pin = "4321";
    assert_int_equal(softauthn_register(a, &request, &made), SOFTAUTHN_PIN_INVALID);
    softauthn_registration_free(&made);
    assert_int_equal(softauthn_assert(a, &request, &asserted), SOFTAUTHN_PIN_INVALID);
    softauthn_assertion_free(&asserted);
    request.pin = "1234";
    assert_int_equal(softauthn_assert(a, &request, &asserted), SOFTAUTHN_NO_CREDENTIALS);
    softauthn_assertion_free(&asserted);
    request.client_data = BYTES("");
    request.rp_id = "";
    assert_int_equal(softauthn_register(a, &request, &made), SOFTAUTHN_MISSING_PARAMETER);
    softauthn_registration_free(&made);
    softauthn_free(&a);
}

static void
check(struct softauthn *a, enum softauthn_format format, const char *pin)
{
    struct softauthn_request request = {
        .rp_id = RP_ID, .client_data = bytes_of(client_data, sizeof(client_data) - 1), .pin = pin};
    struct softauthn_registration made;
    assert_int_equal(softauthn_register(a, &request, &made), SOFTAUTHN_OK);
    fido_cred_t *cred = new_cred(COSE_ES256);
    // libfido2 takes the object apart into nothing that it could judge as a whole: authData is in
    // it
    struct bytes object = buffer_bytes(&made.attestation);
    size_t at = bytes_find(object, BYTES("\x68"
                                         "authData"));
    assert_true(at < object.n);
    struct bytes data = bytes_from(object, at + 9);
    assert_fido(FIDO_OK, fido_cred_set_authdata(cred, data.p, data.n));
    assert_memory_equal(fido_cred_id_ptr(cred), made.id, made.id_n);
    assert_int_equal(fido_cred_flags(cred), pin ? 0x45 : 0x41);
    const char *name = format == SOFTAUTHN_U2F    ? "fido-u2f"
                       : format == SOFTAUTHN_NONE ? "none"
                                                  : "packed";
    assert_true(bytes_find(object, bytes_str(name)) < at);

    request.credential = bytes_of(made.id, made.id_n);
    struct softauthn_assertion asserted;
    assert_int_equal(softauthn_assert(a, &request, &asserted), SOFTAUTHN_OK);
    assert_int_equal(asserted.id_n, made.id_n);
    assert_memory_equal(asserted.id, made.id, made.id_n);
    fido_assert_t *assert = new_assert(NULL);
    assert_fido(FIDO_OK, fido_assert_set_count(assert, 1));
    assert_fido(FIDO_OK, fido_assert_set_authdata_raw(assert, 0, asserted.authenticator_data.p,
                                                      asserted.authenticator_data.n));
    assert_fido(FIDO_OK,
                fido_assert_set_sig(assert, 0, asserted.signature.p, asserted.signature.n));
    assert_fido(FIDO_OK, verify_assert(assert, cred));
    fido_assert_free(&assert);
    softauthn_assertion_free(&asserted);

    // the same key does not register twice where it is told not to
    struct softauthn_registration again;
    if (format != SOFTAUTHN_U2F)
        assert_int_equal(softauthn_register(a, &request, &again), SOFTAUTHN_CREDENTIAL_EXCLUDED);
    if (format != SOFTAUTHN_U2F)
        softauthn_registration_free(&again);
    fido_cred_free(&cred);
    softauthn_registration_free(&made);
}

static void
test_formats(void **state)
{
    (void)state;
    for (int format = SOFTAUTHN_PACKED; format <= SOFTAUTHN_U2F; format++)
        for (int pin = 0; pin < (format == SOFTAUTHN_U2F ? 1 : 2); pin++) {
            struct softauthn *a = softauthn_new(&(struct softauthn_options){
                .format = (enum softauthn_format)format, .pin = pins[pin]});
            check(a, (enum softauthn_format)format, pins[pin]);
            softauthn_free(&a);
        }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_formats),
    };
    fido_init(0);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
