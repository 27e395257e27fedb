/* SPDX-License-Identifier: Apache-2.0 */
/* The proxy process as a whole: what it says to supervisor and authority, and what follows. */
#include "fixture.h"

static void
test_allowed_request_goes_up_with_the_key(void **state)
{
    struct world *w = world_plain();
    int client = connect_loopback(w->port);
    (void)state;
    send_text(client, GET_MODELS);
    const struct message_decide *decide = expect_decide(w);
    assert_int_equal(decide->way, WAY_BASE_URL);
    assert_true(bytes_is(decide->wanted, "api"));
    assert_true(bytes_is(decide->scheme, "http"));
    assert_true(bytes_is(decide->host, "api.test"));
    assert_int_equal(decide->port, 80);
    assert_true(bytes_is(decide->path, "/v1/models"));
    assert_true(bytes_is(decide->token, TOKEN));
    assert_int_equal(decide->slot.kind, SLOT_BEARER);
    assert_true(bytes_is(decide->client, "127.0.0.1"));
    allow(w);
    int up = accept_upstream(w);
    read_until(up, &sent_up, "\r\n\r\n");
    assert_contains(sent_up.p, "GET /v1/models HTTP/1.1\r\n");
    assert_contains(sent_up.p, "Bearer " SECRET);
    assert_lacks(sent_up.p, TOKEN);
    send_text(up, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Answer: yes\r\n\r\nhello");
    read_answer(client);
    assert_contains(received.p, "HTTP/1.1 200 OK\r\n");
    assert_contains(received.p, "Keyhole-Request-Id: 01020304");
    assert_contains(received.p, "X-Answer: yes");
    assert_contains(received.p, "\r\n\r\nhello");
    const struct message_finished *finished = expect_finished(w);
    assert_int_equal(finished->upstream_status, 200);
    assert_int_equal(finished->bytes_down, 5);
    assert_int_equal(finished->reason, KH_REASON_UNSET);
    assert_false(finished->cut);
    close(client);
    close(up);
    world_free(w);
}

// threat 6
static void
test_denied_request_goes_nowhere(void **state)
{
    struct world *w = world_plain();
    int client = connect_loopback(w->port);
    (void)state;
    send_text(client, GET_MODELS);
    expect_decide(w);
    deny(w, KH_REASON_CAVEAT_FAILED);
    read_answer(client);
    assert_contains(received.p, "HTTP/1.1 401 ");
    assert_contains(received.p, "application/problem+json");
    assert_contains(received.p, "caveat-failed");
    assert_contains(received.p, "as the test says");
    assert_contains(received.p, "Keyhole-Request-Id: 0900");
    // The connection is still good.
    send_text(client, GET_MODELS);
    expect_decide(w);
    deny(w, KH_REASON_REVOKED);
    read_answer(client);
    assert_contains(received.p, "revoked");
    assert_false(wait_readable(w->upstream, 0));
    close(client);
    world_free(w);
}

static void
test_new_routes_take_the_place_of_the_old(void **state)
{
    struct world *w = world_plain();
    int client = connect_loopback(w->port);
    const struct world_route route = {.credential = "new", .host = "new.test"};
    (void)state;
    send_frame(w->authority, MESSAGE_ROUTES_BEGIN, 0, BYTES_EMPTY, -1); // half a table is none
    send_text(client, GET_MODELS);
    expect_decide(w);
    send_routes(w, &route, 1);
    allow(w); // judged with the old table, and served with it
    int up = accept_upstream(w);
    read_until(up, &sent_up, "\r\n\r\n");
    assert_contains(sent_up.p, "host: api.test\r\n");
    send_text(up, "HTTP/1.1 204 No Content\r\n\r\n");
    read_answer(client);
    assert_contains(received.p, "HTTP/1.1 204 ");
    expect_finished(w);
    send_text(client, GET_MODELS);
    assert_int_equal(expect_decide(w)->refused, KH_REASON_CREDENTIAL_UNKNOWN);
    deny(w, KH_REASON_CREDENTIAL_UNKNOWN);
    read_answer(client);
    assert_contains(received.p, "credential-unknown");
    close(up);
    close(client);
    world_free(w);
}

static void
test_drain_finishes_what_runs(void **state)
{
    struct world *w = world_plain();
    int busy = connect_loopback(w->port), idle = connect_loopback(w->port);
    (void)state;
    send_text(idle, GET_MODELS);
    expect_decide(w);
    deny(w, KH_REASON_EXPIRED);
    read_answer(idle);
    send_text(busy, GET_MODELS);
    expect_decide(w);
    allow(w);
    int up = accept_upstream(w);
    read_until(up, &sent_up, "\r\n\r\n");
    send_frame(w->supervisor, MESSAGE_PROXY_DRAIN, 0, BYTES_EMPTY, -1);
    read_until(idle, &received, NULL); // the idle one is closed
    assert_int_equal(received.n, 0);
    send_text(up, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    read_until(busy, &received, NULL);
    assert_contains(received.p, "\r\n\r\nok");
    assert_contains(received.p, "Connection: close");
    assert_int_equal(expect_finished(w)->upstream_status, 200);
    close(up);
    close(busy);
    close(idle);
    world_free(w);
}

// It was accepted before, and its request came after: an answer, and not a closed door.
static void
test_drain_waits_for_a_first_request(void **state)
{
    struct world *w = world_plain();
    int fresh = connect_loopback(w->port), later = connect_loopback(w->port);
    (void)state;
    send_text(later, GET_MODELS);
    expect_decide(w);
    deny(w, KH_REASON_EXPIRED);
    read_answer(later); // accepted in order: so is the fresh one
    send_frame(w->supervisor, MESSAGE_PROXY_DRAIN, 0, BYTES_EMPTY, -1);
    read_until(later, &received, NULL); // it drains
    send_text(fresh, GET_MODELS);
    expect_decide(w);
    deny(w, KH_REASON_EXPIRED);
    read_until(fresh, &received, NULL);
    assert_contains(received.p, "HTTP/1.1 40");
    assert_contains(received.p, "Connection: close");
    close(fresh);
    close(later);
    world_free(w);
}

static void
short_drain(struct config *config)
{
    config->drain_timeout_ms = 10;
}

static void
test_drain_ends(void **state)
{
    const struct world_route route = {.credential = "api", .host = "api.test"};
    struct world *w = world_new(&route, 1, short_drain);
    int client = connect_loopback(w->port);
    (void)state;
    send_text(client, GET_MODELS);
    expect_decide(w); // never answered
    send_frame(w->supervisor, MESSAGE_PROXY_DRAIN, 0, BYTES_EMPTY, -1);
    read_to_reset(client, &received);
    assert_lacks(received.p, "200");
    close(client);
    world_free(w);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_allowed_request_goes_up_with_the_key),
        cmocka_unit_test(test_denied_request_goes_nowhere),
        cmocka_unit_test(test_new_routes_take_the_place_of_the_old),
        cmocka_unit_test(test_drain_finishes_what_runs),
        cmocka_unit_test(test_drain_waits_for_a_first_request),
        cmocka_unit_test(test_drain_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
