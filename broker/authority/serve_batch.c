/* SPDX-License-Identifier: Apache-2.0
 *
 * The answers of one batch: collected while it is handled, and sent at its end, after the one write
 * that records them.
 */
#include "serve_internal.h"

#include "../log.h"
#include "../metrics.h"
#include "serve_log.h"

#include <stdlib.h>

enum {
    BODY_MAX = 131072, // of one answer
    DENIAL_MAX = 4096,
    BODIES_MAX = 64 << 20,
    BODIES_KEEP = 256 << 10, // a batch that was larger gives its memory back
};

void
serve_batch_init(struct serve_batch *batch, struct authority *authority, uint64_t proxy_id)
{
    *batch = (struct serve_batch){.authority = authority, .proxy = {.id = proxy_id}};
    batch->proxy.batch = batch;
    buffer_init_secret(&batch->bodies, BODIES_MAX);
}

void
serve_batch_fini(struct serve_batch *batch)
{
    buffer_free(&batch->bodies);
    free(batch->answer);
}

void
serve_batch_drop(struct serve_batch *batch)
{
    if (batch->bodies.cap > BODIES_KEEP)
        buffer_free(&batch->bodies);
    else
        buffer_clear(&batch->bodies);
    batch->answer_count = 0;
}

static bool
make_room(struct serve_batch *batch)
{
    if (batch->answer_count < batch->answer_capacity)
        return true;
    size_t capacity = batch->answer_capacity ? 2 * batch->answer_capacity : 64;
    struct serve_answer *grown = realloc(batch->answer, capacity * sizeof *grown);
    if (grown == NULL)
        return false;
    batch->answer = grown;
    batch->answer_capacity = capacity;
    return true;
}

// What was put behind it goes, and with it that it did not fit.
KH_COLD static void
cut_back(struct buffer *bodies, size_t start)
{
    if (bodies->n > start)
        wipe(bodies->p + start, bodies->n - start);
    bodies->n = start;
    bodies->failed = false;
}

bool
serve_batch_add(struct serve_batch *batch, const struct serve_answer *about, size_t start)
{
    size_t n = batch->bodies.n - start;

    if (batch->bodies.failed || n > BODY_MAX || !make_room(batch)) {
        cut_back(&batch->bodies, start);
        return false;
    }
    struct serve_answer *answer = &batch->answer[batch->answer_count++];
    *answer = *about;
    answer->start = start;
    answer->n = n;
    return true;
}

bool
serve_answer(struct serve_batch *batch, enum message_type type, uint64_t id,
             const struct buffer *body)
{
    const struct serve_answer about = {.type = type, .id = id};
    size_t start = batch->bodies.n;

    if (!body->failed) {
        buffer_put(&batch->bodies, buffer_bytes(body));
        if (serve_batch_add(batch, &about, start))
            return true;
    }
    log_error("answer-lost", "memory is used up: %s is not sent", message_name(type));
    return false;
}

struct authority *
serve_authority(const struct serve_batch *batch)
{
    return batch->authority;
}

// An allow that could not be recorded is none.
KH_COLD static void
send_unrecorded(struct serve_batch *batch, const struct serve_answer *answer)
{
    struct message_decision denial;
    BUFFER_AUTO body;

    buffer_init(&body, DENIAL_MAX);
    message_decision_init(&denial);
    denial.reason = KH_REASON_BROKER_UNAVAILABLE;
    denial.detail = BYTES("the decision could not be recorded");
    memcpy(denial.request_id, answer->request_id, sizeof denial.request_id);
    message_decision_tx(&denial, &body);
    channel_send(batch->proxy.channel, MESSAGE_DECISION, answer->id, buffer_bytes(&body));
    serve_log_unrecorded(batch->authority, answer->request_id);
    sealing_forget(batch->authority, answer->request_id);
}

// What was recorded: allowed, or why not.
static void
count(struct authority *authority, const struct serve_answer *answer, bool allowed)
{
    enum kh_reason code = allowed         ? KH_REASON_UNSET
                          : answer->allow ? KH_REASON_BROKER_UNAVAILABLE
                                          : answer->reason;
    ++*(allowed ? &authority->allowed : &authority->denied);
    metrics_cell_add(&metrics_own->decided[answer->slot][code], 1);
}

void
serve_batch_settle(struct serve_batch *batch)
{
    struct authority *authority = batch->authority;
    struct bytes bodies = buffer_bytes(&batch->bodies);
    bool recorded = authority_flush_audit(authority, NULL) == KH_OK;

    if (batch->answer_count > 0)
        metrics_observe(&metrics_own->batch, &metrics_bounds_batch, batch->answer_count);
    for (size_t i = 0; i < batch->answer_count; i++) {
        const struct serve_answer *answer = &batch->answer[i];
        if (answer->counted)
            count(authority, answer, answer->allow && recorded);
        if (answer->allow && !recorded)
            send_unrecorded(batch, answer);
        else
            channel_send(batch->proxy.channel, answer->type, answer->id,
                         bytes_slice(bodies, answer->start, answer->n));
    }
    serve_batch_drop(batch);
    clock_release(&authority->clock);
}
