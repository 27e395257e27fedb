/* SPDX-License-Identifier: Apache-2.0 */
/* Nothing goes upstream but after an allow that answers this very question. */
#include "fixture.h"

/* Ask until the proxy has taken up its authority: of two sockets nobody says which is read first.
 */
static void
ask_the_new_authority(struct world *w, int client)
{
    struct pollfd either[] = {{w->authority, POLLIN, 0}, {client, POLLIN, 0}};
    for (;;) {
        send_text(client, GET_MODELS);
        assert_true(poll(either, 2, PATIENCE_MS) > 0);
        if (either[1].revents == 0)
            return;
        read_answer(client);
        assert_contains(received.p, "broker-unavailable");
    }
}

// threat 13
static void
test_authority_dies_while_a_request_waits(void **state)
{
    struct world *w = world_plain();
    int client = connect_loopback(w->port);
    (void)state;
    send_text(client, GET_MODELS);
    expect_decide(w);
    close(w->authority);
    read_answer(client);
    assert_contains(received.p, "HTTP/1.1 503 ");
    assert_contains(received.p, "broker-unavailable");
    send_text(client, GET_MODELS); // nobody to ask
    read_answer(client);
    assert_contains(received.p, "broker-unavailable");
    assert_false(wait_readable(w->upstream, 0));
    // A new authority, and the same connection is served again.
    send_authority_channel(w);
    ask_the_new_authority(w, client);
    expect_decide(w);
    deny(w, KH_REASON_EXPIRED);
    read_answer(client);
    assert_contains(received.p, "expired");
    close(client);
    world_free(w);
}

/* An answer to a question of before, or to nobody's, moves nothing. */
static void
test_stray_and_broken_decisions(void **state)
{
    struct world *w = world_plain();
    int client = connect_loopback(w->port);
    (void)state;
    send_text(client, GET_MODELS);
    expect_decide(w);
    uint64_t question = w->question;
    w->question = question + 1;
    allow(w);
    w->question = question ^ UINT64_C(1) << 32;
    allow(w);
    w->question = question;
    deny(w, KH_REASON_REVOKED);
    allow(w); // the same question once more
    read_answer(client);
    assert_contains(received.p, "revoked");
    assert_false(wait_readable(w->upstream, 0));
    // What cannot be read ends the channel, and whoever waits hears so.
    send_text(client, GET_MODELS);
    expect_decide(w);
    send_frame(w->authority, MESSAGE_DECISION, w->question, BYTES("nonsense"), -1);
    read_answer(client);
    assert_contains(received.p, "broker-unavailable");
    close(client);
    // And the process: the authority may live, and only a new proxy gets a new channel to it.
    char none;
    assert_int_equal(recv(w->supervisor, &none, 1, 0), 0);
    world_free(w);
}

/* An allow for a route that is none of this destination's is no allow. */
static void
test_allow_for_another_credential(void **state)
{
    const struct world_route routes[] = {{.credential = "api", .host = "api.test"},
                                         {.credential = "other", .host = "other.test"}};
    struct world *w = world_new(routes, 2, NULL);
    int client = connect_loopback(w->port);
    (void)state;
    send_text(client, GET_MODELS);
    expect_decide(w);
    struct message_decision decision = allow_decision();
    decision.credential = BYTES("other");
    answer_decision(w, &decision);
    read_answer(client);
    assert_contains(received.p, "HTTP/1.1 500 ");
    assert_int_equal(expect_finished(w)->reason, KH_REASON_INTERNAL);
    assert_false(wait_readable(w->upstream, 0));
    close(client);
    world_free(w);
}

/* Edits that do not fit the request are no reason to send it without them. */
static void
test_edits_that_do_not_apply(void **state)
{
    static const struct edit broken[] = {
        {EDIT_HEADER_SET, BYTES("X Y"), BYTES("a")},
        {EDIT_HEADER_SET, BYTES("X-Y"), BYTES("a\r\nX-Z: b")},
        {EDIT_HEADER_SET, BYTES(""), BYTES("a")},
    };
    struct world *w = world_plain();
    int client = connect_loopback(w->port);
    (void)state;
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        send_text(client, GET_MODELS);
        expect_decide(w);
        struct message_decision decision = allow_decision();
        decision.edit[0] = broken[i];
        answer_decision(w, &decision);
        read_answer(client);
        assert_contains(received.p, "HTTP/1.1 500 ");
        assert_int_equal(expect_finished(w)->reason, KH_REASON_INTERNAL);
    }
    assert_false(wait_readable(w->upstream, 0));
    close(client);
    world_free(w);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_authority_dies_while_a_request_waits),
        cmocka_unit_test(test_stray_and_broken_decisions),
        cmocka_unit_test(test_allow_for_another_credential),
        cmocka_unit_test(test_edits_that_do_not_apply),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
