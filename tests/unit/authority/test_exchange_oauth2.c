/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include "../../../broker/authority/exchange_rules.h"

#define TOKEN_URL "token-url=https://server.example.com/token"

static struct credential *
make(const char *const *option, size_t count)
{
    struct credential *credential = NULL;
    struct store_credential row = {.name = BYTES("api"),
                                   .inject = BYTES("oauth2"),
                                   .item = {[STORE_LIST_HOSTS] = {BYTES("api.example.com")}},
                                   .item_count = {[STORE_LIST_HOSTS] = 1},
                                   .enabled = true};

    row.item[STORE_LIST_OPTIONS][0] = BYTES(TOKEN_URL);
    for (size_t i = 0; i < count; i++)
        row.item[STORE_LIST_OPTIONS][i + 1] = bytes_str(option[i]);
    row.item_count[STORE_LIST_OPTIONS] = count + 1;
    assert_ok(credential_build(&row, true, &credential, fault));
    return credential;
}

static struct bytes
field(const struct message_carry *carry, const char *name)
{
    for (size_t i = 0; i < carry->field_count; i++) {
        if (bytes_is(carry->field[i].name, name))
            return carry->field[i].value;
    }
    return BYTES_EMPTY;
}

static void
composed(const char *const *option, size_t count, const char *secret, const char *authorization,
         const char *body)
{
    struct credential *credential = make(option, count);
    struct exchange_request request;

    assert_int_equal(exchange_request_init(&request, credential), KH_OK);
    assert_ok(exchange_compose_oauth2(credential, bytes_str(secret), &request, fault));
    if (!bytes_is(request.carry.body, body) ||
        !bytes_is(field(&request.carry, "Authorization"), authorization))
        fail_msg("%.*s\n%.*s", BYTES_ARG(field(&request.carry, "Authorization")),
                 BYTES_ARG(request.carry.body));
    assert_true(bytes_is(request.carry.method, "POST"));
    assert_true(bytes_is(request.carry.host, "server.example.com"));
    assert_int_equal(request.carry.port, 443);
    assert_true(bytes_is(request.carry.target, "/token"));
    assert_false(request.carry.plain);
    assert_true(
        bytes_is(field(&request.carry, "Content-Type"), "application/x-www-form-urlencoded"));
    exchange_request_free(&request);
    credential_free(&credential);
}

static void
the_examples_of_the_rfc(void **state)
{
    static const char *const client[] = {"grant=client", "client-id=s6BhdRkqt3"};

    (void)state;
    // RFC 6749, sections 6 and 2.3.1.
    composed(NULL, 0,
             "{\"client_id\":\"s6BhdRkqt3\",\"client_secret\":\"gX1fBat3bV\","
             "\"refresh_token\":\"tGzv3JOkF0XG5Qx2TlKWIA\"}",
             "Basic czZCaGRSa3F0MzpnWDFmQmF0M2JW",
             "grant_type=refresh_token&refresh_token=tGzv3JOkF0XG5Qx2TlKWIA");
    // Section 4.4.2.
    composed(client, 2, "gX1fBat3bV", "Basic czZCaGRSa3F0MzpnWDFmQmF0M2JW",
             "grant_type=client_credentials");
}

static void
other_forms(void **state)
{
    static const char *const post[] = {"grant=client", "client-id=a b", "auth=post",
                                       "scope=read write", "audience=https://x/y?z"};
    static const char *const alone[] = {"client-id=app"};

    (void)state;
    composed(post, 5, "s&=+%", "",
             "grant_type=client_credentials&scope=read%20write&audience=https%3A%2F%2Fx%2Fy%3Fz"
             "&client_id=a%20b&client_secret=s%26%3D%2B%25");
    composed(alone, 1, "rt", "", "grant_type=refresh_token&refresh_token=rt&client_id=app");
}

static void
secrets_that_are_refused(void **state)
{
    static const char *const client[] = {"grant=client"};
    static const char *const bad[] = {"{",
                                      "[1]x\n",
                                      "{}",
                                      "{\"refresh_token\": 5}",
                                      "{\"refresh_token\": \"a\\nb\"}",
                                      "a\nb",
                                      "{\"refresh_token\":\"a\",\"refresh_token\":\"b\"}"};
    struct credential *credential = make(NULL, 0);

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct fault fault = {0};
        if (credential_check_secret(credential, bytes_str(bad[i]), &fault) == KH_OK)
            fail_msg("\"%s\" was taken", bad[i]);
    }
    credential_free(&credential);
    credential = make(client, 1);
    assert_fault(credential_check_secret(credential, BYTES("secret"), fault), KH_ERR_USAGE,
                 "client-id");
    credential_free(&credential);
}

static void
a_new_refresh_token(void **state)
{
    BUFFER_AUTO out;

    (void)state;
    buffer_init(&out, 1024);
    assert_ok(exchange_new_secret(BYTES("old"), BYTES("new"), &out, fault));
    assert_true(bytes_is(buffer_bytes(&out), "new"));
    buffer_clear(&out);
    assert_ok(exchange_new_secret(BYTES("{\"refresh_token\": \"old\", \"client_id\": \"a\"}"),
                                  BYTES("n\"w"), &out, fault));
    json_t *object = json_loadb((const char *)out.p, out.n, 0, NULL);
    assert_string_equal(json_string_value(json_object_get(object, "refresh_token")), "n\"w");
    assert_string_equal(json_string_value(json_object_get(object, "client_id")), "a");
    json_decref(object);
}

static void
urls(void **state)
{
    static const struct {
        const char *url, *host, *target;
        uint16_t port;
        bool plain;
    } row[] = {
        {"https://a.example", "a.example", "/", 443, false},
        {"https://A.example:8443/x/y?z=1", "a.example", "/x/y?z=1", 8443, false},
        {"https://a.example?q", "a.example", "/?q", 443, false},
        {"http://127.0.0.1:80/t", "127.0.0.1", "/t", 80, true},
        {"https://[::1]/t", "::1", "/t", 443, false},
    };
    static const char *const bad[] = {"",
                                      "ftp://a/",
                                      "https://",
                                      "https:///t",
                                      "https://u@a/",
                                      "https://a b/",
                                      "https://a/#f",
                                      "https://a:0x1/"};
    struct credential *credential = make(NULL, 0);
    struct exchange_request request;

    (void)state;
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        assert_int_equal(exchange_request_init(&request, credential), KH_OK);
        assert_ok(exchange_set_url(&request, bytes_str(row[i].url), fault));
        if (!bytes_is(request.carry.host, row[i].host) ||
            !bytes_is(request.carry.target, row[i].target) || request.carry.port != row[i].port ||
            request.carry.plain != row[i].plain)
            fail_msg("%s: %.*s %u %.*s", row[i].url, BYTES_ARG(request.carry.host),
                     request.carry.port, BYTES_ARG(request.carry.target));
        exchange_request_free(&request);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct fault fault = {0};
        assert_int_equal(exchange_request_init(&request, credential), KH_OK);
        if (exchange_set_url(&request, bytes_str(bad[i]), &fault) == KH_OK)
            fail_msg("\"%s\" was taken", bad[i]);
        exchange_request_free(&request);
    }
    credential_free(&credential);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(secrets_that_are_refused), cmocka_unit_test(urls),
        cmocka_unit_test(the_examples_of_the_rfc),  cmocka_unit_test(other_forms),
        cmocka_unit_test(a_new_refresh_token),
    };
    return cmocka_run_group_tests_name("exchange_oauth2", tests, NULL, NULL);
}
