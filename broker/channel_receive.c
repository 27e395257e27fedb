/* SPDX-License-Identifier: Apache-2.0 */
/* The channel's reading side. The peer may have been taken over: nothing it sends is trusted. */
#include "channel_internal.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    DATAGRAMS_PER_TURN = 16, // then other events of this process have their turn
    DESCRIPTORS_MAX = 4,     // room to receive, so that a surplus is seen and closed here
};

struct received {
    size_t n;
    int fd[DESCRIPTORS_MAX];
    size_t fd_count;
    bool truncated;
    bool foreign_control; /* ancillary data that is no descriptor */
};

static void
received_close(struct received *received)
{
    for (size_t i = 0; i < received->fd_count; i++)
        close(received->fd[i]);
    received->fd_count = 0;
}

static void
received_take_control(struct msghdr *message, struct received *out)
{
    for (struct cmsghdr *header = CMSG_FIRSTHDR(message); header != NULL;
         header = CMSG_NXTHDR(message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) {
            out->foreign_control = true;
            continue;
        }
        size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < count; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(header) + i * sizeof(int), sizeof(fd));
            if (out->fd_count < DESCRIPTORS_MAX)
                out->fd[out->fd_count++] = fd;
            else
                close(fd);
        }
    }
}

// 1 when a datagram came, 0 at the end, -1 with errno.
static int
channel_receive(struct channel *channel, struct received *out)
{
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(DESCRIPTORS_MAX * sizeof(int))];
    } control;
    struct iovec part = {.iov_base = channel->input, .iov_len = CHANNEL_DATAGRAM_MAX};
    struct msghdr message = {
        .msg_iov = &part,
        .msg_iovlen = 1,
        .msg_control = &control,
        .msg_controllen = sizeof(control.space),
    };
    ssize_t n = recvmsg(channel->fd, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    if (n < 0)
        return -1;
    *out = (struct received){.n = (size_t)n};
    out->truncated = (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0;
    received_take_control(&message, out);
    return n > 0 || out->fd_count > 0 ? 1 : 0;
}

static const struct channel_handler *
channel_find_handler(const struct channel *channel, enum message_type type)
{
    const struct channel_handler *handler = channel->options.handler;
    for (; handler != NULL && handler->handle != NULL; handler++) {
        if (handler->type == type)
            return handler;
    }
    return NULL;
}

// The row of a frame that this peer may send here, or NULL when the channel was broken.
static const struct channel_rule *
frame_check(struct channel *channel, const struct channel_header *header, size_t rest)
{
    const struct channel_rule *rule = channel_rule(header->type);
    const char *peer = role_name(channel->options.peer);
    if (rule == NULL) {
        channel_break(channel, "%s sent an unknown message (%u)", peer, header->type);
        return NULL;
    }
    if (rule->sender != channel->options.peer || rule->receiver != channel->options.self) {
        channel_break(channel, "%s may not send %s to %s", peer, rule->name,
                      role_name(channel->options.self));
        return NULL;
    }
    if (header->reserved != 0) {
        channel_break(channel, "%s sent %s with its reserved bytes set", peer, rule->name);
        return NULL;
    }
    if (header->body > rule->body_max) {
        channel_break(channel, "%s sent a body of %u bytes, too large for %s", peer, header->body,
                      rule->name);
        return NULL;
    }
    if (header->body > rest) {
        channel_break(channel, "%s sent %s cut short", peer, rule->name);
        return NULL;
    }
    return rule;
}

// Before any frame is handled: exactly the descriptors that the first frame's row asks for, and
// then no other frame in the datagram.
static bool
descriptors_check(struct channel *channel, const struct channel_rule *rule, bool only_frame,
                  const struct received *received)
{
    const char *peer = role_name(channel->options.peer);
    if (!rule->carries_fd && received->fd_count != 0)
        channel_break(channel, "%s sent a descriptor with %s", peer, rule->name);
    else if (rule->carries_fd && received->fd_count != 1)
        channel_break(channel, "%s sent %s with %zu descriptors", peer, rule->name,
                      received->fd_count);
    else if (rule->carries_fd && !only_frame)
        channel_break(channel, "%s sent %s together with another message", peer, rule->name);
    return !channel->stopped;
}

static void
frame_handle(struct channel *channel, const struct channel_rule *rule, uint64_t id,
             struct bytes body, struct received *received)
{
    const struct channel_handler *handler = channel_find_handler(channel, rule->type);
    if (handler == NULL) {
        channel_break(channel, "%s sent %s, which is not taken here",
                      role_name(channel->options.peer), rule->name);
        return;
    }
    struct message message = {.type = rule->type, .id = id, .body = body, .fd = -1};
    if (rule->carries_fd) {
        message.fd = received->fd[0];
        received->fd_count = 0;
    }
    if (!handler->handle(channel, channel->options.context, &message))
        channel_break(channel, "%s sent a %s that is not well-formed",
                      role_name(channel->options.peer), rule->name);
}

static void
datagram_handle(struct channel *channel, struct received *received)
{
    struct bytes rest = {channel->input, received->n};
    bool first = true;
    if (received->truncated || received->foreign_control) {
        channel_break(channel, "%s sent a datagram that is too large or carries too much",
                      role_name(channel->options.peer));
        return;
    }
    while (!channel->stopped && (rest.n > 0 || first)) {
        if (rest.n < CHANNEL_HEADER_SIZE) {
            channel_break(channel, "%s sent %zu bytes that are no frame",
                          role_name(channel->options.peer), rest.n);
            return;
        }
        struct channel_header header = channel_header_read(rest.p);
        rest = bytes_from(rest, CHANNEL_HEADER_SIZE);
        const struct channel_rule *rule = frame_check(channel, &header, rest.n);
        if (rule == NULL)
            return;
        bool only = first && header.body == rest.n;
        if ((first || rule->carries_fd) && !descriptors_check(channel, rule, only, received))
            return;
        frame_handle(channel, rule, header.id, bytes_slice(rest, 0, header.body), received);
        rest = bytes_from(rest, header.body);
        first = false;
    }
}

// The peer begins another datagram when one is full. After one that is not there is nothing, most
// of the time, and asking is a system call for each request of a broker that has little to do; when
// there is something the event tells.
static bool
was_the_last(const struct received *received)
{
    return received->n < CHANNEL_BATCH_MAX / 2;
}

// False when there is nothing more to be read in this turn.
static bool
channel_read_one(struct channel *channel)
{
    struct received received;
    int got = channel_receive(channel, &received);
    if (got < 0) {
        if (errno == EAGAIN || errno == EWOULDBLOCK)
            return false;
        // ECONNRESET is told once, before what the peer had still sent: go on reading.
        if (errno != EINTR && errno != ECONNRESET)
            channel_break(channel, "receiving failed: %s", strerror(errno));
        return true;
    }
    if (got == 0) {
        channel_break(channel, "%s closed the channel", role_name(channel->options.peer));
        return false;
    }
    datagram_handle(channel, &received);
    received_close(&received);
    wipe(channel->input, received.n);
    if (!channel->freed && channel->options.batch_end != NULL)
        channel->options.batch_end(channel, channel->options.context);
    return !was_the_last(&received);
}

void
channel_read_event(evutil_socket_t fd, short what, void *context)
{
    struct channel *channel = context;
    (void)fd;
    (void)what;
    channel_enter(channel);
    for (int i = 0; i < DATAGRAMS_PER_TURN && !channel->stopped; i++) {
        if (!channel_read_one(channel))
            break;
    }
    channel_leave(channel);
}
