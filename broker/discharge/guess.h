/* SPDX-License-Identifier: Apache-2.0
 *
 * Wrong invitation codes, counted for each client: after GUESSES_MAX in ten minutes it has to wait.
 * A code has 60 random bits; this keeps the log and the database quiet.
 */
#ifndef KEYHOLE_DISCHARGE_GUESS_H
#define KEYHOLE_DISCHARGE_GUESS_H

#include "question.h"

enum { GUESSES_MAX = 10, GUESSES_CLIENTS = 256, GUESSES_WINDOW_S = 600 };

struct guesses {
    struct guesses_client {
        struct question_client client;
        unsigned count; /* 0: a free row */
        int64_t since;
    } row[GUESSES_CLIENTS];
};

/* How long that client has to wait, in seconds; 0: not at all. */
uint32_t guesses_wait(const struct guesses *guesses, const struct question_client *client,
                      int64_t now);
/* One more. When all rows are taken, the oldest makes room. */
void guesses_count(struct guesses *guesses, const struct question_client *client, int64_t now);

#endif
