/* SPDX-License-Identifier: Apache-2.0
 *
 * Wrong codes, counted.
 */
#include "guess.h"

#include <string.h>

static bool
is_current(const struct guesses_client *row, int64_t now)
{
    return row->count > 0 && now - row->since < GUESSES_WINDOW_S;
}

static bool
is_of(const struct guesses_client *row, const struct question_client *client)
{
    return !memcmp(row->client.key, client->key, sizeof client->key);
}

uint32_t
guesses_wait(const struct guesses *guesses, const struct question_client *client, int64_t now)
{
    for (size_t i = 0; i < GUESSES_CLIENTS; i++) {
        const struct guesses_client *row = &guesses->row[i];
        if (is_current(row, now) && is_of(row, client) && row->count >= GUESSES_MAX)
            return (uint32_t)(row->since + GUESSES_WINDOW_S - now);
    }
    return 0;
}

void
guesses_count(struct guesses *guesses, const struct question_client *client, int64_t now)
{
    struct guesses_client *oldest = &guesses->row[0];
    for (size_t i = 0; i < GUESSES_CLIENTS; i++) {
        struct guesses_client *row = &guesses->row[i];
        if (is_current(row, now) && is_of(row, client)) {
            row->count++;
            return;
        }
        if (!is_current(row, now))
            row->count = 0;
        if (oldest->count > 0 && (row->count == 0 || row->since < oldest->since))
            oldest = row;
    }
    *oldest = (struct guesses_client){.client = *client, .count = 1, .since = now};
}
