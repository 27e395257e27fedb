/* SPDX-License-Identifier: Apache-2.0
 *
 * Two lists, the one that was used last in front: its memory is in the processor's cache.
 */
#include "spare.h"

#include "../http/conduit.h"
#include "exchange.h"

#include <stdlib.h>
#include <string.h>

enum { POOL_KEY_MAX = 1024, UPSTREAM_HEAD_MAX = 2 * HTTP1_HEAD_MAX, DECIDE_MAX = 131072 };

static const struct {
    size_t at, max;
} exchange_buffers[] = {
    {offsetof(struct exchange, token), HTTP1_LINE_MAX},
    {offsetof(struct exchange, pool_key), POOL_KEY_MAX},
    {offsetof(struct exchange, decide), DECIDE_MAX},
    {offsetof(struct exchange, base_url), HTTP1_LINE_MAX},
    {offsetof(struct exchange, upstream_head), UPSTREAM_HEAD_MAX},
    {offsetof(struct exchange, collected_head), UPSTREAM_HEAD_MAX},
    {offsetof(struct exchange, collected), CONDUIT_OUT_MAX},
};

enum {
    EXCHANGE_BUFFERS = sizeof exchange_buffers / sizeof exchange_buffers[0],
    EXCHANGE_CLEARED = offsetof(struct exchange, token), // the first that is not
};

static struct buffer *
buffer_of(struct exchange *x, size_t i)
{
    return (struct buffer *)(void *)((char *)x + exchange_buffers[i].at);
}

static void
buffer_keep(struct buffer *b)
{
    if (b->cap > SPARE_BUFFER_MAX)
        buffer_free(b);
    else
        buffer_clear(b);
}

static void
exchange_free(struct exchange *x)
{
    for (size_t i = 0; i < EXCHANGE_BUFFERS; i++)
        buffer_free(buffer_of(x, i));
    destination_free(&x->destination);
    wipe(x, sizeof *x);
    free(x);
}

struct exchange *
spare_take_exchange(struct spare *spare)
{
    struct exchange *x = spare->exchange;
    if (x) {
        spare->exchange = x->next_spare;
        spare->exchange_count--;
        x->next_spare = NULL;
        return x;
    }
    x = calloc(1, sizeof *x);
    if (!x)
        return NULL;
    for (size_t i = 0; i < EXCHANGE_BUFFERS; i++)
        buffer_init_secret(buffer_of(x, i), exchange_buffers[i].max);
    destination_init(&x->destination);
    return x;
}

void
spare_keep_exchange(struct spare *spare, struct exchange *x)
{
    if (spare->exchange_count == SPARE_EXCHANGES_MAX) {
        exchange_free(x);
        return;
    }
    for (size_t i = 0; i < EXCHANGE_BUFFERS; i++)
        buffer_keep(buffer_of(x, i));
    destination_clear(&x->destination);
    wipe(x, EXCHANGE_CLEARED);
    x->next_spare = spare->exchange;
    spare->exchange = x;
    spare->exchange_count++;
}

struct exchange_draft *
spare_take_draft(struct spare *spare)
{
    struct exchange_draft *draft = spare->draft;
    if (draft) {
        spare->draft = draft->next_spare;
        spare->draft_count--;
    } else {
        draft = malloc(sizeof *draft); // large, and what is not used is not set
        if (!draft)
            return NULL;
        buffer_init_secret(&draft->head, CONDUIT_IN_MAX);
        request_init(&draft->request);
    }
    draft->built = draft->foreign = false;
    draft->token = (struct request_token){0};
    return draft;
}

static void
draft_free(struct exchange_draft *draft)
{
    buffer_free(&draft->head);
    request_free(&draft->request);
    free(draft);
}

void
spare_keep_draft(struct spare *spare, struct exchange_draft *draft)
{
    if (spare->draft_count == SPARE_DRAFTS_MAX) {
        draft_free(draft);
        return;
    }
    buffer_keep(&draft->head);
    buffer_keep(&draft->request.storage);
    buffer_keep(&draft->request.edits);
    draft->next_spare = spare->draft;
    spare->draft = draft;
    spare->draft_count++;
}

void
spare_fini(struct spare *spare)
{
    while (spare->exchange)
        exchange_free(spare_take_exchange(spare));
    while (spare->draft) {
        draft_free(spare_take_draft(spare));
    }
}
