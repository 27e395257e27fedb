/* SPDX-License-Identifier: Apache-2.0
 *
 * Edit distance with swapped neighbours (optimal string alignment), on short names.
 */
#include "suggest.h"

#include <stdio.h>
#include <string.h>

enum { NAME_MAX_LENGTH = 64 };

static unsigned
least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

static unsigned
distance(struct bytes a, struct bytes b)
{
    unsigned row[3][NAME_MAX_LENGTH + 1];

    for (size_t j = 0; j <= b.n; j++)
        row[0][j] = (unsigned)j;
    for (size_t i = 1; i <= a.n; i++) {
        unsigned *now = row[i % 3], *last = row[(i + 2) % 3], *before = row[(i + 1) % 3];
        now[0] = (unsigned)i;
        for (size_t j = 1; j <= b.n; j++) {
            unsigned cost = a.p[i - 1] == b.p[j - 1] ? 0 : 1;
            now[j] = least(least(last[j] + 1, now[j - 1] + 1), last[j - 1] + cost);
            if (i > 1 && j > 1 && a.p[i - 1] == b.p[j - 2] && a.p[i - 2] == b.p[j - 1])
                now[j] = least(now[j], before[j - 2] + 1);
        }
    }
    return row[a.n % 3][b.n];
}

void
suggest_begin(struct suggestion *suggestion, struct bytes wanted)
{
    *suggestion = (struct suggestion){.wanted = wanted, .distance = (unsigned)wanted.n / 3 + 1};
}

void
suggest_offer(struct suggestion *suggestion, struct bytes candidate)
{
    if (suggestion->wanted.n > NAME_MAX_LENGTH || candidate.n > NAME_MAX_LENGTH)
        return;
    unsigned d = distance(suggestion->wanted, candidate);
    if (d < suggestion->distance || (d == suggestion->distance && suggestion->best.n == 0)) {
        suggestion->best = candidate;
        suggestion->distance = d;
    }
}

const char *
suggest_text(struct suggestion *suggestion)
{
    if (suggestion->best.n == 0)
        return "";
    snprintf(suggestion->text, sizeof suggestion->text, "; did you mean %.*s?",
             BYTES_ARG(suggestion->best));
    return suggestion->text;
}
