/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include "../../../broker/authority/inject.h"

struct made {
    const char *inject, *secret, *options[5];
};

static enum kh_err
build(const struct made *made, struct credential **out, struct fault *fault)
{
    struct store_credential row = {
        .name = BYTES("x"), .inject = bytes_str(made->inject), .scrub = true};

    row.item[STORE_LIST_HOSTS][row.item_count[STORE_LIST_HOSTS]++] = BYTES("a.example");
    row.item[STORE_LIST_SLOTS][row.item_count[STORE_LIST_SLOTS]++] = BYTES("bearer");
    for (size_t i = 0; i < 5 && made->options[i]; i++)
        row.item[STORE_LIST_OPTIONS][row.item_count[STORE_LIST_OPTIONS]++] =
            bytes_str(made->options[i]);
    enum kh_err err = credential_build(&row, true, out, fault);
    if (!err)
        err = credential_check_secret(*out, bytes_str(made->secret), fault);
    return err ? err : secret_new(bytes_str(made->secret), &(*out)->secret, fault);
}

static void
refused_when_they_are_made(void **state)
{
    static const struct {
        struct made made;
        enum kh_err err;
        const char *text;
    } cases[] = {
        {{"hmac", "k", {NULL}}, KH_ERR_UNKNOWN, "inject: an injection is"},
        {{"hmac:", "k", {NULL}}, KH_ERR_SYNTAX, "inject: it is hmac:ALGORITHM"},
        {{"hmac:sha256", "k", {NULL}}, KH_ERR_SYNTAX, "inject: it is hmac:ALGORITHM"},
        {{"hmac:md5:hex:X-Signature", "k", {NULL}}, KH_ERR_SYNTAX, "sha256 or sha512"},
        {{"hmac:sha256:base32:X-Signature", "k", {NULL}}, KH_ERR_SYNTAX, "hex or base64"},
        {{"hmac:sha256:hex:Host", "k", {NULL}}, KH_ERR_DENIED, "cannot carry"},
        {{"hmac:sha256:hex:", "k", {NULL}}, KH_ERR_SYNTAX, "header's name"},
        {{"hmac:sha256:hex:X: v1", "k", {NULL}}, KH_ERR_SYNTAX, "no {signature}"},
        {{"hmac:sha256:hex:X", "k", {"sign={query}"}}, KH_ERR_SYNTAX, "options: sign: at \"{query"},
        {{"hmac:sha256:hex:X", "k", {"sign={timestamp}"}}, KH_ERR_USAGE, "timestamp-header"},
        {{"hmac:sha256:hex:X", "k", {"timestamp-header=T"}}, KH_ERR_USAGE, "not signed"},
        {{"hmac:sha256:hex:X: t={timestamp} {signature}", "k", {NULL}}, KH_ERR_USAGE, "not signed"},
        {{"hmac:sha256:hex:X", "k", {"region=x"}}, KH_ERR_USAGE, "does not belong"},
        {{"hmac:sha256:hex:X", "abc", {"key-encoding=hex"}}, KH_ERR_SYNTAX, "key-encoding"},
        {{"hmac:sha256:hex:X", "xx", {"key-encoding=hex"}}, KH_ERR_SYNTAX, "key-encoding"},
        {{"hmac:sha256:hex:X", "a===", {"key-encoding=base64"}}, KH_ERR_SYNTAX, "key-encoding"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct credential *credential = NULL;
        assert_fault(build(&cases[i].made, &credential, fault), cases[i].err, cases[i].text);
        credential_free(&credential);
    }
}

static struct message_decide
request_with(struct bytes body)
{
    return (struct message_decide){.method = BYTES("POST"),
                                   .path_encoded = BYTES("/a%20b"),
                                   .slot.kind = SLOT_BEARER,
                                   .body = {.has_size = true, .size = body.n}};
}

static void
signatures(void **state)
{
    // By openssl dgst -hmac, over the text that the template stands for.
    static const struct {
        struct made made;
        const char *value, *header, *timestamp;
    } cases[] = {
        {{"hmac:sha256:hex:X-Hub-Signature-256: sha256={signature}",
          "It's a Secret to Everybody",
          {NULL}},
         // The example of GitHub's documentation, "Validating webhook deliveries".
         "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
         NULL,
         NULL},
        {{"hmac:sha256:base64:X-Sign",
          "key",
          {"sign={method}\\n{path}\\n{timestamp}\\n{body}", "timestamp-header=X-Time"}},
         "X002iON2LY2YXpJcR70gLkISVAQDAXBOopM6Ck+0RWA=",
         "X-Time",
         "1793000000"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct credential *credential = NULL;
        struct message_decide request = request_with(BYTES("Hello, World!"));
        const struct injection_context context = {.request = &request,
                                                  .now = FIXTURE_NOW,
                                                  .content_state = CONTENT_HERE,
                                                  .content = BYTES("Hello, World!")};
        struct injection injection;
        assert_ok(build(&cases[i].made, &credential, fault));
        assert_int_equal(injection_make(credential, &context, &injection), INJECTION_READY);
        if (!bytes_is(injection.edit[0].value, cases[i].value))
            fail_msg("%s: %.*s, not %s", cases[i].made.inject, BYTES_ARG(injection.edit[0].value),
                     cases[i].value);
        assert_int_equal(injection.edit_count, cases[i].header ? 2 : 1);
        if (cases[i].header) {
            assert_true(bytes_is(injection.edit[1].name, cases[i].header));
            assert_true(bytes_is(injection.edit[1].value, cases[i].timestamp));
        }
        // The signature and nothing else: the key was on no request.
        assert_int_equal(injection.secret_count, 1);
        assert_true(bytes_find(injection.edit[0].value, injection.secret[0]) <
                    injection.edit[0].value.n);
        injection_free(&injection);
        credential_free(&credential);
    }
}

static struct bytes
header_of(const struct made *made, struct injection *injection)
{
    struct credential *credential = NULL;
    struct message_decide request = request_with(BYTES_EMPTY);
    const struct injection_context context = {.request = &request, .now = FIXTURE_NOW};

    assert_ok(build(made, &credential, fault));
    assert_int_equal(injection_make(credential, &context, injection), INJECTION_READY);
    credential_free(&credential);
    return injection->edit[0].value;
}

// Different spellings of one key, and of one moment.
static void
encodings_and_moments(void **state)
{
    static const struct made hex = {"hmac:sha256:hex:X", "6b6579", {"key-encoding=hex"}},
                             base64 = {"hmac:sha256:hex:X", "a2V5", {"key-encoding=base64"}},
                             text = {"hmac:sha256:hex:X", "key", {NULL}};
    static const struct {
        const char *option, *starts;
    } moments[] = {
        {"timestamp-format=seconds", "t=1793000000,"},
        {"timestamp-format=milliseconds", "t=1793000000000,"},
        {"timestamp-format=rfc3339", "t=2026-10-26T07:33:20Z,"},
    };
    struct injection a, b;

    (void)state;
    header_of(&text, &a);
    assert_true(bytes_equal(a.edit[0].value, header_of(&hex, &b)));
    injection_free(&b);
    assert_true(bytes_equal(a.edit[0].value, header_of(&base64, &b)));
    injection_free(&b);
    injection_free(&a);
    for (size_t i = 0; i < sizeof moments / sizeof moments[0]; i++) {
        const struct made made = {"hmac:sha512:hex:X: t={timestamp},v1={signature}",
                                  "key",
                                  {"sign={timestamp}.{body}", moments[i].option}};
        struct bytes value = header_of(&made, &a);
        if (!bytes_starts(value, bytes_str(moments[i].starts)))
            fail_msg("%.*s, not %s", BYTES_ARG(value), moments[i].starts);
        assert_int_equal(value.n, strlen(moments[i].starts) + 3 + 128);
        injection_free(&a);
    }
}

static void
what_is_needed_of_the_body(void **state)
{
    const struct made of_body = {"hmac:sha256:hex:X", "key", {NULL}},
                      of_head = {"hmac:sha256:hex:X", "key", {"sign={method}{path}"}};
    struct credential *body = NULL, *head = NULL;
    struct message_decide request = request_with(BYTES("abc"));
    struct injection_context context = {.request = &request};
    struct injection injection;

    (void)state;
    assert_ok(build(&of_body, &body, fault));
    assert_ok(build(&of_head, &head, fault));
    assert_true(injection_needs(body, &context).content);
    assert_false(injection_needs(body, &context).sha256);
    assert_false(injection_needs(head, &context).content);
    // It was asked for and did not come: never signed as if it were empty.
    assert_int_equal(injection_make(body, &context, &injection), INJECTION_FAILED);
    injection_free(&injection);
    context.content_state = CONTENT_HERE;
    context.content = BYTES("ab");
    assert_false(injection_needs(body, &context).content);
    assert_int_equal(injection_make(body, &context, &injection), INJECTION_FAILED);
    injection_free(&injection);
    context.content_state = CONTENT_LOST;
    assert_int_equal(injection_make(body, &context, &injection), INJECTION_BUSY);
    assert_int_equal(injection.edit_count, 0);
    injection_free(&injection);
    request.body.size = 0;
    context.content_state = CONTENT_NONE;
    assert_false(injection_needs(body, &context).content);
    assert_int_equal(injection_make(body, &context, &injection), INJECTION_READY);
    injection_free(&injection);
    request.body.has_size = false; // chunks: nobody knows yet
    assert_true(injection_needs(body, &context).content);
    credential_free(&body);
    credential_free(&head);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refused_when_they_are_made),
        cmocka_unit_test(signatures),
        cmocka_unit_test(encodings_and_moments),
        cmocka_unit_test(what_is_needed_of_the_body),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
