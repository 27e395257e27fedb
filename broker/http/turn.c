/* SPDX-License-Identifier: Apache-2.0
 *
 * The stages of a turn. Declared in turn.h.
 */
#include "turn.h"

#include "conduit.h"

enum { ROUNDS_MAX = 16 }; // of answers that lead to more; then other events have their turn

void
turn_came(struct turn *turn, struct conduit *c)
{
    if (c->stage != CONDUIT_RESTS)
        return; // its owner will be called
    c->stage = CONDUIT_CAME;
    TAILQ_INSERT_TAIL(&turn->came[c->kind], c, in_turn);
}

void
turn_write(struct turn *turn, struct conduit *c)
{
    if (c->stage == CONDUIT_DIRTY)
        return;
    turn_leave(c);
    c->stage = CONDUIT_DIRTY;
    TAILQ_INSERT_TAIL(&turn->dirty, c, in_turn);
}

void
turn_leave(struct conduit *c)
{
    if (c->stage == CONDUIT_CAME)
        TAILQ_REMOVE(&c->turn->came[c->kind], c, in_turn);
    else if (c->stage == CONDUIT_DIRTY)
        TAILQ_REMOVE(&c->turn->dirty, c, in_turn);
    c->stage = CONDUIT_RESTS;
}

static void
serve(struct turn *turn, enum turn_kind kind)
{
    struct conduit *c;
    stream_begin_row();
    TAILQ_FOREACH(c, &turn->came[kind], in_turn)
    conduit_read(c);
    stream_end_row();
    while ((c = TAILQ_FIRST(&turn->came[kind]))) {
        turn_leave(c);
        c->ready(c->owner);
    }
}

static void
write_all(struct turn *turn)
{
    struct conduit *c;
    stream_begin_row();
    TAILQ_FOREACH(c, &turn->dirty, in_turn)
    conduit_seal(c);
    stream_end_row();
    TAILQ_FOREACH(c, &turn->dirty, in_turn)
    conduit_write(c);
    while ((c = TAILQ_FIRST(&turn->dirty))) {
        turn_leave(c);
        turn_came(turn, c);
    }
}

static bool
is_over(const struct turn *turn)
{
    for (int kind = 0; kind < TURN_KINDS; kind++) {
        if (!TAILQ_EMPTY(&turn->came[kind]))
            return false;
    }
    return TAILQ_EMPTY(&turn->dirty);
}

bool
turn_run(struct turn *turn)
{
    for (int round = 0; round < ROUNDS_MAX && !is_over(turn); round++) {
        for (int kind = 0; kind < TURN_KINDS; kind++)
            serve(turn, (enum turn_kind)kind);
        write_all(turn);
    }
    turn->number++;
    return is_over(turn);
}

void
turn_init(struct turn *turn)
{
    for (int kind = 0; kind < TURN_KINDS; kind++)
        TAILQ_INIT(&turn->came[kind]);
    TAILQ_INIT(&turn->dirty);
}
