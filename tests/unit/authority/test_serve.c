/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy_peer.h"

#include <openssl/evp.h>
#include <openssl/x509v3.h>
#include <signal.h>
#include <sys/resource.h>

static struct authority authority;
static struct peer proxy, supervisor;

static int
setup(void **state)
{
    int ends[2], up[2];
    struct fault fault = {0};

    if (fixture_setup(state))
        return -1;
    (void)signal(SIGXFSZ, SIG_IGN);
    fixture_create();
    fixture_open(&authority);
    fixture_add_openai(&authority);
    authority.base = peer_base();
    if (channel_pair(ends, &fault) || channel_pair(up, &fault))
        return -1;
    const struct channel_options options = {
        .base = authority.base, .self = ROLE_AUTHORITY, .peer = ROLE_SUPERVISOR};
    if (channel_new(up[0], &options, &authority.supervisor, &fault) ||
        serve_proxy_add(&authority, ends[0], 4711, &fault))
        return -1;
    peer_open(&supervisor, authority.base, up[1], ROLE_SUPERVISOR);
    peer_open(&proxy, authority.base, ends[1], ROLE_PROXY);
    return 0;
}

static int
teardown(void **state)
{
    peer_close(&proxy);
    peer_close(&supervisor);
    serve_proxies_close(&authority);
    channel_free(&authority.supervisor);
    event_base_free(authority.base);
    authority_close(&authority);
    return fixture_teardown(state);
}

static void
send_decide(uint64_t id, const struct message_decide *request)
{
    BUFFER_AUTO body;

    buffer_init(&body, 131072);
    message_decide_tx(request, &body);
    assert_false(body.failed);
    channel_send(proxy.channel, MESSAGE_DECIDE, id, buffer_bytes(&body));
}

static struct message_decision
decision_of(const struct peer_message *message)
{
    struct message_decision decision = {0};

    assert_non_null(message);
    assert_int_equal(message->type, MESSAGE_DECISION);
    assert_int_equal(message_decision_rx(buffer_bytes(&message->body), &decision), KH_OK);
    return decision;
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

static void
bad_bodies_end_the_channel(void **state)
{
    static const enum message_type types[] = {MESSAGE_DECIDE,    MESSAGE_FINISHED,
                                              MESSAGE_LEAF_ASK,  MESSAGE_REVOKE_ASK,
                                              MESSAGE_LOGIN_ASK, MESSAGE_SEAL_TOKEN};

    (void)state;
    for (size_t i = 0; i < 6; i++) {
        int ends[2];
        assert_ok(channel_pair(ends, fault));
        peer_close(&proxy);
        peer_settle(authority.base);
        assert_int_equal(authority.proxy_count, 0);
        peer_forget(&supervisor);
        assert_ok(serve_proxy_add(&authority, ends[0], 100 + i, fault));
        peer_open(&proxy, authority.base, ends[1], ROLE_PROXY);
        channel_send(proxy.channel, types[i], 1, BYTES("rubbish"));
        peer_settle(authority.base);
        assert_true(proxy.closed);
        assert_int_equal(authority.proxy_count, 0);
        const struct peer_message *fault = peer_last(&supervisor, MESSAGE_PEER_FAULT);
        assert_non_null(fault);
        assert_int_equal(fault->id, 100 + i);
    }
}

static void
a_proxy_that_ends_is_no_fault(void **state)
{
    (void)state;
    peer_close(&proxy);
    peer_settle(authority.base);
    assert_int_equal(authority.proxy_count, 0);
    assert_null(peer_last(&supervisor, MESSAGE_PEER_FAULT));
}

static void
routes_come_first(void **state)
{
    struct route route;

    (void)state;
    peer_settle(authority.base);
    assert_int_equal(proxy.count, 3);
    assert_int_equal(proxy.message[0].type, MESSAGE_ROUTES_BEGIN);
    assert_int_equal(proxy.message[1].type, MESSAGE_ROUTE);
    assert_int_equal(proxy.message[2].type, MESSAGE_ROUTES_END);
    assert_int_equal(message_route_rx(buffer_bytes(&proxy.message[1].body), &route), KH_OK);
    assert_true(bytes_is(route.credential, "openai"));
    assert_true(route.enabled);
    struct bytes body = buffer_bytes(&proxy.message[1].body);
    assert_true(bytes_find(body, BYTES(FIXTURE_SECRET)) == body.n);
}

// threat 26
static void
decides_and_records_first(void **state)
{
    char *token = fixture_mint(&authority, "");
    struct message_decide request = peer_request(token);
    struct message_decision decision;
    char id[33];

    (void)state;
    send_decide(7, &request);
    request.host = BYTES("evil.example");
    send_decide(8, &request);
    peer_settle(authority.base);
    assert_int_equal(peer_count(&proxy, MESSAGE_DECISION), 2);
    decision = decision_of(&proxy.message[proxy.count - 2]);
    assert_int_equal(proxy.message[proxy.count - 2].id, 7);
    assert_true(decision.allow);
    assert_true(bytes_is(decision.edit[0].value, "Bearer " FIXTURE_SECRET));
    assert_true(bytes_to_hex(bytes_of(decision.request_id, 16), id, sizeof id));
    assert_int_equal(records(id), 1);
    decision = decision_of(&proxy.message[proxy.count - 1]);
    assert_int_equal(proxy.message[proxy.count - 1].id, 8);
    assert_false(decision.allow);
    assert_int_equal(decision.reason, KH_REASON_HOST_NOT_ALLOWED);
    assert_int_equal(authority.allowed, 1);
    assert_int_equal(authority.denied, 1);
    free(token);
}

static void
outcomes_are_recorded(void **state)
{
    struct message_finished finished = {.upstream_status = 201,
                                        .reason = KH_REASON_REVOKED,
                                        .cut = true,
                                        .bytes_up = 10,
                                        .bytes_down = 20,
                                        .duration_ms = 30};
    BUFFER_AUTO body;

    (void)state;
    buffer_init(&body, 1024);
    memset(finished.request_id, 0xab, sizeof finished.request_id);
    message_finished_tx(&finished, &body);
    channel_send(proxy.channel, MESSAGE_FINISHED, 0, buffer_bytes(&body));
    peer_settle(authority.base);
    assert_int_equal(records("\"kind\":\"outcome\",\"id\":\"abababababababababababababababab\","
                             "\"reason\":\"revoked\""),
                     1);
    assert_int_equal(records("\"status\":201,\"bytes_up\":10,\"bytes_down\":20,\"duration_ms\":30"),
                     1);
}

// Time goes by between batches, and does not stand still after one that broke the rules.
// threat 14
static void
each_batch_has_its_own_time(void **state)
{
    char *token = fixture_mint(&authority, "");
    struct message_decide request = peer_request(token);

    (void)state;
    send_decide(1, &request);
    peer_settle(authority.base);
    assert_true(decision_of(peer_last(&proxy, MESSAGE_DECISION)).allow);
    clock_pass(&authority.clock, INT64_C(3650) * 24 * 3600 * 1000);
    send_decide(2, &request);
    peer_settle(authority.base);
    assert_int_equal(decision_of(peer_last(&proxy, MESSAGE_DECISION)).reason, KH_REASON_EXPIRED);
    send_decide(3, &request);
    channel_send(proxy.channel, MESSAGE_DECIDE, 4, BYTES("rubbish"));
    peer_settle(authority.base);
    assert_true(proxy.closed);
    assert_false(authority.clock.held);
    free(token);
}

// The log cannot be written: what would have been allowed is denied, and works again afterwards.
// threat 26
static void
no_record_no_allow(void **state)
{
    char *token = fixture_mint(&authority, "");
    struct message_decide request = peer_request(token);
    struct rlimit limit, old;
    struct buffer log;

    (void)state;
    peer_settle(authority.base);
    size_t size = fixture_read(fixture_path("state/audit.log"), &log).n;
    buffer_free(&log);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    limit = old;
    limit.rlim_cur = size + 100;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    send_decide(1, &request);
    request.refused = KH_REASON_PATH_AMBIGUOUS;
    send_decide(2, &request);
    request.refused = KH_REASON_UNSET;
    send_decide(3, &request);
    peer_settle(authority.base);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_int_equal(peer_count(&proxy, MESSAGE_DECISION), 3);
    for (size_t i = 0; i < 3; i++) {
        const struct peer_message *message = &proxy.message[proxy.count - 3 + i];
        struct message_decision decision = decision_of(message);
        assert_int_equal(message->id, i + 1);
        assert_false(decision.allow);
        assert_int_equal(decision.reason,
                         i == 1 ? KH_REASON_PATH_AMBIGUOUS : KH_REASON_BROKER_UNAVAILABLE);
        struct bytes body = buffer_bytes(&message->body);
        assert_true(bytes_find(body, BYTES(FIXTURE_SECRET)) == body.n);
    }
    assert_int_equal(authority.allowed, 0);
    assert_int_equal(fixture_read(fixture_path("state/audit.log"), &log).n, size);
    buffer_free(&log);

    send_decide(4, &request);
    peer_settle(authority.base);
    assert_true(decision_of(peer_last(&proxy, MESSAGE_DECISION)).allow);
    free(token);
}

// ---- certificates ----

static struct message_leaf
ask_leaf(const char *host)
{
    struct message_leaf leaf = {0};
    uint8_t der[256], *p = der;
    EVP_PKEY *key = EVP_EC_gen("P-256");
    struct message_leaf_ask ask = {.host = bytes_str(host)};
    BUFFER_AUTO body;

    buffer_init(&body, 2048);
    ask.public_key = bytes_of(der, (size_t)i2d_PUBKEY(key, &p));
    EVP_PKEY_free(key);
    message_leaf_ask_tx(&ask, &body);
    channel_send(proxy.channel, MESSAGE_LEAF_ASK, 9, buffer_bytes(&body));
    peer_settle(authority.base);
    const struct peer_message *message = peer_last(&proxy, MESSAGE_LEAF);
    assert_non_null(message);
    assert_int_equal(message_leaf_rx(buffer_bytes(&message->body), &leaf), KH_OK);
    return leaf;
}

static void
leaves_for_our_hosts_alone(void **state)
{
    static const char *const refused[] = {"evil.example",    "openai.com",       "API.openai.com",
                                          "api.openai.com.", "x.api.openai.com", "10.0.0.1"};

    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        struct message_leaf leaf = ask_leaf(refused[i]);
        assert_false(leaf.issued);
        assert_int_equal(leaf.cert.n, 0);
    }
    struct message_leaf leaf = ask_leaf("api.openai.com");
    assert_true(leaf.issued);
    assert_int_equal(leaf.expires_at, FIXTURE_NOW + LOCAL_CA_LEAF_DAYS * 86400);
    const uint8_t *p = leaf.cert.p;
    X509 *x = d2i_X509(NULL, &p, (long)leaf.cert.n);
    assert_int_equal(X509_check_host(x, "api.openai.com", 0, 0, NULL), 1);
    X509_free(x);
    assert_true(ask_leaf("localhost").issued);
    json_decref(
        fixture_do(&authority, "{\"command\": \"credential.disable\", \"name\": \"openai\"}"));
    assert_false(ask_leaf("api.openai.com").issued);
}

static void
a_key_that_is_none_is_a_fault(void **state)
{
    struct message_leaf_ask ask = {.host = BYTES("api.openai.com"), .public_key = BYTES("x")};
    BUFFER_AUTO body;

    (void)state;
    buffer_init(&body, 2048);
    message_leaf_ask_tx(&ask, &body);
    channel_send(proxy.channel, MESSAGE_LEAF_ASK, 9, buffer_bytes(&body));
    peer_settle(authority.base);
    assert_true(proxy.closed);
    assert_non_null(peer_last(&supervisor, MESSAGE_PEER_FAULT));
}

// ---- login ----

static struct message_login_done
login(uint64_t id, const char *user)
{
    struct message_login_ask ask = {.user = bytes_str(user),
                                    .credential = {BYTES("openai")},
                                    .credential_count = 1,
                                    .client = BYTES("127.0.0.1")};
    struct message_login_done done = {0};
    BUFFER_AUTO body;

    buffer_init(&body, 16384);
    message_login_ask_tx(&ask, &body);
    channel_send(proxy.channel, MESSAGE_LOGIN_ASK, id, buffer_bytes(&body));
    peer_settle(authority.base);
    const struct peer_message *message = peer_last(&proxy, MESSAGE_LOGIN_DONE);
    assert_non_null(message);
    assert_int_equal(message->id, id);
    assert_int_equal(message_login_done_rx(buffer_bytes(&message->body), &done), KH_OK);
    return done;
}

static void
logins(void **state)
{
    (void)state;
    assert_int_equal(login(1, "alice").reason, KH_REASON_NO_DISCHARGER);
    fixture_dischargers(&authority);
    struct message_login_done done = login(2, "alice");
    assert_true(done.minted);
    assert_true(bytes_starts(done.token, BYTES(TOKEN_MARK)));
    assert_int_equal(records("\"kind\":\"login\""), 1);
    assert_int_equal(login(3, "a b").reason, KH_REASON_LOGIN_MALFORMED);
    for (uint64_t id = 4; id <= 10; id++)
        assert_true(login(id, "alice").minted);
    done = login(11, "alice");
    assert_int_equal(done.reason, KH_REASON_LOGIN_TOO_OFTEN);
    assert_true(done.retry_after_s > 0);
}

// ---- a holder ends its own token ----

static void
revoked_by_its_holder(void **state)
{
    char *token = fixture_mint(&authority, "");
    struct message_decide request = peer_request(token);
    struct message_revoke_ask ask = {.token = bytes_str(token), .client = BYTES("127.0.0.1")};
    struct message_revoke_done done;
    BUFFER_AUTO body;

    (void)state;
    buffer_init(&body, 16384);
    message_revoke_ask_tx(&ask, &body);
    send_decide(1, &request);
    channel_send(proxy.channel, MESSAGE_REVOKE_ASK, 2, buffer_bytes(&body));
    send_decide(3, &request);
    peer_settle(authority.base);
    const struct peer_message *message = peer_last(&proxy, MESSAGE_REVOKE_DONE);
    assert_non_null(message);
    assert_int_equal(message->id, 2);
    assert_int_equal(message_revoke_done_rx(buffer_bytes(&message->body), &done), KH_OK);
    assert_true(done.revoked);
    // One before and one after it, in one datagram.
    assert_int_equal(peer_count(&proxy, MESSAGE_DECISION), 2);
    assert_int_equal(decision_of(peer_last(&proxy, MESSAGE_DECISION)).reason, KH_REASON_REVOKED);
    assert_int_equal(authority.allowed, 1);
    assert_int_equal(peer_count(&proxy, MESSAGE_REJUDGE), 1);
    assert_int_equal(records("\"kind\":\"revoke\""), 1);
    free(token);
}

static void
many_proxies(void **state)
{
    static struct peer more[8];

    (void)state;
    for (size_t i = 0; i < 8; i++) {
        int ends[2];
        assert_ok(channel_pair(ends, fault));
        assert_ok(serve_proxy_add(&authority, ends[0], i, fault));
        peer_open(&more[i], authority.base, ends[1], ROLE_PROXY);
    }
    peer_settle(authority.base);
    json_decref(
        fixture_do(&authority, "{\"command\": \"credential.disable\", \"name\": \"openai\"}"));
    peer_settle(authority.base);
    for (size_t i = 0; i < 8; i++) {
        assert_int_equal(peer_count(&more[i], MESSAGE_ROUTES_END), 2);
        assert_int_equal(peer_count(&more[i], MESSAGE_REJUDGE), 1);
        struct route route;
        const struct peer_message *last = peer_last(&more[i], MESSAGE_ROUTE);
        assert_int_equal(message_route_rx(buffer_bytes(&last->body), &route), KH_OK);
        assert_false(route.enabled);
        peer_close(&more[i]);
    }
    peer_settle(authority.base);
    assert_int_equal(authority.proxy_count, 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(bad_bodies_end_the_channel, setup, teardown),
        cmocka_unit_test_setup_teardown(a_proxy_that_ends_is_no_fault, setup, teardown),
        cmocka_unit_test_setup_teardown(routes_come_first, setup, teardown),
        cmocka_unit_test_setup_teardown(decides_and_records_first, setup, teardown),
        cmocka_unit_test_setup_teardown(outcomes_are_recorded, setup, teardown),
        cmocka_unit_test_setup_teardown(each_batch_has_its_own_time, setup, teardown),
        cmocka_unit_test_setup_teardown(no_record_no_allow, setup, teardown),
        cmocka_unit_test_setup_teardown(leaves_for_our_hosts_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(a_key_that_is_none_is_a_fault, setup, teardown),
        cmocka_unit_test_setup_teardown(revoked_by_its_holder, setup, teardown),
        cmocka_unit_test_setup_teardown(logins, setup, teardown),
        cmocka_unit_test_setup_teardown(many_proxies, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
