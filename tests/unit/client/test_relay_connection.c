/* SPDX-License-Identifier: Apache-2.0 */
/* One relayed connection: bytes both ways, ends, resets, the pace, many at once. */
#include "relay_test.h"

static const struct preface plain = {.kind = PREFACE_PROXY};
enum { MUCH = 24 << 20 };

struct pair {
    struct test_relay relay;
    uint16_t port;
    int broker, client, end;
};

static int
accept_behind_preface(int broker)
{
    uint8_t storage[PREFACE_MAX];
    int end = test_accept(broker);
    test_read_preface(end, storage, sizeof storage);
    return end;
}

static void
pair_open(struct pair *pair, bool unix_socket)
{
    struct fault fault = {.err = KH_OK};
    char address[64];
    uint16_t port;
    if (unix_socket) {
        unlink(test_path("sock"));
        pair->broker = test_listen_unix(test_path("sock"), 512);
        snprintf(address, sizeof address, "%s", test_path("sock"));
    } else {
        // A name with more than one address: ::1 refuses, and the next one is tried.
        pair->broker = test_listen_tcp(&port);
        snprintf(address, sizeof address, "http://localhost:%u", port);
    }
    assert_ok(test_relay_open(&pair->relay, address, NULL, &fault));
    assert_ok(relay_listen(pair->relay.relay, test_listen_tcp(&pair->port), &plain, &fault));
    test_relay_run(&pair->relay);
    pair->client = test_connect(pair->port);
    pair->end = accept_behind_preface(pair->broker);
}

static void
pair_close(struct pair *pair)
{
    test_relay_stop(&pair->relay);
    test_relay_close(&pair->relay);
    const int fds[] = {pair->broker, pair->client, pair->end};
    for (size_t i = 0; i < 3; i++)
        if (fds[i] >= 0)
            close(fds[i]);
}

static void
test_both_ways(void **state)
{
    (void)state;
    for (int unix_socket = 0; unix_socket < 2; unix_socket++) {
        struct pair pair;
        pair_open(&pair, unix_socket);
        for (unsigned i = 0; i < 100; i++) {
            test_send(pair.client, "ping", 4);
            test_expect(pair.end, "ping", 4);
            test_send(pair.end, "pong\n", 5);
            test_expect(pair.client, "pong\n", 5);
        }
        pair_close(&pair);
    }
}

static void
test_ends_are_passed_on_one_by_one(void **state)
{
    (void)state;
    for (int unix_socket = 0; unix_socket < 2; unix_socket++) {
        struct pair pair;
        pair_open(&pair, unix_socket);
        test_send(pair.client, "question", 8);
        shutdown(pair.client, SHUT_WR);
        test_expect(pair.end, "question", 8);
        test_expect_end(pair.end);
        test_send(pair.end, "answer", 6);
        test_expect(pair.client, "answer", 6);
        shutdown(pair.end, SHUT_WR);
        test_expect_end(pair.client);
        pair_close(&pair);

        pair_open(&pair, unix_socket);
        test_send(pair.end, "banner", 6);
        shutdown(pair.end, SHUT_WR);
        test_expect(pair.client, "banner", 6);
        test_expect_end(pair.client);
        test_send(pair.client, "still here", 10);
        test_expect(pair.end, "still here", 10);
        shutdown(pair.client, SHUT_WR);
        test_expect_end(pair.end);
        pair_close(&pair);
    }
}

static void
reset(int *fd)
{
    setsockopt(*fd, SOL_SOCKET, SO_LINGER, &(struct linger){.l_onoff = 1}, sizeof(struct linger));
    close(*fd);
    *fd = -1;
}

static void
test_a_reset_is_no_end(void **state)
{
    (void)state;
    struct pair pair;
    pair_open(&pair, false);
    test_send(pair.end, "half of", 7);
    test_expect(pair.client, "half of", 7);
    reset(&pair.end);
    test_expect_reset(pair.client);
    pair_close(&pair);

    pair_open(&pair, false);
    test_send(pair.client, "half of", 7);
    test_expect(pair.end, "half of", 7);
    reset(&pair.client);
    test_expect_reset(pair.end);
    pair_close(&pair);
}

// A refusal comes before the body was read: it is not lost because the broker takes no more.
static void
test_an_answer_before_the_end_of_the_request(void **state)
{
    (void)state;
    static const char block[65536];
    struct pair pair;
    pair_open(&pair, true);
    test_send(pair.end, "refused", 7);
    close(pair.end);
    pair.end = -1;
    for (unsigned i = 0; i < 64; i++)
        test_send(pair.client, block, sizeof block);
    test_expect(pair.client, "refused", 7);
    test_expect_end(pair.client);
    pair_close(&pair);
}

static uint8_t
pattern(size_t at)
{
    return (uint8_t)(at * 2654435761u >> 13);
}

// What goes into a pipe whose other end nobody reads, until it is full.
static size_t
fill(int fd)
{
    size_t sent = 0;
    uint8_t block[8192];
    // Full for good when a second goes by without room.
    struct timeval limit = {.tv_sec = 1};
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    while (sent < MUCH) {
        for (size_t i = 0; i < sizeof block; i++)
            block[i] = pattern(sent + i);
        ssize_t n = send(fd, block, sizeof block, MSG_NOSIGNAL);
        if (n < 0)
            break;
        sent += (size_t)n;
    }
    test_patient(fd);
    return sent;
}

static void
test_the_slower_side_sets_the_pace(void **state)
{
    (void)state;
    for (unsigned direction = 0; direction < 2; direction++) {
        struct pair pair;
        pair_open(&pair, true);
        int from = direction ? pair.end : pair.client, to = direction ? pair.client : pair.end;
        size_t sent = fill(from);
        if (sent >= MUCH)
            fail_msg("%zu bytes were taken and nobody read one", sent);
        shutdown(from, SHUT_WR);
        for (size_t at = 0; at < sent;) {
            uint8_t got[65536];
            ssize_t n = recv(to, got, sizeof got, 0);
            if (n <= 0)
                fail_msg("%zd after %zu of %zu bytes", n, at, sent);
            for (ssize_t i = 0; i < n; i++, at++)
                if (got[i] != pattern(at))
                    fail_msg("byte %zu is another one", at);
        }
        test_expect_end(to);
        pair_close(&pair);
    }
}

static void
test_many_at_once(void **state)
{
    (void)state;
    enum { MANY = 200 };
    int client[MANY], end[MANY];
    struct pair pair;
    pair_open(&pair, true);
    for (unsigned i = 0; i < MANY; i++)
        client[i] = test_connect(pair.port);
    for (unsigned i = 0; i < MANY; i++)
        test_send(client[i], &i, sizeof i);
    for (unsigned i = 0; i < MANY; i++) {
        unsigned which;
        end[i] = accept_behind_preface(pair.broker);
        assert_int_equal(recv(end[i], &which, sizeof which, MSG_WAITALL), sizeof which);
        assert_true(which < MANY);
        test_send(end[i], &which, sizeof which);
        close(end[i]);
    }
    for (unsigned i = 0; i < MANY; i++) {
        test_expect(client[i], &i, sizeof i);
        test_expect_end(client[i]);
        close(client[i]);
    }
    pair_close(&pair);
}

// A unix listener whose queue is full says EAGAIN, and nothing tells when there is room.
static void
test_a_broker_whose_queue_is_full(void **state)
{
    (void)state;
    enum { MANY = 12 };
    struct fault fault = {.err = KH_OK};
    struct test_relay relay;
    uint16_t port;
    int client[MANY];
    int broker = test_listen_unix(test_path("short-queue"), 1);
    assert_ok(test_relay_open(&relay, test_path("short-queue"), NULL, &fault));
    assert_ok(relay_listen(relay.relay, test_listen_tcp(&port), &plain, &fault));
    test_relay_run(&relay);
    for (unsigned i = 0; i < MANY; i++)
        client[i] = test_connect(port);
    for (unsigned i = 0; i < MANY; i++) {
        int end = accept_behind_preface(broker);
        test_send(end, "x", 1);
        close(end);
    }
    for (unsigned i = 0; i < MANY; i++) {
        test_expect(client[i], "x", 1);
        close(client[i]);
    }
    test_relay_stop(&relay);
    assert_int_equal(relay_lost(relay.relay), 0);
    test_relay_close(&relay);
    close(broker);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_ways),
        cmocka_unit_test(test_ends_are_passed_on_one_by_one),
        cmocka_unit_test(test_a_reset_is_no_end),
        cmocka_unit_test(test_an_answer_before_the_end_of_the_request),
        cmocka_unit_test(test_the_slower_side_sets_the_pace),
        cmocka_unit_test(test_many_at_once),
        cmocka_unit_test(test_a_broker_whose_queue_is_full),
    };
    return cmocka_run_group_tests(tests, directory_setup, directory_teardown);
}
