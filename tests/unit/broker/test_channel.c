/* SPDX-License-Identifier: Apache-2.0 */
/* The channel between two honest ends: batches, order, back pressure, descriptors, closing. */
#include "../../../broker/channel_internal.h"
#include "support.h"

#include <sys/socket.h>

enum { LOG_MAX = 4096 };

// One end with a diary of what it was told.
struct end {
    struct channel *channel;
    size_t count, batches, closed;
    uint64_t id[LOG_MAX];
    enum message_type type[LOG_MAX];
    size_t size[LOG_MAX];
    uint64_t digest; // of all bodies
    int fd;
    char why[160];
    bool free_in_handler, free_in_closed, refuse;
    size_t reply; // that many answers to each message
    size_t sent_before_batch_end;
};

static struct event_base *base;
static struct end proxy, authority, supervisor;

static bool
end_handle(struct channel *channel, void *context, const struct message *message)
{
    struct end *end = context;
    if (end->count < LOG_MAX) {
        end->id[end->count] = message->id;
        end->type[end->count] = message->type;
        end->size[end->count] = message->body.n;
    }
    end->count++;
    for (size_t i = 0; i < message->body.n; i++)
        end->digest = end->digest * 31 + message->body.p[i];
    if (message->fd >= 0)
        end->fd = message->fd;
    for (size_t i = 0; i < end->reply; i++)
        channel_send(channel, MESSAGE_DECISION, message->id, BYTES("answer"));
    if (end->free_in_handler)
        channel_free(&end->channel);
    return !end->refuse;
}

static void
end_batch(struct channel *channel, void *context)
{
    struct end *end = context;
    end->batches++;
    // Whatever the frames of this datagram queued must still be here: the audit log comes first.
    end->sent_before_batch_end += end->reply > 0 && channel->first == NULL ? 1 : 0;
}

static void
end_closed(struct channel *channel, void *context, const char *why)
{
    struct end *end = context;
    assert_ptr_equal(channel, end->channel);
    end->closed++;
    (void)snprintf(end->why, sizeof(end->why), "%s", why);
    if (end->free_in_closed)
        channel_free(&end->channel);
}

static const struct channel_handler to_authority[] = {
    {MESSAGE_DECIDE, end_handle}, {MESSAGE_FINISHED, end_handle}, {(enum message_type)0, NULL}};
static const struct channel_handler to_proxy[] = {{MESSAGE_DECISION, end_handle},
                                                  {MESSAGE_ROUTE, end_handle},
                                                  {MESSAGE_LISTENER, end_handle},
                                                  {MESSAGE_CONFIG, end_handle},
                                                  {(enum message_type)0, NULL}};
static const struct channel_handler to_supervisor[] = {{MESSAGE_PROXY_READY, end_handle},
                                                       {(enum message_type)0, NULL}};

static void
end_open(struct end *end, int fd, enum role self, enum role peer,
         const struct channel_handler *handler)
{
    struct fault fault = {0};
    const struct channel_options options = {
        .base = base,
        .self = self,
        .peer = peer,
        .handler = handler,
        .context = end,
        .batch_end = end_batch,
        .closed = end_closed,
    };
    *end = (struct end){.fd = -1};
    if (channel_new(fd, &options, &end->channel, &fault) != KH_OK)
        fail_msg("%s", fault.detail);
}

static void
open_pair(void)
{
    int fd[2];
    struct fault fault = {0};
    assert_int_equal(channel_pair(fd, &fault), KH_OK);
    end_open(&proxy, fd[0], ROLE_PROXY, ROLE_AUTHORITY, to_proxy);
    end_open(&authority, fd[1], ROLE_AUTHORITY, ROLE_PROXY, to_authority);
}

// Turns of the loop until nothing is left to be done: no clock is involved.
static void
settle(void)
{
    for (int i = 0; i < 400; i++)
        (void)event_base_loop(base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
}

static int
setup(void **state)
{
    (void)state;
    base = event_base_new();
    proxy = authority = supervisor = (struct end){.fd = -1};
    return base == NULL ? -1 : 0;
}

static int
teardown(void **state)
{
    struct end *ends[] = {&proxy, &authority, &supervisor};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        channel_free(&ends[i]->channel);
        if (ends[i]->fd >= 0)
            close(ends[i]->fd);
    }
    event_base_free(base);
    return 0;
}

/* ---- bad arguments ---- */

static void
test_new_refuses_what_is_no_channel(void **state)
{
    struct channel *channel = NULL;
    struct fault fault = {0};
    struct channel_options options = {.base = base, .self = ROLE_PROXY, .peer = ROLE_AUTHORITY};
    int fd[2];
    (void)state;
    assert_int_equal(channel_new(-1, &options, &channel, &fault), KH_ERR_USAGE);
    assert_int_equal(pipe(fd), 0);
    assert_int_equal(channel_new(fd[0], &options, &channel, &fault), KH_ERR_USAGE);
    assert_int_equal(fcntl(fd[0], F_GETFD), -1); // taken over, and closed
    assert_int_equal(close(fd[1]), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
    assert_int_equal(channel_new(fd[0], &options, &channel, &fault), KH_ERR_USAGE);
    assert_int_equal(close(fd[1]), 0);
    assert_null(channel);
}

static void
test_pair_is_closed_on_exec_and_never_blocks(void **state)
{
    int fd[2];
    struct fault fault = {0};
    (void)state;
    assert_int_equal(channel_pair(fd, &fault), KH_OK);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(fcntl(fd[i], F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
        assert_int_equal(fcntl(fd[i], F_GETFL) & O_NONBLOCK, O_NONBLOCK);
        assert_int_equal(close(fd[i]), 0);
    }
}

/* ---- what a sender may not say ---- */

static void
test_sending_out_of_the_table_closes(void **state)
{
    static uint8_t body[CHANNEL_BODY_MAX + 1];
    static const struct {
        enum message_type type;
        size_t size;
        bool with_fd;
        const char *why;
    } cases[] = {
        {MESSAGE_DECISION, 1, false, "proxy may not send DECISION to authority"},
        {MESSAGE_PROXY_READY, 0, false, "proxy may not send PROXY_READY to authority"},
        {(enum message_type)999, 0, false, "proxy may not send unknown to authority"},
        {(enum message_type)0, 0, false, "proxy may not send unknown to authority"},
        {MESSAGE_DECIDE, CHANNEL_BODY_MAX + 1, false,
         "a body of 131073 bytes is too large for DECIDE"},
        {MESSAGE_FINISHED, 1025, false, "a body of 1025 bytes is too large for FINISHED"},
        {MESSAGE_DECIDE, 1, true, "DECIDE takes no descriptor"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        open_pair();
        int fd = cases[i].with_fd ? dup(0) : -1;
        channel_send(proxy.channel, MESSAGE_DECIDE, 1, BYTES("first"));
        channel_send_fd(proxy.channel, cases[i].type, 1, bytes_of(body, cases[i].size), fd);
        assert_int_equal(proxy.closed, 0); // never from within channel_send
        channel_send(proxy.channel, MESSAGE_DECIDE, 2, BYTES("dropped"));
        settle();
        assert_int_equal(proxy.closed, 1);
        assert_string_equal(proxy.why, cases[i].why);
        assert_int_equal(authority.count, 0);
        assert_int_equal(authority.closed, 1);
        assert_string_equal(authority.why, "proxy closed the channel");
        if (fd >= 0)
            assert_int_equal(fcntl(fd, F_GETFD), -1);
        channel_free(&proxy.channel);
        channel_free(&authority.channel);
    }
}

static void
test_a_missing_descriptor_closes(void **state)
{
    int fd[2];
    struct fault fault = {0};
    (void)state;
    assert_int_equal(channel_pair(fd, &fault), KH_OK);
    end_open(&supervisor, fd[0], ROLE_SUPERVISOR, ROLE_PROXY, to_supervisor);
    end_open(&proxy, fd[1], ROLE_PROXY, ROLE_SUPERVISOR, to_proxy);
    channel_send(supervisor.channel, MESSAGE_LISTENER, 0, BYTES("x"));
    settle();
    assert_string_equal(supervisor.why, "LISTENER needs a descriptor");
}

/* ---- the ordinary way ---- */

static void
test_one_turn_is_one_datagram(void **state)
{
    (void)state;
    open_pair();
    authority.reply = 1;
    for (uint64_t i = 0; i < 50; i++)
        channel_send(proxy.channel, MESSAGE_DECIDE, i, BYTES("question"));
    settle();
    assert_int_equal(authority.count, 50);
    assert_int_equal(authority.batches, 1);
    assert_int_equal(proxy.count, 50);
    assert_int_equal(proxy.batches, 1);
    assert_int_equal(authority.sent_before_batch_end, 0);
    for (uint64_t i = 0; i < 50; i++) {
        assert_int_equal(authority.id[i], i);
        assert_int_equal(proxy.id[i], i);
        assert_int_equal(proxy.type[i], MESSAGE_DECISION);
        assert_int_equal(proxy.size[i], 6);
    }
}

static void
test_flush_sends_now(void **state)
{
    (void)state;
    open_pair();
    assert_int_equal(channel_queued(proxy.channel), 0);
    channel_send(proxy.channel, MESSAGE_DECIDE, 1, BYTES_EMPTY);
    assert_true(channel_queued(proxy.channel) > 0);
    channel_flush(proxy.channel);
    assert_int_equal(channel_queued(proxy.channel), 0);
    channel_flush(proxy.channel);
    settle();
    assert_int_equal(authority.count, 1);
}

// What nobody waits for goes with what somebody waits for, in one datagram and in the order in
// which it was queued.
static void
test_later_goes_with_the_next(void **state)
{
    (void)state;
    open_pair();
    channel_send_later(proxy.channel, MESSAGE_DECIDE, 1, BYTES("first"));
    assert_false(proxy.channel->flush_scheduled); // not at the end of this turn
    channel_send(proxy.channel, MESSAGE_DECIDE, 2, BYTES("second"));
    assert_true(proxy.channel->flush_scheduled);
    settle();
    assert_int_equal(authority.count, 2);
    assert_int_equal(authority.id[0], 1);
    assert_int_equal(authority.id[1], 2);
    assert_int_equal(authority.batches, 1);
}

// And by itself when nothing else is said, however often it was so.
static void
test_later_goes_by_itself(void **state)
{
    (void)state;
    open_pair();
    for (unsigned n = 1; n <= 3; n++) {
        channel_send_later(proxy.channel, MESSAGE_DECIDE, n, BYTES_EMPTY);
        while (authority.count < n)
            assert_int_equal(event_base_loop(base, EVLOOP_ONCE), 0); // waits for its timer
    }
    assert_int_equal(authority.batches, 3);
}

// A descriptor that is always ready.
static void
busy(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    (void)context;
    if (authority.count > 0)
        (void)event_base_loopbreak(base);
}

static void
test_flush_is_not_starved(void **state)
{
    int fd[2];
    (void)state;
    open_pair();
    assert_int_equal(pipe(fd), 0);
    assert_int_equal(write(fd[1], "x", 1), 1);
    struct event *event = event_new(base, fd[0], EV_READ | EV_PERSIST, busy, NULL);
    assert_non_null(event);
    assert_int_equal(event_add(event, NULL), 0);
    channel_send(proxy.channel, MESSAGE_DECIDE, 1, BYTES("question"));
    (void)event_base_dispatch(base); // ends when the message has come, and not before
    assert_int_equal(authority.count, 1);
    event_free(event);
    assert_int_equal(close(fd[0]) | close(fd[1]), 0);
}

// The largest body passes where the kernel gives a socket no more than its stock limit.
static void
test_largest_body_under_stock_limits(void **state)
{
    static uint8_t body[CHANNEL_BODY_MAX];
    int half_of_stock = 212992 / 2; // the kernel doubles it
    (void)state;
    open_pair();
    assert_int_equal(
        setsockopt(proxy.channel->fd, SOL_SOCKET, SO_SNDBUF, &half_of_stock, sizeof(half_of_stock)),
        0);
    memset(body, 'x', sizeof(body));
    for (uint64_t i = 0; i < 5; i++) {
        channel_send(proxy.channel, MESSAGE_DECIDE, 2 * i, bytes_of(body, sizeof(body)));
        channel_send(proxy.channel, MESSAGE_DECIDE, 2 * i + 1, BYTES("small"));
    }
    settle();
    assert_int_equal(proxy.closed, 0);
    assert_int_equal(authority.count, 10);
    for (uint64_t i = 0; i < 10; i++)
        assert_int_equal(authority.id[i], i);
    assert_int_equal(authority.size[8], CHANNEL_BODY_MAX);
}

static void
test_slow_reader_gets_everything_in_order(void **state)
{
    struct random random = {.state = 3};
    static uint8_t body[20000];
    uint64_t digest = 0;
    (void)state;
    open_pair();
    assert_int_equal(event_del(authority.channel->readable), 0); // it does not read for a while
    for (uint64_t i = 0; i < 1500; i++) {
        size_t n = random_below(&random, sizeof(body));
        for (size_t j = 0; j < n; j++)
            digest = digest * 31 + (body[j] = (uint8_t)random_next(&random));
        channel_send(proxy.channel, MESSAGE_DECIDE, i, bytes_of(body, n));
        if (i % 7 == 0)
            channel_flush(proxy.channel);
    }
    settle();
    assert_true(proxy.channel->queued > 0); // the socket is full, the rest waits here
    assert_int_equal(event_add(authority.channel->readable, NULL), 0);
    settle();
    assert_int_equal(proxy.closed, 0);
    assert_int_equal(authority.count, 1500);
    for (uint64_t i = 0; i < 1500; i++)
        assert_int_equal(authority.id[i], i);
    assert_true(authority.digest == digest);
    assert_int_equal(proxy.channel->queued, 0);
}

static void
test_overfull_channel_closes(void **state)
{
    static uint8_t body[CHANNEL_BODY_MAX];
    (void)state;
    open_pair();
    assert_int_equal(event_del(authority.channel->readable), 0);
    for (uint64_t i = 0; i < 600; i++)
        channel_send(proxy.channel, MESSAGE_DECIDE, i, bytes_of(body, sizeof(body)));
    assert_int_equal(proxy.closed, 0);
    assert_int_equal(proxy.channel->queued, 0); // and its memory was given back
    settle();
    assert_int_equal(proxy.closed, 1);
    assert_string_equal(proxy.why, "authority does not keep up: more than 64 MiB wait for it");
}

/* ---- descriptors ---- */

static void
test_descriptor_arrives_in_order(void **state)
{
    int fd[2], pipe_fd[2];
    char byte = 0;
    struct fault fault = {0};
    (void)state;
    assert_int_equal(channel_pair(fd, &fault), KH_OK);
    assert_int_equal(pipe(pipe_fd), 0);
    end_open(&supervisor, fd[0], ROLE_SUPERVISOR, ROLE_PROXY, to_supervisor);
    end_open(&proxy, fd[1], ROLE_PROXY, ROLE_SUPERVISOR, to_proxy);
    channel_send(supervisor.channel, MESSAGE_CONFIG, 1, BYTES("before"));
    channel_send_fd(supervisor.channel, MESSAGE_LISTENER, 2, BYTES("the pipe"), pipe_fd[1]);
    channel_send(supervisor.channel, MESSAGE_CONFIG, 3, BYTES("after"));
    channel_send(supervisor.channel, MESSAGE_CONFIG, 4, BYTES("with it"));
    settle();
    assert_int_equal(proxy.count, 4);
    for (uint64_t i = 0; i < 4; i++)
        assert_int_equal(proxy.id[i], i + 1);
    assert_int_equal(proxy.batches, 3);
    assert_true(proxy.fd >= 0);
    assert_int_equal(fcntl(proxy.fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    assert_int_equal(write(proxy.fd, "!", 1), 1);
    assert_int_equal(read(pipe_fd[0], &byte, 1), 1);
    assert_int_equal(byte, '!');
    // The sender has kept none: the last one to write is gone.
    assert_int_equal(close(proxy.fd), 0);
    proxy.fd = -1;
    assert_int_equal(read(pipe_fd[0], &byte, 1), 0);
    assert_int_equal(close(pipe_fd[0]), 0);
}

static void
test_queued_descriptor_is_closed_with_the_channel(void **state)
{
    int fd[2], given = dup(0);
    struct fault fault = {0};
    (void)state;
    assert_int_equal(channel_pair(fd, &fault), KH_OK);
    end_open(&supervisor, fd[0], ROLE_SUPERVISOR, ROLE_PROXY, to_supervisor);
    channel_send_fd(supervisor.channel, MESSAGE_LISTENER, 2, BYTES_EMPTY, given);
    channel_free(&supervisor.channel);
    assert_int_equal(fcntl(given, F_GETFD), -1);
    assert_int_equal(close(fd[1]), 0);
}

/* ---- the end ---- */

static void
test_last_words_are_read(void **state)
{
    (void)state;
    open_pair();
    channel_send(proxy.channel, MESSAGE_DECIDE, 1, BYTES("never read"));
    channel_flush(proxy.channel);
    channel_send(authority.channel, MESSAGE_DECISION, 7, BYTES("last words"));
    channel_flush(authority.channel);
    channel_free(&authority.channel);
    // Writing fails now, and the peer left unread data behind: both come before what it said.
    channel_send(proxy.channel, MESSAGE_DECIDE, 2, BYTES("into the void"));
    channel_flush(proxy.channel);
    settle();
    assert_int_equal(proxy.count, 1);
    assert_int_equal(proxy.id[0], 7);
    assert_int_equal(proxy.closed, 1);
    assert_string_equal(proxy.why, "authority closed the channel");
}

static void
test_free_in_handler(void **state)
{
    (void)state;
    open_pair();
    authority.free_in_handler = true;
    channel_send(proxy.channel, MESSAGE_DECIDE, 1, BYTES("a"));
    channel_send(proxy.channel, MESSAGE_DECIDE, 2, BYTES("b"));
    settle();
    assert_int_equal(authority.count, 1);
    assert_int_equal(authority.closed, 0);
    assert_null(authority.channel);
    assert_int_equal(proxy.closed, 1);
}

static void
test_free_in_closed(void **state)
{
    (void)state;
    open_pair();
    proxy.free_in_closed = true;
    channel_free(&authority.channel);
    settle();
    assert_int_equal(proxy.closed, 1);
    assert_null(proxy.channel);
}

static void
test_free_after_break_is_silent(void **state)
{
    (void)state;
    open_pair();
    channel_send(proxy.channel, MESSAGE_DECISION, 1, BYTES("not mine to say"));
    channel_free(&proxy.channel);
    settle();
    assert_int_equal(proxy.closed, 0);
}

static void
test_handler_that_refuses_closes(void **state)
{
    (void)state;
    open_pair();
    authority.refuse = true;
    channel_send(proxy.channel, MESSAGE_DECIDE, 1, BYTES("a"));
    channel_send(proxy.channel, MESSAGE_DECIDE, 2, BYTES("b"));
    settle();
    assert_int_equal(authority.count, 1);
    assert_int_equal(authority.closed, 1);
    assert_int_equal(authority.batches, 1); // what was handled before is still written to the log
    assert_string_equal(authority.why, "proxy sent a DECIDE that is not well-formed");
}

/* ---- secrets ---- */

// Nothing of a body stays behind in the channel's own memory, on either side.
static void
test_buffers_are_wiped(void **state)
{
    static const char secret[] = "canary-5f0c2f2e";
    (void)state;
    open_pair();
    channel_send(authority.channel, MESSAGE_DECISION, 1, bytes_str(secret));
    struct channel_datagram *datagram = authority.channel->first;
    assert_non_null(datagram);
    assert_non_null(memmem(datagram->data, datagram->n, secret, strlen(secret)));
    settle();
    assert_int_equal(proxy.count, 1);
    assert_ptr_equal(authority.channel->spare, datagram);
    assert_null(memmem(datagram->data, 256, secret, strlen(secret)));
    assert_null(memmem(proxy.channel->input, 256, secret, strlen(secret)));
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_new_refuses_what_is_no_channel),
        TEST(test_pair_is_closed_on_exec_and_never_blocks),
        TEST(test_sending_out_of_the_table_closes),
        TEST(test_a_missing_descriptor_closes),
        TEST(test_overfull_channel_closes),
        TEST(test_handler_that_refuses_closes),
        TEST(test_one_turn_is_one_datagram),
        TEST(test_flush_sends_now),
        TEST(test_later_goes_with_the_next),
        TEST(test_later_goes_by_itself),
        TEST(test_flush_is_not_starved),
        TEST(test_largest_body_under_stock_limits),
        TEST(test_slow_reader_gets_everything_in_order),
        TEST(test_descriptor_arrives_in_order),
        TEST(test_queued_descriptor_is_closed_with_the_channel),
        TEST(test_last_words_are_read),
        TEST(test_free_in_handler),
        TEST(test_free_in_closed),
        TEST(test_free_after_break_is_silent),
        TEST(test_buffers_are_wiped),
    };
    return cmocka_run_group_tests_name("channel", tests, NULL, NULL);
}
