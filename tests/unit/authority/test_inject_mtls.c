/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"
#include "jwt_keys.h"

#include "../../../broker/authority/inject.h"

static enum kh_err
build(bool plain, struct credential **out, struct fault *fault)
{
    struct store_credential row = {
        .name = BYTES("x"), .inject = BYTES("mtls"), .scrub = true, .plain = plain};

    row.item[STORE_LIST_HOSTS][row.item_count[STORE_LIST_HOSTS]++] = BYTES("a.example");
    row.item[STORE_LIST_NETWORKS][row.item_count[STORE_LIST_NETWORKS]++] = BYTES("127.0.0.0/8");
    row.item[STORE_LIST_SLOTS][row.item_count[STORE_LIST_SLOTS]++] = BYTES("bearer");
    return credential_build(&row, true, out, fault);
}

static void
what_it_must_be(void **state)
{
    struct credential *credential = NULL;

    (void)state;
    assert_fault(build(true, &credential, fault), KH_ERR_USAGE, "without TLS");
    assert_ok(build(false, &credential, fault));
    assert_fault(credential_check_secret(credential, BYTES("x"), fault), KH_ERR_SYNTAX,
                 "no certificate");
    assert_fault(credential_check_secret(credential, BYTES(RSA_PKCS8), fault), KH_ERR_SYNTAX,
                 "no certificate");
    credential_free(&credential);
}

static void
it_is_for_the_connection(void **state)
{
    struct credential *credential = NULL;
    struct message_decide request = {.slot.kind = SLOT_BEARER};
    struct injection_context context = {.request = &request};
    struct injection injection;

    (void)state;
    assert_ok(build(false, &credential, fault));
    assert_ok(secret_new(BYTES("a certificate\nand a key"), &credential->secret, fault));
    assert_int_equal(injection_make(credential, &context, &injection), INJECTION_READY);
    assert_int_equal(injection.edit_count, 1);
    assert_int_equal(injection.edit[0].kind, EDIT_CLIENT_CERTIFICATE);
    assert_true(bytes_is(injection.edit[0].value, "a certificate\nand a key"));
    injection_free(&injection);
    credential_free(&credential);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_it_must_be),
        cmocka_unit_test(it_is_for_the_connection),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
