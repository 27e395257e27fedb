/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"
#include "jwt_keys.h"

#include "../../../broker/authority/exchange_rules.h"
#include "../../../broker/authority/inject.h"
#include "../../../caveats/base64.h"

static enum kh_err
build(const char *const *option, size_t count, struct credential **out, struct fault *fault)
{
    struct store_credential row = {.name = BYTES("api"),
                                   .inject = BYTES("jwt"),
                                   .item = {[STORE_LIST_HOSTS] = {BYTES("api.example.com")}},
                                   .item_count = {[STORE_LIST_HOSTS] = 1},
                                   .enabled = true};

    for (size_t i = 0; i < count; i++)
        row.item[STORE_LIST_OPTIONS][i] = bytes_str(option[i]);
    row.item_count[STORE_LIST_OPTIONS] = count;
    return credential_build(&row, true, out, fault);
}

/* The claims of an assertion; json_decref. */
static json_t *
claims(struct bytes assertion)
{
    struct bytes rest = assertion, part;
    BUFFER_AUTO text;

    buffer_init(&text, 8192);
    assert_true(bytes_cut(&rest, '.', &part) && bytes_cut(&rest, '.', &part));
    assert_true(base64_decode(BASE64_URL, part, &text));
    json_t *object = json_loadb((const char *)text.p, text.n, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(object);
    return object;
}

static const char *
text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text ? text : "";
}

static void
credentials_that_are_refused(void **state)
{
    static const struct {
        const char *option[3];
        size_t count;
        const char *said;
    } row[] = {
        {{"exchange=github", "installation=1"}, 2, "issuer is missing"},
        {{"exchange=github", "issuer=1"}, 2, "installation is missing"},
        {{"exchange=rfc7523"}, 1, "token-url is missing"},
        {{"exchange=google", "token-url=http://a.example/t"}, 2, "plain"},
        {{"grant=client"}, 1, "does not belong"},
    };
    struct credential *credential = NULL;

    (void)state;
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        struct fault fault = {0};
        assert_int_not_equal(build(row[i].option, row[i].count, &credential, &fault), KH_OK);
        if (strstr(fault.detail, row[i].said) == NULL)
            fail_msg("%zu: %s", i, fault.detail);
    }
    assert_ok(build(NULL, 0, &credential, fault));
    static const char *const bad[] = {"x", "{", "{}", "{\"private_key\": \"x\"}",
                                      "{\"client_email\": \"a\", \"private_key\": \"x\"}"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct fault fault = {0};
        if (credential_check_secret(credential, bytes_str(bad[i]), &fault) == KH_OK)
            fail_msg("\"%s\" was taken", bad[i]);
    }
    assert_ok(credential_check_secret(credential, BYTES(RSA_PKCS8), fault));
    credential_free(&credential);
}

static void
google(void **state)
{
    static const char *const option[] = {"exchange=google", "scope=a b"};
    struct credential *credential = NULL;
    struct exchange_request request;
    BUFFER_AUTO secret;
    json_t *account = json_pack("{s:s, s:s, s:s}", "client_email", "robot@x", "private_key",
                                RSA_PKCS8, "private_key_id", "kid");
    char *text = json_dumps(account, 0);

    (void)state;
    buffer_init(&secret, 8192);
    assert_ok(build(option, 2, &credential, fault));
    assert_int_equal(exchange_request_init(&request, credential), KH_OK);
    assert_ok(exchange_compose_jwt(credential, bytes_str(text), FIXTURE_NOW, &request, fault));
    assert_true(bytes_is(request.carry.host, "oauth2.googleapis.com"));
    assert_true(bytes_is(request.carry.target, "/token"));
    static const char head[] =
        "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=";
    assert_true(bytes_starts(request.carry.body, bytes_str(head)));
    json_t *object = claims(bytes_from(request.carry.body, sizeof head - 1));
    assert_string_equal(text_of(object, "iss"), "robot@x");
    assert_string_equal(text_of(object, "aud"), "https://oauth2.googleapis.com/token");
    assert_string_equal(text_of(object, "scope"), "a b");
    assert_int_equal(json_integer_value(json_object_get(object, "iat")), FIXTURE_NOW);
    assert_int_equal(json_integer_value(json_object_get(object, "exp")), FIXTURE_NOW + 3600);
    json_decref(object);
    json_decref(account);
    free(text);
    exchange_request_free(&request);
    credential_free(&credential);
}

static void
github(void **state)
{
    static const struct {
        const char *base, *host, *target;
    } row[] = {
        {NULL, "api.github.com", "/app/installations/78/access_tokens"},
        {"token-url=https://ghe.example/api/v3", "ghe.example",
         "/api/v3/app/installations/78/access_tokens"},
        {"token-url=https://ghe.example/api/v3/", "ghe.example",
         "/api/v3/app/installations/78/access_tokens"},
        {"token-url=https://ghe.example/x/access_tokens", "ghe.example", "/x/access_tokens"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        const char *option[] = {"exchange=github", "issuer=12", "installation=78", row[i].base};
        struct credential *credential = NULL;
        struct exchange_request request;
        assert_ok(build(option, row[i].base ? 4 : 3, &credential, fault));
        assert_int_equal(exchange_request_init(&request, credential), KH_OK);
        assert_ok(exchange_compose_jwt(credential, BYTES(RSA_PKCS8), FIXTURE_NOW, &request, fault));
        assert_true(bytes_is(request.carry.host, row[i].host));
        assert_true(bytes_is(request.carry.target, row[i].target));
        assert_int_equal(request.carry.body.n, 0);
        assert_true(bytes_starts(request.carry.field[0].value, BYTES("Bearer ")));
        json_t *object = claims(bytes_from(request.carry.field[0].value, 7));
        assert_string_equal(text_of(object, "iss"), "12");
        assert_true(json_integer_value(json_object_get(object, "exp")) <= FIXTURE_NOW + 600);
        assert_true(json_integer_value(json_object_get(object, "iat")) < FIXTURE_NOW);
        json_decref(object);
        exchange_request_free(&request);
        credential_free(&credential);
    }
}

/* Sent as it is: signed once, and again before it is old. */
static void
none(void **state)
{
    static const char *const option[] = {"issuer=me", "audience=you", "lifetime=100"};
    struct credential *credential = NULL;
    const struct message_decide request = {.slot = {.kind = SLOT_BEARER}};
    struct injection_context context = {.request = &request, .now = FIXTURE_NOW};
    struct injection first, second;

    (void)state;
    assert_ok(build(option, 3, &credential, fault));
    assert_ok(secret_new(BYTES(RSA_PKCS8), &credential->secret, fault));
    credential->route.scrub = true;
    assert_int_equal(injection_make(credential, &context, &first), INJECTION_READY);
    context.now += 79;
    assert_int_equal(injection_make(credential, &context, &second), INJECTION_READY);
    assert_true(bytes_equal(first.edit[0].value, second.edit[0].value));
    assert_true(bytes_equal(second.secret[0], bytes_from(second.edit[0].value, 7)));
    injection_free(&second);
    context.now += 1;
    assert_int_equal(injection_make(credential, &context, &second), INJECTION_READY);
    assert_false(bytes_equal(first.edit[0].value, second.edit[0].value));
    json_t *object = claims(bytes_from(second.edit[0].value, 7));
    assert_int_equal(json_integer_value(json_object_get(object, "exp")), FIXTURE_NOW + 180);
    json_decref(object);
    injection_free(&first);
    injection_free(&second);
    credential_free(&credential);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(credentials_that_are_refused),
        cmocka_unit_test(google),
        cmocka_unit_test(github),
        cmocka_unit_test(none),
    };
    return cmocka_run_group_tests_name("exchange_jwt", tests, NULL, NULL);
}
