/* SPDX-License-Identifier: Apache-2.0
 *
 * Questions that wait.
 */
#include "serve_wait.h"

#include "exchange.h"

#include <stdlib.h>

enum {
    QUESTION_MAX = 131072,
    BYTES_MAX = 64 << 20,
    ROUNDS_MAX = 8, // several credentials may each have to wait once
};

struct serve_waiter {
    struct exchange_waiter waiter; // first: it is found from it
    LIST_ENTRY(serve_waiter) entry;
    struct serve_batch *batch;
    uint64_t id;
    unsigned rounds;
    struct buffer body; // secret
};

static size_t waiting_bytes;

static void
waiter_free(struct serve_waiter *waiter)
{
    exchange_leave(&waiter->waiter);
    LIST_REMOVE(waiter, entry);
    waiting_bytes -= waiter->body.n;
    buffer_free(&waiter->body);
    free(waiter);
}

static void
ready(struct exchange_waiter *base)
{
    struct serve_waiter *waiter = (struct serve_waiter *)(void *)base;
    const struct serve_question question = {
        .batch = waiter->batch,
        .id = waiter->id,
        .body = buffer_bytes(&waiter->body),
        .rounds = waiter->rounds + 1,
    };

    (void)serve_question_decide(&question); // it was well-formed before
    waiter_free(waiter);
}

bool
serve_wait(struct authority *authority, struct serve_waiters *list,
           const struct serve_question *question, struct bytes name)
{
    struct credential *credential = credentials_find(&authority->credentials, name);
    struct serve_waiter *waiter = NULL;

    if (credential && question->rounds < ROUNDS_MAX &&
        question->body.n <= BYTES_MAX - waiting_bytes)
        waiter = calloc(1, sizeof *waiter);
    if (waiter == NULL)
        return false;
    waiter->waiter.ready = ready;
    waiter->batch = question->batch;
    waiter->id = question->id;
    waiter->rounds = question->rounds;
    buffer_init_secret(&waiter->body, QUESTION_MAX);
    buffer_put(&waiter->body, question->body);
    waiting_bytes += waiter->body.n;
    LIST_INSERT_HEAD(list, waiter, entry);
    if (!waiter->body.failed && exchange_wait(authority, credential, &waiter->waiter))
        return true;
    waiter_free(waiter);
    return false;
}

void
serve_wait_drop_all(struct serve_waiters *list)
{
    while (!LIST_EMPTY(list))
        waiter_free(LIST_FIRST(list));
}

void
serve_wait_say_later(const struct serve_waiters *list, struct channel *channel)
{
    const struct serve_waiter *waiter;

    LIST_FOREACH(waiter, list, entry)
    channel_send(channel, MESSAGE_DECISION_LATER, waiter->id, BYTES_EMPTY);
}
