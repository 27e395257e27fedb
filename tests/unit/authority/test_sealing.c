/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens in answers: kept for a request that was allowed, once, and for nobody else. */
#include "proxy_peer.h"

#include "../../../broker/authority/access.h"
#include "../../../broker/authority/sealing.h"

#define TOKEN "at-canary-5f2e9b7a41c8d03e"
#define OLD   "old-canary-5f2e9b7a41c8"

static struct authority authority;
static struct authority_proxy here, there;
static const uint8_t id[REQUEST_ID_SIZE] = {1, 2, 3}, other[REQUEST_ID_SIZE] = {1, 2, 4};

static void
add(const char *name, const char *more)
{
    char request[1024];
    snprintf(request, sizeof request,
             "{\"command\": \"credential.add\", \"name\": \"%s\", \"hosts\": [\"a.example\"], "
             "\"secret\": \"" OLD "\"%s}",
             name, more);
    json_decref(fixture_do(&authority, request));
}

static int
setup(void **state)
{
    if (fixture_setup(state))
        return -1;
    admin_init();
    fixture_create();
    fixture_open(&authority);
    add("api", "");
    add("login", ", \"options\": [\"token-answers=seal:api\"]");
    return 0;
}

static int
teardown(void **state)
{
    sealing_forget_all(&authority);
    authority_close(&authority);
    return fixture_teardown(state);
}

static struct message_token_sealed done;
static struct fault why;

static bool
serve(const struct authority_proxy *proxy, const uint8_t *request_id, const char *token)
{
    struct message_seal_token message = {.token = bytes_str(token)};
    memcpy(message.request_id, request_id, REQUEST_ID_SIZE);
    why = (struct fault){0};
    sealing_serve(&authority, proxy, &message, &done, &why);
    return done.sealed;
}

static bool
api_is(const char *secret)
{
    return bytes_is(secret_bytes(credentials_find(&authority.credentials, BYTES("api"))->secret),
                    secret);
}

static void
refusals(void **state)
{
    static const char *const bad[] = {"two words", "caf\xc3\xa9", "a\r\nb", "tab\t"};
    (void)state;
    assert_false(serve(&here, id, TOKEN)); // none was allowed
    sealing_expect(&authority, &here, id, BYTES("api"));
    assert_int_equal(authority.sealings.count, 0); // which keeps no tokens
    sealing_expect(&authority, &here, id, BYTES("nobody"));
    assert_int_equal(authority.sealings.count, 0);
    sealing_expect(&authority, &here, id, BYTES("login"));
    assert_false(serve(&here, other, TOKEN));
    assert_false(serve(&there, id, TOKEN));
    assert_true(bytes_find(done.detail, BYTES("no such request")) < done.detail.n);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        sealing_forget(&authority, id);
        sealing_expect(&authority, &here, id, BYTES("login"));
        assert_false(serve(&here, id, bad[i]));
    }
    assert_true(api_is(OLD));
    assert_nowhere(TOKEN);
}

static void
kept_once(void **state)
{
    (void)state;
    sealing_expect(&authority, &here, id, BYTES("login"));
    assert_true(serve(&here, id, TOKEN));
    assert_int_equal(done.detail.n, 0);
    assert_true(api_is(TOKEN));
    assert_nowhere(TOKEN);
    assert_false(serve(&here, id, "another-token"));
    assert_true(api_is(TOKEN));
    struct buffer log;
    struct bytes whole = fixture_read(fixture_path("state/audit.log"), &log);
    assert_true(bytes_find(whole, BYTES("answer to a request of credential login")) < whole.n);
    assert_true(bytes_find(whole, BYTES("01020300")) < whole.n);
    buffer_free(&log);
    // On the disk, and the same one again is no rotation.
    authority_close(&authority);
    fixture_open(&authority);
    assert_true(api_is(TOKEN));
    uint64_t version =
        credentials_find(&authority.credentials, BYTES("api"))->access->secret_version;
    sealing_expect(&authority, &here, id, BYTES("login"));
    assert_true(serve(&here, id, TOKEN));
    assert_int_equal(credentials_find(&authority.credentials, BYTES("api"))->access->secret_version,
                     version);
}

static void
forgotten(void **state)
{
    (void)state;
    sealing_expect(&authority, &here, id, BYTES("login"));
    sealing_expect(&authority, &there, other, BYTES("login"));
    sealing_forget(&authority, id);
    assert_false(serve(&here, id, TOKEN));
    sealing_forget_proxy(&authority, &there);
    assert_false(serve(&there, other, TOKEN));
    assert_int_equal(authority.sealings.count, 0);
    // The oldest one goes when there are too many.
    sealing_expect(&authority, &here, id, BYTES("login"));
    for (int i = 0; i < SEALINGS_MAX; i++) {
        uint8_t another[REQUEST_ID_SIZE] = {9, 9, (uint8_t)i, (uint8_t)(i >> 8)};
        sealing_expect(&authority, &here, another, BYTES("login"));
    }
    assert_int_equal(authority.sealings.count, SEALINGS_MAX);
    assert_false(serve(&here, id, TOKEN));
    assert_true(api_is(OLD));
}

static void
what_changed_meanwhile(void **state)
{
    (void)state;
    sealing_expect(&authority, &here, id, BYTES("login"));
    json_decref(fixture_do(&authority, "{\"command\": \"credential.disable\", \"name\": \"api\"}"));
    assert_false(serve(&here, id, TOKEN));
    json_decref(fixture_do(&authority, "{\"command\": \"credential.enable\", \"name\": \"api\"}"));
    sealing_expect(&authority, &here, id, BYTES("login"));
    json_decref(
        fixture_do(&authority, "{\"command\": \"credential.disable\", \"name\": \"login\"}"));
    assert_false(serve(&here, id, TOKEN));
    json_decref(
        fixture_do(&authority, "{\"command\": \"credential.enable\", \"name\": \"login\"}"));
    assert_true(api_is(OLD));
    sealing_expect(&authority, &here, id, BYTES("login"));
    json_decref(fixture_do(&authority, "{\"command\": \"credential.remove\", \"name\": \"api\"}"));
    assert_false(serve(&here, id, TOKEN));
    // A new one of that name is no word.
    add("api", ", \"inject\": \"hmac:sha256:hex:x-s: {signature}\", \"slots\": [\"bearer\"]");
    sealing_expect(&authority, &here, id, BYTES("login"));
    assert_false(serve(&here, id, TOKEN));
    assert_true(bytes_find(done.detail, BYTES("not one word")) < done.detail.n);
    assert_true(api_is(OLD));
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(refusals),
        TEST(kept_once),
        TEST(forgotten),
        TEST(what_changed_meanwhile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
