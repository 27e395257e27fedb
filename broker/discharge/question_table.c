/* SPDX-License-Identifier: Apache-2.0
 *
 * All questions: found by their ids, counted for the limits, dropped when they are past.
 */
#include "question.h"

#include "service.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

struct question_client
question_client_of(struct bytes address)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    struct question_client client = {{0}};
    // What is no address (a unix socket) counts as one client.
    if (!address_read(address, client.key))
        return (struct question_client){{0}};
    if (memcmp(client.key, mapped, sizeof mapped) != 0)
        memset(client.key + 8, 0, ADDRESS_SIZE - 8);
    return client;
}

// The oldest of those that ended; they are only kept for people who look again.
static struct question *
find_spare(const struct question_table *table)
{
    struct question *oldest = NULL;
    for (size_t i = 0; i < table->count; i++) {
        struct question *q = table->question[i];
        if (q->state == QUESTION_ENDED && (oldest == NULL || q->expires_at < oldest->expires_at))
            oldest = q;
    }
    return oldest;
}

enum failure
question_table_admit(struct question_table *table, const struct question_client *client,
                     int64_t now)
{
    size_t of_client = 0;
    question_table_tick(table, now);
    // Declined ones count until their time is over: each is a row in the database.
    for (size_t i = 0; i < table->count; i++) {
        const struct question *q = table->question[i];
        of_client += q->failure != FAILURE_NONE && q->expires_at > now &&
                     !memcmp(q->client.key, client->key, ADDRESS_SIZE);
    }
    if (of_client >= SERVICE_QUESTIONS_PER_CLIENT)
        return FAILURE_TOO_MANY;
    if (table->count < SERVICE_QUESTIONS_MAX)
        return FAILURE_NONE;
    struct question *spare = find_spare(table);
    if (spare == NULL)
        return FAILURE_BUSY;
    question_table_take(table, spare);
    question_free(&spare);
    return FAILURE_NONE;
}

enum kh_err
question_table_add(struct question_table *table, struct question *question, struct fault *fault)
{
    if (table->count == SERVICE_QUESTIONS_MAX)
        return fault_set(fault, KH_ERR_RANGE, "there are %d questions", SERVICE_QUESTIONS_MAX);
    if (table->count == table->capacity) {
        size_t capacity = table->capacity ? 2 * table->capacity : 16;
        struct question **grown = realloc(table->question, capacity * sizeof *grown);
        if (grown == NULL)
            return fault_set(fault, KH_ERR_MEMORY, "memory is used up");
        table->question = grown;
        table->capacity = capacity;
    }
    table->question[table->count++] = question;
    return KH_OK;
}

struct question *
question_table_find(const struct question_table *table, enum question_id which,
                    const uint8_t id[QUESTION_ID_SIZE])
{
    for (size_t i = 0; i < table->count; i++) {
        struct question *q = table->question[i];
        const uint8_t *own = which == QUESTION_ID_PAGE   ? q->page
                             : which == QUESTION_ID_POLL ? q->poll
                                                         : q->answer;
        if (sodium_memcmp(own, id, QUESTION_ID_SIZE) == 0)
            return q;
    }
    return NULL;
}

void
question_table_decline(struct question_table *table, struct bytes sealed)
{
    for (size_t i = 0; i < table->count; i++) {
        struct question *q = table->question[i];
        if (q->purpose != CHALLENGE_DISCHARGE || !bytes_equal(buffer_bytes(&q->sealed), sealed))
            continue;
        bool ended = question_step(q, QUESTION_EVENT_DECLINE);
        (void)ended; // or it had ended before
    }
}

void
question_table_take(struct question_table *table, struct question *question)
{
    for (size_t i = 0; i < table->count; i++) {
        if (table->question[i] != question)
            continue;
        table->question[i] = table->question[--table->count];
        return;
    }
}

void
question_table_tick(struct question_table *table, int64_t now)
{
    for (size_t i = 0; i < table->count;) {
        struct question *q = table->question[i];
        bool past =
            q->expires_at <= now && question_is_open(q) && !question_step(q, QUESTION_EVENT_EXPIRE);
        // Nobody polls for what is answered where it was asked.
        past |= q->expires_at + QUESTION_GRACE_S <= now ||
                (q->way != QUESTION_BROWSER && q->expires_at <= now) ||
                (q->purpose == CHALLENGE_ENROLL && q->expires_at <= now);
        if (past) {
            question_table_take(table, q);
            question_free(&q);
        } else {
            i++;
        }
    }
}

void
question_table_free(struct question_table *table)
{
    for (size_t i = 0; i < table->count; i++)
        question_free(&table->question[i]);
    free(table->question);
    *table = (struct question_table){0};
}

size_t
question_table_open(const struct question_table *table)
{
    size_t open = 0;
    for (size_t i = 0; i < table->count; i++)
        open += question_is_open(table->question[i]);
    return open;
}
