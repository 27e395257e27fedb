/* SPDX-License-Identifier: Apache-2.0 */
/* The nearest word: optimal string alignment distance, over words that people type. */
#include "suggest.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum { WORD_MAX = 63 };

static size_t
least(size_t a, size_t b)
{
    return a < b ? a : b;
}

size_t
suggest_distance(const char *a, const char *b)
{
    size_t n = strlen(a), m = strlen(b);
    size_t row[3][WORD_MAX + 1];
    if (n > WORD_MAX || m > WORD_MAX)
        return SIZE_MAX;
    for (size_t j = 0; j <= m; j++)
        row[0][j] = j;
    for (size_t i = 1; i <= n; i++) {
        size_t *now = row[i % 3], *before = row[(i + 2) % 3], *earlier = row[(i + 1) % 3];
        now[0] = i;
        for (size_t j = 1; j <= m; j++) {
            size_t change = before[j - 1] + (a[i - 1] != b[j - 1]);
            now[j] = least(change, least(before[j], now[j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                now[j] = least(now[j], earlier[j - 2] + 1);
        }
    }
    return row[n % 3][m];
}

void
suggest_init(struct suggestion *suggestion, const char *given)
{
    // A third of the word may be wrong: more is guessing.
    *suggestion = (struct suggestion){.given = given, .distance = strlen(given) / 3 + 1};
}

void
suggest_offer(struct suggestion *suggestion, const char *candidate)
{
    size_t distance = suggest_distance(suggestion->given, candidate);
    size_t given = strlen(suggestion->given);
    if (given >= 3 && strncmp(candidate, suggestion->given, given) == 0)
        distance = 0; // it was only begun
    // Among equals the first letter decides: people seldom get that one wrong.
    bool better = distance < suggestion->distance ||
                  (distance == suggestion->distance &&
                   (suggestion->best == NULL || (candidate[0] == suggestion->given[0] &&
                                                 suggestion->best[0] != suggestion->given[0])));
    if (!better)
        return;
    suggestion->distance = distance;
    suggestion->best = candidate;
}
