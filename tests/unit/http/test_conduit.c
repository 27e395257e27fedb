/* SPDX-License-Identifier: Apache-2.0 */
/* A stream on the loop: limits, what it waits for, and that nothing is left in its memory. */
#include "http_test.h"

#include <netinet/in.h>

#include "../../../broker/http/conduit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

static struct event_base *base;
static struct conduit conduit;
static int peer;
static int calls;

static void
ready(void *owner)
{
    assert_ptr_equal(owner, &conduit);
    calls++;
}

static int
setup(void **state)
{
    int pair[2];
    (void)state;
    base = event_base_new();
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    assert_int_equal(fcntl(pair[0], F_SETFL, O_NONBLOCK), 0);
    peer = pair[1];
    calls = 0;
    assert_int_equal(conduit_open(&conduit, base, pair[0], ready, &conduit), KH_OK);
    return 0;
}

static int
teardown(void **state)
{
    (void)state;
    conduit_close(&conduit, true);
    conduit_close(&conduit, true); // no more than once
    if (peer >= 0)
        close(peer);
    event_base_free(base);
    return 0;
}

static void
turn(void)
{
    event_base_loop(base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
}

static void
test_reads_up_to_the_limit(void **state)
{
    static char data[60000];
    (void)state;
    memset(data, 'x', sizeof data);
    assert_int_equal(send(peer, data, sizeof data, 0), sizeof data);
    conduit_arm(&conduit, true);
    turn();
    assert_int_equal(calls, 1);
    conduit_fill(&conduit, 10000);
    assert_int_equal(conduit.in.n, 10000);
    assert_true(conduit_moved(&conduit));
    assert_false(conduit_moved(&conduit));
    conduit_fill(&conduit, 10000); // full
    assert_int_equal(conduit.in.n, 10000);
    conduit_consume(&conduit, 0);
    assert_false(conduit_moved(&conduit));
    conduit_consume(&conduit, 10000);
    assert_true(conduit_moved(&conduit));   // there is room for more: one more round
    conduit_fill(&conduit, CONDUIT_IN_MAX); // without another event
    assert_int_equal(conduit.in.n, 50000);
    assert_int_equal(conduit.ended, STREAM_OK);
}

static void
test_unwanted_bytes_do_not_spin(void **state)
{
    (void)state;
    conduit_arm(&conduit, true);
    conduit_arm(&conduit, false);
    assert_int_equal(send(peer, "x", 1, 0), 1);
    for (int i = 0; i < 5; i++)
        turn();
    assert_int_equal(calls, 1); // told once, then not again
    conduit_arm(&conduit, true);
    turn();
    assert_int_equal(calls, 2);
    conduit_fill(&conduit, 10);
    assert_int_equal(conduit.in.n, 1);
}

static void
test_bytes_without_room_do_not_spin(void **state)
{
    static char data[20000];
    (void)state;
    memset(data, 'x', sizeof data);
    assert_int_equal(send(peer, data, sizeof data, 0), sizeof data);
    conduit_arm(&conduit, true);
    for (int i = 0; i < 5; i++) {
        turn();
        conduit_fill(&conduit, 10000);
        conduit_arm(&conduit, true);
    }
    assert_int_equal(conduit.in.n, 10000);
    assert_true(calls <= 2); // for what was read, and once for what was not
    calls = 0;
    conduit_consume(&conduit, 1);
    conduit_arm(&conduit, true); // there is room again
    turn();
    assert_int_equal(calls, 1);
}

static void
test_ends(void **state)
{
    (void)state;
    assert_int_equal(send(peer, "last", 4, 0), 4);
    close(peer);
    peer = -1;
    conduit.readable = true;
    conduit_fill(&conduit, 100);
    conduit.readable = true;
    conduit_fill(&conduit, 100);
    assert_int_equal(conduit.in.n, 4); // what came before the end is there
    assert_int_equal(conduit.ended, STREAM_END);
}

static void
test_writes_as_far_as_it_goes(void **state)
{
    static char data[CONDUIT_OUT_MAX - 1];
    size_t got = 0;
    (void)state;
    memset(data, 'y', sizeof data);
    buffer_put(&conduit.out, bytes_of(data, sizeof data));
    conduit_flush(&conduit);
    assert_true(conduit.out.n > 0);
    assert_true(conduit.out.n < sizeof data);
    conduit_arm(&conduit, false);
    while (got < sizeof data) {
        static char back[65536];
        ssize_t n = recv(peer, back, sizeof back, 0);
        assert_true(n > 0);
        got += (size_t)n;
        int before = calls;
        turn();
        if (calls > before) // writable again
            conduit_flush(&conduit);
        conduit_arm(&conduit, false);
    }
    assert_int_equal(conduit.out.n, 0);
    int before = calls;
    turn();
    assert_int_equal(calls, before); // nothing to write: not woken for it
}

static void
test_a_failed_write_drops_the_rest(void **state)
{
    (void)state;
    close(peer);
    peer = -1;
    buffer_put_str(&conduit.out, "secret");
    conduit_flush(&conduit);
    assert_true(conduit.write_failed);
    assert_int_equal(conduit.out.n, 0);
    assert_null(conduit.out.p);
}

static void
test_more_than_fits_is_a_failure_and_not_a_part(void **state)
{
    static char data[CONDUIT_OUT_MAX + 1];
    char byte;
    (void)state;
    buffer_put_str(&conduit.out, "begin");
    buffer_put(&conduit.out, bytes_of(data, sizeof data));
    conduit_flush(&conduit);
    assert_true(conduit.write_failed);
    assert_int_equal(recv(peer, &byte, 1, MSG_DONTWAIT), -1);
}

static void
test_forgets(void **state)
{
    (void)state;
    buffer_put_str(&conduit.in, "key=sk-secret GET");
    conduit_consume(&conduit, 14);
    assert_null(memmem(conduit.in.p, conduit.in.cap, "secret", 6));
    conduit_forget(&conduit);
    assert_text(buffer_bytes(&conduit.in), "GET");
    conduit_consume(&conduit, 3);
    conduit_forget(&conduit);
    assert_null(conduit.in.p);
    assert_null(conduit.out.p);
    assert_true(conduit.in.secret && conduit.out.secret);
}

static void
expect_received(struct bytes expected)
{
    static uint8_t got[CONDUIT_OUT_MAX];
    size_t n = 0;
    while (n < expected.n) {
        ssize_t r = recv(peer, got + n, sizeof got - n, MSG_DONTWAIT);
        if (r < 0) {
            assert_true(errno == EAGAIN);
            size_t waiting = conduit.out.n;
            conduit_flush(&conduit);
            assert_true(conduit.out.n < waiting); // something is still to come
            continue;
        }
        n += (size_t)r;
    }
    assert_int_equal(n, expected.n);
    assert_memory_equal(got, expected.p, n);
    assert_int_equal(recv(peer, got, sizeof got, MSG_DONTWAIT), -1);
    assert_int_equal(conduit.out.n, 0);
}

// Bytes go in order, however much of them the peer takes, and much of it goes at once.
static void
test_passes(void **state)
{
    static uint8_t data[300000];
    static const size_t size[] = {1, 8191, 8192, 65536, sizeof data};
    (void)state;
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i * 7 + i / 251);
    for (size_t i = 0; i < sizeof size / sizeof *size; i++) {
        struct buffer expected;
        buffer_init(&expected, 2 * sizeof data);
        struct bytes piece = bytes_of(data, size[i]);
        buffer_put_str(&conduit.out, "head");
        conduit_pass(&conduit, piece, BYTES("tail"));
        if (size[i] < 8192)
            assert_int_equal(conduit.out.n, size[i] + 8); // waits for its flush
        else
            assert_true(conduit.moved && conduit.out.n < size[i]);
        conduit_pass(&conduit, BYTES_EMPTY, BYTES("end"));
        buffer_put_str(&expected, "head");
        buffer_put(&expected, piece);
        buffer_put_str(&expected, "tailend");
        conduit_flush(&conduit);
        expect_received(buffer_bytes(&expected));
        buffer_free(&expected);
    }
}

// What the peer does not take stays bounded, and a peer that is gone shows.
static void
test_passing_fails(void **state)
{
    static uint8_t data[CONDUIT_OUT_HIGH];
    (void)state;
    for (int i = 0; i < 100 && !conduit.out.failed; i++)
        conduit_pass(&conduit, bytes_of(data, sizeof data), BYTES_EMPTY);
    assert_true(conduit.out.failed); // whoever does not look at `out` before
    conduit_flush(&conduit);
    assert_true(conduit.write_failed);
    conduit_close(&conduit, false);
    conduit_pass(&conduit, bytes_of(data, sizeof data), BYTES("x")); // to nobody
    buffer_free(&conduit.out);
    assert_int_equal(teardown(state), 0);
    assert_int_equal(setup(state), 0);
    close(peer);
    peer = -1;
    conduit_pass(&conduit, bytes_of(data, sizeof data), BYTES_EMPTY);
    assert_true(conduit.write_failed);
}

// Between two messages memory is kept, clean, and not by too many.
static void
test_rests(void **state)
{
    static struct conduit others[CONDUIT_REST_MAX];
    struct conduit_rest rest = {0};
    static const uint8_t zero[17];
    int pair[2];
    (void)state;
    buffer_put_str(&conduit.in, "key=sk-secret GET");
    conduit_consume(&conduit, 17);
    conduit_rest(&rest, &conduit);
    assert_memory_equal(conduit.in.p, zero, 17);
    conduit_rest(&rest, &conduit); // counts once
    assert_int_equal(rest.count, 1);
    for (int i = 0; i < CONDUIT_REST_MAX; i++) {
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
        close(pair[1]);
        assert_int_equal(conduit_open(&others[i], base, pair[0], ready, &others[i]), KH_OK);
        assert_non_null(buffer_room(&others[i].in, i == 1 ? CONDUIT_REST_SIZE + 1 : 1));
        buffer_put_str(&others[i].out, "kept");
        assert_non_null(conduit.in.p);
        conduit_rest(&rest, &others[i]);
    }
    assert_null(conduit.in.p); // it rests longest
    assert_null(conduit.rest);
    assert_int_equal(rest.count, CONDUIT_REST_MAX);
    assert_non_null(others[0].in.p);
    assert_null(others[1].in.p); // it was large
    assert_text(buffer_bytes(&others[1].out), "kept");

    // Whoever is awake is left alone.
    conduit_wake(&others[0]);
    conduit_wake(&others[0]);
    assert_int_equal(rest.count, CONDUIT_REST_MAX - 1);
    buffer_put_str(&conduit.in, "x");
    conduit_consume(&conduit, 1);
    conduit_rest(&rest, &conduit);
    assert_int_equal(rest.count, CONDUIT_REST_MAX);
    assert_non_null(others[0].in.p);
    for (int i = 0; i < CONDUIT_REST_MAX; i++)
        conduit_close(&others[i], true);
    assert_int_equal(rest.count, 1);
    conduit_close(&conduit, true);
    assert_int_equal(rest.count, 0);
}

static void
test_a_long_message_is_wiped_at_its_end(void **state)
{
    struct conduit_rest rest = {0};
    (void)state;
    for (int secret = 0; secret < 2; secret++) {
        conduit_expect_bulk(&conduit, secret);
        buffer_put_str(&conduit.in, "a part of it");
        conduit_consume(&conduit, 2);
        assert_text(buffer_bytes(&conduit.in), "part of it");
        conduit_consume(&conduit, 10);
        assert_int_equal(conduit.in.n, 0);
        assert_int_equal(conduit.in.mark, secret ? 0 : 12); // what is still to be wiped
        conduit_rest(&rest, &conduit);
        assert_int_equal(conduit.in.mark, 0);
        buffer_put_str(&conduit.in, "the next message");
        conduit_consume(&conduit, 16);
        assert_int_equal(conduit.in.mark, 0);
        conduit_rest(&rest, &conduit);
    }
}

static void
test_again(void **state)
{
    (void)state;
    conduit_again(&conduit);
    conduit_again(&conduit);
    assert_int_equal(calls, 0); // not from within
    turn();
    assert_int_equal(calls, 1);
    turn();
    assert_int_equal(calls, 1);
}

static void
test_what_can_accept(void **state)
{
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), pair[2];
    (void)state;
    assert_true(fd >= 0);
    assert_false(conduit_can_accept(-1));
    assert_false(conduit_can_accept(0));
    assert_false(conduit_can_accept(fd));
    assert_int_equal(bind(fd, (struct sockaddr *)&any, sizeof any), 0);
    assert_int_equal(listen(fd, 1), 0);
    assert_true(conduit_can_accept(fd));
    close(fd);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    assert_false(conduit_can_accept(pair[0]));
    close(pair[0]);
    close(pair[1]);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_reads_up_to_the_limit),
        TEST(test_unwanted_bytes_do_not_spin),
        TEST(test_bytes_without_room_do_not_spin),
        TEST(test_ends),
        TEST(test_writes_as_far_as_it_goes),
        TEST(test_a_failed_write_drops_the_rest),
        TEST(test_more_than_fits_is_a_failure_and_not_a_part),
        TEST(test_forgets),
        TEST(test_passes),
        TEST(test_passing_fails),
        TEST(test_rests),
        TEST(test_a_long_message_is_wiped_at_its_end),
        TEST(test_again),
        cmocka_unit_test(test_what_can_accept),
    };
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
