/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include "../../../broker/authority/inject.h"

static struct credential *
credential_of(const char *preset, const char *inject, const char *secret)
{
    struct store_credential row = {.name = BYTES("x"),
                                   .preset = bytes_str(preset),
                                   .inject = bytes_str(inject),
                                   .scrub = true};
    struct credential *credential = NULL;

    row.item[STORE_LIST_HOSTS][row.item_count[STORE_LIST_HOSTS]++] = BYTES("a.example");
    assert_ok(credential_build(&row, true, &credential, fault));
    assert_ok(credential_check_secret(credential, bytes_str(secret), fault));
    assert_ok(secret_new(bytes_str(secret), &credential->secret, fault));
    return credential;
}

static void
bad_secrets(void **state)
{
    struct credential *header = credential_of("", "bearer", "x");
    struct credential *basic = credential_of("", "basic", ":x");
    struct credential *query = credential_of("", "query:k", "x");
    static char large[8193]; // a header's line has an end

    (void)state;
    memset(large, 'x', sizeof large);
    assert_fault(credential_check_secret(header, BYTES_EMPTY, fault), KH_ERR_USAGE, "empty");
    assert_fault(credential_check_secret(header, bytes_of(large, sizeof large), fault),
                 KH_ERR_TOO_LONG, "8192");
    assert_ok(credential_check_secret(header, bytes_of(large, sizeof large - 1), fault));
    assert_fault(credential_check_secret(header, BYTES("a\nb"), fault), KH_ERR_SYNTAX, "control");
    assert_fault(credential_check_secret(query, BYTES("a\n"), fault), KH_ERR_SYNTAX, "control");
    assert_fault(credential_check_secret(header, bytes_of("a\0b", 3), fault), KH_ERR_SYNTAX,
                 "control");
    assert_fault(credential_check_secret(header, BYTES("a\x7f"), fault), KH_ERR_SYNTAX, "control");
    assert_fault(credential_check_secret(header, BYTES("\xc3\xa4"), fault), KH_ERR_SYNTAX,
                 "header");
    assert_ok(credential_check_secret(query, BYTES("\xc3\xa4"), fault));
    assert_fault(credential_check_secret(query, BYTES("\xc3"), fault), KH_ERR_SYNTAX, "UTF-8");
    assert_fault(credential_check_secret(header, BYTES(" a"), fault), KH_ERR_SYNTAX, "space");
    assert_fault(credential_check_secret(header, BYTES("a "), fault), KH_ERR_SYNTAX, "space");
    assert_fault(credential_check_secret(basic, BYTES("password"), fault), KH_ERR_SYNTAX,
                 "USER:PASSWORD");
    credential_free(&header);
    credential_free(&basic);
    credential_free(&query);
}

static void
without_a_secret(void **state)
{
    struct credential *credential = credential_of("", "bearer", "x");
    struct message_decide request = {.slot.kind = SLOT_BEARER};
    struct injection_context context = {.request = &request};
    struct injection injection;

    (void)state;
    secret_free(&credential->secret);
    assert_int_equal(injection_make(credential, &context, &injection), INJECTION_FAILED);
    assert_int_equal(injection.edit_count, 0);
    injection_free(&injection);
    credential_free(&credential);
}

struct expect {
    const char *preset, *inject, *secret;
    enum slot_kind slot;
    enum edit_kind kind;
    const char *name, *value;
    const char *scrub[5];
};

static void
check(const struct expect *e)
{
    struct credential *credential = credential_of(e->preset, e->inject, e->secret);
    struct message_decide request = {.slot.kind = e->slot};
    struct injection_context context = {.request = &request};
    struct injection injection;

    assert_int_equal(injection_make(credential, &context, &injection), INJECTION_READY);
    assert_int_equal(injection.edit_count, 1);
    assert_int_equal(injection.edit[0].kind, e->kind);
    if (!bytes_is(injection.edit[0].name, e->name) || !bytes_is(injection.edit[0].value, e->value))
        fail_msg("%.*s: %.*s, not %s: %s", BYTES_ARG(injection.edit[0].name),
                 BYTES_ARG(injection.edit[0].value), e->name, e->value);
    size_t n = 0;
    while (n < 5 && e->scrub[n])
        n++;
    for (size_t i = 0; i < injection.secret_count; i++) {
        bool found = false;
        for (size_t j = 0; j < n; j++)
            found = found || bytes_is(injection.secret[i], e->scrub[j]);
        if (!found)
            fail_msg("%s: \"%.*s\" is scrubbed", e->inject, BYTES_ARG(injection.secret[i]));
    }
    assert_int_equal(injection.secret_count, n);
    assert_true(injection.text.secret);
    injection_free(&injection);
    credential_free(&credential);
}

static void
edits_and_what_is_scrubbed(void **state)
{
    static const struct expect cases[] = {
        {"",
         "bearer",
         "sk-1234",
         SLOT_BEARER,
         EDIT_HEADER_SET,
         "authorization",
         "Bearer sk-1234",
         {"sk-1234"}},
        {"",
         "header:X-Key: a={secret}, b={secret}",
         "sk-1234",
         SLOT_BEARER,
         EDIT_HEADER_SET,
         "x-key",
         "a=sk-1234, b=sk-1234",
         {"sk-1234"}},
        {"",
         "query:Api Key",
         "sk 12&34",
         SLOT_QUERY,
         EDIT_QUERY_SET,
         "Api Key",
         "sk 12&34",
         {"sk 12&34"}},
        {"",
         "basic",
         "alice:opensesame",
         SLOT_BASIC,
         EDIT_HEADER_SET,
         "authorization",
         "Basic YWxpY2U6b3BlbnNlc2FtZQ==",
         {"YWxpY2U6b3BlbnNlc2FtZQ==", "alice:opensesame", "opensesame"}},
        // The key is the user (Stripe): then it is what must not come back.
        {"",
         "basic",
         "sk_live_77:",
         SLOT_BASIC,
         EDIT_HEADER_SET,
         "authorization",
         "Basic c2tfbGl2ZV83Nzo=",
         {"c2tfbGl2ZV83Nzo=", "sk_live_77:", "sk_live_77"}},
        {"",
         "basic",
         "ghp_77777:x-oauth-basic",
         SLOT_BASIC,
         EDIT_HEADER_SET,
         "authorization",
         "Basic Z2hwXzc3Nzc3Ongtb2F1dGgtYmFzaWM=",
         {"Z2hwXzc3Nzc3Ongtb2F1dGgtYmFzaWM=", "ghp_77777:x-oauth-basic", "ghp_77777"}},
        // git over HTTPS takes Basic alone: what came as Basic goes as Basic.
        {"github",
         "",
         "ghp_77777",
         SLOT_BASIC,
         EDIT_HEADER_SET,
         "authorization",
         "Basic eC1hY2Nlc3MtdG9rZW46Z2hwXzc3Nzc3",
         {"eC1hY2Nlc3MtdG9rZW46Z2hwXzc3Nzc3", "ghp_77777"}},
        {"github",
         "",
         "ghp_77777",
         SLOT_BEARER,
         EDIT_HEADER_SET,
         "authorization",
         "Bearer ghp_77777",
         {"ghp_77777"}},
        {"stripe",
         "",
         "sk_live_77",
         SLOT_BASIC,
         EDIT_HEADER_SET,
         "authorization",
         "Bearer sk_live_77",
         {"sk_live_77"}},
        {"huggingface",
         "",
         "hf_77777",
         SLOT_BASIC,
         EDIT_HEADER_SET,
         "authorization",
         "Basic aGZfdXNlcjpoZl83Nzc3Nw==",
         {"aGZfdXNlcjpoZl83Nzc3Nw==", "hf_77777"}},
        {"anthropic",
         "",
         "sk-ant-1",
         SLOT_BEARER,
         EDIT_HEADER_SET,
         "x-api-key",
         "sk-ant-1",
         {"sk-ant-1"}},
        // Too short to be searched for.
        {"", "bearer", "abc", SLOT_BEARER, EDIT_HEADER_SET, "authorization", "Bearer abc", {NULL}},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        check(&cases[i]);
}

static void
scrubbing_off(void **state)
{
    struct credential *credential = credential_of("", "bearer", "sk-1234");
    struct message_decide request = {.slot.kind = SLOT_BEARER};
    struct injection_context context = {.request = &request};
    struct injection injection;

    (void)state;
    credential->route.scrub = false;
    assert_int_equal(injection_make(credential, &context, &injection), INJECTION_READY);
    assert_int_equal(injection.edit_count, 1);
    assert_int_equal(injection.secret_count, 0);
    injection_free(&injection);
    credential_free(&credential);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_secrets),
        cmocka_unit_test(without_a_secret),
        cmocka_unit_test(edits_and_what_is_scrubbed),
        cmocka_unit_test(scrubbing_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
