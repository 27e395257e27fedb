/* SPDX-License-Identifier: Apache-2.0
 *
 * Questions to the authority that have no answer yet. An id is never used twice, so that a late
 * answer cannot be taken for the answer to something else.
 */
#ifndef KEYHOLE_PROXY_QUESTION_H
#define KEYHOLE_PROXY_QUESTION_H

#include "../../caveats/bytes.h"

enum question_kind {
    QUESTION_NONE = 0,
    QUESTION_DECIDE,
    QUESTION_REJUDGE,
    QUESTION_LEAF,
    QUESTION_REVOKE,
    QUESTION_LOGIN,
    QUESTION_ENVIRONMENT,
    QUESTION_RUN,
    QUESTION_SEAL,
};

struct question {
    uint64_t id; /* 0: the slot is free */
    enum question_kind kind;
    void *owner; /* NULL: whoever asked is gone */
};

struct questions {
    struct question *slot;
    uint32_t *free_slot;
    size_t count, free_count, cap;
    uint32_t serial;
};

void questions_fini(struct questions *questions);
/* The id, or 0 when memory is used up. */
uint64_t questions_add(struct questions *questions, enum question_kind kind, void *owner);
/* Take the question of that id and kind out. False when there is none. */
bool questions_take(struct questions *questions, uint64_t id, enum question_kind kind,
                    struct question *out);
/* Who asked; NULL when there is no such question, or nobody any more. It stays open. */
void *questions_owner(struct questions *questions, uint64_t id, enum question_kind kind);
/* Any one; for when the authority is gone. */
bool questions_take_any(struct questions *questions, struct question *out);
/* Whoever asked goes away: the answer is still taken, and found to be nobody's. 0 is allowed. */
void questions_orphan(struct questions *questions, uint64_t id);
size_t questions_open(const struct questions *questions);

#endif
