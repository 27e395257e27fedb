/* SPDX-License-Identifier: Apache-2.0 */
/* The channel's life: opening, the queue of datagrams, sending in batches, closing. */
#include "channel_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    QUEUE_MAX = 64 * 1024 * 1024,
    SOCKET_BUFFER = 1024 * 1024,
    LATER_MS = 5, // then a message goes by itself that could wait for company
};

enum kh_err
channel_pair(int fd[2], struct fault *fault)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) != 0)
        return fault_set(fault, KH_ERR_IO, "no socket pair: %s", strerror(errno));
    // The kernel clamps this to net.core.wmem_max; what the default gives is enough for any frame.
    for (int i = 0; i < 2; i++) {
        int size = SOCKET_BUFFER;
        (void)setsockopt(pair[i], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
    }
    fd[0] = pair[0];
    fd[1] = pair[1];
    return KH_OK;
}

static bool
descriptor_is_seqpacket(int fd)
{
    int type = 0;
    socklen_t length = sizeof(type);
    return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length) == 0 && type == SOCK_SEQPACKET;
}

static void channel_flush_event(evutil_socket_t fd, short what, void *context);
static void channel_later_event(evutil_socket_t fd, short what, void *context);
static void channel_closed_event(evutil_socket_t fd, short what, void *context);

static bool
channel_events_new(struct channel *channel)
{
    struct event_base *base = channel->options.base;
    const struct {
        struct event **event;
        int fd;
        short what;
        event_callback_fn callback;
    } events[] = {
        {&channel->readable, channel->fd, EV_READ | EV_PERSIST, channel_read_event},
        {&channel->writable, channel->fd, EV_WRITE, channel_flush_event},
        {&channel->flush, -1, 0, channel_flush_event},
        {&channel->later, -1, 0, channel_later_event},
        {&channel->notify, -1, 0, channel_closed_event},
    };
    for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
        struct event *event =
            event_new(base, events[i].fd, events[i].what, events[i].callback, channel);
        *events[i].event = event;
        if (event == NULL)
            return false;
    }
    return event_add(channel->readable, NULL) == 0;
}

static void
channel_destroy(struct channel *channel)
{
    struct event *events[] = {channel->readable, channel->writable, channel->flush, channel->later,
                              channel->notify};
    for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
        if (events[i] != NULL)
            event_free(events[i]);
    }
    channel_queue_drop(channel);
    if (channel->fd >= 0)
        close(channel->fd);
    free(channel->spare);
    free(channel->input);
    free(channel);
}

enum kh_err
channel_new(int fd, const struct channel_options *options, struct channel **out,
            struct fault *fault)
{
    if (!descriptor_is_seqpacket(fd) || fcntl(fd, F_SETFD, FD_CLOEXEC) != 0 ||
        fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK) != 0) {
        if (fd >= 0)
            close(fd);
        return fault_set(fault, KH_ERR_USAGE, "a channel needs a SEQPACKET socket");
    }
    struct channel *channel = calloc(1, sizeof(*channel));
    if (channel == NULL) {
        close(fd);
        return fault_set(fault, KH_ERR_MEMORY, "no memory for a channel");
    }
    channel->fd = fd;
    channel->options = *options;
    channel->input = malloc(CHANNEL_DATAGRAM_MAX);
    if (channel->input == NULL || !channel_events_new(channel)) {
        channel_destroy(channel);
        return fault_set(fault, KH_ERR_MEMORY, "no memory for a channel");
    }
    *out = channel;
    return KH_OK;
}

size_t
channel_queued(const struct channel *channel)
{
    return channel->queued;
}

// Callers further up the stack may still hold the channel: it is freed when the last one returns.
void
channel_enter(struct channel *channel)
{
    channel->depth++;
}

void
channel_leave(struct channel *channel)
{
    if (--channel->depth == 0 && channel->freed)
        channel_destroy(channel);
}

void
channel_free(struct channel **channel)
{
    struct channel *c = *channel;
    *channel = NULL;
    if (c == NULL || c->freed)
        return;
    c->freed = true;
    channel_enter(c);
    channel_stop(c);
    (void)event_del(c->notify);
    channel_leave(c);
}

/* ---- closing ---- */

void
channel_stop(struct channel *channel)
{
    channel->stopped = true;
    (void)event_del(channel->readable);
    (void)event_del(channel->writable);
    (void)event_del(channel->flush);
    (void)event_del(channel->later);
    channel_queue_drop(channel);
    if (channel->fd >= 0)
        close(channel->fd);
    channel->fd = -1;
}

void
channel_break(struct channel *channel, const char *format, ...)
{
    if (channel->stopped)
        return;
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(channel->why, sizeof(channel->why), format, arguments);
    va_end(arguments);
    channel_stop(channel);
    event_active(channel->notify, EV_TIMEOUT, 0);
}

static void
channel_closed_event(evutil_socket_t fd, short what, void *context)
{
    struct channel *channel = context;
    (void)fd;
    (void)what;
    channel_enter(channel);
    if (!channel->freed && channel->options.closed != NULL)
        channel->options.closed(channel, channel->options.context, channel->why);
    channel_leave(channel);
}

/* ---- the queue ---- */

static struct channel_datagram *
datagram_new(struct channel *channel, size_t size, bool alone)
{
    struct channel_datagram *datagram = NULL;
    size_t cap = alone || size > CHANNEL_BATCH_MAX ? size : CHANNEL_BATCH_MAX;
    if (cap == CHANNEL_BATCH_MAX && channel->spare != NULL) {
        datagram = channel->spare;
        channel->spare = NULL;
    } else {
        datagram = malloc(sizeof(*datagram) + cap);
    }
    if (datagram == NULL)
        return NULL;
    datagram->next = NULL;
    datagram->n = 0;
    datagram->cap = cap;
    datagram->fd = -1;
    return datagram;
}

// Bodies carry upstream secrets: nothing of them stays behind in freed memory.
static void
datagram_free(struct channel *channel, struct channel_datagram *datagram)
{
    wipe(datagram->data, datagram->n);
    if (datagram->fd >= 0)
        close(datagram->fd);
    if (datagram->cap == CHANNEL_BATCH_MAX && channel->spare == NULL)
        channel->spare = datagram;
    else
        free(datagram);
}

static void
queue_drop_first(struct channel *channel)
{
    struct channel_datagram *datagram = channel->first;
    channel->first = datagram->next;
    if (channel->first == NULL)
        channel->last = NULL;
    channel->queued -= datagram->cap;
    datagram_free(channel, datagram);
}

void
channel_queue_drop(struct channel *channel)
{
    while (channel->first != NULL)
        queue_drop_first(channel);
}

// A message with a descriptor has a datagram of its own, so that it is plain which one it is for.
static struct channel_datagram *
queue_place(struct channel *channel, size_t size, bool alone)
{
    struct channel_datagram *last = channel->last;
    if (!alone && last != NULL && last->fd < 0 && last->n + size <= last->cap)
        return last;
    struct channel_datagram *datagram = datagram_new(channel, size, alone);
    if (datagram == NULL)
        return NULL;
    if (last != NULL)
        last->next = datagram;
    else
        channel->first = datagram;
    channel->last = datagram;
    channel->queued += datagram->cap;
    return datagram;
}

/* ---- sending ---- */

// What this process must not say closes the channel here, before the peer would close it.
static bool
message_may_be_sent(struct channel *channel, enum message_type type, size_t body, bool with_fd)
{
    const struct channel_rule *rule = channel_rule(type);
    if (rule == NULL || rule->sender != channel->options.self ||
        rule->receiver != channel->options.peer) {
        channel_break(channel, "%s may not send %s to %s", role_name(channel->options.self),
                      message_name(type), role_name(channel->options.peer));
        return false;
    }
    if (body > rule->body_max) {
        channel_break(channel, "a body of %zu bytes is too large for %s", body, rule->name);
        return false;
    }
    if (with_fd != rule->carries_fd) {
        channel_break(channel, "%s %s", rule->name,
                      rule->carries_fd ? "needs a descriptor" : "takes no descriptor");
        return false;
    }
    return true;
}

// Active at once, and so behind every event that is active already: those of this turn.
static void
schedule_flush(struct channel *channel)
{
    if (channel->flush_scheduled || event_pending(channel->writable, EV_WRITE, NULL))
        return;
    channel->flush_scheduled = true;
    if (!channel->options.turns)
        event_active(channel->flush, EV_TIMEOUT, 0);
}

static void
schedule_later(struct channel *channel)
{
    static const struct timeval later = {.tv_usec = LATER_MS * 1000};
    if (!channel->later_armed)
        channel->later_armed = event_add(channel->later, &later) == 0;
    if (!channel->later_armed)
        schedule_flush(channel);
}

// False: it was dropped, and `fd` is still the caller's.
static bool
queue_message(struct channel *channel, enum message_type type, uint64_t id, struct bytes body,
              int fd)
{
    size_t size = CHANNEL_HEADER_SIZE + body.n;
    if (channel->stopped || !message_may_be_sent(channel, type, body.n, fd >= 0))
        return false;
    struct channel_datagram *datagram = queue_place(channel, size, fd >= 0);
    if (datagram == NULL) {
        channel_break(channel, "memory is used up");
        return false;
    }
    if (channel->queued > QUEUE_MAX) {
        channel_break(channel, "%s does not keep up: more than %d MiB wait for it",
                      role_name(channel->options.peer), QUEUE_MAX / 1024 / 1024);
        return false;
    }
    channel_header_write(datagram->data + datagram->n, type, id, body.n);
    if (body.n > 0)
        memcpy(datagram->data + datagram->n + CHANNEL_HEADER_SIZE, body.p, body.n);
    datagram->n += size;
    datagram->fd = fd;
    return true;
}

void
channel_send_fd(struct channel *channel, enum message_type type, uint64_t id, struct bytes body,
                int fd)
{
    if (queue_message(channel, type, id, body, fd))
        schedule_flush(channel);
    else if (fd >= 0)
        close(fd);
}

void
channel_send(struct channel *channel, enum message_type type, uint64_t id, struct bytes body)
{
    channel_send_fd(channel, type, id, body, -1);
}

void
channel_send_later(struct channel *channel, enum message_type type, uint64_t id, struct bytes body)
{
    if (queue_message(channel, type, id, body, -1))
        schedule_later(channel);
}

static ssize_t
datagram_send(int socket, struct channel_datagram *datagram)
{
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct iovec part = {.iov_base = datagram->data, .iov_len = datagram->n};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (datagram->fd >= 0) {
        message.msg_control = &control;
        message.msg_controllen = sizeof(control.space);
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(header), &datagram->fd, sizeof(int));
    }
    ssize_t sent;
    do
        sent = sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    while (sent < 0 && errno == EINTR);
    return sent;
}

void
channel_flush(struct channel *channel)
{
    if (channel->stopped)
        return;
    if (channel->flush_scheduled) {
        channel->flush_scheduled = false;
        if (!channel->options.turns)
            (void)event_del(channel->flush);
    }
    while (channel->first != NULL) {
        if (datagram_send(channel->fd, channel->first) >= 0) {
            queue_drop_first(channel);
            continue;
        }
        if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS) {
            if (event_add(channel->writable, NULL) != 0)
                channel_break(channel, "the event loop refused to wait");
            return;
        }
        // The peer is gone, but may have answered before: the reading side ends the channel when
        // it has read what is left.
        if (errno == EPIPE || errno == ECONNRESET) {
            channel_queue_drop(channel);
            return;
        }
        channel_break(channel, "sending failed: %s", strerror(errno));
        return;
    }
}

void
channel_turn_over(struct channel *channel)
{
    if (channel->flush_scheduled)
        channel_flush(channel);
}

static void
channel_flush_event(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    channel_flush(context);
}

static void
channel_later_event(evutil_socket_t fd, short what, void *context)
{
    struct channel *channel = context;
    (void)fd;
    (void)what;
    channel->later_armed = false;
    channel_flush(channel);
}
