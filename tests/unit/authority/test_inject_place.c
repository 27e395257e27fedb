/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include "../../../broker/authority/inject.h"

static enum kh_err
build(const char *slot, const char *inject, struct credential **out, struct fault *fault)
{
    struct store_credential row = {.name = BYTES("x"), .inject = bytes_str(inject), .scrub = true};

    row.item[STORE_LIST_HOSTS][row.item_count[STORE_LIST_HOSTS]++] = BYTES("a.example");
    if (slot[0])
        row.item[STORE_LIST_SLOTS][row.item_count[STORE_LIST_SLOTS]++] = bytes_str(slot);
    return credential_build(&row, true, out, fault);
}

static void
refused(void **state)
{
    static const struct {
        const char *slot, *inject, *why;
    } row[] = {
        {"", "cookie", "an injection is"},
        {"", "cookie:", "a cookie's name"},
        {"", "cookie:a b", "a cookie's name"},
        {"cookie:a=b", "bearer", "a cookie's name"},
        {"cookie", "bearer", "a slot is"},
        {"path:x", "path", "a slot is"},
        {"", "path:x", "{secret}"},
        {"", "path:a/{secret}", "one segment"},
        {"path", "bearer", "path goes with"},
        {"", "subprotocol:x", "{secret}"},
        {"", "field:/a~2", "pointer"},
        {"", "field:", "name"},
        {"field", "bearer", "a slot is"},
    };
    struct credential *credential = NULL;

    (void)state;
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        struct fault fault = {0};
        if (build(row[i].slot, row[i].inject, &credential, &fault) == KH_OK)
            fail_msg("%s %s is taken", row[i].slot, row[i].inject);
        if (!strstr(fault.detail, row[i].why))
            fail_msg("%s %s: %s", row[i].slot, row[i].inject, fault.detail);
    }
}

static void
secrets(void **state)
{
    static const struct {
        const char *inject, *bad, *good;
    } row[] = {
        {"cookie:a", "a;b", "a=b/+"}, {"cookie:a", "a\"b", "x"}, {"cookie:a", "a b", "x"},
        {"path", "..", "12:a/b"},     {"path", ".", "..."},      {"subprotocol", "a/b", "sk-a.b_c"},
        {"subprotocol", "a,b", "x"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        struct credential *credential = NULL;
        assert_ok(build("", row[i].inject, &credential, fault));
        assert_fault(credential_check_secret(credential, bytes_str(row[i].bad), fault),
                     KH_ERR_SYNTAX, "the secret");
        assert_ok(credential_check_secret(credential, bytes_str(row[i].good), fault));
        credential_free(&credential);
    }
}

static void
long_secrets(void **state)
{
    static char text[1001];
    struct credential *credential = NULL;

    (void)state;
    memset(text, 'k', sizeof text - 1);
    assert_ok(build("", "subprotocol", &credential, fault));
    assert_ok(credential_check_secret(credential, bytes_str(text), fault));
    text[999] = ',';
    assert_fault(credential_check_secret(credential, bytes_str(text), fault), KH_ERR_SYNTAX,
                 "subprotocol");
    credential_free(&credential);
}

static void
injections(void **state)
{
    static const struct {
        const char *inject, *canonical, *slot_text;
        enum slot_kind slot;
        struct edit edit;
        size_t secrets;
    } row[] = {
        {"cookie:sid",
         "cookie:sid",
         "cookie:sid",
         SLOT_COOKIE,
         {EDIT_COOKIE_SET, BYTES("sid"), BYTES("12:real")},
         1},
        {"path:bot{secret}",
         "path:bot{secret}",
         "path",
         SLOT_PATH,
         {EDIT_PATH_SET, BYTES_EMPTY, BYTES("bot12:real")},
         2},
        {"path:{secret}",
         "path",
         "path",
         SLOT_PATH,
         {EDIT_PATH_SET, BYTES_EMPTY, BYTES("12:real")},
         1},
        {"field:/a/b",
         "field:/a/b",
         "field:/a/b",
         SLOT_FIELD,
         {EDIT_FIELD_SET, BYTES("/a/b"), BYTES("12:real")},
         1},
        {"subprotocol:k.{secret}",
         "subprotocol:k.{secret}",
         "subprotocol:k.",
         SLOT_SUBPROTOCOL,
         {EDIT_SUBPROTOCOL_SET, BYTES_EMPTY, BYTES("k.12:real")},
         2},
    };

    (void)state;
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        struct credential *credential = NULL;
        struct message_decide request = {.slot.kind = SLOT_BEARER};
        struct injection_context context = {.request = &request};
        struct injection injection;

        assert_ok(build("", row[i].inject, &credential, fault));
        assert_true(bytes_is(credential->row.inject, row[i].canonical));
        assert_true(bytes_is(credential->row.item[STORE_LIST_SLOTS][0], row[i].slot_text));
        assert_ok(secret_new(BYTES("12:real"), &credential->secret, fault));
        // A part of something has to be there.
        assert_int_equal(injection_make(credential, &context, &injection),
                         row[i].slot == SLOT_COOKIE ? INJECTION_READY : INJECTION_MISPLACED);
        injection_free(&injection);
        request.slot = credential->route.slot[0];
        assert_int_equal(injection_make(credential, &context, &injection), INJECTION_READY);
        assert_int_equal(injection.edit_count, 1);
        assert_int_equal(injection.edit[0].kind, row[i].edit.kind);
        assert_true(bytes_equal(injection.edit[0].name, row[i].edit.name));
        assert_true(bytes_equal(injection.edit[0].value, row[i].edit.value));
        assert_int_equal(injection.secret_count, row[i].secrets);
        injection_free(&injection);
        credential_free(&credential);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refused),
        cmocka_unit_test(secrets),
        cmocka_unit_test(long_secrets),
        cmocka_unit_test(injections),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
