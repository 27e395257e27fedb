/* SPDX-License-Identifier: Apache-2.0 */
/* Access tokens from the first question to the last answer: exchange.c, carry.c and serve_wait.c
 * with a proxy that the test plays. */
#include "proxy_peer.h"

#include "../../../broker/authority/access.h"
#include "../../../broker/authority/exchange.h"

enum { PROXIES = 2 };

static struct authority authority;
static struct peer proxy[PROXIES];
static char *token;

static int
setup(void **state)
{
    if (fixture_setup(state))
        return -1;
    fixture_create();
    fixture_open(&authority);
    authority.base = peer_base();
    json_decref(fixture_do(
        &authority,
        "{\"command\": \"credential.add\", \"name\": \"openai\", \"secret\": \"rt-one\","
        " \"hosts\": [\"api.openai.com\"], \"slots\": [\"bearer\"], \"inject\": \"oauth2\","
        " \"options\": [\"token-url=https://auth.example/token\"]}"));
    token = fixture_mint(&authority, "");
    for (size_t i = 0; i < PROXIES; i++) {
        int ends[2];
        struct fault fault = {0};
        if (channel_pair(ends, &fault) || serve_proxy_add(&authority, ends[0], 100 + i, &fault))
            return -1;
        peer_open(&proxy[i], authority.base, ends[1], ROLE_PROXY);
    }
    return 0;
}

static int
teardown(void **state)
{
    for (size_t i = 0; i < PROXIES; i++)
        peer_close(&proxy[i]);
    serve_proxies_close(&authority);
    event_base_free(authority.base);
    authority_close(&authority);
    free(token);
    return fixture_teardown(state);
}

// ---- what proxies do ----

static void
ask_with(size_t from, uint64_t id, const char *text)
{
    struct message_decide request = peer_request(text);
    BUFFER_AUTO body;

    buffer_init(&body, 131072);
    message_decide_tx(&request, &body);
    channel_send(proxy[from].channel, MESSAGE_DECIDE, id, buffer_bytes(&body));
}

static void
ask(size_t from, uint64_t id)
{
    ask_with(from, id, token);
}

static size_t
count(enum message_type type)
{
    return peer_count(&proxy[0], type) + peer_count(&proxy[1], type);
}

/* The proxy that has the last CARRY, and the message. */
static size_t
carrier(const struct peer_message **out)
{
    for (size_t i = 0; i < PROXIES; i++) {
        if ((*out = peer_last(&proxy[i], MESSAGE_CARRY)))
            return i;
    }
    fail_msg("nothing is carried");
    return 0;
}

static void
tell(size_t from, uint64_t id, const struct message_carried *carried)
{
    BUFFER_AUTO body;

    buffer_init(&body, 131072);
    message_carried_tx(carried, &body);
    assert_false(body.failed);
    channel_send(proxy[from].channel, MESSAGE_CARRIED, id, buffer_bytes(&body));
}

static void
answer(const char *json)
{
    const struct peer_message *message;
    size_t from = carrier(&message);
    const struct message_carried carried = {
        .answered = true, .status = 200, .body = bytes_str(json)};

    tell(from, message->id, &carried);
    peer_settle(authority.base);
}

static struct message_decision
decision(size_t of, uint64_t id)
{
    struct message_decision out = {0};

    for (size_t i = 0; i < proxy[of].count; i++) {
        const struct peer_message *message = &proxy[of].message[i];
        if (message->type == MESSAGE_DECISION && message->id == id)
            assert_int_equal(message_decision_rx(buffer_bytes(&message->body), &out), KH_OK);
    }
    return out;
}

static void
allowed_with(size_t of, uint64_t id, const char *value)
{
    struct message_decision out = decision(of, id);

    if (!out.allow)
        fail_msg("%s: %.*s", kh_reason_code(out.reason), BYTES_ARG(out.detail));
    assert_int_equal(out.edit_count, 1);
    assert_true(bytes_is(out.edit[0].name, "authorization"));
    assert_true(bytes_is(out.edit[0].value, value));
    assert_int_equal(out.secret_count, 1);
    assert_true(bytes_is(out.secret[0], value + 7));
}

static void
denied_for(size_t of, uint64_t id, enum kh_reason reason, const char *detail)
{
    struct message_decision out = decision(of, id);

    if (out.allow || out.reason != reason ||
        (detail[0] && bytes_find(out.detail, bytes_str(detail)) == out.detail.n))
        fail_msg("allow %d, %s: %.*s", out.allow, kh_reason_code(out.reason),
                 BYTES_ARG(out.detail));
}

static size_t
records(const char *needle)
{
    struct buffer log;
    struct bytes rest = fixture_read(fixture_path("state/audit.log"), &log), line;
    size_t n = 0;

    while (bytes_cut(&rest, '\n', &line))
        n += bytes_find(line, bytes_str(needle)) < line.n;
    buffer_free(&log);
    return n;
}

/* And nothing that came before is looked at again. */
static void
answer_first(const char *json)
{
    const struct peer_message *message;
    size_t from = carrier(&message);
    uint64_t id = message->id;
    const struct message_carried carried = {
        .answered = true, .status = 200, .body = bytes_str(json)};

    peer_forget(&proxy[0]);
    peer_forget(&proxy[1]);
    tell(from, id, &carried);
    peer_settle(authority.base);
}

#define GOOD "{\"access_token\": \"at-1\", \"expires_in\": 3600}"

// ---- failures ----

static void
failures_are_remembered(void **state)
{
    const struct peer_message *message;
    const struct message_carried late = {.reason = KH_REASON_UPSTREAM_TIMEOUT,
                                         .detail = BYTES("too slow")};

    (void)state;
    ask(0, 1);
    peer_settle(authority.base);
    answer("{\"error\": \"invalid_grant\"}");
    denied_for(0, 1, KH_REASON_ACCESS_TOKEN, "200 invalid_grant");
    assert_int_equal(records("\"decision\":\"deny\""), 1);
    ask(0, 2); // in the same second
    peer_settle(authority.base);
    denied_for(0, 2, KH_REASON_ACCESS_TOKEN, "invalid_grant");
    assert_int_equal(count(MESSAGE_CARRY), 1);
    peer_forget(&proxy[0]);
    peer_forget(&proxy[1]);
    clock_pass(&authority.clock, 1000);
    ask(0, 3);
    peer_settle(authority.base);
    size_t from = carrier(&message);
    tell(from, message->id, &late);
    peer_settle(authority.base);
    denied_for(0, 3, KH_REASON_UPSTREAM_TIMEOUT, "token endpoint");
}

// An answer to a question that was changed meanwhile: its refresh token is kept, its access token
// and its failure are not, and who waits gets what is asked for now.
static void
settings_that_change_meanwhile(void **state)
{
    const struct peer_message *message;

    (void)state;
    ask(0, 1);
    peer_settle(authority.base);
    json_decref(fixture_do(&authority, "{\"command\": \"credential.set\", \"name\": \"openai\", "
                                       "\"options\": [\"scope=more\"]}"));
    ask(1, 2); // a second exchange would show the same refresh token twice
    peer_settle(authority.base);
    assert_int_equal(count(MESSAGE_CARRY), 1);
    answer_first("{\"access_token\": \"at-0\", \"expires_in\": 60, \"refresh_token\": \"rt-two\"}");
    assert_true(bytes_is(secret_bytes(authority.credentials.item[0]->secret), "rt-two"));
    assert_int_equal(count(MESSAGE_CARRY), 1);
    (void)carrier(&message);
    assert_true(bytes_find(buffer_bytes(&message->body), BYTES("scope=more")) < message->body.n);
    assert_true(bytes_find(buffer_bytes(&message->body), BYTES("rt-two")) < message->body.n);
    answer(GOOD);
    allowed_with(0, 1, "Bearer at-1");
    allowed_with(1, 2, "Bearer at-1");
    json_decref(fixture_do(&authority, "{\"command\": \"credential.set\", \"name\": \"openai\", "
                                       "\"options\": [\"scope=less\"]}"));
    peer_forget(&proxy[0]);
    peer_forget(&proxy[1]);
    ask(0, 3);
    peer_settle(authority.base);
    json_decref(fixture_do(&authority, "{\"command\": \"credential.set\", \"name\": \"openai\", "
                                       "\"unset\": [\"scope\"]}"));
    answer_first("{\"error\": \"invalid_scope\"}");
    assert_int_equal(authority.credentials.item[0]->access->failures, 0);
    answer(GOOD);
    allowed_with(0, 3, "Bearer at-1");
}

static void
no_proxy_that_carries(void **state)
{
    struct credential *credential = authority.credentials.item[0];

    (void)state;
    for (size_t i = 0; i < PROXIES; i++)
        peer_close(&proxy[i]);
    peer_settle(authority.base);
    assert_false(exchange_begin(&authority, credential));
    assert_int_equal(access_look(credential->access, FIXTURE_NOW), ACCESS_FAILED);
    assert_string_equal(credential->access->detail, "no proxy is running");
}

static void
answers_that_nobody_asked_for(void **state)
{
    const struct peer_message *message;
    const struct message_carried forged = {.answered = true, .status = 200, .body = BYTES(GOOD)};

    (void)state;
    tell(0, 4711, &forged);
    ask(0, 1);
    peer_settle(authority.base);
    size_t from = carrier(&message);
    tell(from, message->id + 1, &forged);
    tell(1 - from, message->id, &forged); // of the other proxy
    peer_settle(authority.base);
    assert_int_equal(count(MESSAGE_DECISION), 0);
    channel_send(proxy[from].channel, MESSAGE_CARRIED, message->id, BYTES("rubbish"));
    peer_settle(authority.base);
    assert_true(proxy[from].closed);
}

// ---- waiting ----

static void
one_exchange_for_all(void **state)
{
    const struct peer_message *message;
    struct message_carry carry;

    (void)state;
    for (uint64_t i = 1; i <= 60; i++)
        ask(i % 2, i);
    peer_settle(authority.base);
    assert_int_equal(count(MESSAGE_CARRY), 1);
    assert_int_equal(count(MESSAGE_DECISION), 0);
    assert_int_equal(records("\"kind\":\"decision\""), 0); // nothing is decided yet
    (void)carrier(&message);
    assert_int_equal(message_carry_rx(buffer_bytes(&message->body), &carry), KH_OK);
    assert_true(bytes_is(carry.host, "auth.example"));
    assert_true(bytes_is(carry.body, "grant_type=refresh_token&refresh_token=rt-one"));
    serve_tick(&authority);
    peer_settle(authority.base);
    assert_int_equal(count(MESSAGE_DECISION_LATER), 60);
    answer(GOOD);
    for (uint64_t i = 1; i <= 60; i++)
        allowed_with(i % 2, i, "Bearer at-1");
    assert_int_equal(records("\"decision\":\"allow\""), 60);
    serve_tick(&authority);
    peer_settle(authority.base);
    assert_int_equal(count(MESSAGE_DECISION_LATER), 60);
    ask(0, 100);
    peer_settle(authority.base);
    allowed_with(0, 100, "Bearer at-1");
    assert_int_equal(count(MESSAGE_CARRY), 1);
}

static void
what_was_revoked_meanwhile(void **state)
{
    (void)state;
    ask(0, 1);
    peer_settle(authority.base);
    json_decref(fixture_do(&authority, "{\"command\": \"revoke\", \"credential\": \"openai\"}"));
    answer(GOOD);
    denied_for(0, 1, KH_REASON_REVOKED, "");
}

static void
uses_are_taken_once(void **state)
{
    char *once = fixture_mint(&authority, ", \"caveats\": [\"uses <= 1\"]");

    (void)state;
    ask_with(0, 1, once);
    peer_settle(authority.base);
    answer(GOOD);
    allowed_with(0, 1, "Bearer at-1");
    ask_with(0, 2, once);
    peer_settle(authority.base);
    denied_for(0, 2, KH_REASON_USES_EXHAUSTED, "");
    free(once);
}

static void
a_proxy_that_dies(void **state)
{
    const struct peer_message *message;

    (void)state;
    ask(0, 1);
    ask(1, 2);
    peer_settle(authority.base);
    size_t from = carrier(&message), other = 1 - from;
    uint64_t first = message->id;
    peer_close(&proxy[from]);
    peer_settle(authority.base);
    // The other one carries it, and those who asked through the dead one are forgotten.
    assert_int_equal(carrier(&message), other);
    assert_true(message->id != first);
    answer(GOOD);
    allowed_with(other, other + 1, "Bearer at-1");
    assert_int_equal(count(MESSAGE_DECISION), 1);
}

static void
all_of_them_die(void **state)
{
    struct credential *credential = authority.credentials.item[0];

    (void)state;
    ask(0, 1);
    peer_settle(authority.base);
    peer_close(&proxy[0]);
    peer_close(&proxy[1]);
    peer_settle(authority.base);
    assert_int_equal(credential->access->failure, KH_REASON_ACCESS_TOKEN);
    assert_true(LIST_EMPTY(&authority.carries));
    assert_true(LIST_EMPTY(&authority.exchanges));
}

// ---- what becomes of it ----

static void
it_is_refreshed_while_it_serves(void **state)
{
    (void)state;
    ask(0, 1);
    peer_settle(authority.base);
    answer(GOOD);
    peer_forget(&proxy[0]);
    peer_forget(&proxy[1]);
    clock_pass(&authority.clock, 2879 * 1000);
    ask(0, 2);
    peer_settle(authority.base);
    assert_int_equal(count(MESSAGE_CARRY), 0);
    clock_pass(&authority.clock, 1000);
    ask(0, 3);
    ask(1, 4);
    peer_settle(authority.base);
    assert_int_equal(count(MESSAGE_CARRY), 1);
    allowed_with(0, 3, "Bearer at-1");
    allowed_with(1, 4, "Bearer at-1");
    answer("{\"access_token\": \"at-2\", \"expires_in\": 3600}");
    ask(0, 5);
    peer_settle(authority.base);
    allowed_with(0, 5, "Bearer at-2");
}

static void
a_new_refresh_token_is_stored_first(void **state)
{
    struct credential *credential = authority.credentials.item[0];

    (void)state;
    ask(0, 1);
    peer_settle(authority.base);
    answer("{\"access_token\": \"at-1\", \"expires_in\": 60, \"refresh_token\": \"rt-two\"}");
    allowed_with(0, 1, "Bearer at-1");
    assert_true(bytes_is(secret_bytes(credential->secret), "rt-two"));
    assert_int_equal(records("another refresh token"), 1);
    // As after kill -9: what the database has.
    struct credentials again = {0};
    assert_ok(credentials_load(&again, authority.store, authority.seal, fault));
    assert_true(bytes_is(secret_bytes(again.item[0]->secret), "rt-two"));
    credentials_free(&again);
}

static void
one_that_cannot_be_stored(void **state)
{
    struct credential *credential = authority.credentials.item[0];

    (void)state;
    ask(0, 1);
    peer_settle(authority.base);
    assert_ok(store_begin(authority.store, fault)); // another one cannot begin
    answer("{\"access_token\": \"at-1\", \"expires_in\": 60, \"refresh_token\": \"rt-two\"}");
    denied_for(0, 1, KH_REASON_ACCESS_TOKEN, "could not be stored");
    assert_non_null(credential->access->unsaved);
    store_rollback(authority.store);
    peer_forget(&proxy[0]);
    peer_forget(&proxy[1]);
    // The next exchange stores it first, and uses it.
    clock_pass(&authority.clock, 2000);
    ask(0, 2);
    peer_settle(authority.base);
    const struct peer_message *message;
    struct message_carry carry;
    (void)carrier(&message);
    assert_int_equal(message_carry_rx(buffer_bytes(&message->body), &carry), KH_OK);
    assert_true(bytes_ends(carry.body, BYTES("refresh_token=rt-two")));
    assert_null(credential->access->unsaved);
    answer(GOOD);
    allowed_with(0, 2, "Bearer at-1");
}

static void
rotated_while_it_ran(void **state)
{
    struct credential *credential = authority.credentials.item[0];

    (void)state;
    ask(0, 1);
    peer_settle(authority.base);
    json_decref(fixture_do(&authority, "{\"command\": \"credential.rotate\", \"name\": \"openai\","
                                       " \"secret\": \"rt-operator\"}"));
    answer("{\"access_token\": \"at-1\", \"expires_in\": 60, \"refresh_token\": \"rt-two\"}");
    // The answer was for the old secret: neither part of it counts, and the question waits again.
    assert_true(bytes_is(secret_bytes(credential->secret), "rt-operator"));
    assert_int_equal(count(MESSAGE_DECISION), 0);
    assert_int_equal(count(MESSAGE_CARRY), 2);
}

static void
disabled_while_it_ran(void **state)
{
    struct credential *credential = authority.credentials.item[0];

    (void)state;
    ask(0, 1);
    peer_settle(authority.base);
    json_decref(
        fixture_do(&authority, "{\"command\": \"credential.disable\", \"name\": \"openai\"}"));
    answer("{\"access_token\": \"at-1\", \"expires_in\": 60, \"refresh_token\": \"rt-two\"}");
    denied_for(0, 1, KH_REASON_CREDENTIAL_DISABLED, "");
    assert_null(credential->access->token);
    assert_true(bytes_is(secret_bytes(credential->secret), "rt-two")); // it would be lost for good
}

static void
removed_while_it_ran(void **state)
{
    (void)state;
    ask(0, 1);
    peer_settle(authority.base);
    json_decref(
        fixture_do(&authority, "{\"command\": \"credential.remove\", \"name\": \"openai\"}"));
    answer(GOOD);
    denied_for(0, 1, KH_REASON_CREDENTIAL_UNKNOWN, "");
}

static void
a_401_of_the_upstream(void **state)
{
    struct credential *credential = authority.credentials.item[0];
    struct message_finished finished = {
        .upstream_status = 401, .credential = BYTES("openai"), .duration_ms = 5};
    BUFFER_AUTO body;

    (void)state;
    ask(0, 1);
    peer_settle(authority.base);
    answer(GOOD);
    clock_pass(&authority.clock, 10);
    buffer_init(&body, 1024);
    message_finished_tx(&finished, &body);
    channel_send(proxy[0].channel, MESSAGE_FINISHED, 0, buffer_bytes(&body));
    peer_settle(authority.base);
    assert_int_equal(credential->health.refused, 1);
    assert_null(credential->access->token);
    json_t *status = fixture_do(&authority, "{\"command\": \"status\"}");
    const json_t *refused = json_array_get(json_object_get(status, "keys_refused"), 0);
    assert_string_equal(json_string_value(json_object_get(refused, "name")), "openai");
    json_decref(status);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(failures_are_remembered),
        TEST(settings_that_change_meanwhile),
        TEST(no_proxy_that_carries),
        TEST(answers_that_nobody_asked_for),
        TEST(one_exchange_for_all),
        TEST(what_was_revoked_meanwhile),
        TEST(uses_are_taken_once),
        TEST(a_proxy_that_dies),
        TEST(all_of_them_die),
        TEST(it_is_refreshed_while_it_serves),
        TEST(a_new_refresh_token_is_stored_first),
        TEST(one_that_cannot_be_stored),
        TEST(rotated_while_it_ran),
        TEST(disabled_while_it_ran),
        TEST(removed_while_it_ran),
        TEST(a_401_of_the_upstream),
    };
    admin_init();
    return cmocka_run_group_tests_name("exchange", tests, NULL, NULL);
}
