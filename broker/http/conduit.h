/* SPDX-License-Identifier: Apache-2.0
 *
 * A stream on the event loop with a bounded buffer each way: what client and upstream connections
 * are made of. Readiness calls the owner; the owner fills, works, flushes, and arms again, so that
 * there is one write for each wake-up and direction.
 */
#ifndef KEYHOLE_CONDUIT_H
#define KEYHOLE_CONDUIT_H

#include "tls.h"
#include "turn.h"

#include <event2/event.h>
#include <sys/queue.h>

enum {
    CONDUIT_IN_MAX = 80 * 1024,    /* a whole head and the start of what follows it */
    CONDUIT_OUT_HIGH = 64 * 1024,  /* nothing more is put into `out` from here on */
    CONDUIT_OUT_MAX = 512 * 1024,  /* what one step may put into it at most */
    CONDUIT_PASS_MIN = 8 * 1024,   /* from here on copying costs more than a system call */
    CONDUIT_REST_MAX = 256,        /* conduits that keep their memory while they rest */
    CONDUIT_REST_SIZE = 16 * 1024, /* and of each buffer no more than that */
};

struct conduit;

/* Conduits between two messages, the one that came last at the end. The next message comes soon, so
 * up to a number of them keep their memory; it was wiped. Zeroed is empty. */
struct conduit_rest {
    TAILQ_HEAD(, conduit) list;
    size_t count;
};

/* What is to be done in this turn: nothing, call the owner, or write `out` and then call the owner.
 */
enum conduit_stage { CONDUIT_RESTS = 0, CONDUIT_CAME, CONDUIT_DIRTY };

struct conduit {
    TAILQ_ENTRY(conduit) in_turn; /* of the list of `turn` that `stage` says */
    struct turn *turn;            /* NULL: everything is done at once */
    enum conduit_stage stage;
    enum turn_kind kind;
    size_t limit;               /* of the last conduit_fill() */
    TAILQ_ENTRY(conduit) entry; /* of `rest`, unless NULL */
    struct conduit_rest *rest;
    struct stream stream;
    struct buffer in, out; /* secret: wiped when freed */
    size_t sealed;         /* of `out`: TLS has it already, but not yet the socket */
    bool open;
    bool bulk, bulk_secret; /* conduit_expect_bulk(), until it rests */
    bool grown;             /* TLS's memory is as it should be for that */
    bool eager; /* TLS inside of TLS: the descriptor does not tell what is left to read */
    enum stream_result ended; /* of reading: STREAM_OK while it goes on */
    bool write_failed;
    bool blocked;   /* the peer took no more: until readiness is told, another attempt is in vain */
    bool moved;     /* since conduit_moved() asked */
    bool readable;  /* a read may bring something */
    bool pending;   /* so may one of what TLS has already */
    bool want_read; /* the owner's wish, of the last conduit_arm */
    bool need_read, need_write; /* TLS waits for it, whatever the owner wishes */
    bool read_armed, write_armed;
    struct event *read_event, *write_event, *again_event;
    void (*ready)(void *owner);
    void *owner;
};

/* Whether a descriptor from elsewhere is a socket that listens. */
bool conduit_can_accept(int fd);
/* Takes `fd` over, also on failure. */
KH_MUST_CHECK enum kh_err conduit_open(struct conduit *conduit, struct event_base *base, int fd,
                                       void (*ready)(void *owner), void *owner);
/* See stream_close for `clean`. Events are gone when it returns; buffers are wiped. */
KH_COLD void conduit_close(struct conduit *conduit, bool clean);

/* From now on it works in stages: readiness is told, and what is flushed is written, when those of
 * the other connections of this turn are. To be called again when TLS stands on it. */
void conduit_join_turn(struct conduit *conduit, struct turn *turn, enum turn_kind kind);
/* The stages of a turn: take from TLS up to the limit of before; give `out` to TLS; write it. */
void conduit_read(struct conduit *conduit);
void conduit_seal(struct conduit *conduit);
void conduit_write(struct conduit *conduit);

/* The same as without _what_came and _what_is_there, where there is something to do: each is asked
 * for a dozen times in a request, and most of the time in vain. */
void conduit_fill_what_came(struct conduit *conduit);
void conduit_flush_what_is_there(struct conduit *conduit);

/* Read what is there, up to `limit` bytes in `in`. `ended` says whether more can come. */
static inline void
conduit_fill(struct conduit *c, size_t limit)
{
    c->limit = limit;
    if ((c->readable || c->pending) && c->in.n < limit)
        conduit_fill_what_came(c);
}

/* TLS has something that was not read yet. */
static inline bool
conduit_holds_more(const struct conduit *c)
{
    return c->pending || c->stream.staged.in != NULL;
}

/* Write `out` as far as it goes, or, when it works in stages and that is little, soon: the owner is
 * called again after it. A failure is kept in `write_failed`, and `out` is dropped. */
static inline void
conduit_flush(struct conduit *c)
{
    if (c->out.n > 0 || c->out.failed)
        conduit_flush_what_is_there(c);
}

/* Put `data` and `tail` behind what is in `out`. Much of it is written from where it lies, and what
 * the peer does not take now is copied into `out`. */
void conduit_pass(struct conduit *conduit, struct bytes data, struct bytes tail);
/* Wait for what is to be done next; not for bytes that the last conduit_fill had no room for. */
void conduit_arm(struct conduit *conduit, bool want_read);
/* Call the owner again on the next turn of the loop, after the others. */
KH_COLD void conduit_again(struct conduit *conduit);
/* What a handshake waits for. */
void conduit_need(struct conduit *conduit, enum stream_result want);

/* Nothing more is written: the peer reads the end after what came before it. */
void conduit_end(struct conduit *conduit);
/* Bytes came, went or were consumed since the last call. */
bool conduit_moved(struct conduit *conduit);
void conduit_consume(struct conduit *conduit, size_t n); /* from `in` */
/* Give the buffers' memory back, wiped; bytes that are still needed are kept. */
KH_COLD void conduit_forget(struct conduit *conduit);
/* This message is a long one: TLS reads more at once, and gives that memory back when it is over.
 * What is read need not be wiped before that unless it is `secret`. */
void conduit_expect_bulk(struct conduit *conduit, bool secret);
/* A message is over: forget, but not at once. conduit_wake() before anything points into `in`. */
void conduit_rest(struct conduit_rest *rest, struct conduit *conduit);
void conduit_wake(struct conduit *conduit);

#endif
