/* SPDX-License-Identifier: Apache-2.0
 *
 * The channel between two processes: frames in batches over a SEQPACKET socket.
 *
 * One datagram carries the frames of one turn of the event loop (a flush event behind all that are
 * active when the first of them is queued), which is what makes a separate authority affordable.
 * What may be said to whom is schema/messages.def; anything else closes the channel.
 *
 *     frame = u32 length of body | u16 type | u16 zero | u64 id | body       (little-endian)
 */
#ifndef KEYHOLE_CHANNEL_H
#define KEYHOLE_CHANNEL_H

#include "../caveats/bytes.h"
#include "../caveats/errors.h"

struct event_base;
struct channel;

enum role { ROLE_UNSET = 0, ROLE_SUPERVISOR, ROLE_PROXY, ROLE_AUTHORITY, ROLE_DISCHARGER };
const char *role_name(enum role role);

enum message_type {
#define KH_MESSAGE(name, number, sender, receiver, body_max, carries_fd) MESSAGE_##name = number,
#include "../schema/messages.def"
};
const char *message_name(enum message_type type); /* "unknown" when not in the table */

struct message {
    enum message_type type;
    uint64_t id;       /* pairs an answer with its question; chosen by who asks */
    struct bytes body; /* valid during the call only */
    int fd;            /* -1, or a descriptor that the handler now owns */
};

/* One row per message that this process takes. The table ends with handle == NULL. */
struct channel_handler {
    enum message_type type;
    /* False: the body breaks the protocol; the channel is closed. */
    bool (*handle)(struct channel *channel, void *context, const struct message *message);
};

struct channel_options {
    struct event_base *base;
    enum role self, peer;
    const struct channel_handler *handler;
    void *context;
    /* After the frames of one datagram were handled and before anything queued by them is sent:
     * the place to write the audit lines of a batch. May be NULL. */
    void (*batch_end)(struct channel *channel, void *context);
    /* The owner knows its turns and says when one is over; otherwise an event does, behind all that
     * are active already. */
    bool turns;
    /* The peer is gone or broke the protocol (`why` says so); called once, never from within
     * channel_send. The owner then calls channel_free. */
    void (*closed)(struct channel *channel, void *context, const char *why);
};

/* A connected pair, non-blocking, close-on-exec; buffers sized for batches. */
KH_MUST_CHECK enum kh_err channel_pair(int fd[2], struct fault *fault);

/* Takes `fd` over, also on failure. */
KH_MUST_CHECK enum kh_err channel_new(int fd, const struct channel_options *options,
                                      struct channel **out, struct fault *fault);
void channel_free(struct channel **channel); /* safe from a handler: memory goes next turn */

/* Queue a message; sent at the end of this turn. A closed or overfull channel drops it, and the
 * owner learns through `closed`. `fd` is -1 or is taken over. */
void channel_send(struct channel *channel, enum message_type type, uint64_t id, struct bytes body);
void channel_send_fd(struct channel *channel, enum message_type type, uint64_t id,
                     struct bytes body, int fd);
/* The same for what nobody waits for: it goes with the next message, and in 5 ms by itself. A peer
 * that has little to do is then woken once where it would be woken twice. */
void channel_send_later(struct channel *channel, enum message_type type, uint64_t id,
                        struct bytes body);
void channel_flush(struct channel *channel); /* now, not at the end of the turn */
/* For an owner that knows its turns: one is over, so what channel_send() was given goes now. */
void channel_turn_over(struct channel *channel);
/* Bytes that wait to be sent: a channel with too many of them is closed. */
size_t channel_queued(const struct channel *channel);

#endif
