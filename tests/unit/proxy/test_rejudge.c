/* SPDX-License-Identifier: Apache-2.0 */
/* docs/THREATS.md, 19: what was revoked, or has ended, is cut while it runs. */
#include "fixture.h"

/* An answer that is on its way: its head is at the client. */
static int
begin_stream(struct world *w, int client, int64_t recheck_at)
{
    send_text(client, GET_MODELS);
    expect_decide(w);
    struct message_decision decision = allow_decision();
    decision.recheck_at = recheck_at;
    answer_decision(w, &decision);
    int up = accept_upstream(w);
    read_until(up, &sent_up, "\r\n\r\n");
    return up;
}

static void
show_head(int up, int client)
{
    send_text(up, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n");
    read_until(client, &received, "2\r\nhi\r\n");
}

static void
expect_cut(struct world *w, int up, int client)
{
    assert_true(read_to_reset(client, &received)); // no last chunk
    assert_int_equal(received.n, 0);
    read_to_reset(up, &sent_up);
    const struct message_finished *finished = expect_finished(w);
    assert_true(finished->cut);
    assert_int_equal(finished->request_id[0], 1);
    close(up);
    close(client);
}

// threat 19
static void
test_revoked_stream_is_cut(void **state)
{
    struct world *w = world_plain();
    int client = connect_loopback(w->port);
    (void)state;
    int up = begin_stream(w, client, INT64_MAX);
    show_head(up, client);
    send_frame(w->authority, MESSAGE_REJUDGE, 0, BYTES_EMPTY, -1);
    const struct message_decide *decide = expect_decide(w);
    assert_true(decide->rejudge);
    assert_int_equal(decide->request_id[0], 1); // a denial is on record under the answer's id
    assert_true(bytes_is(decide->token, TOKEN));
    assert_true(bytes_is(decide->path, "/v1/models"));
    deny(w, KH_REASON_REVOKED);
    expect_cut(w, up, client);
    world_free(w);
}

static void
test_allowed_again_goes_on(void **state)
{
    struct world *w = world_plain();
    int client = connect_loopback(w->port);
    (void)state;
    int up = begin_stream(w, client, INT64_MAX);
    show_head(up, client);
    for (int i = 0; i < 2; i++) {
        send_frame(w->authority, MESSAGE_REJUDGE, 0, BYTES_EMPTY, -1);
        assert_true(expect_decide(w)->rejudge);
        allow(w);
    }
    send_text(up, "0\r\n\r\n");
    read_until(client, &received, "0\r\n\r\n");
    assert_false(expect_finished(w)->cut);
    close(up);
    close(client);
    world_free(w);
}

static void
test_before_anything_was_answered_it_is_said_in_words(void **state)
{
    struct world *w = world_plain();
    int client = connect_loopback(w->port);
    (void)state;
    int up = begin_stream(w, client, INT64_MAX);
    send_frame(w->authority, MESSAGE_REJUDGE, 0, BYTES_EMPTY, -1);
    expect_decide(w);
    deny(w, KH_REASON_REVOKED);
    read_answer(client);
    assert_contains(received.p, "HTTP/1.1 401 ");
    assert_contains(received.p, "revoked");
    read_to_reset(up, &sent_up);
    assert_true(expect_finished(w)->cut);
    close(up);
    close(client);
    world_free(w);
}

static void
test_the_time_of_the_token(void **state)
{
    struct world *w = world_plain();
    int client = connect_loopback(w->port);
    (void)state;
    int up = begin_stream(w, client, 1); // long ago
    show_head(up, client);
    assert_true(expect_decide(w)->rejudge);
    deny(w, KH_REASON_EXPIRED);
    expect_cut(w, up, client);
    world_free(w);
}

static void
test_a_new_authority_judges_what_runs(void **state)
{
    struct world *w = world_plain();
    int client = connect_loopback(w->port);
    (void)state;
    int up = begin_stream(w, client, INT64_MAX);
    show_head(up, client);
    close(w->authority);
    send_authority_channel(w);
    assert_true(expect_decide(w)->rejudge);
    deny(w, KH_REASON_REVOKED);
    expect_cut(w, up, client);
    world_free(w);
}

static void
set_decide_timeout(struct world *w, int64_t ms)
{
    w->config.decide_timeout_ms = ms;
    send_config(w);
}

/* No answer is a denial. */
static void
test_no_answer_in_time(void **state)
{
    struct world *w = world_plain();
    int client = connect_loopback(w->port);
    (void)state;
    int up = begin_stream(w, client, 1);
    show_head(up, client);
    expect_decide(w);
    set_decide_timeout(w, 20);
    expect_cut(w, up, client);
    // The same without anybody to ask.
    set_decide_timeout(w, LIMIT_LONG_MS);
    client = connect_loopback(w->port);
    up = begin_stream(w, client, 1);
    show_head(up, client);
    close(w->authority);
    set_decide_timeout(w, 20);
    assert_true(read_to_reset(client, &received));
    close(up);
    close(client);
    send_authority_channel(w);
    world_free(w);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_revoked_stream_is_cut),
        cmocka_unit_test(test_allowed_again_goes_on),
        cmocka_unit_test(test_before_anything_was_answered_it_is_said_in_words),
        cmocka_unit_test(test_the_time_of_the_token),
        cmocka_unit_test(test_a_new_authority_judges_what_runs),
        cmocka_unit_test(test_no_answer_in_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
