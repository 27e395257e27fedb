/* SPDX-License-Identifier: Apache-2.0
 *
 * Open questions: a table of slots; the lower half of an id is the slot, the upper half a serial
 * number.
 */
#include "question.h"

#include <stdlib.h>

enum { QUESTIONS_MAX = 1 << 20 };

void
questions_fini(struct questions *questions)
{
    free(questions->slot);
    free(questions->free_slot);
    *questions = (struct questions){0};
}

static bool
make_room(struct questions *q)
{
    if (q->free_count || q->count < q->cap)
        return true;
    size_t cap = q->cap ? q->cap * 2 : 64;
    if (cap > QUESTIONS_MAX)
        return false;
    struct question *slot = realloc(q->slot, cap * sizeof *slot);
    if (!slot)
        return false;
    q->slot = slot;
    uint32_t *free_slot = realloc(q->free_slot, cap * sizeof *free_slot);
    if (!free_slot)
        return false;
    q->free_slot = free_slot;
    q->cap = cap;
    return true;
}

uint64_t
questions_add(struct questions *q, enum question_kind kind, void *owner)
{
    if (!make_room(q))
        return 0;
    uint32_t index = q->free_count ? q->free_slot[--q->free_count] : (uint32_t)q->count++;
    if (++q->serial == 0)
        q->serial = 1;
    uint64_t id = (uint64_t)q->serial << 32 | index;
    q->slot[index] = (struct question){.id = id, .kind = kind, .owner = owner};
    return id;
}

static struct question *
find(struct questions *q, uint64_t id)
{
    uint32_t index = (uint32_t)id;
    if (id == 0 || index >= q->count || q->slot[index].id != id)
        return NULL;
    return &q->slot[index];
}

static void
release(struct questions *q, struct question *slot, struct question *out)
{
    *out = *slot;
    *slot = (struct question){0};
    q->free_slot[q->free_count++] = (uint32_t)(slot - q->slot);
}

bool
questions_take(struct questions *q, uint64_t id, enum question_kind kind, struct question *out)
{
    struct question *slot = find(q, id);
    if (!slot || slot->kind != kind)
        return false;
    release(q, slot, out);
    return true;
}

void *
questions_owner(struct questions *q, uint64_t id, enum question_kind kind)
{
    struct question *slot = find(q, id);
    return slot && slot->kind == kind ? slot->owner : NULL;
}

bool
questions_take_any(struct questions *q, struct question *out)
{
    for (size_t i = 0; i < q->count; i++) {
        if (q->slot[i].id) {
            release(q, &q->slot[i], out);
            return true;
        }
    }
    return false;
}

void
questions_orphan(struct questions *q, uint64_t id)
{
    struct question *slot = find(q, id);
    if (slot)
        slot->owner = NULL;
}

size_t
questions_open(const struct questions *q)
{
    return q->count - q->free_count;
}
