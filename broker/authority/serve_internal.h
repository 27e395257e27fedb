/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of serve share; nobody else includes this.
 *
 *     serve.c         the channels, the messages
 *     serve_batch.c   the answers of a batch
 *     serve_decide.c  one decision
 *     serve_record.c  its audit record
 *     serve_log.c     its line in the log
 *     serve_run.c     what runs ask
 */
#ifndef KEYHOLE_SERVE_INTERNAL_H
#define KEYHOLE_SERVE_INTERNAL_H

#include "../../caveats/caveat.h"
#include "../../caveats/decide.h"
#include "serve.h"
#include "serve_wait.h"

/* What decide() asks of the authority, for a request to that destination. */
struct serve_world {
    const struct authority *authority;
    struct bytes scheme, host;
    uint16_t port;
    const struct slot *slot;              /* where the token was found */
    const struct message_decide *request; /* NULL: a decision is to be explained */
    bool any_slot;                        /* it was found nowhere: a decision is to be explained */
    struct injection *injection;          /* to be made; NULL: not for this request */
    enum counting counting;
    bool body_is_gone; /* of a running request */
    bool pass_through, token_optional;
};

/* `context` must outlive it. */
struct decision_world serve_world_of(struct serve_world *context);

/* Put the decision and its answer on record, unless it is no news (a running request that goes on)
 * or no decision yet (the body is still to be read). */
void serve_record(struct authority *authority, const struct message_decide *request,
                  const struct decision *decision, const struct decision_details *details,
                  const struct message_decision *answer);

/* The id of a request, and of its record. False when the kernel gives no random numbers. */
KH_MUST_CHECK bool serve_draw_id(uint8_t id[REQUEST_ID_SIZE]);

/* One answer that waits for the end of its batch. */
struct serve_answer {
    enum message_type type;
    uint64_t id;
    size_t start, n; /* in `bodies` */
    bool allow, counted;
    unsigned slot; /* of the credential, for the meter */
    enum kh_reason reason;
    uint8_t request_id[REQUEST_ID_SIZE];
};

/* A proxy, and what it is to be answered. */
struct serve_batch {
    struct authority_proxy proxy;
    struct authority *authority;
    struct serve_answer *answer;
    size_t answer_count, answer_capacity;
    struct buffer bodies; /* wiped: decisions carry secrets */
    struct serve_waiters waiters;
};

void serve_batch_init(struct serve_batch *batch, struct authority *authority, uint64_t proxy_id);
void serve_batch_fini(struct serve_batch *batch);
/* `about` with the body that was put behind `start` of `bodies`. False: there is no memory, and the
 * batch is as it was before that body. */
KH_MUST_CHECK bool serve_batch_add(struct serve_batch *batch, const struct serve_answer *about,
                                   size_t start);
void serve_batch_drop(struct serve_batch *batch); /* nothing is answered */
/* Write the records, and only then send. When they cannot be written, what was allowed is denied.
 */
void serve_batch_settle(struct serve_batch *batch);

/* One more answer of the batch, which leaves at its end. False, and logged, when there is no
 * memory. */
bool serve_answer(struct serve_batch *batch, enum message_type type, uint64_t id,
                  const struct buffer *body);
struct authority *serve_authority(const struct serve_batch *batch);

/* Handlers; the context is the batch. */
bool serve_environment_ask(struct channel *channel, void *context, const struct message *message);
bool serve_run_ask(struct channel *channel, void *context, const struct message *message);
bool serve_run_refused(struct channel *channel, void *context, const struct message *message);

#endif
