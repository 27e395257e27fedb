/* SPDX-License-Identifier: Apache-2.0 */
/* A peer that was taken over writes to the socket itself: whatever it sends, the channel closes
 * with a sentence, no handler sees it, and no descriptor is left open. */
#include "../../../broker/channel_internal.h"
#include "support.h"

#include <dirent.h>
#include <sys/socket.h>

static struct event_base *base;
static struct channel *channel;
static int peer = -1;
static size_t handled, closed;
static int taken_fd;
static char closed_why[160];

static bool
handle(struct channel *from, void *context, const struct message *message)
{
    (void)from;
    (void)context;
    handled++;
    if (message->fd >= 0) {
        close(taken_fd);
        taken_fd = message->fd;
    }
    return true;
}

static void
on_closed(struct channel *from, void *context, const char *why)
{
    (void)from;
    (void)context;
    closed++;
    (void)snprintf(closed_why, sizeof(closed_why), "%s", why);
}

// PROXY_DRAIN is in the table of messages, but this process has no handler for it.
static const struct channel_handler handlers[] = {
    {MESSAGE_CONFIG, handle}, {MESSAGE_LISTENER, handle}, {(enum message_type)0, NULL}};

static int
setup(void **state)
{
    int fd[2];
    struct fault fault = {0};
    const struct channel_options options = {
        .self = ROLE_PROXY, .peer = ROLE_SUPERVISOR, .handler = handlers, .closed = on_closed};
    struct channel_options with_base = options;
    (void)state;
    handled = closed = 0;
    taken_fd = -1;
    base = event_base_new();
    if (base == NULL || channel_pair(fd, &fault) != KH_OK)
        return -1;
    with_base.base = base;
    peer = fd[1];
    return channel_new(fd[0], &with_base, &channel, &fault) == KH_OK ? 0 : -1;
}

static int
teardown(void **state)
{
    (void)state;
    channel_free(&channel);
    event_base_free(base);
    if (taken_fd >= 0)
        close(taken_fd);
    return close(peer);
}

static void
settle(void)
{
    for (int i = 0; i < 20; i++)
        (void)event_base_loop(base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
}

static size_t
open_descriptors(void)
{
    size_t count = 0;
    DIR *directory = opendir("/proc/self/fd");
    assert_non_null(directory);
    while (readdir(directory) != NULL)
        count++;
    assert_int_equal(closedir(directory), 0);
    return count;
}

static void
send_raw(struct bytes datagram, size_t fd_count)
{
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(16 * sizeof(int))];
    } control = {0};
    struct iovec part = {.iov_base = exact_copy(datagram), .iov_len = datagram.n};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (fd_count > 0) {
        message.msg_control = &control;
        message.msg_controllen = CMSG_SPACE(fd_count * sizeof(int));
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(fd_count * sizeof(int));
        for (size_t i = 0; i < fd_count; i++)
            memcpy(CMSG_DATA(header) + i * sizeof(int), &peer, sizeof(int));
    }
    assert_int_equal(sendmsg(peer, &message, 0), datagram.n);
    free(part.iov_base);
}

static void
frame_put(struct buffer *out, uint32_t length, uint16_t type, uint16_t reserved, size_t body)
{
    uint8_t header[CHANNEL_HEADER_SIZE] = {(uint8_t)length,
                                           (uint8_t)(length >> 8),
                                           (uint8_t)(length >> 16),
                                           (uint8_t)(length >> 24),
                                           (uint8_t)type,
                                           (uint8_t)(type >> 8),
                                           (uint8_t)reserved,
                                           (uint8_t)(reserved >> 8),
                                           9};
    buffer_put(out, bytes_of(header, sizeof(header)));
    for (size_t i = 0; i < body; i++)
        buffer_put_byte(out, 'b');
}

static void
assert_closed(const char *why)
{
    settle();
    if (closed != 1 || strcmp(closed_why, why) != 0)
        print_error("expected closed once, \"%s\"; found %zu times, \"%s\"\n", why, closed,
                    closed_why);
    assert_int_equal(closed, 1);
    assert_string_equal(closed_why, why);
}

/* ---- one frame that is wrong ---- */

static void
test_wrong_frames(void **state)
{
    static const struct {
        uint32_t length;
        uint16_t type, reserved;
        size_t body;
        const char *why;
    } cases[] = {
        {0, 0, 0, 0, "supervisor sent an unknown message (0)"},
        {0, 999, 0, 0, "supervisor sent an unknown message (999)"},
        {0, 65535, 0, 0, "supervisor sent an unknown message (65535)"},
        {2, MESSAGE_CONFIG, 1, 2, "supervisor sent CONFIG with its reserved bytes set"},
        {2, MESSAGE_CONFIG, 256, 2, "supervisor sent CONFIG with its reserved bytes set"},
        {5, MESSAGE_CONFIG, 0, 2, "supervisor sent CONFIG cut short"},
        {1, MESSAGE_CONFIG, 0, 0, "supervisor sent CONFIG cut short"},
        {65537, MESSAGE_CONFIG, 0, 65537,
         "supervisor sent a body of 65537 bytes, too large for CONFIG"},
        {UINT32_MAX, MESSAGE_CONFIG, 0, 2,
         "supervisor sent a body of 4294967295 bytes, too large for CONFIG"},
        {0, MESSAGE_DECIDE, 0, 0, "supervisor may not send DECIDE to proxy"},
        {0, MESSAGE_DECISION, 0, 0, "supervisor may not send DECISION to proxy"},
        {0, MESSAGE_ADMIN_LISTENER, 0, 0, "supervisor may not send ADMIN_LISTENER to proxy"},
        {0, MESSAGE_PROXY_DRAIN, 0, 0, "supervisor sent PROXY_DRAIN, which is not taken here"},
        {0, MESSAGE_LISTENER, 0, 0, "supervisor sent LISTENER with 0 descriptors"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        BUFFER_AUTO datagram;
        if (i > 0)
            assert_int_equal(setup(NULL), 0);
        buffer_init(&datagram, 1 << 20);
        frame_put(&datagram, cases[i].length, cases[i].type, cases[i].reserved, cases[i].body);
        send_raw(buffer_bytes(&datagram), 0);
        assert_closed(cases[i].why);
        assert_int_equal(handled, 0);
        if (i + 1 < sizeof(cases) / sizeof(cases[0]))
            assert_int_equal(teardown(NULL), 0);
    }
}

static void
test_trailing_bytes(void **state)
{
    BUFFER_AUTO datagram;
    (void)state;
    buffer_init(&datagram, 1024);
    frame_put(&datagram, 2, MESSAGE_CONFIG, 0, 2);
    buffer_put(&datagram, BYTES("fifteen bytes.."));
    send_raw(buffer_bytes(&datagram), 0);
    assert_closed("supervisor sent 15 bytes that are no frame");
    assert_int_equal(handled, 1); // what came before was whole
}

static void
test_short_datagram(void **state)
{
    (void)state;
    send_raw(BYTES("x"), 0);
    assert_closed("supervisor sent 1 bytes that are no frame");
}

static void
test_nothing_after_a_wrong_frame_is_handled(void **state)
{
    BUFFER_AUTO datagram;
    (void)state;
    buffer_init(&datagram, 1024);
    frame_put(&datagram, 0, MESSAGE_CONFIG, 0, 0);
    frame_put(&datagram, 0, MESSAGE_DECIDE, 0, 0);
    frame_put(&datagram, 0, MESSAGE_CONFIG, 0, 0);
    send_raw(buffer_bytes(&datagram), 0);
    send_raw(buffer_bytes(&datagram), 0);
    assert_closed("supervisor may not send DECIDE to proxy");
    assert_int_equal(handled, 1);
}

static void
test_oversized_datagram(void **state)
{
    BUFFER_AUTO datagram;
    (void)state;
    buffer_init(&datagram, 1 << 20);
    for (int i = 0; i < 3; i++)
        frame_put(&datagram, 60000, MESSAGE_CONFIG, 0, 60000);
    send_raw(buffer_bytes(&datagram), 0);
    assert_closed("supervisor sent a datagram that is too large or carries too much");
    assert_int_equal(handled, 0);
}

static void
test_peer_that_goes(void **state)
{
    (void)state;
    assert_int_equal(shutdown(peer, SHUT_RDWR), 0);
    assert_closed("supervisor closed the channel");
}

/* ---- descriptors that nobody asked for ---- */

static void
check_descriptors(uint16_t type, size_t frames, size_t fd_count, const char *why)
{
    BUFFER_AUTO datagram;
    size_t before = open_descriptors();
    buffer_init(&datagram, 1024);
    for (size_t i = 0; i < frames; i++)
        frame_put(&datagram, 1, type, 0, 1);
    send_raw(buffer_bytes(&datagram), fd_count);
    assert_closed(why);
    assert_int_equal(handled, 0);
    assert_int_equal(open_descriptors(), before - 1); // the channel's own is closed as well
}

static void
test_descriptor_with_a_message_that_has_none(void **state)
{
    (void)state;
    check_descriptors(MESSAGE_CONFIG, 1, 1, "supervisor sent a descriptor with CONFIG");
}

static void
test_two_descriptors(void **state)
{
    (void)state;
    check_descriptors(MESSAGE_LISTENER, 1, 2, "supervisor sent LISTENER with 2 descriptors");
}

static void
test_many_descriptors(void **state)
{
    (void)state;
    check_descriptors(MESSAGE_LISTENER, 1, 16,
                      "supervisor sent a datagram that is too large or carries too much");
}

static void
test_descriptor_for_two_messages(void **state)
{
    (void)state;
    check_descriptors(MESSAGE_LISTENER, 2, 1,
                      "supervisor sent LISTENER together with another message");
}

static void
test_descriptor_with_garbage(void **state)
{
    size_t before = open_descriptors();
    (void)state;
    send_raw(BYTES("no frame at all, but with a descriptor"), 3);
    settle();
    assert_int_equal(closed, 1);
    assert_int_equal(open_descriptors(), before - 1);
}

static void
test_second_frame_that_needs_a_descriptor(void **state)
{
    BUFFER_AUTO datagram;
    (void)state;
    buffer_init(&datagram, 1024);
    frame_put(&datagram, 0, MESSAGE_CONFIG, 0, 0);
    frame_put(&datagram, 0, MESSAGE_LISTENER, 0, 0);
    send_raw(buffer_bytes(&datagram), 0);
    assert_closed("supervisor sent LISTENER with 0 descriptors");
}

/* ---- anything else ---- */

// Flipped bytes of good datagrams: no crash, no read past the end, no descriptor left behind.
static void
test_mutations(void **state)
{
    struct random random = {.state = 11};
    (void)state;
    size_t before = open_descriptors();
    for (int i = 0; i < 3000; i++) {
        BUFFER_AUTO datagram;
        buffer_init(&datagram, 4096);
        for (size_t n = random_below(&random, 3) + 1; n > 0; n--) {
            size_t body = random_below(&random, 40);
            frame_put(&datagram, (uint32_t)body,
                      random_below(&random, 2) == 0 ? MESSAGE_CONFIG : MESSAGE_LISTENER, 0, body);
        }
        for (size_t n = random_below(&random, 4); n > 0; n--)
            datagram.p[random_below(&random, datagram.n)] = (uint8_t)random_next(&random);
        send_raw(bytes_slice(buffer_bytes(&datagram), 0, 1 + random_below(&random, datagram.n)),
                 random_below(&random, 3) == 0 ? random_below(&random, 3) : 0);
        (void)event_base_loop(base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
        if (closed > 0 || channel->stopped) {
            settle();
            assert_int_equal(closed, 1);
            assert_int_equal(teardown(NULL), 0);
            assert_int_equal(setup(NULL), 0);
        }
    }
    if (taken_fd >= 0)
        close(taken_fd);
    taken_fd = -1;
    assert_int_equal(open_descriptors(), before);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_wrong_frames),
        TEST(test_trailing_bytes),
        TEST(test_short_datagram),
        TEST(test_nothing_after_a_wrong_frame_is_handled),
        TEST(test_oversized_datagram),
        TEST(test_peer_that_goes),
        TEST(test_descriptor_with_a_message_that_has_none),
        TEST(test_two_descriptors),
        TEST(test_many_descriptors),
        TEST(test_descriptor_for_two_messages),
        TEST(test_descriptor_with_garbage),
        TEST(test_second_frame_that_needs_a_descriptor),
        TEST(test_mutations),
    };
    return cmocka_run_group_tests_name("channel_receive", tests, NULL, NULL);
}
