/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of the channel share; nobody else includes this.
 *
 *     channel.c          opening, queue, sending, closing
 *     channel_receive.c  reading datagrams, checking frames, handing them out
 *     channel_rules.c    the table of messages, names, the frame's header
 */
#ifndef KEYHOLE_CHANNEL_INTERNAL_H
#define KEYHOLE_CHANNEL_INTERNAL_H

#include "channel.h"

#include <event2/event.h>

enum {
    CHANNEL_HEADER_SIZE = 16,
    CHANNEL_BODY_MAX = 131072, /* of the largest row in schema/messages.def */
    CHANNEL_DATAGRAM_MAX = CHANNEL_HEADER_SIZE + CHANNEL_BODY_MAX,
    CHANNEL_BATCH_MAX = 64 * 1024, /* a datagram of several frames; one frame may be larger */
};

struct channel_rule {
    enum message_type type;
    const char *name;
    enum role sender, receiver;
    size_t body_max;
    bool carries_fd;
};

/* The row of a message, or NULL. */
const struct channel_rule *channel_rule(unsigned type);

struct channel_header {
    uint32_t body;
    uint16_t type, reserved;
    uint64_t id;
};
void channel_header_write(uint8_t *p, enum message_type type, uint64_t id, size_t body);
struct channel_header channel_header_read(const uint8_t *p);

struct channel_datagram {
    struct channel_datagram *next;
    size_t n, cap;
    int fd;
    uint8_t data[];
};

struct channel {
    int fd;
    struct channel_options options;
    struct event *readable, *writable;
    struct event *flush;  /* behind the events of this turn */
    struct event *later;  /* for what waits for company */
    struct event *notify; /* calls `closed` from the loop */
    struct channel_datagram *first, *last, *spare;
    size_t queued;
    uint8_t *input; /* CHANNEL_DATAGRAM_MAX bytes */
    unsigned depth; /* calls into the owner that have not returned yet */
    bool flush_scheduled, later_armed;
    bool stopped; /* nothing is read or sent any more */
    bool freed;   /* by the owner; memory goes when depth is 0 */
    char why[160];
};

void channel_enter(struct channel *channel);
void channel_leave(struct channel *channel); /* may free */
void channel_stop(struct channel *channel);
void channel_queue_drop(struct channel *channel);
/* End the channel; the owner hears why from the event loop, once. */
KH_COLD void channel_break(struct channel *channel, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void channel_read_event(evutil_socket_t fd, short what, void *context);

#endif
