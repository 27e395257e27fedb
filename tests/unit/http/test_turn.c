/* SPDX-License-Identifier: Apache-2.0 */
/* A turn goes stage by stage: reading, serving, writing, each for all connections. */
#include "http_test.h"

#include "../../../broker/http/conduit.h"
#include "../../../broker/http/turn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

enum { COUNT = 3 };

struct place {
    struct conduit conduit;
    int peer;
    void (*work)(struct place *place);
};

static struct event_base *base;
static struct turn turn;
static struct place place[COUNT];
static struct buffer story; /* who was called, in order */

static void
ready(void *owner)
{
    struct place *p = owner;
    char name[] = {(char)('a' + (p - place)), '\0'};
    buffer_put_str(&story, name);
    if (p->work)
        p->work(p);
    else
        conduit_fill(&p->conduit, 100);
    conduit_arm(&p->conduit, true);
}

static int
setup(void **state)
{
    (void)state;
    signal(SIGPIPE, SIG_IGN);
    base = event_base_new();
    turn = (struct turn){0};
    turn_init(&turn);
    buffer_init(&story, 1000);
    for (int i = 0; i < COUNT; i++) {
        int pair[2];
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
        place[i] = (struct place){.peer = pair[1]};
        assert_int_equal(conduit_open(&place[i].conduit, base, pair[0], ready, &place[i]), KH_OK);
        conduit_join_turn(&place[i].conduit, &turn, i == 0 ? TURN_UP : TURN_DOWN);
        conduit_fill(&place[i].conduit, 100); // nothing yet, but up to there
        conduit_arm(&place[i].conduit, true);
    }
    return 0;
}

static int
teardown(void **state)
{
    (void)state;
    for (int i = 0; i < COUNT; i++) {
        conduit_close(&place[i].conduit, true);
        close(place[i].peer);
    }
    event_base_free(base);
    buffer_free(&story);
    return 0;
}

static void
say(int i, const char *text)
{
    assert_int_equal(send(place[i].peer, text, strlen(text), 0), strlen(text));
}

static bool
heard(int i, const char *text)
{
    char got[100] = "";
    ssize_t n = recv(place[i].peer, got, sizeof got - 1, MSG_DONTWAIT);
    return n == (ssize_t)strlen(text) && strcmp(got, text) == 0;
}

static void
events(void)
{
    event_base_loop(base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
}

static void
see_that_all_is_read(struct place *p)
{
    for (int i = 0; i < COUNT; i++)
        assert_int_equal(place[i].conduit.in.n, 5);
    p->work = NULL;
}

static void
test_all_is_read_before_anybody_is_served(void **state)
{
    (void)state;
    for (int i = 0; i < COUNT; i++) {
        say(i, "bytes");
        place[i].work = see_that_all_is_read;
    }
    events();
    assert_text(buffer_bytes(&story), ""); // they came, and that is all so far
    assert_true(turn_run(&turn));
    assert_text(buffer_bytes(&story), "bca"); // one kind after the other
    assert_true(turn_run(&turn));
    assert_int_equal(story.n, 3); // once
}

static void
answer_once(struct place *p)
{
    conduit_consume(&p->conduit, p->conduit.in.n);
    buffer_put_str(&p->conduit.out, "answer");
    conduit_flush(&p->conduit);
    conduit_flush(&p->conduit); // means no more than once
    for (int i = 0; i < COUNT; i++)
        assert_false(heard(i, "answer")); // not while somebody is served
    p->work = NULL;
}

static void
test_all_are_served_before_anything_is_written(void **state)
{
    (void)state;
    for (int i = 0; i < COUNT; i++) {
        say(i, "bytes");
        place[i].work = answer_once;
    }
    events();
    assert_true(turn_run(&turn));
    for (int i = 0; i < COUNT; i++) {
        assert_true(heard(i, "answer"));
        assert_int_equal(place[i].conduit.out.n, 0);
        assert_true(conduit_moved(&place[i].conduit));
        assert_false(place[i].conduit.write_armed);
    }
    assert_text(buffer_bytes(&story), "bcabca"); // and told that it is written
}

static void
close_another(struct place *p)
{
    conduit_close(&place[p == &place[1] ? 2 : 1].conduit, true);
}

static void
test_who_is_closed_is_not_called(void **state)
{
    (void)state;
    for (int i = 1; i < COUNT; i++) {
        say(i, "bytes");
        place[i].work = close_another;
    }
    events();
    assert_true(turn_run(&turn));
    assert_text(buffer_bytes(&story), "b");
}

static void
flush_and_close(struct place *p)
{
    buffer_put_str(&p->conduit.out, "lost");
    conduit_flush(&p->conduit);
    conduit_close(&p->conduit, false);
}

static void
test_what_is_flushed_and_closed_leaves_the_turn(void **state)
{
    (void)state;
    say(1, "bytes");
    place[1].work = flush_and_close;
    events();
    assert_true(turn_run(&turn));
    assert_false(heard(1, "lost"));
    assert_text(buffer_bytes(&story), "b");
}

// Whoever has always more to say does not keep the loop from the others.
static void
chatter(struct place *p)
{
    char back[100];
    while (recv(p->peer, back, sizeof back, MSG_DONTWAIT) > 0) {
    }
    buffer_put_str(&p->conduit.out, "more");
    conduit_flush(&p->conduit);
}

static void
test_a_turn_ends(void **state)
{
    (void)state;
    say(1, "bytes");
    place[1].work = chatter;
    events();
    assert_false(turn_run(&turn));
    size_t called = story.n;
    assert_in_range(called, 2, 100);
    assert_false(turn_run(&turn)); // it goes on there
    assert_true(story.n > called);
    place[1].work = NULL;
    assert_true(turn_run(&turn));
}

static void
keep_asking(struct place *p)
{
    conduit_flush(&p->conduit);
}

// A peer that takes nothing is waited for, and neither asked again nor spun on.
static void
test_a_full_peer(void **state)
{
    struct conduit *c = &place[1].conduit;
    static char text[4096];
    size_t put = 0, got = 0;
    (void)state;
    memset(text, 'x', sizeof text);
    place[1].work = keep_asking;
    while (!c->blocked) {
        buffer_put(&c->out, bytes_of(text, sizeof text));
        put += sizeof text;
        conduit_flush(c);
        assert_true(turn_run(&turn));
    }
    assert_true(c->out.n > 0 && c->write_armed);
    buffer_clear(&story);
    events();
    assert_true(turn_run(&turn));
    assert_text(buffer_bytes(&story), "");
    while (got < put) {
        static char back[65536];
        ssize_t n = recv(place[1].peer, back, sizeof back, MSG_DONTWAIT);
        assert_true(n > 0 || errno == EAGAIN);
        got += n > 0 ? (size_t)n : 0;
        events();
        assert_true(turn_run(&turn));
    }
    assert_int_equal(c->out.n, 0);
    assert_false(c->blocked || c->write_armed);
}

// Its owner went to sleep because the peer took no more. If it takes some in that moment, only the
// event may find out: whoever wrote it on the side would leave the owner asleep for good.
static void
test_a_full_peer_is_left_to_the_event(void **state)
{
    struct conduit *c = &place[1].conduit;
    static char text[CONDUIT_OUT_HIGH], back[65536];
    (void)state;
    for (int passed = 0; passed < 2; passed++) {
        while (!c->blocked) {
            if (passed)
                conduit_pass(c, bytes_of(text, sizeof text), BYTES("tail"));
            else
                buffer_put(&c->out, bytes_of(text, sizeof text));
            conduit_flush(c);
        }
        while (recv(place[1].peer, back, sizeof back, MSG_DONTWAIT) > 0) {
        }
        size_t left = c->out.n;
        conduit_flush(c);
        assert_int_equal(c->out.n, left);
        conduit_pass(c, bytes_of(text, sizeof text), BYTES_EMPTY);
        assert_int_equal(c->out.n, left + sizeof text);
        conduit_arm(c, true);
        buffer_clear(&story);
        place[1].work = keep_asking;
        while (c->out.n > 0) {
            events();
            assert_true(turn_run(&turn));
            while (recv(place[1].peer, back, sizeof back, MSG_DONTWAIT) > 0) {
            }
        }
        assert_int_equal(story.p[0], 'b');
    }
}

static void
test_a_peer_that_is_gone(void **state)
{
    (void)state;
    close(place[1].peer);
    buffer_put_str(&place[1].conduit.out, "secret");
    conduit_flush(&place[1].conduit);
    assert_true(turn_run(&turn));
    assert_true(place[1].conduit.write_failed);
    assert_null(place[1].conduit.out.p);
    assert_text(buffer_bytes(&story), "b"); // its owner learns it
    place[1].peer = dup(place[0].peer);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_all_is_read_before_anybody_is_served, setup, teardown),
        cmocka_unit_test_setup_teardown(test_all_are_served_before_anything_is_written, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_who_is_closed_is_not_called, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_is_flushed_and_closed_leaves_the_turn, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_a_turn_ends, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_full_peer, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_full_peer_is_left_to_the_event, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_peer_that_is_gone, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
