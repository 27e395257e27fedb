/* SPDX-License-Identifier: Apache-2.0 */
/* The options that say what may come back. */
#include "fixture.h"

#include "../../../broker/authority/credential_answer.h"

static enum kh_err
build(const char *inject, const char *option, struct credential **out, struct fault *fault)
{
    struct store_credential row = {.name = BYTES("x"), .inject = bytes_str(inject), .scrub = true};

    row.item[STORE_LIST_HOSTS][row.item_count[STORE_LIST_HOSTS]++] = BYTES("a.example");
    row.item[STORE_LIST_SLOTS][row.item_count[STORE_LIST_SLOTS]++] = BYTES("bearer");
    if (option)
        row.item[STORE_LIST_OPTIONS][row.item_count[STORE_LIST_OPTIONS]++] = bytes_str(option);
    return credential_build(&row, true, out, fault);
}

static void
wrong_values(void **state)
{
    static const char *const wrong[] = {
        "token-answers=",
        "token-answers=Refuse",
        "token-answers=seal",
        "token-answers=seal:",
        "token-answers=seal:a b",
        "token-answers=pass,refuse",
        "set-cookie=",
        "set-cookie=a b",
        "set-cookie=a,,b",
        "set-cookie=a,",
        "set-cookie=,a",
        "drop-answer-headers=",
        "drop-answer-headers=a:",
        "drop-answer-headers=a, b",
        "drop-answer-headers=a,",
        "drop-answer-headers=Content-Length",
        "drop-answer-headers=x,transfer-encoding",
        "drop-answer-headers=content-encoding",
        "drop-answer-headers=Keyhole-Request-Id",
    };
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct credential *credential = NULL;
        struct fault fault = {0};
        if (build("bearer", wrong[i], &credential, &fault) == KH_OK)
            fail_msg("it was taken: %s", wrong[i]);
        assert_null(credential);
    }
}

static void
routes(void **state)
{
    static const struct {
        const char *option;
        enum token_answers answers;
        enum answer_cookies cookies;
        const char *names, *fields, *seals;
    } rows[] = {
        {NULL, TOKEN_ANSWERS_REFUSE, ANSWER_COOKIES_PASS, "", "", ""},
        {"token-answers=refuse", TOKEN_ANSWERS_REFUSE, ANSWER_COOKIES_PASS, "", "", ""},
        {"token-answers=pass", TOKEN_ANSWERS_PASS, ANSWER_COOKIES_PASS, "", "", ""},
        {"token-answers=seal:a.b", TOKEN_ANSWERS_SEAL, ANSWER_COOKIES_PASS, "", "", "a.b"},
        {"set-cookie=pass", TOKEN_ANSWERS_REFUSE, ANSWER_COOKIES_PASS, "", "", ""},
        {"set-cookie=drop", TOKEN_ANSWERS_REFUSE, ANSWER_COOKIES_NAMED, "", "", ""},
        {"set-cookie=a,B", TOKEN_ANSWERS_REFUSE, ANSWER_COOKIES_NAMED, "a,B", "", ""},
        {"drop-answer-headers=X-A,x-b", TOKEN_ANSWERS_REFUSE, ANSWER_COOKIES_PASS, "", "X-A,x-b",
         ""},
    };
    static const char *const injects[] = {"bearer", "basic", "several:a,b"};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        for (size_t j = 0; j < sizeof injects / sizeof injects[0]; j++) {
            struct credential *credential = NULL;
            assert_ok(build(injects[j], rows[i].option, &credential, fault));
            const struct route *route = &credential->route;
            assert_int_equal(route->token_answers, rows[i].answers);
            assert_int_equal(route->answer_cookies, rows[i].cookies);
            assert_true(bytes_is(route->cookies, rows[i].names));
            assert_true(bytes_is(route->dropped_fields, rows[i].fields));
            assert_true(bytes_is(credential_seals_for(credential), rows[i].seals));
            credential_free(&credential);
        }
    }
}

static void
words(void **state)
{
    static const struct {
        const char *inject;
        bool word;
    } rows[] = {{"bearer", true},  {"header:x-a: {secret}", true},
                {"query:a", true}, {"cookie:a", true},
                {"basic", false},  {"several:a,b", false},
                {"mtls", false},   {"hmac:sha256:hex:x-s: {signature}", false}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct credential *credential = NULL;
        struct fault fault = {0};
        if (build(rows[i].inject, NULL, &credential, &fault) != KH_OK)
            fail_msg("%s: %s", rows[i].inject, fault.detail);
        if ((credential_check_sealable(credential, &fault) == KH_OK) != rows[i].word)
            fail_msg("%s", rows[i].inject);
        credential_free(&credential);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_values),
        cmocka_unit_test(routes),
        cmocka_unit_test(words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
