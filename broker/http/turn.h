/* SPDX-License-Identifier: Apache-2.0
 *
 * A turn of the event loop, stage by stage: what came is read from all sockets first, then all of
 * it is decrypted, then served, then what was made is encrypted, and then it is written.
 *
 * Serving one connection from its first byte to its last walks through more code than fits the
 * processor's instruction cache, so that the next one finds none of it there; a stage of many
 * connections fits. (J. R. Larus, M. Parkes, "Using Cohort Scheduling to Enhance Server
 * Performance", USENIX 2002.)
 */
#ifndef KEYHOLE_TURN_H
#define KEYHOLE_TURN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

struct conduit;
TAILQ_HEAD(turn_list, conduit);

/* Conduits of one kind are served in a row, since most of them want the same. */
enum turn_kind { TURN_DOWN, TURN_UP, TURN_KINDS };

struct turn {
    struct turn_list came[TURN_KINDS]; /* to be read from, and their owners called */
    uint64_t number;                   /* of turns before this one */
    struct turn_list dirty;            /* to be written to; then their owners are called as well */
};

void turn_init(struct turn *turn);
/* What follows the events of a turn. False: there is more to do, so the loop must not wait. */
bool turn_run(struct turn *turn);

/* In this turn: something came for the conduit, or is to be written to its peer. */
void turn_came(struct turn *turn, struct conduit *conduit);
void turn_write(struct turn *turn, struct conduit *conduit);
void turn_leave(struct conduit *conduit);

#endif
