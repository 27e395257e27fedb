/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include "../../../broker/authority/credential.h"

static enum kh_err
build(const char *slot, const char *inject, struct credential **out, struct fault *fault)
{
    struct store_credential row = {.name = BYTES("x"), .inject = bytes_str(inject)};

    row.item[STORE_LIST_HOSTS][row.item_count[STORE_LIST_HOSTS]++] = BYTES("a.example");
    if (slot[0])
        row.item[STORE_LIST_SLOTS][row.item_count[STORE_LIST_SLOTS]++] = bytes_str(slot);
    return credential_build(&row, true, out, fault);
}

static void
bad_slots(void **state)
{
    static const char *const wrong[] = {"Bearer",
                                        "header",
                                        "header:",
                                        "header:a b",
                                        "header:a:b",
                                        "header:Host",
                                        "header:cookie",
                                        "header:X-Forwarded-For",
                                        "header:Keyhole-Token",
                                        "header:Proxy-Authorization",
                                        "header:Content-Length",
                                        "query",
                                        "query:",
                                        "query:a\nb",
                                        "cookie:a b",
                                        "path",
                                        "header:x\x7f"};
    struct credential *credential = NULL;

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct fault fault = {0};
        if (!build(wrong[i], "basic", &credential, &fault))
            fail_msg("the slot \"%s\" was taken", wrong[i]);
        if (strncmp(fault.detail, "slots: ", 7))
            fail_msg("the slot \"%s\": %s", wrong[i], fault.detail);
    }
}

static void
bad_injections(void **state)
{
    static const char *const wrong[] = {"Basic",
                                        "header:",
                                        "header::{secret}",
                                        "header:Host: {secret}",
                                        "header:X-Key: secret",
                                        "header:X-Key:",
                                        "header:X Key: {secret}",
                                        "header:X-Key: {secret}\r\nX-Other: 1",
                                        "header:Transfer-Encoding: {secret}",
                                        "header:X-Key: \xc3\xa4 {secret}",
                                        "query:",
                                        "sigv4:x",
                                        "{secret}"};
    struct credential *credential = NULL;

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct fault fault = {0};
        if (!build("bearer", wrong[i], &credential, &fault))
            fail_msg("the injection \"%s\" was taken", wrong[i]);
        if (strncmp(fault.detail, "inject: ", 8))
            fail_msg("the injection \"%s\": %s", wrong[i], fault.detail);
    }
}

static void
one_comes_from_the_other(void **state)
{
    static const struct {
        const char *slot, *inject, *want_slot, *want_inject;
    } cases[] = {
        {"", "", "bearer", "header:Authorization: Bearer {secret}"},
        {"bearer", "", "bearer", "header:Authorization: Bearer {secret}"},
        {"basic", "", "basic", "basic"},
        {"header:X-Api-Key", "", "header:x-api-key", "header:x-api-key: {secret}"},
        {"query:key", "", "query:key", "query:key"},
        {"", "bearer", "bearer", "header:Authorization: Bearer {secret}"},
        {"", "header:Authorization: Bearer {secret}", "bearer",
         "header:Authorization: Bearer {secret}"},
        {"", "header:authorization: Key {secret}", "header:authorization",
         "header:authorization: Key {secret}"},
        {"", "header:X-Key", "header:x-key", "header:X-Key: {secret}"},
        {"", "basic", "basic", "basic"},
        {"", "query:Key", "query:Key", "query:Key"},
        {"proxy-authorization", "query:key", "proxy-authorization", "query:key"},
        {"keyhole-token", "basic", "keyhole-token", "basic"},
        {"aws", "", "aws", "sigv4"},
        {"", "sigv4", "aws", "sigv4"},
    };
    struct credential *credential = NULL;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_ok(build(cases[i].slot, cases[i].inject, &credential, fault));
        struct bytes slot = credential->row.item[STORE_LIST_SLOTS][0];
        if (!bytes_is(slot, cases[i].want_slot) ||
            !bytes_is(credential->row.inject, cases[i].want_inject))
            fail_msg("%s + %s: %.*s + %.*s", cases[i].slot, cases[i].inject, BYTES_ARG(slot),
                     BYTES_ARG(credential->row.inject));
        credential_free(&credential);
    }
    assert_fault(build("proxy-authorization", "", &credential, fault), KH_ERR_USAGE, "inject:");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_slots),
        cmocka_unit_test(bad_injections),
        cmocka_unit_test(one_comes_from_the_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
